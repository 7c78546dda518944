"""The opponent of exact search finds what exact search finds."""

from __future__ import annotations

import numpy as np

from benchmarks import index_speed
from tfrs_bench.retrieval.building import build_index
from tfrs_bench.retrieval.config import IndexConfig


def test_numpy_finds_what_exact_search_finds() -> None:
    vectors, queries, _ = index_speed.draw(3_000, 8)
    exact = build_index(vectors, IndexConfig(index="exact"))
    by_numpy = index_speed.numpy_top_k(vectors, queries[:40])
    assert [one.tolist() for one in by_numpy] == exact.search(queries[:40], index_speed.K)[0].tolist()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
