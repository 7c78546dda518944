"""Lists from an index hold k items that the user does not have, whatever the index returns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from evaluation.evaluation_sets import Vectors
from retrieval.some_queries import queries_with

from tfrs_bench.models.ranking import NO_ITEM
from tfrs_bench.retrieval.building import index_of
from tfrs_bench.retrieval.config import IndexConfig
from tfrs_bench.retrieval.index import ItemIndex
from tfrs_bench.retrieval.recommending import recommend

DIMENSION, ITEMS = 8, 400


class Halting(ItemIndex):
    """Finds only half of what it is asked for, as an index does that looks into few leaves."""

    name = "halting"

    def _build(self, vectors) -> None:
        self._vectors = vectors
        self.asked: list[int] = []

    def _search(self, queries, k):
        self.asked.append(k)
        products = queries @ self._vectors.T
        rows = np.argsort(-products, axis=1)[:, :k]
        rows[:, max(k // 2, 1) if k < len(self) else k :] = -1
        return rows, np.take_along_axis(products, rows, axis=1)

    def write(self, folder: Path) -> None: ...

    def read(self, folder: Path) -> None: ...


def model_and_queries(histories):
    rng = np.random.default_rng(0)
    model = Vectors(
        rng.standard_normal((len(histories), DIMENSION), dtype=np.float32),
        rng.standard_normal((ITEMS, DIMENSION), dtype=np.float32),
    )
    model.item_keys = np.arange(ITEMS).astype(np.uint64)
    return model, queries_with(histories)


def some_histories():
    """Nothing, one item, the same item often, a third of the catalogue, and all of it but three items."""
    rng = np.random.default_rng(1)
    return [[], [5], [7] * 40, rng.permutation(ITEMS)[:133].tolist(), rng.permutation(ITEMS)[3:].tolist()]


def test_lists_are_those_of_the_model() -> None:
    model, queries = model_and_queries(some_histories())
    embedded = model.query_embeddings(queries)
    for how in ({}, {"mask_seen": False}, {"candidates": np.arange(ITEMS) % 9 == 0}):
        items, scores = recommend(index_of(model, IndexConfig(index="exact")), embedded, queries, 10, **how)
        expected, their_scores = model.recommend(queries, 10, **how)
        assert items.tolist() == expected.tolist()
        np.testing.assert_allclose(scores, their_scores, rtol=1e-5)


def test_more_is_asked_for_until_the_list_is_full() -> None:
    model, queries = model_and_queries(some_histories())
    index = Halting(np.arange(ITEMS, dtype=np.int32), IndexConfig()).build(model.item_embeddings())
    items, _ = recommend(index, model.query_embeddings(queries), queries, 10)
    assert items.tolist() == model.recommend(queries, 10)[0].tolist()
    assert (items[-1] == NO_ITEM).sum() == 7  # of the catalogue the last user lacks three items
    assert index.asked[:2] == [16, 64]  # 10 + 0, 10 + 1 and 10 + 40, rounded up
    assert max(index.asked) == ITEMS


def test_an_index_of_some_items_lists_only_these() -> None:
    model, queries = model_and_queries([[0, 2], []])
    index = index_of(model, IndexConfig(index="exact"), items=np.array([0, 2, 4]))
    items, _ = recommend(index, model.query_embeddings(queries), queries, 2)
    assert items[0].tolist() == [4, NO_ITEM]
    assert set(items[1]) < {0, 2, 4}
