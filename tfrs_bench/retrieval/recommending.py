"""Lists from an index: what the user already has is left out, and k items remain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.queries import Histories, Queries
from tfrs_bench.models.ranking import NO_ITEM
from tfrs_bench.retrieval.index import ItemIndex

_CELLS = 2**22  # found items held at once


def recommend(
    index: ItemIndex,
    embedded: NDArray[np.float32],
    queries: Queries,
    k: int,
    *,
    candidates: NDArray[np.bool_] | None = None,
    mask_seen: bool = True,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The best k items of every query, as an index finds them.

    An index knows nothing of histories, so as many items more are asked for as the history is long, in
    groups of queries that ask for about as many; those that end with fewer than k ask for twice as many,
    until the index has no more.

    Args:
      index: of the model's items.
      embedded: [n, d] float32, the model's embeddings of the queries.
      queries: the n queries.
      k: list length.
      candidates: [num_items] bool, the items that may be recommended; None for all of the index.
      mask_seen: leave out what is in the query's history.

    Returns:
      items [n, k] int32 with `NO_ITEM` where candidates ran out, and their scores [n, k] float32 with −inf
      there.
    """
    items = np.full((len(queries), k), NO_ITEM, dtype=np.int32)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    fetch = _power_of_two(k + (np.diff(queries.histories.offsets) if mask_seen else np.zeros(len(queries))))
    waiting = np.arange(len(queries))
    while len(waiting):
        short = []
        for size in np.unique(fetch[waiting]):
            group = waiting[fetch[waiting] == size]
            step = max(_CELLS // int(size), 1)
            for rows in np.split(group, range(step, len(group), step)):
                found, products = index.search(embedded[rows], min(int(size), max(len(index), 1)))
                allowed = _allowed(found, queries.histories, rows, candidates, mask_seen)
                items[rows], scores[rows] = _first(found, products, allowed, k)
                short.append(rows[(allowed.sum(axis=1) < k) & (size < len(index))])
        waiting = np.concatenate(short)
        fetch[waiting] *= 2
    return items, scores


def _power_of_two(counts: NDArray[np.number]) -> NDArray[np.int64]:
    """Rounds positive counts up, so that there are few different ones."""
    powers: NDArray[np.int64] = 2 ** np.ceil(np.log2(counts)).astype(np.int64)
    return powers


def _allowed(
    found: NDArray[np.int32],
    histories: Histories,
    rows: NDArray[np.int64],
    candidates: NDArray[np.bool_] | None,
    mask_seen: bool,
) -> NDArray[np.bool_]:
    """Returns the [r, f] bool mask of found items that may be recommended to the queries at `rows`."""
    allowed: NDArray[np.bool_] = found != NO_ITEM
    if candidates is not None:
        allowed &= candidates[found]
    if mask_seen:
        own = histories.take(rows)
        width = int(max(found.max(initial=0), own.items.max(initial=0))) + 1
        keys = np.arange(len(rows))[:, None] * width + found
        allowed &= ~np.isin(keys, own.rows * width + own.items)
    return allowed


def _first(
    found: NDArray[np.int32], products: NDArray[np.float32], allowed: NDArray[np.bool_], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Returns the first k allowed items of each row, and their scores."""
    items = np.full((len(found), k), NO_ITEM, dtype=np.int32)
    scores = np.full((len(found), k), -np.inf, dtype=np.float32)
    place = np.cumsum(allowed, axis=1) - 1
    rows, columns = np.nonzero(allowed & (place < k))
    items[rows, place[rows, columns]] = found[rows, columns]
    scores[rows, place[rows, columns]] = products[rows, columns]
    return items, scores
