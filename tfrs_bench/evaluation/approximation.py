"""What approximate search costs: its lists against those of exact search, by the same evaluator."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.evaluation.evaluator import Evaluation, Evaluator
from tfrs_bench.evaluation.uncertainty import bootstrap_means, interval
from tfrs_bench.retrieval.effort import milliseconds_alone, queries_per_second, recall
from tfrs_bench.retrieval.index import ItemIndex
from tfrs_bench.retrieval.recommending import recommend

RECALL_KS = (10, 100)
METRICS = ("hr@10", "ndcg@10")
_MOST_TIMED = 4096  # queries searched together
_MOST_ALONE = 1000
_ROUNDS = 3


@dataclasses.dataclass(frozen=True)
class Point:
    """One index at one effort.

    Attributes:
      index: its kind.
      effort: the settings its searches read, by name.
      recall: recall@10 and recall@100 against exact search over all items, by name.
      metrics: means of HR@10 and NDCG@10 over users with relevant items, by name.
      differences: of these to exact search's, each with the ends of its paired 95 % interval.
      queries_per_second: ten items for many queries at once.
      lists_per_second: of the lists behind `metrics`, for all users at once: what a user has is left out, so
        more than ten items are searched for, which may take more effort than is configured.
      p50_ms: median milliseconds of a single query.
      p99_ms: the 99th percentile.
      build_s: seconds of building.
      index_mb: size of what a search needs.
      chosen: it is how the kept index is searched.
    """

    index: str
    effort: dict[str, int]
    recall: dict[str, float]
    metrics: dict[str, float]
    differences: dict[str, list[float]]
    queries_per_second: float
    lists_per_second: float
    p50_ms: float
    p99_ms: float
    build_s: float
    index_mb: float
    chosen: bool = False


class Approximation:
    """Measures indexes of one model's items on the queries of its test."""

    def __init__(
        self,
        exact: ItemIndex,
        embed: Callable[[], NDArray[np.float32]],
        evaluator: Evaluator,
    ) -> None:
        """Asks exact search, which all are held against.

        Args:
          exact: exact search over the items that may be listed.
          embed: returns the [n, d] float32 embeddings of the evaluator's queries.
          evaluator: of the test part.
        """
        self._exact, self._evaluator = exact, evaluator
        began = time.perf_counter()
        self._embedded = embed()
        self.embedding_us = 1e6 * (time.perf_counter() - began) / max(len(self._embedded), 1)
        self._best = {k: exact.search(self._embedded, k)[1] for k in RECALL_KS}
        self._evaluation, _ = self._listed(exact)

    def measure(self, index: ItemIndex, index_mb: float, *, chosen: bool = False) -> Point:
        """Measures an index as it is searched now.

        Args:
          index: over the same items.
          index_mb: see `Point`.
          chosen: see `Point`.
        """
        evaluation, lists_per_second = self._listed(index)
        timed = self._embedded[:_MOST_TIMED]
        alone = milliseconds_alone(index, self._embedded[:_MOST_ALONE])
        return Point(
            index=index.name,
            effort={name: getattr(index.config, name) for name in effort_names(index)},
            recall={
                f"recall@{k}": recall(index.search(self._embedded, k)[1], best)
                for k, best in self._best.items()
            },
            metrics={metric: evaluation.mean(metric) for metric in METRICS},
            differences=differences(evaluation, self._evaluation),
            queries_per_second=queries_per_second(index, timed),
            lists_per_second=lists_per_second,
            p50_ms=float(np.percentile(alone, 50)),
            p99_ms=float(np.percentile(alone, 99)),
            build_s=index.build_s,
            index_mb=index_mb,
            chosen=chosen,
        )

    def _listed(self, index: ItemIndex) -> tuple[Evaluation, float]:
        """Returns what the evaluator says of an index's lists, and how many a second there are."""
        asked, k = self._evaluator.evaluation_set, max(self._evaluator.ks)
        seconds = []
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            lists, _ = recommend(index, self._embedded, asked.queries, k, mask_seen=asked.mask_seen)
            seconds.append(time.perf_counter() - began)
        return self._evaluator.evaluate_lists(lists), len(lists) / min(seconds)


def effort_names(index: ItemIndex) -> tuple[str, ...]:
    """Returns the settings that searching this index reads: without a tree there are no leaves."""
    return tuple(index.efforts()[0])


def along_the_curve(index: ItemIndex) -> list[ItemIndex]:
    """Returns an index at growing efforts, one setting varied and the others as configured."""
    names = effort_names(index)
    others = {name: getattr(index.config, name) for name in names[1:]}
    return [
        index.with_effort(**effort)
        for effort in index.efforts()
        if all(effort[name] == value for name, value in others.items())
    ]


def differences(evaluation: Evaluation, exact: Evaluation) -> dict[str, list[float]]:
    """Returns [difference, low, high] of each metric's mean over the same users, by a paired bootstrap."""
    per_user = np.column_stack([evaluation.per_user(metric) - exact.per_user(metric) for metric in METRICS])
    if not len(per_user):
        return {metric: [float("nan")] * 3 for metric in METRICS}
    low, high = interval(bootstrap_means(per_user))
    means = per_user.mean(axis=0)
    return {
        metric: [float(one) for one in ends]
        for metric, ends in zip(METRICS, zip(means, low, high, strict=True), strict=True)
    }


def fastest_enough(points: Sequence[Point], least_recall: float) -> Point | None:
    """Returns the fastest approximate point among those whose recall@10 is enough; None if none's is."""
    able = [
        one for one in points if one.index != "exact" and one.recall[f"recall@{RECALL_KS[0]}"] >= least_recall
    ]
    return max(able, key=lambda one: one.queries_per_second, default=None)
