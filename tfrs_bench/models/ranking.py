"""Exact top-k with neutral, reproducible ties: the only place where scores become lists."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NO_ITEM = -1
_GROUPS_PER_PLACE = 16
_TIES_PER_PLACE = 4


def top_k(
    scores: NDArray[np.float32],
    k: int,
    query_keys: NDArray[np.uint64],
    item_keys: NDArray[np.uint64],
    seed: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k best-scored items of each row.

    Equal scores are ordered by a hash of (seed, user, item): neutral, different for every user, and
    unmoved by a relabelling of indices. The k-th largest maximum over groups of columns bounds the k-th
    largest score from below, so only the few scores above it are sorted.

    Args:
      scores: [n, m] float32; −inf marks items that may not be listed.
      k: list length, may exceed m.
      query_keys: [n] uint64 hash of each user's raw id.
      item_keys: [m] uint64 hash of each item's raw id.
      seed: of the tie hash.

    Returns:
      items [n, k] int32, `NO_ITEM` where fewer than k may be listed; scores [n, k] float32, −inf there.

    Raises:
      ValueError: `k` is below 1, or a score is NaN.
    """
    n, m = scores.shape
    if k < 1:
        raise ValueError(f"k should be a positive integer. Received: k = {k}.")
    bound = _lower_bound(scores, k)
    rows, columns = np.divmod(np.flatnonzero(scores >= bound[:, None]), max(m, 1))
    values = scores[rows, columns]
    listed = values > -np.inf
    rows, columns, values = rows[listed], columns[listed], values[listed]
    ties = tie_hash(query_keys[rows], item_keys[columns], seed)
    if len(rows) > _TIES_PER_PLACE * k * n:
        few = _can_be_listed(rows, values == bound[rows], ties, k, n)
        rows, columns, values, ties = rows[few], columns[few], values[few], ties[few]
    order = np.lexsort((ties, -values, rows))
    starts = np.searchsorted(rows, np.arange(n))  # rows are ascending already; `order` keeps them so
    place = np.arange(len(rows)) - starts[rows]
    top = place < k
    items = np.full((n, k), NO_ITEM, dtype=np.int32)
    best = np.full((n, k), -np.inf, dtype=np.float32)
    items[rows[top], place[top]] = columns[order][top]
    best[rows[top], place[top]] = values[order][top]
    return items, best


def tie_hash(query_keys: NDArray[np.uint64], item_keys: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Mixes user, item and seed into uint64 of the keys' broadcast shape (SplitMix64; Steele et al. 2014)."""
    x = item_keys ^ (query_keys * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed % 2**64))
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return mixed


def _can_be_listed(
    rows: NDArray[np.int64], tied: NDArray[np.bool_], ties: NDArray[np.uint64], k: int, n: int
) -> NDArray[np.bool_]:
    """Leaves out ties beyond their row's k smallest hashes without sorting them all; exact.

    A row's ties below some hash are enough if there are k of them; uniform hashes say where to cut.
    """
    counts = np.bincount(rows[tied], minlength=n)
    cut = 2.0**64 * _TIES_PER_PLACE * k / np.maximum(counts, 1)
    small = ties <= cut[rows]
    enough = np.bincount(rows[tied & small], minlength=n) >= k
    return ~tied | small | ~enough[rows]


def _lower_bound(scores: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    n, m = scores.shape
    groups = k * _GROUPS_PER_PLACE
    if m <= groups:
        groups, width = m, 1
    else:
        width = m // groups
    maxima = scores[:, : groups * width].reshape(n, width, groups).max(axis=1)
    if np.isnan(maxima).any() or np.isnan(scores[:, groups * width :]).any():
        raise ValueError("a score is NaN; a model must return finite scores")
    if groups < k:
        return np.full(n, -np.inf, dtype=np.float32)
    return np.partition(maxima, groups - k, axis=1)[:, groups - k]
