"""Half-lives by hand: rows 0, 1 and 3 days before the last."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.recency import recency_weights
from tfrs_bench.errors import UserError


@pytest.fixture
def log() -> InteractionLog:
    return build_log(np.array(["a", "a", "b"]), np.array([1, 2, 3]), np.array([0, 2, 3]) * 86_400)


def test_a_half_life_halves(log: InteractionLog) -> None:
    assert_allclose(recency_weights(log, 1.0), [1 / 8, 1 / 2, 1])
    assert_allclose(recency_weights(log, 2.0), [2**-1.5, 2**-0.5, 1])


def test_without_a_half_life_all_rows_weigh_alike(log: InteractionLog) -> None:
    assert recency_weights(log, None).tolist() == [1, 1, 1]


def test_a_log_without_times_has_no_half_life(log: InteractionLog) -> None:
    with pytest.raises(UserError, match="--half_life_days needs times"):
        recency_weights(dataclasses.replace(log, clock="file"), 1.0)
