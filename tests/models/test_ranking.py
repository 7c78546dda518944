from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrs_bench.models.ranking import NO_ITEM, tie_hash, top_k


def keys(n, seed):
    return np.random.default_rng(seed).integers(2**63, size=n).astype(np.uint64)


def brute_force(scores, k, query_keys, item_keys, seed):
    """Sorts every row whole, by score and then by hash."""
    items = np.full((len(scores), k), NO_ITEM, dtype=np.int32)
    best = np.full((len(scores), k), -np.inf, dtype=np.float32)
    for row, values in enumerate(scores):
        ties = tie_hash(query_keys[row : row + 1], item_keys, seed)
        order = [int(item) for item in np.lexsort((ties, -values)) if values[item] > -np.inf][:k]
        items[row, : len(order)] = order
        best[row, : len(order)] = values[order]
    return items, best


def assert_exact(scores, k, seed=0):
    n, m = scores.shape
    given_keys = keys(n, 1), keys(m, 2)
    before = scores.copy()
    for ours, theirs in zip(
        top_k(scores, k, *given_keys, seed), brute_force(scores, k, *given_keys, seed), strict=True
    ):
        assert np.array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    assert np.array_equal(scores, before)


@given(
    n=st.integers(0, 6),
    m=st.integers(0, 400),
    k=st.integers(1, 12),
    levels=st.sampled_from([1, 2, 5, 10**6]),
    masked=st.sampled_from([0.0, 0.3, 0.97, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_equals_sorting_everything(*, n, m, k, levels, masked, seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(levels, size=(n, m)).astype(np.float32) - levels // 2
    scores[rng.random((n, m)) < masked] = -np.inf
    assert_exact(scores, k, seed)


@pytest.mark.parametrize("value", [0.0, -3.5, np.float32(1e38)])
def test_constant_scores_of_a_large_catalogue(value):
    assert_exact(np.full((5, 5000), value, dtype=np.float32), 10)


def test_rows_with_few_and_with_many_ties_side_by_side():
    scores = np.random.default_rng(0).random((4, 3000), dtype=np.float32)
    scores[1] = 0
    scores[2, 7:] = 0
    scores[3, 5:] = -np.inf
    assert_exact(scores, 10)


def test_zero_and_minus_zero_tie():
    scores = np.zeros((1, 50), dtype=np.float32)
    scores[0, ::2] = -0.0
    items, _ = top_k(scores, 50, keys(1, 1), keys(50, 2), 0)
    plain, _ = top_k(np.zeros((1, 50), dtype=np.float32), 50, keys(1, 1), keys(50, 2), 0)
    assert np.array_equal(items, plain)


def test_by_hand_with_missing_places():
    scores = np.array([[0.1, 0.9, -np.inf, 0.5]], dtype=np.float32)
    items, best = top_k(scores, 5, keys(1, 1), keys(4, 2), 0)
    assert items.tolist() == [[1, 3, 0, -1, -1]]
    assert best[0, 3:].tolist() == [-np.inf, -np.inf]


def test_ties_are_neutral_among_users_and_items():
    items, _ = top_k(np.zeros((4000, 20), dtype=np.float32), 1, keys(4000, 1), keys(20, 2), 0)
    # each item comes first for 4,000 / 20 = 200 users, give or take √(200 · 0.95) = 14
    assert np.abs(np.bincount(items[:, 0], minlength=20) - 200).max() < 5 * 14


def test_ties_depend_on_the_seed_and_not_on_labels_or_companions():
    scores, queries, items = np.zeros((30, 40), dtype=np.float32), keys(30, 1), keys(40, 2)
    first, _ = top_k(scores, 5, queries, items, 0)
    assert not np.array_equal(first, top_k(scores, 5, queries, items, 1)[0])
    back = np.random.default_rng(0).permutation(40)
    assert np.array_equal(back[top_k(scores, 5, queries, items[back], 0)[0]], first)
    assert np.array_equal(top_k(scores[7:8], 5, queries[7:8], items, 0)[0], first[7:8])


@pytest.mark.parametrize("m", [5, 170, 171, 479])  # below k · 16 columns, and with columns left over
@pytest.mark.parametrize("place", [0, -1])
def test_nan_is_refused_wherever_it_stands(m, place):
    scores = np.zeros((2, m), dtype=np.float32)
    scores[1, place] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        top_k(scores, 10, keys(2, 1), keys(m, 2), 0)


def test_a_list_needs_a_place():
    with pytest.raises(ValueError, match="k = 0"):
        top_k(np.zeros((1, 3), dtype=np.float32), 0, keys(1, 1), keys(3, 2), 0)
