"""Similarities, neighborhoods and their scores, held to definitions written out for sets."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import positive_matrix, queries_at_end
from tfrs_bench.models import itemknn, similarity
from tfrs_bench.models.base import Recommender
from tfrs_bench.models.itemknn import ItemKNN
from tfrs_bench.models.similarity import KINDS, NeighborConfig, Similarity, keep_nearest
from tfrs_bench.models.userknn import UserKNN

ROWS = np.array([[1, 1, 0, 0, 1], [1, 0, 0, 0, 1], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]], np.float32)


def defined(one: np.ndarray, other: np.ndarray, all_rows: np.ndarray, config: NeighborConfig) -> float:
    """A similarity by its definition, of two rows of zeros and ones."""
    common = float(one @ other)
    if common == 0:
        return 0.0
    if config.similarity == "jaccard":
        return common / (float(np.maximum(one, other).sum()) + config.shrinkage)
    weights = [one, other]
    if config.similarity == "bm25":
        having = all_rows.sum(axis=0)
        rarity = np.log(1 + (len(all_rows) - having + 0.5) / (having + 0.5))
        mean = max(all_rows.sum(axis=1).mean(), 1)
        weights = [row * rarity * 2.2 / (1.2 * (0.25 + 0.75 * row.sum() / mean) + 1) for row in weights]
    lengths = [math.sqrt(float(row @ row)) for row in weights]
    return float(weights[0] @ weights[1]) / (lengths[0] * lengths[1] + config.shrinkage)


def similarities(rows: np.ndarray, asked: np.ndarray, config: NeighborConfig) -> np.ndarray:
    blocks = Similarity(csr_matrix(rows), config).blocks(csr_matrix(asked))
    return np.concatenate([block for _, block in blocks])


@pytest.mark.parametrize("shrinkage", [0.0, 3.0])
@pytest.mark.parametrize("kind", KINDS)
def test_similarities_are_as_defined(kind: str, shrinkage: float) -> None:
    config = NeighborConfig(kind, shrinkage=shrinkage)
    expected = [[defined(one, other, ROWS, config) for other in ROWS] for one in ROWS]
    assert_allclose(similarities(ROWS, ROWS, config), expected, rtol=1e-5)
    assert expected[0][1] > 0


def test_by_hand() -> None:
    assert similarities(ROWS, ROWS[:1], NeighborConfig("cosine", shrinkage=0))[0, 1] == pytest.approx(
        2 / math.sqrt(6)
    )
    assert similarities(ROWS, ROWS[:1], NeighborConfig("jaccard", shrinkage=1))[0, 1] == pytest.approx(2 / 4)


def test_a_rare_column_says_more_than_a_common_one() -> None:
    rows = np.array([[1, 0, 1], [1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32)
    rare, common = similarities(rows, rows, NeighborConfig("bm25", shrinkage=0))[0, [3, 1]]
    assert rare > common


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_change_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = similarities(ROWS, ROWS, NeighborConfig(kind))
    monkeypatch.setattr(similarity, "BLOCK_CELLS", 5)
    assert_array_equal(similarities(ROWS, ROWS, NeighborConfig(kind)), whole)


@given(arrays(np.float32, (3, 6), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])), st.integers(1, 8))
def test_the_nearest_are_kept_with_those_tied(values: np.ndarray, count: int) -> None:
    for row, kept in zip(values, keep_nearest(values, count).toarray(), strict=True):
        least = sorted(row, reverse=True)[:count][-1]
        assert_array_equal(kept, np.where(row >= least, row, 0))


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    random = np.random.default_rng(0)
    users, items = np.nonzero(random.random((25, 12)) < 0.3)
    names = np.array([f"u{user:02}" for user in users]), np.array([f"i{item:02}" for item in items])
    return build_log(*names, np.arange(len(users)), None)


def scores(model: Recommender, log: InteractionLog) -> np.ndarray:
    model.fit(log)
    users = np.arange(log.num_users, dtype=np.int32)
    return model.score(queries_at_end(log, users, np.ones(log.num_users, bool)))


@pytest.mark.parametrize(("kind", "count"), itertools.product(KINDS, [2, 50]))
def test_item_scores_are_sums_over_an_items_neighbors(log: InteractionLog, kind: str, count: int) -> None:
    config, x = NeighborConfig(kind, neighbors=count, shrinkage=1.0), positive_matrix(log).toarray()
    similar = np.array([[defined(a, b, x.T, config) if a is not b else 0 for b in x.T] for a in x.T])
    np.fill_diagonal(similar, 0)
    assert_allclose(
        scores(ItemKNN(config), log), x @ keep_nearest(similar.astype(np.float32), count).T, atol=1e-5
    )


@pytest.mark.parametrize(("kind", "count"), itertools.product(KINDS, [2, 50]))
def test_user_scores_are_sums_over_other_users(log: InteractionLog, kind: str, count: int) -> None:
    config, x = NeighborConfig(kind, neighbors=count, shrinkage=1.0), positive_matrix(log).toarray()
    similar = np.array([[defined(a, b, x, config) for b in x] for a in x])
    np.fill_diagonal(similar, 0)
    assert_allclose(
        scores(UserKNN(config), log), keep_nearest(similar.astype(np.float32), count) @ x, atol=1e-5
    )


@pytest.mark.parametrize("kind", [ItemKNN, UserKNN])
def test_blocks_of_queries_change_nothing(
    log: InteractionLog, kind: type[Recommender], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scores(kind(), log)
    monkeypatch.setattr(similarity, "BLOCK_CELLS", 40)
    monkeypatch.setattr(itemknn, "_BLOCK", 3)
    assert_array_equal(scores(kind(), log), whole)
