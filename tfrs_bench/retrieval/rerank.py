"""The last stage of a funnel: an order of candidates that looks at more than each one's own relevance."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.models.base import NO_ITEM

_CELLS = 5_000_000  # of candidates' vectors held at once: 20 MB
_DAY = 86_400.0


@dataclasses.dataclass(frozen=True)
class Rules:
    """What a list must do beside being relevant; see `rerank`.

    Attributes:
      diversity: λ in [0, 1]; 0 looks at relevance alone.
      vectors: [m, d] float32 of norm 1 or 0, whose inner products say how alike two items are.
      most_per_label: items that may share a label at the front of a list; None for any number.
      labels: [m, g] bool, an item's labels such as genres.
    """

    diversity: float = 0.0
    vectors: NDArray[np.float32] | None = None
    most_per_label: int | None = None
    labels: NDArray[np.bool_] | None = None


def rerank(items: NDArray[np.int32], relevance: NDArray[np.float32], rules: Rules) -> NDArray[np.int32]:
    """Fills every list place by place, each time with the candidate that is best beside those before it.

    The best one has the highest (1 − λ) r − λ s: r its relevance, from 0 to 1 over the list's candidates, and
    s its similarity to the most similar item that is already in the list. A candidate of which a label is in
    the list `most_per_label` times already waits until no other is left; then the rule is off. Of equals, the
    more relevant one comes first, then the one given first.

    Args:
      items: [n, c] int32 candidates; `NO_ITEM` at the end of those who have fewer.
      relevance: [n, c] float32, higher is better.
      rules: what else counts.

    Returns:
      [n, c] int32 the candidates, best first.

    Source: Carbonell & Goldstein 1998 (maximal marginal relevance).
    """
    items, relevance = _by_relevance(items, relevance)
    if rules.diversity == 0 and rules.most_per_label is None:
        return items
    width = sum(0 if one is None else one.shape[1] for one in (rules.vectors, rules.labels))
    rows = max(_CELLS // max(items.shape[1] * width, 1), 1)
    parts = [
        _greedy(items[start : start + rows], relevance[start : start + rows], rules)
        for start in range(0, len(items), rows)
    ]
    return np.concatenate([items[:0], *parts])


def freshness(
    first_seen: NDArray[np.int64], now: NDArray[np.int64], half_life_days: float
) -> NDArray[np.float32]:
    """Returns 2^(−age / half-life), 1 for what is new.

    >>> freshness(np.array([0, 86_400]), np.array([86_400, 86_400]), 1.0).tolist()
    [0.5, 1.0]

    Args:
      first_seen: […] int64 seconds, when an item first came up.
      now: int64 seconds, of the same shape or one that broadcasts.
      half_life_days: days after which half is left.
    """
    age = np.maximum(now - first_seen, 0) / _DAY
    return np.asarray(2.0 ** (-age / half_life_days), dtype=np.float32)


def unit_length(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Returns [m, d] float32 vectors of norm 1, and those of norm 0 as they are.

    >>> unit_length(np.array([[3.0, 4.0], [0.0, 0.0]])).round(2).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _by_relevance(
    items: NDArray[np.int32], relevance: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    relevance = np.where(items == NO_ITEM, -np.inf, relevance)
    order = np.argsort(-relevance, axis=1, kind="stable")
    return np.take_along_axis(items, order, axis=1), np.take_along_axis(relevance, order, axis=1)


def _greedy(items: NDArray[np.int32], relevance: NDArray[np.float32], rules: Rules) -> NDArray[np.int32]:
    """Re-ranks [b, c] candidates that come by relevance."""
    there, everyone = items != NO_ITEM, np.arange(len(items))
    vectors = None if rules.vectors is None else rules.vectors[items]
    labels = None if rules.labels is None else rules.labels[items].astype(np.float32)
    gain = (1 - rules.diversity) * _from_zero_to_one(relevance, there)
    closest = np.zeros(items.shape, dtype=np.float32)
    taken = None if labels is None else np.zeros((len(items), labels.shape[2]), dtype=np.float32)
    left, listed = there.copy(), np.full_like(items, NO_ITEM)
    for place in range(items.shape[1]):
        value = np.where(left, gain - rules.diversity * closest, -np.inf)
        if labels is not None and taken is not None and rules.most_per_label is not None:
            full = taken >= rules.most_per_label
            waits = np.matmul(labels, full[:, :, None].astype(np.float32))[:, :, 0] > 0
            some = (left & ~waits).any(axis=1, keepdims=True)
            value[waits & some] = -np.inf
        best = value.argmax(axis=1)
        chosen = left[everyone, best]
        listed[chosen, place] = items[everyone, best][chosen]
        left[everyone, best] = False
        if vectors is not None:
            alike = np.einsum("bcd,bd->bc", vectors, vectors[everyone, best])
            closest = alike if place == 0 else np.maximum(closest, alike)
        if labels is not None and taken is not None:
            taken += labels[everyone, best]
    return listed


def _from_zero_to_one(relevance: NDArray[np.float32], there: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Returns [n, c] relevance with each list's best at 1 and worst at 0; 0 where nothing is."""
    best = np.where(there, relevance, -np.inf).max(axis=1, initial=-np.inf, keepdims=True)
    worst = np.where(there, relevance, np.inf).min(axis=1, initial=np.inf, keepdims=True)
    span = np.where(best > worst, best - worst, 1)
    scaled: NDArray[np.float32] = np.where(there, (np.where(there, relevance, 0) - worst) / span, 0)
    return scaled.astype(np.float32)
