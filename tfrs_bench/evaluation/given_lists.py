"""Lists that were made outside the evaluator hold only what it could have listed itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.relevance import EvaluationSet
from tfrs_bench.models.ranking import NO_ITEM

_LISTS_AT_ONCE = 4096


def check_lists(lists: NDArray[np.int32], answers: EvaluationSet, num_items: int) -> None:
    """Refuses lists that would be measured better, or worse, than they are.

    Args:
      lists: [n, k] int32 items of every query, best first.
      answers: the n queries and what may be listed for them.
      num_items: m.

    Raises:
      ValueError: a list holds an item twice, or one after a gap, or one that may not be listed.
    """
    for start in range(0, len(lists), _LISTS_AT_ONCE):
        some = lists[start : start + _LISTS_AT_ONCE]
        there = some != NO_ITEM
        wrong = (some < NO_ITEM) | (some >= num_items)
        wrong |= there & ~answers.candidates[np.clip(some, 0, num_items - 1)]
        ordered = np.sort(some, axis=1)
        wrong[:, 1:] |= (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NO_ITEM)
        wrong[:, 1:] |= there[:, 1:] & ~there[:, :-1]
        if answers.mask_seen:
            own = answers.queries.histories.take(np.arange(start, start + len(some)))
            keys = np.arange(len(some))[:, None] * num_items + some
            wrong |= there & np.isin(keys, own.rows * num_items + own.items)
        if wrong.any():
            row = start + int(np.flatnonzero(wrong.any(axis=1))[0])
            raise ValueError(f"list {row} holds an item twice, after a gap, or that may not be listed.")
