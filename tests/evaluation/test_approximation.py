"""An index that is exact costs nothing, and one that leaves out known items costs what they are worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluation_sets import Vectors, evaluation_set, keys, random_set

from tfrs_bench.evaluation.approximation import Approximation, Point, along_the_curve, fastest_enough
from tfrs_bench.evaluation.evaluator import Evaluator
from tfrs_bench.retrieval.config import IndexConfig
from tfrs_bench.retrieval.exact_index import ExactIndex
from tfrs_bench.retrieval.index import ItemIndex


class Blind(ItemIndex):
    """Does not see the first items, as many as its leaves."""

    name = "blind"
    effort = ("leaves_to_search", "reorder")

    def efforts(self):
        return [{"leaves_to_search": leaves, "reorder": reorder} for leaves in (1, 2) for reorder in (5, 200)]

    def _build(self, vectors) -> None:
        self._vectors = vectors

    def _search(self, queries, k):
        products = queries @ self._vectors.T
        products[:, : self.config.leaves_to_search] = -np.inf
        rows = np.argsort(-products, axis=1)[:, :k]
        products = np.take_along_axis(products, rows, axis=1)
        return np.where(np.isfinite(products), rows, -1), products

    def write(self, folder: Path) -> None:
        (folder / "vectors").write_bytes(bytes(2**20))

    def read(self, folder: Path) -> None: ...


def one_right_item_each():
    """Four users whose best item, one of 0 … 3, is the only relevant one."""
    answers = evaluation_set([[0], [1], [2], [3]], m=40)
    items = np.concatenate([4 * np.eye(4), np.ones((36, 4)) * 0.1]).astype(np.float32)
    model = Vectors(np.eye(4, dtype=np.float32), items)
    evaluator = Evaluator(answers, keys(40), np.ones(40, dtype=int))
    return answers, model, evaluator


def test_what_is_not_found_is_missing_from_recall_and_metrics() -> None:
    answers, model, evaluator = one_right_item_each()
    config, numbers = IndexConfig(leaves_to_search=1), np.arange(40, dtype=np.int32)
    exact = ExactIndex(numbers, config).build(model.item_embeddings())
    blind = Blind(numbers, config).build(model.item_embeddings())
    against = Approximation(exact, lambda: model.query_embeddings(answers.queries), evaluator)
    point = against.measure(blind, blind.saved_mb(), chosen=True)
    assert point.recall == {"recall@10": 39 / 40, "recall@100": pytest.approx((3 * 39 + 39) / 160)}
    assert point.metrics == {"hr@10": 3 / 4, "ndcg@10": 3 / 4}
    difference, low, high = point.differences["ndcg@10"]
    assert difference == -1 / 4 and -1 <= low < difference < high <= 0
    assert (point.index, point.effort) == ("blind", {"leaves_to_search": 1, "reorder": 200})
    assert point.index_mb == 1 and point.chosen
    assert 0 < point.p50_ms <= point.p99_ms and point.queries_per_second > 0 < point.lists_per_second


def test_exact_search_loses_nothing_and_agrees_with_the_evaluator() -> None:
    answers, rng = random_set(), np.random.default_rng(0)
    queries, items = rng.standard_normal((300, 8)), rng.standard_normal((60, 8))
    model = Vectors(queries.astype(np.float32), items.astype(np.float32))
    evaluator = Evaluator(answers, keys(60), np.ones(60, dtype=int))
    exact = ExactIndex(np.arange(60, dtype=np.int32), IndexConfig()).build(model.item_embeddings())
    against = Approximation(exact, lambda: model.query_embeddings(answers.queries), evaluator)
    point = against.measure(exact, 0.0)
    own = evaluator.evaluate(model)
    assert point.metrics == {metric: own.mean(metric) for metric in ("hr@10", "ndcg@10")}
    assert point.recall == {"recall@10": 1.0, "recall@100": 1.0}
    assert point.differences == {"hr@10": [0.0] * 3, "ndcg@10": [0.0] * 3}


def test_the_curve_varies_one_setting() -> None:
    index = Blind(np.arange(3, dtype=np.int32), IndexConfig())
    curve = [(one.config.leaves_to_search, one.config.reorder) for one in along_the_curve(index)]
    assert curve == [(1, 200), (2, 200)]


def point(index="scann", recall=1.0, rate=1.0):
    nothing = {"hr@10": 0.0, "ndcg@10": 0.0}
    return Point(
        index, {}, {"recall@10": recall, "recall@100": 0.5}, nothing, {name: [0.0] * 3 for name in nothing},
        rate, rate, 1, 1, 1, 1,
    )  # fmt: skip


def test_the_fastest_that_finds_enough_is_no_exact_search() -> None:
    points = [point("exact", 1.0, 9), point(recall=0.94, rate=8), point(recall=0.95, rate=2), point(rate=1)]
    assert fastest_enough(points, 0.95) == points[2]
    assert fastest_enough(points[:2], 0.95) is None
