"""Exact top-k with neutral, reproducible ties: the only place where scores become lists."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

NO_ITEM = -1
_TIES_PER_PLACE = 4
_LOWEST = np.finfo(np.float32).min


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
    largest score from below, so after one pass for the maxima only groups that reach it are looked at.

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
    n = len(scores)
    if k < 1:
        raise ValueError(f"k should be a positive integer. Received: k = {k}.")
    maxima = _group_maxima(scores, k)
    bound = _lower_bound(maxima, k)
    rows, columns, values = _at_least(scores, maxima, bound)
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


def _group_maxima(scores: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Returns [n, g] the largest score of each group, where group j holds every g-th column from the j-th on.

    About 2√(k m) groups balance the choice among groups with the search inside the k chosen ones.
    """
    n, m = scores.shape
    groups = min(m, max(k, 2 * math.isqrt(k * m)))
    if groups == 0:
        return scores
    width = m // groups
    whole = width * groups
    maxima: NDArray[np.float32] = scores[:, :whole].reshape(n, width, groups).max(axis=1)
    np.maximum(maxima[:, : m - whole], scores[:, whole:], out=maxima[:, : m - whole])
    if np.isnan(maxima).any():
        raise ValueError("a score is NaN; a model must return finite scores")
    return maxima


def _lower_bound(maxima: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Returns [n] a bound that the k best scores of a row reach, and −inf never does."""
    n, groups = maxima.shape
    if groups < k:
        return np.full(n, _LOWEST)
    return np.maximum(np.partition(maxima, groups - k, axis=1)[:, groups - k], _LOWEST)


def _at_least(
    scores: NDArray[np.float32], maxima: NDArray[np.float32], bound: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Returns rows, ascending, columns and values of the scores that reach their row's bound."""
    m, groups = scores.shape[1], max(maxima.shape[1], 1)
    chosen_rows, first = np.divmod(np.flatnonzero(maxima >= bound[:, None]), groups)
    ahead = np.arange(0, m or 1, groups)
    # Past the end of a row lies the next one; what is taken there is left out below.
    values = scores.ravel().take((chosen_rows * m + first)[:, None] + ahead, mode="clip")
    reached = values >= bound[chosen_rows, None]
    reached[:, -1] &= first + ahead[-1] < m
    flat = np.flatnonzero(reached)
    group, step = np.divmod(flat, len(ahead))
    return chosen_rows[group], first[group] + ahead[step], values.ravel()[flat]
