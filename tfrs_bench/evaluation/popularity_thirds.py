"""How much of what was to be found is found among popular items, and how much among rare ones."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

THIRDS = ("head", "middle", "tail")


def popularity_thirds(
    item_counts: NDArray[np.integer], candidates: NDArray[np.bool_], item_keys: NDArray[np.uint64]
) -> NDArray[np.int8]:
    """Deals the candidates, from the most popular on, into thirds that hold equally many training rows.

    An item belongs where the middle of its rows lies. Ten rows, six of them of one item:

    >>> counts, keys = np.array([1, 6, 1, 2]), np.arange(4, dtype=np.uint64)
    >>> [THIRDS[third] for third in popularity_thirds(counts, np.ones(4, dtype=bool), keys)]
    ['tail', 'head', 'tail', 'tail']

    Args:
      item_counts: [m] integers, training rows of each item.
      candidates: [m] bool, the items that may be listed.
      item_keys: [m] uint64 hash of each raw id; orders items that are equally popular.

    Returns:
      [m] int8 places in `THIRDS`, −1 for what is no candidate.

    Source: the long tail as in Abdollahpouri, Burke and Mobasher 2017, in thirds of our own.
    """
    counts = np.where(candidates, item_counts, 0)
    order = np.lexsort((item_keys, -counts))
    middle = np.cumsum(counts[order]) - counts[order] / 2
    thirds = np.empty(len(counts), dtype=np.int8)
    thirds[order] = np.minimum(len(THIRDS) * middle / max(counts.sum(), 1), len(THIRDS) - 1)
    return np.where(candidates, thirds, np.int8(-1))


def recall_of_thirds(
    lists: NDArray[np.int32],
    hits: NDArray[np.bool_],
    relevant_items: NDArray[np.int32],
    thirds: NDArray[np.int8],
    ks: Iterable[int],
) -> dict[str, float]:
    """Share of the relevant items of each third that is in the first K places, over all lists together.

    >>> lists, hits = np.array([[0, 1], [2, 0]], dtype=np.int32), np.array([[True, False], [False, True]])
    >>> thirds, relevant = np.array([0, 1, 2], dtype=np.int8), np.array([0, 2, 0], dtype=np.int32)
    >>> recall_of_thirds(lists, hits, relevant, thirds, ks=[1])
    {'recall_head@1': 0.5, 'recall_middle@1': nan, 'recall_tail@1': 0.0}

    Args:
      lists: [n, k_max] int32 items, best first, −1 = missing.
      hits: [n, k_max] bool, whether each is relevant.
      relevant_items: [t] int32, those of all lists.
      thirds: [m] int8, see `popularity_thirds`.
      ks: the cut-offs K.

    Returns:
      One float by name such as `recall_tail@10`; NaN where no item of a third is relevant.
    """
    there = np.bincount(thirds[relevant_items], minlength=len(THIRDS))
    recalls = {}
    for k in ks:
        found = np.bincount(thirds[lists[:, :k][hits[:, :k]]], minlength=len(THIRDS))
        for name, some, whole in zip(THIRDS, found, there, strict=True):
            recalls[f"recall_{name}@{k}"] = float(some / whole) if whole else float("nan")
    return recalls
