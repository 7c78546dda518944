"""Metrics: pure functions of where the hits are, of what all lists show together, and of rating errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Errors of ratings: the root of a mean of absolute errors to this power. Lower is better.
ERRORS = {"rmse": 2, "mae": 1}


def error_metrics(
    absolute: NDArray[np.float64], query_of_pair: NDArray[np.int64], num_rated: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Every error of every query's predicted ratings.

    A user errs by 1 and 3 on two ratings, RMSE √((1 + 9) / 2) and MAE 2; another has rated nothing:

    >>> errors = error_metrics(np.array([1.0, 3.0]), np.array([0, 0]), np.array([2, 0]))
    >>> {name: values.round(3).tolist() for name, values in errors.items()}
    {'rmse': [2.236, nan], 'mae': [2.0, nan]}

    Args:
      absolute: [p] float64 absolute errors.
      query_of_pair: [p] int64, the query that each belongs to.
      num_rated: [n] int64, errors of each query.

    Returns:
      [n] float64 by name; NaN where nothing was rated.

    Source: Herlocker et al. 2004, section 4.1.
    """
    count = np.where(num_rated > 0, num_rated, np.nan)
    return {
        name: (np.bincount(query_of_pair, absolute**power, minlength=len(count)) / count) ** (1 / power)
        for name, power in ERRORS.items()
    }


def pooled(metric: str, sums: Any, counts: Any) -> Any:
    """Returns an error over all ratings from users' sums and counts, or from the means of these.

    >>> pooled("rmse", 9.0, 4.0)
    1.5
    """
    return (sums / counts) ** (1 / ERRORS[metric])


def discounts(k: int) -> NDArray[np.float64]:
    """Returns the [k] float64 gains 1 / log2(rank + 1) of ranks 1 … k.

    >>> discounts(3).round(3).tolist()
    [1.0, 0.631, 0.5]

    Source: Järvelin and Kekäläinen 2002, in the form of Burges et al. 2005.
    """
    return np.asarray(1.0 / np.log2(np.arange(2, k + 2)))


def list_metrics(
    hits: NDArray[np.bool_], num_relevant: NDArray[np.integer], ks: Iterable[int]
) -> dict[str, NDArray[np.float64]]:
    """Every accuracy metric of every list, each in [0, 1].

    Gain is binary. Denominators: NDCG the ideal list of min(K, relevant) hits, MAP min(K, relevant),
    `map_full` and recall the number of relevant items, precision K, even where a list is shorter.

    >>> metrics = list_metrics(np.array([[False, True, True]]), np.array([4]), ks=[3])
    >>> {name: round(float(values[0]), 3) for name, values in metrics.items()}
    ... # doctest: +NORMALIZE_WHITESPACE
    {'hr@3': 1.0, 'ndcg@3': 0.531, 'map@3': 0.389, 'map_full@3': 0.292, 'recall@3': 0.5,
     'precision@3': 0.667, 'mrr@3': 0.5}

    Args:
      hits: [n, k_max] bool, whether the item at each place of the list is relevant, best place first.
      num_relevant: [n] integers, the size of each relevant set.
      ks: the cut-offs K, each at most k_max.

    Returns:
      [n] float64 by name such as `ndcg@10`; NaN where the relevant set is empty.

    Raises:
      ValueError: a K is below 1 or beyond k_max.

    Source: Manning, Raghavan and Schütze 2008, chapter 8; the denominators are listed in docs/metrics.md.
    """
    k_max = hits.shape[1]
    found = np.cumsum(hits, axis=1)
    gain = np.cumsum(hits * discounts(k_max), axis=1)
    precisions = np.cumsum(hits * found / np.arange(1, k_max + 1), axis=1)
    ideal = np.concatenate([[np.nan], np.cumsum(discounts(k_max))])
    relevant = np.where(num_relevant > 0, num_relevant, np.nan)
    one = relevant / relevant  # NaN where nothing was there to be found
    first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1.0, np.inf)
    metrics: dict[str, NDArray[np.float64]] = {}
    for k in ks:
        if not 1 <= k <= k_max:
            raise ValueError(f"K should be between 1 and the list length {k_max}. Received: K = {k}.")
        last = k - 1
        metrics[f"hr@{k}"] = one * (found[:, last] > 0)
        metrics[f"ndcg@{k}"] = gain[:, last] / ideal[np.minimum(num_relevant, k)]
        metrics[f"map@{k}"] = precisions[:, last] / np.minimum(relevant, k)
        metrics[f"map_full@{k}"] = precisions[:, last] / relevant
        metrics[f"recall@{k}"] = found[:, last] / relevant
        metrics[f"precision@{k}"] = one * found[:, last] / k
        metrics[f"mrr@{k}"] = one * np.where(first <= k, 1.0 / first, 0.0)
    return metrics


def catalogue_metrics(
    lists: NDArray[np.int32],
    item_counts: NDArray[np.integer],
    candidates: NDArray[np.bool_],
    ks: Iterable[int],
) -> dict[str, float]:
    """What all lists show together, counted over their filled places.

    `coverage` is the share of candidates in at least one list; `novelty` the mean self-information
    −log2 p in bits, with p(i) = (count_i + 1) / Σ_candidates (count + 1); `average_popularity` the mean
    count; `gini` the Gini coefficient of how often each candidate is listed, 0 when all equally often.

    >>> lists = np.array([[0, 1], [0, -1]], dtype=np.int32)
    >>> shown = catalogue_metrics(lists, np.array([3, 1, 0]), np.ones(3, dtype=bool), ks=[2])
    >>> {name: round(value, 3) for name, value in shown.items()}
    {'coverage@2': 0.667, 'novelty@2': 1.141, 'average_popularity@2': 2.333, 'gini@2': 0.444}

    Args:
      lists: [n, k_max] int32 items, best first, −1 = missing.
      item_counts: [m] integers, training rows of each item.
      candidates: [m] bool, the items that may be listed.
      ks: the cut-offs K.

    Returns:
      One float by name such as `coverage@10`; NaN where no place is filled.

    Source: Vargas and Castells 2011 (novelty); Fleder and Hosanagar 2009 (Gini); smoothing our own.
    """
    counts = item_counts[candidates].astype(np.float64)
    information = -np.log2((counts + 1) / (counts + 1).sum())
    metrics: dict[str, float] = {}
    for k in ks:
        shown = lists[:, :k]
        times = np.bincount(shown[shown >= 0], minlength=len(candidates))[candidates]
        weights = times / times.sum() if times.any() else np.full(len(times), np.nan)
        metrics[f"coverage@{k}"] = float(np.mean(times > 0)) if times.any() else np.nan
        metrics[f"novelty@{k}"] = float(weights @ information)
        metrics[f"average_popularity@{k}"] = float(weights @ counts)
        metrics[f"gini@{k}"] = gini(weights)
    return metrics


def intra_list_diversity(lists: NDArray[np.int32], vectors: NDArray[np.float32]) -> float:
    """Mean distance 1 − cosine of the pairs within a list, then over the lists that have a pair.

    Of three items two are the same and the third unlike both: two of three pairs are at distance 1.

    >>> lists = np.array([[0, 1, 2], [0, -1, -1]], dtype=np.int32)
    >>> vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    >>> round(intra_list_diversity(lists, vectors), 3)
    0.667

    Args:
      lists: [n, k] int32 items, −1 = missing.
      vectors: [m, d] float32 of norm 1, or 0 for an item of which nothing is known.

    Returns:
      From 0, all alike; NaN where no list has a pair.

    Source: Ziegler et al. 2005, equation 2, as a mean and of distances.
    """
    there = lists >= 0
    own = np.where(there[:, :, None], vectors[lists], np.float32(0))
    count = there.sum(axis=1)
    pairs = count * (count - 1)
    # Σ_{a ≠ b} a · b = |Σ a|² − Σ |a|²
    alike = (own.sum(axis=1) ** 2).sum(axis=1, dtype=np.float64) - np.einsum("nkd,nkd->n", own, own)
    some = pairs > 0
    return float((1 - alike[some] / pairs[some]).mean()) if some.any() else np.nan


def gini(values: NDArray[np.floating]) -> float:
    """Returns the Gini coefficient of [n] non-negative values: 0 all equal, (n − 1) / n all in one.

    >>> gini(np.array([0.0, 0.0, 0.0, 1.0]))
    0.75
    """
    n = len(values)
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(values) / (n * values.sum())) if n else np.nan
