"""FAISS beside exact search, where it is installed."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from retrieval.clusters import clusters, recall

from tfrs_bench.errors import UserError
from tfrs_bench.retrieval.building import build_index
from tfrs_bench.retrieval.config import IndexConfig

needs_faiss = pytest.mark.skipif(
    importlib.util.find_spec("faiss") is None, reason="needs faiss-cpu, the extra [faiss]"
)


@needs_faiss
@pytest.mark.parametrize(
    ("kind", "everything"),
    [
        ("faiss_hnsw", {"links_to_follow": 2_000}),
        ("faiss_ivfpq", {"leaves": 30, "leaves_to_search": 30, "reorder": 2_000}),
    ],
)
def test_everything_searched_is_exact(kind: str, everything: dict[str, int]) -> None:
    vectors, queries = clusters()
    items, scores = build_index(vectors, IndexConfig(index=kind, **everything)).search(queries, 10)
    exact = build_index(vectors, IndexConfig(index="exact")).search(queries, 10)
    assert recall(items, exact[0]) > 0.99
    np.testing.assert_allclose(scores.max(axis=1), exact[1].max(axis=1), rtol=1e-4)


@needs_faiss
@pytest.mark.parametrize("kind", ["faiss_hnsw", "faiss_ivfpq"])
def test_more_effort_finds_more(kind: str) -> None:
    vectors, queries = clusters()
    exact, _ = build_index(vectors, IndexConfig(index="exact")).search(queries, 100)
    index = build_index(vectors, IndexConfig(index=kind, links=4))
    efforts = index.efforts()
    least, most = (
        recall(index.with_effort(**effort).search(queries, 100)[0], exact)
        for effort in (efforts[0], efforts[-1])
    )
    assert least < most


@needs_faiss
@pytest.mark.parametrize("kind", ["faiss_hnsw", "faiss_ivfpq"])
def test_too_few_vectors_to_train_on_are_still_found(kind: str) -> None:
    vectors = np.eye(3, dtype=np.float32)
    items, _ = build_index(vectors, IndexConfig(index=kind)).search(vectors, 3)
    assert sorted(items[0]) == [0, 1, 2]


def test_without_faiss_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"--index=faiss_hnsw needs FAISS.* Type: .*pip install faiss-cpu=="):
        build_index(np.eye(3, dtype=np.float32), IndexConfig(index="faiss_hnsw"))
