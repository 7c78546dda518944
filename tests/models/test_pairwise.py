"""The solver of one user's vector is held to its objective, written out pair by pair."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.models.pairwise import Pairs


def drawn(count: int, size: float = 1.0, ridge: float = 0.5) -> Pairs:
    random = np.random.default_rng(count)
    arrays = [random.normal(0, size, shape) for shape in ((count, 3), count, (7, 3), 7)]
    weights = np.array([0.0, 0.1, 0.2, 0.1, 0.3, 0.1, 0.2])
    return Pairs(*(array.astype(np.float32) for array in (*arrays, weights)), ridge=ridge)


def gradient(pairs: Pairs, x: np.ndarray) -> np.ndarray:
    total = pairs.ridge * x.astype(float)
    for y, b in zip(pairs.preferred.astype(float), pairs.preferred_biases, strict=True):
        for z, c, w in zip(pairs.others.astype(float), pairs.other_biases, pairs.weights, strict=True):
            total += w * (z - y) / (1 + math.exp(-(x @ (z - y) + float(c - b))))
    return total


def test_by_hand() -> None:
    """softplus(−x) + r/2 x² has its minimum where σ(−x) = r x: at 1 for r = σ(−1)."""
    one, none = np.ones(1, np.float32), np.zeros(1, np.float32)
    pairs = Pairs(one[None], none, none[None], none, one, ridge=1 / (1 + math.e))
    assert pairs.solve() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("count", [1, 2, 20])
@pytest.mark.parametrize("ridge", [0.01, 0.5, 20.0])
def test_the_gradient_vanishes_at_the_solution(count: int, ridge: float) -> None:
    pairs = drawn(count, ridge=ridge)
    start = np.abs(gradient(pairs, np.zeros(3))).max()
    assert_allclose(gradient(pairs, pairs.solve()), 0, atol=2e-3 * start)


def test_large_vectors_are_no_trouble() -> None:
    pairs = drawn(20, size=100.0, ridge=1e-3)
    found = pairs.solve()
    assert np.isfinite(found).all()
    assert np.abs(gradient(pairs, found)).max() < 1e-2 * np.abs(gradient(pairs, np.zeros(3))).max()


def test_others_of_no_weight_say_nothing() -> None:
    pairs = drawn(4)
    nothing = Pairs(**{**vars(pairs), "weights": np.zeros(7, np.float32)})
    assert_array_equal(nothing.solve(), np.zeros(3))
