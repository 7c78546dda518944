"""Residuals of ratings by hand, and what NCF learns of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import Queries, everybody
from tfrs_bench.errors import UserError
from tfrs_bench.models.fold_in import Prior
from tfrs_bench.models.mean import Mean, MeanConfig
from tfrs_bench.models.ncf import GMF, NCF
from tfrs_bench.models.rating_residuals import RatingResiduals


def test_residuals_by_hand() -> None:
    # Ratings 5 1 / 3 3, mean 3. No shrinkage: items +1 and −1; user a rates 5 1: +1, −1, b_a = 0; b: −1, +1.
    log = build_log(np.array(list("aabb")), np.array(list("xyxy")), np.arange(4), np.array([5, 1, 3, 3.0]))
    means = Mean(MeanConfig(item_shrinkage=0.0, user_shrinkage=0.0))
    means.fit(log)
    residuals = RatingResiduals(means, 1.0)
    assert_allclose(residuals.examples(log).biases, [[0, 1], [0, -1], [0, 1], [0, -1]], atol=1e-6)
    assert_allclose(residuals.matrix(everybody(log)).toarray(), [[1, -1], [-1, 1]], atol=1e-6)
    assert_allclose(residuals.of_users(everybody(log)), [3, 3])


def test_of_a_repeated_item_the_latest_rating_counts_and_a_zero_is_kept() -> None:
    log = build_log(np.array(list("aabb")), np.array(list("xxxy")), np.arange(4), np.array([1, 3, 3, 3.0]))
    means = Mean()
    means.restore({"mean": np.array(3.0), "item_bias": np.zeros(2)})
    found = RatingResiduals(means, 1.0).matrix(everybody(log))
    # a's ratings are 2 below the mean in all: b_a = −2 / (2 + 5).
    assert_allclose(found.toarray(), [[2 / 7, 0], [0, 0]], atol=1e-6)
    assert found.indptr.tolist() == [0, 1, 3]


def test_ratings_are_needed(planted_blocks: InteractionLog) -> None:
    with pytest.raises(UserError, match="--loss=mse needs ratings"):
        RatingResiduals.of(planted_blocks)


def tastes(
    num_users: int = 150, num_items: int = 40, rows: int = 20
) -> tuple[InteractionLog, InteractionLog]:
    """Ratings 3 + 1.2 · (the user's sign) · (the item's) + noise of 0.3; everybody's last 4 rows apart."""
    random = np.random.default_rng(0)
    items = np.stack([random.permutation(num_items)[:rows] for _ in range(num_users)])
    signs = random.choice([-1, 1], num_users), random.choice([-1, 1], num_items)
    ratings = 3 + 1.2 * signs[0][:, None] * signs[1][items] + 0.3 * random.normal(size=items.shape)
    users = np.repeat(np.arange(num_users), rows)
    log = build_log(users, items.ravel(), np.arange(len(users)), ratings.ravel().astype(np.float32))
    late = np.tile(np.arange(rows) >= rows - 4, num_users)
    return log.select(~late).with_positives(3.0), log.select(late)


@pytest.fixture(scope="module", params=[GMF, NCF])
def learned(request: pytest.FixtureRequest) -> tuple[Any, InteractionLog, InteractionLog]:
    kind, (train, test) = request.param, tastes()
    hidden = {"hidden": (16, 8)} if kind is NCF else {}
    config = kind.Config(dimension=4, batch_size=64, learning_rate=0.02, loss="mse", **hidden)
    model = kind(config)
    model.fit(train, seed=0, epochs=25)
    return model, train, test


def rmse(model: Any, queries: Queries, test: InteractionLog) -> float:
    rated = model.rate(queries, test.users.astype(np.int64), test.items)
    return float(np.sqrt(np.square(rated - test.ratings).mean()))


def test_planted_tastes_are_found_for_users_and_for_strangers(
    learned: tuple[Any, InteractionLog, InteractionLog],
) -> None:
    model, train, test = learned
    asked = everybody(train)
    strangers = dataclasses.replace(asked, users=np.full(len(asked), -1, np.int32))
    # The means alone are off by about 1.2; the noise alone is 0.3.
    assert rmse(model, asked, test) < 0.5
    assert rmse(model, strangers, test) < 0.5


def test_scores_are_predicted_ratings(learned: tuple[Any, InteractionLog, InteractionLog]) -> None:
    model, train, _ = learned
    asked = everybody(train).take(slice(0, 3))
    pairs = np.repeat(np.arange(3), train.num_items), np.tile(np.arange(train.num_items, dtype=np.int32), 3)
    assert_allclose(model.score(asked).ravel(), model.rate(asked, *pairs), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("learned", [GMF], indirect=True)
def test_gmf_solves_a_newcomer_by_ridge_regression(
    learned: tuple[Any, InteractionLog, InteractionLog],
) -> None:
    model, train, _ = learned
    asked = everybody(train).take(slice(0, 1))
    network, residuals = model._model, model._residuals
    history = residuals.matrix(asked)
    prior = Prior(np.asarray(network.users.rows))
    table = np.asarray(network.items.everything())[history.indices] * np.asarray(network._gmf_output)
    target = history.data - np.asarray(network.bias)[history.indices] - table @ prior.mean
    design = (table @ prior.spread).astype(float)
    ridge = design.T @ design + residuals.variance * np.eye(4)
    expected = prior.mean + prior.spread @ np.linalg.solve(ridge, design.T @ target)
    assert_allclose(
        model._fold_in(prior.mean[None], prior.spread, history)[0], expected, rtol=1e-3, atol=1e-4
    )
