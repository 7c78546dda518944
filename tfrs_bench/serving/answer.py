"""What a model answers one person: found by an index and exactly, beside others, explained and timed."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.models.base import NO_ITEM, FactorizedRecommender
from tfrs_bench.opened_run import OpenedRun
from tfrs_bench.retrieval.building import index_of
from tfrs_bench.retrieval.index import ItemIndex
from tfrs_bench.retrieval.recommending import recommend
from tfrs_bench.serving.because import reasons
from tfrs_bench.serving.opponents import Opponent
from tfrs_bench.serving.people import Person

_REPEATS = 5  # of which the median is told, after one more that warms up
_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True)
class Listed:
    """A list of items.

    Attributes:
      name: what found it, such as `scann`, `exact` or a model's name.
      items: [k] int32, best first; fewer than asked for where candidates ran out.
      scores: [k] float32.
      note: what else there is to say of it; may be empty.
    """

    name: str
    items: NDArray[np.int32]
    scores: NDArray[np.float32]
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What one person is shown.

    Attributes:
      lists: the model's first, exact search's if that was not it, then those of the opponents.
      because: for each item of the first list, the item of the history behind it and its part in the score.
      ms: milliseconds of each stage, the median of a few calls after a first one.
    """

    lists: tuple[Listed, ...]
    because: tuple[tuple[int, float] | None, ...]
    ms: dict[str, float]


def answer(
    run: OpenedRun, person: Person, index: ItemIndex | None, others: Sequence[Opponent], *, k: int
) -> Answer:
    """Asks a model, and those beside it, for one person's list.

    Args:
      run: the model and its catalogue.
      person: who asks.
      index: of the model's items; None to score them all, as a model does whose score is no inner product.
      others: models beside it.
      k: list length.
    """
    asked = run.prepared.test.evaluation_set
    rules: dict[str, Any] = {"candidates": asked.candidates, "mask_seen": asked.mask_seen}
    ms: dict[str, float] = {}

    def exactly(one: Any, name: str, note: str) -> Listed:
        seed = run.prepared.experiment.seed
        stage = f"{name}: score and rank {int(asked.candidates.sum()):,} items"
        found = _timed(ms, stage, lambda: one.recommend(person.query, k, seed=seed, **rules))
        return _listed(name, found, note)

    lists = []
    model = run.model
    if index is not None and isinstance(model, FactorizedRecommender):
        lists += _retrieved(model, index, person, k=k, rules=rules, ms=ms)
    else:
        lists.append(
            exactly(model, model.name, f"{model.name} scores every item anew; no index can serve it")
        )
    because = _timed(
        ms, "because: asked again without each item", lambda: reasons(model, person.query, lists[0].items), 0
    )
    lists += [exactly(one.model, one.model.name, one.source) for one in others]
    return Answer(tuple(lists), tuple(because.strongest()), ms)


def _retrieved(
    model: FactorizedRecommender,
    index: ItemIndex,
    person: Person,
    *,
    k: int,
    rules: dict[str, Any],
    ms: dict[str, float],
) -> list[Listed]:
    """Asks an index for the list and, unless that is exact, exact search too."""
    embedded = _timed(ms, f"{model.name}: the query", lambda: model.query_embeddings(person.query))
    indexes = [index]
    if not index.is_exact:
        exact = dataclasses.replace(index.config, index="exact", target_recall=None)
        indexes.append(index_of(model, exact, items=index.items))
    lists = []
    for one in indexes:
        stage = f"{one.name}: search among {len(one):,} items"
        found = _timed(ms, stage, partial(recommend, one, embedded, person.query, k, **rules))
        lists.append(_listed(one.name, found, one.reason))
    return lists


def _listed(name: str, found: tuple[NDArray[np.int32], NDArray[np.float32]], note: str) -> Listed:
    items, scores = found[0][0], found[1][0]
    there = items != NO_ITEM
    return Listed(name, items[there], scores[there], note)


def _timed(ms: dict[str, float], stage: str, call: Callable[[], _T], repeats: int = _REPEATS) -> _T:
    """Notes the median milliseconds of a call's repetitions, or those of the one call."""
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        returned = call()
        seconds.append(time.perf_counter() - began)
    ms[stage] = 1000 * float(np.median(seconds[1:] or seconds))
    return returned
