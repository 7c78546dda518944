"""How much of the exact answer an index finds, how fast, and the least effort that finds enough."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.retrieval.index import ItemIndex

RECALL_K = 10
_ROUNDING = 1e-5  # of the largest score: sums of products in another order differ by less
_ROUNDS, _MOST_S = 3, 2.0


def recall(found: NDArray[np.float32], exact: NDArray[np.float32]) -> float:
    """Returns the mean share of the exact top k that was found; items as good as its last are as good.

    >>> recall(np.array([[3.0, 1.0]], np.float32), np.array([[3.0, 2.0]], np.float32))
    0.5

    Args:
      found: [n, k] float32 inner products of what was found, −inf where nothing was.
      exact: [n, k] those of exact search, best first.
    """
    there = np.isfinite(exact)
    last = np.where(there, exact, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    slack = _ROUNDING * np.abs(np.where(there, exact, 0)).max(axis=1, keepdims=True, initial=0)
    better = (found > last + slack).sum(axis=1)
    as_good = np.minimum(_near(found, last, slack), _near(exact, last, slack))
    return float((better + as_good).sum() / max(there.sum(), 1))


def _near(
    products: NDArray[np.float32], last: NDArray[np.float32], slack: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Returns [n] how many products of each row are the last, but for rounding."""
    return np.asarray(((products >= last - slack) & (products <= last + slack)).sum(axis=1))


def queries_per_second(index: ItemIndex, queries: NDArray[np.float32], k: int = RECALL_K) -> float:
    """Returns the rate of searching all queries at once, the best of three rounds; fewer if they are slow."""
    seconds: list[float] = []
    while len(seconds) < _ROUNDS and sum(seconds) < _MOST_S:
        began = time.perf_counter()
        index.search(queries, k)
        seconds.append(time.perf_counter() - began)
    return len(queries) / min(seconds)


def milliseconds_alone(
    index: ItemIndex, queries: NDArray[np.float32], k: int = RECALL_K, most_s: float = _MOST_S
) -> NDArray[np.float64]:
    """Returns [q] float64 milliseconds of queries searched one by one, until `most_s` seconds have passed."""
    index.search(queries[:1], k)
    spent, began = [], time.perf_counter()
    for row in range(len(queries)):
        before = time.perf_counter()
        index.search(queries[row : row + 1], k)
        after = time.perf_counter()
        spent.append(1e3 * (after - before))
        if after - began > most_s:
            break
    return np.array(spent)


@dataclasses.dataclass(frozen=True)
class Tuned:
    """An index at the effort that was chosen.

    Attributes:
      index: at that effort.
      recall: its recall@10 on the held-back queries.
      queries: how many those were.
      target: what was asked for.
    """

    index: ItemIndex
    recall: float
    queries: int
    target: float

    def sentence(self) -> str:
        """Says what was chosen and what it reaches."""
        read = self.index.efforts()[0]
        effort = ", ".join(f"{name}={getattr(self.index.config, name)}" for name in read)
        found = f"recall@{RECALL_K} {self.recall:.3f} on {self.queries:,} held-back queries"
        if self.recall >= self.target:
            return f"{effort} is the fastest that reaches {self.target:g}: {found}"
        return f"no effort reaches {self.target:g}; {effort} comes nearest: {found}"


def fastest(index: ItemIndex, exact: ItemIndex, queries: NDArray[np.float32], target: float) -> Tuned:
    """Searches with more and more effort for the fastest whose recall@10 reaches a target.

    An effort that exceeds one that is enough already in every setting is not tried.

    Args:
      index: to search with.
      exact: exact search over the same items.
      queries: [n, d] float32, held back from whatever is measured afterwards.
      target: recall@10 to reach.
    """
    _, best = exact.search(queries, RECALL_K)
    enough: list[tuple[float, float, dict[str, Any]]] = []
    nearest: tuple[float, dict[str, Any]] = (-1.0, {})
    for effort in index.efforts():
        if any(all(effort[name] >= value for name, value in other.items()) for _, _, other in enough):
            continue
        tried = index.with_effort(**effort)
        reached = recall(tried.search(queries, RECALL_K)[1], best)
        if reached >= target:
            enough.append((queries_per_second(tried, queries), reached, effort))
        elif reached > nearest[0]:
            nearest = reached, effort
    reached, effort = max(enough, key=lambda one: one[0])[1:] if enough else nearest
    return Tuned(index.with_effort(**effort), reached, len(queries), target)
