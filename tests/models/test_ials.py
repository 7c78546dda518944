"""iALS is held to the gradient of Rendle et al.'s objective, written out densely."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import everybody, positive_matrix
from tfrs_bench.models import ials
from tfrs_bench.models.ials import IALS, IALSConfig


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """60 users × 20 items with two tastes; every item has positives."""
    random = np.random.default_rng(0)
    taste = np.arange(60)[:, None] % 2 == np.arange(20)[None] % 2
    users, items = np.nonzero(random.random((60, 20)) < np.where(taste, 0.5, 0.05))
    names = np.array([f"u{user:02}" for user in users]), np.array([f"i{item:02}" for item in items])
    return build_log(*names, np.arange(len(users)), None)


def fitted(log: InteractionLog, **settings: float) -> IALS:
    model = IALS(IALSConfig(factors=4, **settings))
    model.fit(log, seed=1)
    return model


def user_gradient(model: IALS, x: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Half the derivative of the objective, ν = 1, with respect to the users' factors [n, d]."""
    config, items = model.config, model.item_embeddings()[:, :-1].astype(float)
    scores = users @ items.T
    ridge = config.regularization * (x.sum(axis=1) + config.unobserved_weight * x.shape[1])
    errors = x * (scores - 1) + config.unobserved_weight * scores
    return errors @ items + ridge[:, None] * users


@pytest.mark.parametrize("unobserved_weight", [0.05, 1.0])
@pytest.mark.parametrize("regularization", [0.003, 0.1])
def test_every_query_minimizes_its_part_of_the_objective(
    log: InteractionLog, regularization: float, unobserved_weight: float
) -> None:
    model = fitted(log, regularization=regularization, unobserved_weight=unobserved_weight)
    x = positive_matrix(log).toarray().astype(float)
    users = model.query_embeddings(everybody(log))[:, :-1].astype(float)
    assert np.abs(users).max() > 0.1
    assert_allclose(user_gradient(model, x, users), 0, atol=1e-4)


def test_the_exponent_scales_regularization_with_what_is_known_of_a_row(log: InteractionLog) -> None:
    flat, scaled = (fitted(log, regularization=0.1, frequency_exponent=one) for one in (0.0, 1.0))
    length = [np.linalg.norm(one.query_embeddings(everybody(log)), axis=1).mean() for one in (flat, scaled)]
    assert length[0] > length[1]


def test_long_training_ends_where_both_sides_are_at_rest(log: InteractionLog) -> None:
    settled, further = (fitted(log, iterations=count) for count in (300, 301))
    scores = [one.score(everybody(log)) for one in (settled, further)]
    assert_allclose(scores[0], scores[1], atol=1e-4)


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_both_systems_have_the_same_answer(count: int) -> None:
    random = np.random.default_rng(count)
    vectors, diagonal = random.normal(size=(count, 4)), random.uniform(0.5, 2, 4)
    expected = np.linalg.solve(vectors.T @ vectors + np.diag(diagonal), vectors.sum(axis=0))
    answer = ials.fit_ones(vectors.astype(np.float32), diagonal.astype(np.float32))
    assert_allclose(answer, expected, atol=1e-5)


def test_blocks_of_rows_change_nothing(log: InteractionLog, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(log).score(everybody(log))
    monkeypatch.setattr(ials, "_ROWS", 7)
    assert_allclose(fitted(log).score(everybody(log)), whole, atol=1e-5)
