"""How much of what was to be found is found among popular items, and how much among rare ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.relevance import EvaluationSet

THIRDS = ("head", "middle", "tail")
FOUND, RELEVANT = "found", "relevant"
COLUMNS = tuple(f"{what}_{third}" for what in (FOUND, RELEVANT) for third in THIRDS)


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


def counts_of_thirds(
    lists: NDArray[np.int32],
    hits: NDArray[np.bool_],
    asked: EvaluationSet,
    thirds: NDArray[np.int8],
) -> dict[str, NDArray[np.int16]]:
    """Counts, for every list, the relevant items of each third, and those that it holds.

    Args:
      lists: [n, k] int32 items, −1 = missing.
      hits: [n, k] bool, whether each is relevant.
      asked: the n queries and their answers.
      thirds: [m] int8, see `popularity_thirds`.

    Returns:
      [n] int16 under each of `COLUMNS`.
    """
    rows, places = np.nonzero(hits)
    wanted = np.repeat(np.arange(len(lists)), asked.num_relevant)
    counts = {}
    for what, users, items in (
        (FOUND, rows, lists[rows, places]),
        (RELEVANT, wanted, asked.relevant_items),
    ):
        for number, third in enumerate(THIRDS):
            here = np.bincount(users[thirds[items] == number], minlength=len(lists))
            counts[f"{what}_{third}"] = here.astype(np.int16)
    return counts


def recall_of_thirds(counts: Mapping[str, NDArray[Any]], k: int) -> dict[str, float]:
    """Share of the relevant items of each third that is found, over all lists together.

    >>> none = np.zeros(2)
    >>> counts = {"found_head": np.array([1, 0]), "relevant_head": np.array([1, 3])}
    >>> recall_of_thirds({name: counts.get(name, none) for name in COLUMNS}, k=10)
    {'recall_head@10': 0.25, 'recall_middle@10': nan, 'recall_tail@10': nan}

    Args:
      counts: as `counts_of_thirds` returns them.
      k: length of the lists, for the names.

    Returns:
      One float by name such as `recall_tail@10`; NaN where no item of a third is relevant.
    """
    recalls = {}
    for third in THIRDS:
        there = counts[f"{RELEVANT}_{third}"].sum()
        recalls[f"recall_{third}@{k}"] = float(counts[f"{FOUND}_{third}"].sum() / there) if there else np.nan
    return recalls
