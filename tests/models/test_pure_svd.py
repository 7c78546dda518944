"""PureSVD is held to NumPy's dense decomposition."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import everybody, positive_matrix
from tfrs_bench.models.pure_svd import PureSVD, PureSVDConfig


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    random = np.random.default_rng(0)
    users, items = np.nonzero(random.random((40, 15)) < 0.3)
    names = np.array([f"u{user:02}" for user in users]), np.array([f"i{item:02}" for item in items])
    return build_log(*names, np.arange(len(users)), None)


@pytest.mark.parametrize("factors", [1, 5, 13, 14, 15, 200])
def test_scores_are_the_best_approximation_of_that_rank(log: InteractionLog, factors: int) -> None:
    x = positive_matrix(log).toarray().astype(float)
    left, sizes, right = np.linalg.svd(x, full_matrices=False)
    rank = min(factors, len(sizes))
    model = PureSVD(PureSVDConfig(factors=factors))
    model.fit(log)
    expected = (left[:, :rank] * sizes[:rank]) @ right[:rank]
    assert_allclose(model.score(everybody(log)), expected, atol=1e-5)


def test_fits_are_equal_to_the_last_digit(log: InteractionLog) -> None:
    answers = []
    for seed in (0, 1):
        model = PureSVD(PureSVDConfig(factors=5))
        model.fit(log, seed=seed)
        answers.append(model.score(everybody(log)))
    assert_array_equal(*answers)
