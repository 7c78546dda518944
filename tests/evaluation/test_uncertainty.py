from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.evaluation import uncertainty
from tfrs_bench.evaluation.uncertainty import (
    bootstrap_means,
    detectable_difference,
    holm,
    interval,
    two_sided_p,
)


def test_replicates_scatter_as_the_standard_error():
    values = np.random.default_rng(0).random((400, 1))
    means = bootstrap_means(values, draws=4000)
    assert means.mean() == pytest.approx(values.mean(), abs=0.002)
    # the bootstrap variance of a mean is σ² / n with σ² over n
    assert means.std() == pytest.approx(values.std() / 20, rel=0.05)


def test_columns_share_their_draws():
    values = np.random.default_rng(0).random((50, 1))
    means = bootstrap_means(np.hstack([values, values + 0.25, 2 * values]), draws=200)
    assert np.allclose(means[:, 1] - means[:, 0], 0.25)
    assert np.allclose(means[:, 2], 2 * means[:, 0])


def test_chunks_and_companions_change_no_draw(monkeypatch):
    values = np.random.default_rng(0).random((30, 3))
    whole = bootstrap_means(values, draws=100, seed=3)
    monkeypatch.setattr(uncertainty, "_CHUNK_CELLS", 100)
    assert np.allclose(bootstrap_means(values, draws=100, seed=3), whole)
    assert np.allclose(bootstrap_means(values[:, :1], draws=100, seed=3), whole[:, :1])
    assert not np.allclose(bootstrap_means(values, draws=100, seed=4), whole)


def test_many_users_are_drawn_in_groups_that_scatter_alike(monkeypatch):
    monkeypatch.setattr(uncertainty, "MOST_DRAWN", 3000)
    values = np.sort(
        np.random.default_rng(0).random((10_000, 1)), axis=0
    )  # neighbors alike, groups by chance
    means = bootstrap_means(np.hstack([values, values + 1]), draws=3000)
    assert means[:, 0].mean() == pytest.approx(values.mean(), abs=4 * 0.29 / 100 / np.sqrt(3000))
    # √(1 / (2 · 3000)) = 1.3 % from the groups and as much from the draws
    assert means[:, 0].std() == pytest.approx(values.std() / 100, rel=0.075)
    assert np.allclose(means[:, 1] - means[:, 0], 1)


@pytest.mark.parametrize("values", [np.zeros((0, 1)), np.array([[1.0], [np.nan]])])
def test_refuses_what_has_no_mean(values):
    with pytest.raises(ValueError, match="at least one user, and finite"):
        bootstrap_means(values)


def test_interval_is_scipy_s_percentile_interval():
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(1).exponential(size=300)
    low, high = interval(bootstrap_means(values[:, None]))
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=5000, batch=500, rng=0)
    assert low[0] == pytest.approx(theirs.confidence_interval.low, abs=0.01)
    assert high[0] == pytest.approx(theirs.confidence_interval.high, abs=0.01)


def test_interval_covers_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(2)
    samples = rng.binomial(1, 0.3, size=(200, 400)).astype(float)  # 400 experiments of 200 users
    low, high = interval(bootstrap_means(samples, draws=1000))
    # 400 trials at 0.95 have a standard error of 0.011
    assert ((low <= 0.3) & (high >= 0.3)).mean() == pytest.approx(0.95, abs=0.04)


def test_p_by_hand():
    # 1 of 99 replicates at or below 0: 2 · (1 + 1) / 100
    assert two_sided_p(np.array([-1.0] + [1.0] * 98), 1000) == pytest.approx(0.04)
    # two identical models: every replicate is 0, on both sides
    assert two_sided_p(np.zeros((99, 2)), 1000).tolist() == [1, 1]
    # five users who all agree: 2 · 2^−5
    assert two_sided_p(np.ones(9999), 5) == pytest.approx(1 / 16)


def test_p_is_uniform_when_nothing_differs():
    rng = np.random.default_rng(3)
    replicates = bootstrap_means(rng.normal(size=(200, 400)), draws=1000)
    assert (two_sided_p(replicates, 200) < 0.05).mean() == pytest.approx(0.05, abs=0.04)


def test_holm_by_hand():
    # sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04, and never falling
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).tolist() == [1, 1]
    assert holm(np.array([])).tolist() == []


def test_detectable_difference_is_found_four_times_in_five():
    rng = np.random.default_rng(4)
    found = rng.normal(detectable_difference(1.0), 1.0, size=20_000) > 1.96
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_draws_do_not_depend_on_how_many_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).random((7, 2))
    whole = bootstrap_means(values, draws=50)
    monkeypatch.setattr(uncertainty, "_CHUNK_CELLS", 7)  # one draw at a time
    np.testing.assert_allclose(bootstrap_means(values, draws=50), whole, rtol=1e-12)
