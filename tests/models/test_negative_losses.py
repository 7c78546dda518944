"""Losses among negatives, on scores that are logarithms of small numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tfrs_bench.models.negative_losses import (
    LEFT_OUT,
    NEGATIVE,
    POSITIVE,
    NegativeSamplingLoss,
    expected_loss,
)
from tfrs_bench.runtime import import_tensorflow

tf, _ = import_tensorflow()
KINDS = ["bce", "bpr", "sampled_softmax"]

# Odds of the positive and of two negatives; σ(log a) = a / (1 + a), σ(log a − log b) = a / (a + b).
BY_HAND = {
    "bce": -np.log([(3 / 4) * (1 / 2) * (1 / 3), (1 / 2) * (1 / 5) * (1 / 2)]) / 3,
    "bpr": -np.array([np.log(3 / 4) + np.log(3 / 5), np.log(1 / 5) + np.log(1 / 2)]) / 2,
    "sampled_softmax": -np.log([3 / (3 + 3 / 2), 1 / (1 + 5 / 2)]),
}
ODDS = [[3, 1, 2], [1, 4, 1]]


@pytest.mark.parametrize("kind", KINDS)
def test_losses_by_hand(kind: str) -> None:
    labels = tf.constant([[POSITIVE, NEGATIVE, NEGATIVE]] * 2)
    scores = tf.constant(np.log(ODDS), tf.float32)
    assert_allclose(NegativeSamplingLoss(kind).call(labels, scores), BY_HAND[kind], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_negative_left_out_adds_nothing_and_has_no_derivative(kind: str) -> None:
    scores = tf.Variable(np.log([[3.0, 1.0, 2.0]]), dtype=tf.float32)
    never = tf.constant([[np.log(3.0), 0.0, -1e6]], tf.float32)
    labels = tf.constant([[POSITIVE, NEGATIVE, LEFT_OUT]])
    loss = NegativeSamplingLoss(kind)
    with tf.GradientTape() as tape:
        left_out = loss.call(labels, scores)
    slopes = tape.gradient(left_out, scores)
    assert_allclose(left_out, loss.call(tf.constant([[POSITIVE, NEGATIVE, NEGATIVE]]), never), rtol=1e-6)
    assert np.isfinite(slopes).all() and slopes[0, 0] != 0 and slopes[0, 2] == 0


@pytest.fixture(scope="module")
def histories() -> dict[str, np.ndarray]:
    """Two histories of at most three items, and four items that stand for all."""
    random = np.random.default_rng(0)
    return {
        "positive": random.normal(size=(2, 3)).astype(np.float32),
        "present": np.array([[1, 1, 1], [1, 0, 0]], np.float32),
        "negative": random.normal(size=(2, 4)).astype(np.float32),
        "weight": np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.0, 0.0]], np.float32),
    }


def in_double(kind: str, of: dict[str, np.ndarray]) -> np.ndarray:
    """The expected loss, written down once more: per positive, K = 3 draws of the weights."""
    positive, negative = of["positive"].astype(float), of["negative"].astype(float)
    soft = np.logaddexp
    if kind == "bce":
        drawn = (of["weight"] * soft(0, negative)).sum(axis=1, keepdims=True)
        each = soft(0, -positive) + 3 * drawn
    elif kind == "bpr":
        gaps = negative[:, None, :] - positive[:, :, None]
        each = (of["weight"][:, None, :] * soft(0, gaps)).sum(axis=2)
    else:
        others = np.log((of["weight"] * np.exp(negative)).sum(axis=1, keepdims=True))
        each = soft(positive, others) - positive
    return (of["present"] * each).sum(axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_expected_losses_and_their_derivatives(kind: str, histories: dict[str, np.ndarray]) -> None:
    value, slopes, bounds = expected_loss(kind, *map(tf.constant, histories.values()), num_negatives=3)
    assert_allclose(value, in_double(kind, histories), rtol=1e-5)
    for name, slope, bound in zip(("positive", "negative"), slopes, bounds, strict=True):
        for row, column in np.ndindex(*slope.shape):
            moved = [{**histories, name: histories[name].astype(float)} for _ in range(2)]
            for one, by in zip(moved, (1e-4, -1e-4), strict=True):
                one[name][row, column] += by
            up, down = (in_double(kind, one)[row] for one in moved)
            assert float(slope[row, column]) == pytest.approx((up - down) / 2e-4, abs=1e-4)
            bend = (up + down - 2 * in_double(kind, histories)[row]) / 1e-8
            assert bend - 1e-3 <= float(bound[row, column])


def test_a_history_that_covers_all_items_has_a_finite_expected_softmax() -> None:
    one = tf.constant([[0.5]])
    value, slopes, bounds = expected_loss(
        "sampled_softmax", one, one, one, tf.zeros_like(one), num_negatives=1
    )
    assert float(value[0]) == 0
    assert all(np.isfinite(part).all() for part in (*slopes, *bounds))
