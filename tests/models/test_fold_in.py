"""Vectors solved from histories: another method's minimum, the prior's part, and a full refit's answer."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import Queries, everybody
from tfrs_bench.models.fold_in import FoldIn, Prior
from tfrs_bench.models.ncf import GMF, NCF, fingerprints

DIMENSION = 4


def fitted(loss: str, log: InteractionLog, kind: type[GMF | NCF] = GMF, **settings: Any) -> Any:
    config = {"dimension": DIMENSION, "batch_size": 64, "learning_rate": 0.02, "loss": loss} | settings
    model = kind(kind.Config(**config))
    model.fit(log, seed=0, epochs=15)
    return model


def as_strangers(queries: Queries) -> Queries:
    return dataclasses.replace(queries, users=np.full(len(queries), -1, np.int32))


def objective(model: GMF, prior: Prior, vector: np.ndarray, items: list[int]) -> float:
    """Loss of one history with all items as negatives, each by its share, in double precision."""
    config = model.config
    table, bias = np.asarray(model._model.items.everything(), float), np.asarray(model._model.bias, float)
    scores = table @ (vector * np.asarray(model._model._gmf_output)) + bias
    share = np.asarray(model._facts["negative_share"], float).copy()
    rarity = -np.log(share)
    share[items] = 0
    share /= share.sum()
    positive, soft = scores[items], np.logaddexp
    if config.loss == "bce":
        loss = soft(0, -positive).sum() + config.num_negatives * len(items) * share @ soft(0, scores)
    elif config.loss == "bpr":
        loss = (soft(0, scores[None] - positive[:, None]) @ share).sum()
    else:
        loss = (soft(positive, np.log(share @ np.exp(scores + rarity))) - positive).sum()
    whitened = np.linalg.solve(prior.spread.astype(float), vector - prior.mean)
    return float(loss + 0.5 * whitened @ whitened)


@pytest.mark.parametrize("loss", ["bce", "bpr", "sampled_softmax"])
def test_it_finds_the_minimum_that_another_method_finds(loss: str, planted_blocks: InteractionLog) -> None:
    model = fitted(loss, planted_blocks, learning_rate=0.05)
    prior = Prior(np.asarray(model._model.users.rows))
    items = planted_blocks.item_ids.index(["i0", "i2", "i8"]).tolist()
    positives = csr_matrix((np.ones(3, np.float32), ([0] * 3, items)), shape=(1, 20))
    found = model._fold_in(prior.mean[None], prior.spread, positives)[0]
    best = minimize(
        lambda step: objective(model, prior, prior.mean + prior.spread @ step, items), np.zeros(DIMENSION)
    )
    step = np.linalg.solve(prior.spread.astype(float), found - prior.mean)
    assert_allclose(step, best.x, atol=0.01)
    assert np.abs(best.x).max() > 0.3


def test_without_a_history_it_stays_at_the_start(planted_blocks: InteractionLog) -> None:
    model = fitted("bce", planted_blocks)
    base = np.random.default_rng(0).normal(size=(3, DIMENSION)).astype(np.float32)
    nothing = csr_matrix((3, 20), dtype=np.float32)
    assert_array_equal(model._fold_in(base, np.eye(DIMENSION, dtype=np.float32), nothing), base)


def test_a_prior_is_the_mean_and_the_covariance_drawn_towards_a_ball() -> None:
    # Four points on an axis, variance 5 and 0 in 2 dimensions: a third of the way to 2.5, 2.5.
    prior = Prior(np.array([[-3, 1], [-1, 1], [1, 1], [3, 1]], np.float32))
    assert_allclose(prior.mean, [0, 1])
    covariance = [[5 * 2 / 3 + 2.5 / 3, 0], [0, 2.5 / 3]]
    assert_allclose(prior.spread @ prior.spread.T, covariance, rtol=1e-5, atol=1e-6)


def low_rank_log(num_users: int = 120, num_items: int = 60, rows: int = 24) -> InteractionLog:
    """Users who draw distinct items by exp of an inner product of rank 2: no two of them are alike."""
    random = np.random.default_rng(3)
    taste = 2.0 * random.normal(size=(num_users, 2)) @ random.normal(size=(2, num_items))
    items = np.argsort(-(taste + random.gumbel(size=taste.shape)), axis=1)[:, :rows]
    users = np.repeat(np.arange(num_users), rows)
    return build_log(users, items.ravel(), np.arange(len(users)))


@pytest.mark.parametrize("kind", [GMF, NCF])
def test_planted_newcomers_are_ranked_as_by_a_full_refit(kind: type[GMF | NCF]) -> None:
    log = low_rank_log()
    # Half of the last 40 users' rows are hidden; one model never saw these users, the other the other half.
    order = np.arange(len(log)) - log.user_offsets[log.users]
    late = log.users >= 80
    hidden = late & (order >= 12)
    known = log.select(~hidden)
    settings = {"learning_rate": 0.01, **({"hidden": (16, 8)} if kind is NCF else {})}
    without, refitted = (fitted("bce", one, kind, **settings) for one in (log.select(~late), known))
    asked = everybody(known).take(np.arange(80, 120))
    recall = []
    for model, queries in ((without, as_strangers(asked)), (refitted, asked)):
        listed, _ = model.recommend(queries, 12)
        truth = [set(log.items[hidden & (log.users == user)].tolist()) for user in range(80, 120)]
        found = [len(own & set(row)) for own, row in zip(truth, listed.tolist(), strict=True)]
        recall.append(np.mean(found) / 12)
    chance = 12 / 48
    assert recall[1] > 1.5 * chance
    assert recall[0] > 0.9 * recall[1]


def test_training_users_keep_their_vectors_until_their_history_grows(planted_blocks: InteractionLog) -> None:
    early = planted_blocks.select(
        np.arange(len(planted_blocks)) - planted_blocks.user_offsets[planted_blocks.users] < 4
    )
    model = fitted("bce", early, NCF, hidden=(8,))
    unchanged, grown = everybody(early), everybody(planted_blocks)
    trained = np.asarray(model._model.users.rows)
    assert_allclose(model._user_vectors(unchanged), trained, rtol=1e-6)
    # Who has two items more is answered as a stranger with the same history would be.
    assert_array_equal(model.score(grown), model.score(as_strangers(grown)))


def test_fingerprints_tell_sets_apart_whatever_their_order_and_number() -> None:
    rows = csr_matrix(np.array([[1, 1, 0], [0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32))
    first, none, same, other, part = fingerprints(rows)
    assert first == same and none == 0
    assert len({first, none, other, part}) == 4


def test_long_and_short_histories_share_chunks_without_harm(
    planted_blocks: InteractionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted("bce", planted_blocks)
    prior = Prior(np.asarray(model._model.users.rows))
    random = np.random.default_rng(0)
    positives = csr_matrix((random.random((9, 20)) < random.random((9, 1))).astype(np.float32))
    base = np.tile(prior.mean, (9, 1))
    together = model._fold_in(base, prior.spread, positives)
    monkeypatch.setattr("tfrs_bench.models.fold_in.CHUNK_PAIRS", 60)
    assert isinstance(model._fold_in, FoldIn)
    assert_allclose(model._fold_in(base, prior.spread, positives), together, rtol=1e-4, atol=1e-4)
