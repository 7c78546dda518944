"""BPR: its fold-in is held to the gradient, written out densely, and its training to planted tastes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import everybody, positive_matrix
from tfrs_bench.errors import UserError
from tfrs_bench.models import bpr
from tfrs_bench.models.bpr import BPR, BPRConfig


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """60 users × 20 items with two tastes; some items are twice as popular as others; u60 likes nothing."""
    random = np.random.default_rng(0)
    own = np.arange(60)[:, None] % 2 == np.arange(20)[None] % 2
    likely = np.where(own, 0.35, 0.05) * np.where(np.arange(20) < 10, 2, 1)
    users, items = np.nonzero(random.random((60, 20)) < likely)
    users, items = np.append(users, 60), np.append(items, 0)
    ratings = np.where(users == 60, 1, 5).astype(np.float32)
    names = np.array([f"u{user:02}" for user in users]), np.array([f"i{item:02}" for item in items])
    return build_log(*names, np.arange(len(users)), ratings).with_positives(4.0)


def fitted(log: InteractionLog, **settings: float) -> BPR:
    model = BPR(BPRConfig(**({"factors": 4, "learning_rate": 0.05} | settings)))
    model.fit(log, seed=1)
    return model


def gradient(model: BPR, x: np.ndarray, user: np.ndarray) -> np.ndarray:
    """Of Σ_i Σ_j π_j (softplus(s_j − s_i) + λ/2 ‖u‖²) + ‖u‖² / (2 η T), i ∈ H and j ∉ H, by u."""
    config, embeddings = model.config, model.item_embeddings().astype(float)
    items, biases, popularity = embeddings[:, :-2], embeddings[:, -2], embeddings[:, -1]
    shares = popularity / popularity.sum()
    scores = items @ user + biases
    total = user / (config.learning_rate * config.iterations)
    for i in np.flatnonzero(x):
        for j in np.flatnonzero(x == 0):
            pull = expit(scores[j] - scores[i]) * (items[j] - items[i])
            total = total + shares[j] * (pull + config.regularization * user)
    return np.asarray(total)


@pytest.mark.parametrize("regularization", [0.0, 0.01, 0.3])
@pytest.mark.parametrize("iterations", [5, 100])
def test_every_query_minimizes_its_part_of_the_objective(
    log: InteractionLog, regularization: float, iterations: int
) -> None:
    model = fitted(log, regularization=regularization, iterations=iterations)
    rows = positive_matrix(log).toarray()
    users = model.query_embeddings(everybody(log))[:, :4].astype(float)
    for x, user in zip(rows[:8], users[:8], strict=True):
        assert_allclose(gradient(model, x, user), 0, atol=2e-3 * np.abs(gradient(model, x, 0 * user)).max())


def test_scores_are_inner_products_and_biases(log: InteractionLog) -> None:
    model = fitted(log)
    items, users = model.item_embeddings(), model.query_embeddings(everybody(log))
    assert np.abs(items[:, 4]).max() > 0.01
    assert_allclose(
        model.score(everybody(log))[:60], users[:60, :4] @ items[:, :4].T + items[:, 4], atol=1e-5
    )


def test_a_history_without_positives_is_answered_by_popularity(log: InteractionLog) -> None:
    counts = np.asarray(positive_matrix(log).sum(axis=0)).ravel()
    assert_allclose(fitted(log).score(everybody(log))[60], counts / counts.max(), rtol=1e-6)


def test_what_a_user_has_is_ranked_above_what_they_have_not(log: InteractionLog) -> None:
    scores, x = fitted(log).score(everybody(log))[:60], positive_matrix(log).toarray()[:60]
    above = [(row[own > 0][:, None] > row[own == 0]).mean() for row, own in zip(scores, x, strict=True)]
    assert np.mean(above) > 0.85


def test_fits_are_equal_to_the_last_digit(log: InteractionLog) -> None:
    assert_array_equal(fitted(log).score(everybody(log)), fitted(log).score(everybody(log)))


def test_few_items_stand_for_draws_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    popularity = np.array([0.5, 0, 1, 0.25, 0.25, 0], np.float32)
    items, shares = bpr._spread_out(popularity)
    assert_array_equal(items, [0, 2, 3, 4])
    assert_allclose(shares, [1 / 4, 1 / 2, 1 / 8, 1 / 8])
    # Draws at 1/4 and 3/4 of the way: the first ends item 0's quarter, the second item 2's half.
    monkeypatch.setattr(bpr, "_NEGATIVES", 2)
    items, shares = bpr._spread_out(popularity)
    assert_array_equal(items, [0, 2])
    assert_allclose(shares, [1 / 2, 1 / 2])


def test_training_that_diverges_is_told(log: InteractionLog) -> None:
    with pytest.raises(UserError, match="smaller --learning_rate"):
        fitted(log, factors=64, learning_rate=1.0, regularization=0.0, iterations=2000)
