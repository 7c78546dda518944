"""Recall by hand, and the least effort that is enough."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfrs_bench.retrieval.config import IndexConfig
from tfrs_bench.retrieval.effort import fastest, milliseconds_alone, queries_per_second, recall
from tfrs_bench.retrieval.exact_index import ExactIndex
from tfrs_bench.retrieval.index import ItemIndex

INF = np.inf


class Patchy(ItemIndex):
    """Sees every other item at the least effort, all at the most; more effort is the slower on purpose."""

    name = "patchy"
    effort = ("leaves_to_search",)

    def efforts(self):
        return [{"leaves_to_search": leaves} for leaves in (1, 2, 4, 8)]

    def _build(self, vectors) -> None:
        self._vectors = vectors
        self.tried: list[int] = []

    def _search(self, queries, k):
        leaves = self.config.leaves_to_search
        self.tried.append(leaves)
        products = queries @ self._vectors.T
        products[:, np.arange(len(self)) % 8 >= leaves] = -INF
        rows = np.argsort(-products, axis=1)[:, :k]
        return rows, np.take_along_axis(products, rows, axis=1)

    def write(self, folder: Path) -> None: ...

    def read(self, folder: Path) -> None: ...


@pytest.mark.parametrize(
    ("found", "exact", "expected"),
    [
        ([[4, 3], [2, 1]], [[4, 3], [2, 1]], 1),
        ([[4, 1], [1, -INF]], [[4, 3], [2, 1]], 2 / 4),
        ([[3, 3], [3, 3]], [[4, 3], [3, 3]], 3 / 4),  # what is as good as the last makes up for no better one
        ([[4, -INF]], [[4, -INF]], 1),  # there are no more
        ([[-INF, -INF]], [[-INF, -INF]], 0),
    ],
)
def test_recall_by_hand(found, exact, expected: float) -> None:
    assert recall(np.array(found, np.float32), np.array(exact, np.float32)) == expected


def patchy():
    rng = np.random.default_rng(0)
    items, queries = rng.standard_normal((800, 6)).astype(np.float32), rng.standard_normal((200, 6))
    config, numbers = IndexConfig(leaves_to_search=1), np.arange(800, dtype=np.int32)
    exact = ExactIndex(numbers, config).build(items)
    return Patchy(numbers, config).build(items), exact, queries.astype(np.float32)


def test_the_least_effort_that_is_enough_is_taken_and_no_greater_one_tried() -> None:
    index, exact, queries = patchy()
    tuned = fastest(index, exact, queries, 0.4)  # 1/8, 1/4 and 1/2 of the items are seen
    assert tuned.index.config.leaves_to_search == 4
    assert set(index.tried) == {1, 2, 4}
    assert tuned.recall == pytest.approx(1 / 2, abs=0.05)
    assert tuned.sentence().startswith("leaves_to_search=4 is the fastest that reaches 0.4: recall@10 0.")


def test_where_nothing_is_enough_the_nearest_is_taken_and_said() -> None:
    index, exact, queries = patchy()
    index.efforts = lambda: [{"leaves_to_search": 1}, {"leaves_to_search": 2}]
    tuned = fastest(index, exact, queries, 0.9)
    assert tuned.index.config.leaves_to_search == 2
    assert tuned.sentence().startswith("no effort reaches 0.9; leaves_to_search=2 comes nearest: recall@10")


def test_rates_and_times_are_of_every_query() -> None:
    _, exact, queries = patchy()
    assert queries_per_second(exact, queries) > 0
    spent = milliseconds_alone(exact, queries)
    assert spent.shape == (200,) and (spent > 0).all()
