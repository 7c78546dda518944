"""Because you watched …: what a list would lack without one item of the history.

Each item of the history is left out in turn and the model is asked again. What a candidate's score loses is
that item's part in it. This needs nothing of a model but its answers, so it explains every one of them; of a
model that knows a user by id alone, the history has no part.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.queries import Histories, Queries
from tfrs_bench.models.base import FactorizedRecommender, Recommender

_SCORES = 2**24  # held at once


@dataclasses.dataclass(frozen=True)
class Reasons:
    """The items of a history, and their parts in scores.

    Attributes:
      items: [h] int32, distinct.
      parts: [h, c] float32, what each candidate's score loses without the item; may be negative.
    """

    items: NDArray[np.int32]
    parts: NDArray[np.float32]

    def strongest(self) -> list[tuple[int, float] | None]:
        """Returns for each candidate the item with the largest part, and that; None if none has any."""
        if not len(self.items):
            return [None] * self.parts.shape[1]
        best = self.parts.argmax(axis=0)
        parts = self.parts[best, np.arange(self.parts.shape[1])]
        return [
            (int(self.items[row]), float(part)) if part > 0 else None
            for row, part in zip(best, parts, strict=True)
        ]


def reasons(model: Recommender, query: Queries, candidates: NDArray[np.int32]) -> Reasons:
    """Asks a model again without each item of a history.

    Args:
      model: whose list is explained.
      query: one query.
      candidates: [c] int32 items of its list.
    """
    items = np.unique(query.histories.items)
    whole = scores_of(model, query, candidates)
    if not len(items):
        return Reasons(items, np.zeros((0, len(candidates)), np.float32))
    without = scores_of(model, without_each(query, items), candidates)
    # A loss within the arithmetic's error is none.
    parts = np.where(np.abs(whole - without) > 1e-5 * np.abs(whole).max(initial=0), whole - without, 0)
    return Reasons(items, parts.astype(np.float32))


def without_each(query: Queries, items: NDArray[np.int32]) -> Queries:
    """Returns len(items) queries: the one given, without every event of one item each."""
    events = query.histories
    kept = events.items[None, :] != items[:, None]
    columns = np.nonzero(kept)[1]
    histories = Histories(
        items=events.items[columns],
        timestamps=events.timestamps[columns],
        ratings=None if events.ratings is None else events.ratings[columns],
        positives=events.positives[columns],
        offsets=np.concatenate([[0], np.cumsum(kept.sum(axis=1))]),
    )
    repeated = query.take(np.zeros(len(items), np.int64))
    return dataclasses.replace(repeated, histories=histories)


def scores_of(model: Recommender, queries: Queries, items: NDArray[np.int32]) -> NDArray[np.float32]:
    """Returns [n, c] scores of some items; no more than a few million are held at once."""
    if isinstance(model, FactorizedRecommender):
        return model.query_embeddings(queries) @ model.item_embeddings()[items].T
    step = max(_SCORES // max(len(model.item_keys), 1), 1)
    parts = [model.score(queries.take(slice(at, at + step)))[:, items] for at in range(0, len(queries), step)]
    return np.concatenate(parts)
