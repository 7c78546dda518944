"""Biased matrix factorization finds what was planted, and answers a stranger by the same regression."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import everybody, queries_at_end
from tfrs_bench.models.biased_mf import BiasedMF, BiasedMFConfig
from tfrs_bench.models.mean import Mean

USERS, ITEMS, NOISE = 300, 120, 0.1


def planted() -> tuple[np.ndarray, InteractionLog, np.ndarray]:
    """True ratings [users, items], rank 2 and biases; a log of 30 % of them with noise; where these are."""
    random = np.random.default_rng(0)
    truth = 3 + random.normal(0, 0.4, (USERS, 1)) + random.normal(0, 0.6, (1, ITEMS))
    truth = truth + random.normal(size=(USERS, 2)) @ random.normal(size=(2, ITEMS)) * 0.5
    shown = random.random(truth.shape) < 0.3
    users, items = np.nonzero(shown)
    ratings = truth[shown] + random.normal(0, NOISE, shown.sum())
    log = build_log(users, items, np.arange(len(users)), ratings.astype(np.float32))
    order = np.array([int(one) for one in log.item_ids.ids])
    return truth[:, order], log, shown[:, order]


def error(model: BiasedMF | Mean, truth: np.ndarray, log: InteractionLog, where: np.ndarray) -> float:
    """RMSE against the truth, free of noise."""
    queries, items = np.nonzero(where)
    rated = model.rate(everybody(log), queries, items.astype(np.int32))
    return float(np.sqrt(np.mean((rated - truth[where]) ** 2)))


@pytest.fixture(scope="module")
def fitted() -> tuple[BiasedMF, np.ndarray, InteractionLog, np.ndarray]:
    truth, log, shown = planted()
    model = BiasedMF(BiasedMFConfig(factors=2, regularization=0.1, bias_regularization=0.1))
    model.fit(log, seed=1)
    return model, truth, log, shown


def test_what_was_planted_is_found_where_nothing_was_shown(
    fitted: tuple[BiasedMF, np.ndarray, InteractionLog, np.ndarray],
) -> None:
    model, truth, log, shown = fitted
    means = Mean()
    means.fit(log)
    # Five parameters from some 36 ratings with noise .1: about .1 · √(5 / 36) on top of nothing.
    assert error(model, truth, log, ~shown) < 0.06
    assert error(means, truth, log, ~shown) > 0.6


def test_a_stranger_is_answered_as_a_training_user_with_that_history(
    fitted: tuple[BiasedMF, np.ndarray, InteractionLog, np.ndarray],
) -> None:
    model, _, log, _ = fitted
    pairs = np.arange(USERS), np.zeros(USERS, np.int32)
    strangers = dataclasses.replace(everybody(log), users=np.full(USERS, -1, np.int32))
    np.testing.assert_array_equal(model.rate(strangers, *pairs), model.rate(everybody(log), *pairs))


def test_a_query_is_the_ridge_regression_of_its_history(
    fitted: tuple[BiasedMF, np.ndarray, InteractionLog, np.ndarray],
) -> None:
    model, _, log, _ = fitted
    items = model.item_embeddings().astype(float)  # 1, b_i, q_i
    mine = log.users == 0
    seen = items[log.items[mine]]
    x = np.column_stack([np.ones(mine.sum()), seen[:, 2:]])
    target = log.ratings[mine] - log.ratings.mean(dtype=float) - seen[:, 1]
    bias, *taste = np.linalg.solve(x.T @ x + 0.1 * np.eye(3), x.T @ target)
    expected = log.ratings.mean(dtype=float) + bias + items[:, 1] + items[:, 2:] @ taste
    np.testing.assert_allclose(model.score(everybody(log))[0], expected, atol=1e-3)


def test_without_a_history_everybody_is_average(
    fitted: tuple[BiasedMF, np.ndarray, InteractionLog, np.ndarray],
) -> None:
    model, _, log, _ = fitted
    nobody = queries_at_end(log.select(log.users < 0), np.zeros(1, np.int32), np.zeros(USERS, bool))
    rated = model.rate(nobody, np.zeros(ITEMS, int), np.arange(ITEMS, dtype=np.int32))
    np.testing.assert_allclose(
        rated, log.ratings.mean(dtype=float) + model.item_embeddings()[:, 1], atol=1e-5
    )


def test_an_item_without_ratings_is_rated_by_the_user_alone() -> None:
    _, log, _ = planted()
    model = BiasedMF(BiasedMFConfig(factors=2))
    model.fit(log.select(log.items != 7), seed=0)
    asked = everybody(log)
    rated = model.rate(asked, np.arange(USERS), np.full(USERS, 7, np.int32))
    np.testing.assert_allclose(rated, model.query_embeddings(asked)[:, 0], atol=1e-6)
