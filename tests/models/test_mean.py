"""Means by hand: items p, q and r, users a and b, and a stranger."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.models.mean import Mean, MeanConfig


@pytest.fixture
def log() -> InteractionLog:
    """μ = 3; p has 5 and 4, q has 1, r has 2; a gave 5 and 1, b gave 4 and 2."""
    return build_log(
        np.array(list("aabb")), np.array(list("pqpr")), np.arange(4), np.array([5, 1, 4, 2], np.float32)
    )


def fit(log: InteractionLog, **settings: float) -> Mean:
    model = Mean(MeanConfig(**settings))
    model.fit(log)
    return model


def ask(log: InteractionLog, known: slice = slice(None)) -> Queries:
    rows = np.zeros(len(log), bool)
    rows[known] = True
    return queries_at_end(log.select(rows), np.array([0, 1], np.int32), np.ones(2, bool))


PAIRS = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2] * 2, np.int32)


def test_without_shrinkage(log: InteractionLog) -> None:
    # b_p = 1.5, b_q = -2, b_r = -1; a: (5 - 4.5 + 1 - 1) / 2 = .25, b: (4 - 4.5 + 2 - 2) / 2 = -.25
    rated = fit(log, item_shrinkage=0, user_shrinkage=0).rate(ask(log), *PAIRS)
    assert rated.dtype == np.float32
    assert rated.tolist() == pytest.approx([4.75, 1.25, 2.25, 4.25, 0.75, 1.75])


def test_with_shrinkage(log: InteractionLog) -> None:
    # b_p = 3 / 3, b_q = -2 / 2, b_r = -1 / 2; a: (5 - 4 + 1 - 2) / 4 = 0, b: (4 - 4 + 2 - 2.5) / 4 = -1/8
    rated = fit(log, item_shrinkage=1, user_shrinkage=2).rate(ask(log), *PAIRS)
    assert rated.tolist() == pytest.approx([4, 2, 2.5, 4 - 1 / 8, 2 - 1 / 8, 2.5 - 1 / 8])


def test_a_bias_is_that_of_the_history_at_hand(log: InteractionLog) -> None:
    model = fit(log, item_shrinkage=1, user_shrinkage=2)
    # a after p alone: (5 - 4) / 3; b, of whom nothing is known, has none
    rated = model.rate(ask(log, slice(0, 1)), np.array([0, 1]), np.array([1, 1], np.int32))
    assert rated.tolist() == pytest.approx([2 + 1 / 3, 2])
    strangers = dataclasses.replace(ask(log), users=np.full(2, -1, np.int32))
    np.testing.assert_array_equal(model.rate(strangers, *PAIRS), model.rate(ask(log), *PAIRS))


def test_scores_are_the_ratings(log: InteractionLog) -> None:
    model = fit(log)
    scores = model.score(ask(log))
    np.testing.assert_allclose(scores.ravel(), model.rate(ask(log), *PAIRS), rtol=1e-6)
