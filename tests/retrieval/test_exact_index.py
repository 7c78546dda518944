"""Exact search against a sort of every product."""

from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.models.ranking import NO_ITEM
from tfrs_bench.retrieval import exact_index
from tfrs_bench.retrieval.building import build_index
from tfrs_bench.retrieval.config import IndexConfig

EXACT = IndexConfig(index="exact")


def vectors(count, dimension=6, seed=0):
    return np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)


@pytest.mark.parametrize("block_bytes", [1, 10**9])
def test_finds_what_a_sort_finds(monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    monkeypatch.setattr(exact_index, "_BLOCK_BYTES", block_bytes)
    index, queries = build_index(vectors(300), EXACT), vectors(100, seed=1)
    items, scores = index.search(queries, 7)
    products = queries @ vectors(300).T
    assert items.tolist() == np.argsort(-products, axis=1)[:, :7].tolist()
    np.testing.assert_allclose(scores, -np.sort(-products, axis=1)[:, :7], rtol=1e-5)
    assert (items.dtype, scores.dtype) == (np.int32, np.float32)


def test_rows_have_the_numbers_of_their_items_and_missing_places_are_marked() -> None:
    index = build_index(np.eye(2, dtype=np.float32), EXACT, items=np.array([7, 3]))
    items, scores = index.search(np.array([[1.0, 2.0]], np.float32), 3)
    assert items.tolist() == [[3, 7, NO_ITEM]]
    assert scores.tolist() == [[2.0, 1.0, -np.inf]]


def test_cosine_does_not_see_lengths() -> None:
    long_and_near = np.array([[10.0, 10.0], [0.1, 0.0], [0.0, 0.0]], np.float32)
    query = np.array([[4.0, 0.0]], np.float32)
    by_product = build_index(long_and_near, EXACT).search(query, 3)
    by_cosine = build_index(long_and_near, EXACT, similarity="cosine").search(query, 3)
    assert by_product[0].tolist() == [[0, 1, 2]] and by_product[1][0, 0] == 40
    assert by_cosine[0].tolist() == [[1, 0, 2]] and by_cosine[1][0, 0] == 1


def test_no_items_and_no_queries_have_answers() -> None:
    nothing = build_index(vectors(0), EXACT)
    assert nothing.search(vectors(2), 3)[0].tolist() == [[NO_ITEM] * 3] * 2
    assert build_index(vectors(5), EXACT).search(vectors(0), 3)[0].shape == (0, 3)


@pytest.mark.parametrize(
    ("queries", "k"), [(vectors(2), 0), (vectors(2, dimension=5), 1), (vectors(1)[0], 1)]
)
def test_what_cannot_be_searched_is_said(queries, k: int) -> None:
    with pytest.raises(ValueError, match=r"takes k ≥ 1 and queries \[n, 6\]"):
        build_index(vectors(5), EXACT).search(queries, k)


@pytest.mark.parametrize("wrong", [vectors(4), np.full((5, 6), np.nan, np.float32)])
def test_vectors_must_be_finite_and_as_many_as_the_items(wrong) -> None:
    with pytest.raises(ValueError, match="an index of 5 items needs as many finite vectors"):
        build_index(wrong, EXACT, items=np.arange(5))
