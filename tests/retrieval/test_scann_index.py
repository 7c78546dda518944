"""ScaNN beside exact search, on clusters whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from retrieval.clusters import CLUSTERS, clusters, recall

from tfrs_bench.retrieval.building import build_index
from tfrs_bench.retrieval.config import IndexConfig
from tfrs_bench.retrieval.scann_index import ScannIndex
from tfrs_bench.runtime import REINSTALL, scann_problem


@pytest.fixture(scope="module", autouse=True)
def _needs_scann() -> None:
    if scann_problem() is not None:
        pytest.skip(str(scann_problem()))


@pytest.mark.parametrize("leaves", [None, 30])
@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_everything_searched_and_reordered_is_exact(leaves: int | None, similarity: str) -> None:
    vectors, queries = clusters()
    config = IndexConfig(index="scann", leaves=leaves, leaves_to_search=leaves, reorder=2_000)
    items, scores = build_index(vectors, config, similarity=similarity).search(queries, 10)
    exact = build_index(vectors, IndexConfig(index="exact"), similarity=similarity).search(queries, 10)
    assert recall(items, exact[0]) > 0.999
    np.testing.assert_allclose(scores, exact[1], rtol=1e-4)


def test_one_query_finds_what_many_find() -> None:
    vectors, queries = clusters()
    index = build_index(vectors, IndexConfig(index="scann"))
    together, _ = index.search(queries, 10)
    assert [index.search(query[None], 10)[0][0].tolist() for query in queries] == together.tolist()


def test_more_leaves_find_more() -> None:
    vectors, queries = clusters()
    exact, _ = build_index(vectors, IndexConfig(index="exact")).search(queries, 100)
    index = build_index(vectors, IndexConfig(index="scann", leaves=50))
    one, all_leaves = (
        recall(index.with_effort(leaves_to_search=leaves, reorder=500).search(queries, 100)[0], exact)
        for leaves in (1, 50)
    )
    assert one < 0.9 < all_leaves
    assert index.config.leaves_to_search is None


def test_a_long_list_looks_into_more_leaves() -> None:
    vectors, queries = clusters()
    index = build_index(vectors, IndexConfig(index="scann", leaves=50, leaves_to_search=1))
    assert (index.search(queries, 2_000)[0] >= 0).all()


def test_a_dimension_that_is_the_same_for_all_items_changes_scores_and_no_order() -> None:
    vectors, queries = clusters()
    config = IndexConfig(index="scann")
    more = np.column_stack([vectors, np.full(2_000, 3, np.float32)])
    items, scores = build_index(more, config).search(
        np.column_stack([queries, np.ones(CLUSTERS, np.float32)]), 5
    )
    without = build_index(vectors, config).search(queries, 5)
    assert items.tolist() == without[0].tolist()
    np.testing.assert_allclose(scores, without[1] + 3, rtol=1e-5)


@pytest.mark.parametrize("vectors", [np.ones((1, 3), np.float32), np.zeros((30, 2), np.float32)])
def test_too_little_to_learn_from_is_still_found(vectors) -> None:
    items, _ = build_index(vectors, IndexConfig(index="scann")).search(vectors[:1], len(vectors))
    assert sorted(items[0]) == list(range(len(vectors)))


def test_a_setting_that_no_search_reads_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="scann is searched with leaves_to_search, reorder"):
        build_index(clusters()[0], IndexConfig(index="scann")).with_effort(leaves=3)


def test_without_a_usable_scann_exact_search_serves_and_the_cure_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tfrs_bench.retrieval.scann_index.scann_problem", lambda: "scann 1 does not load")
    monkeypatch.setattr("sys.platform", "linux")
    index = build_index(np.eye(3, dtype=np.float32), IndexConfig(index="scann"))
    assert index.is_exact and not isinstance(index, ScannIndex)
    assert index.reason == f"scann 1 does not load; exact search serves. Type: {REINSTALL}"


def test_document_ids_beside_it_are_not_unpickled(tmp_path: Path) -> None:
    index = build_index(clusters()[0], IndexConfig(index="scann"))
    index.write(tmp_path)
    (tmp_path / "scann" / "scann_docids.pkl").write_bytes(b"cos\nsystem\n(S'exit'\ntR.")
    with pytest.raises(
        ValueError, match=r"scann_docids\.pkl is a pickle, which nothing here writes or reads"
    ):
        index.read(tmp_path)
