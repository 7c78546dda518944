"""The truth of a query against what people of the same world do when they are let go on many times."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.dataset import Dataset
from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.data.simulated import simulate
from tfrs_bench.data.simulated_population import WorldConfig
from tfrs_bench.data.simulated_truth import SimulatedTruth

CONFIG = WorldConfig(seed=5, num_users=120, num_items=40)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return simulate(CONFIG)


def truth_of(data: Dataset) -> SimulatedTruth:
    assert isinstance(data.truth, SimulatedTruth)
    return data.truth


def before_last(data: Dataset, events: int) -> Queries:
    """Everyone with more rows than that, asked at the moment of their row so many before the end."""
    log = data.log
    users = np.flatnonzero(log.rows_per_user > events).astype(np.int32)
    own_row = np.arange(len(log)) - log.user_offsets[log.users]
    known = log.select(own_row < log.rows_per_user[log.users] - events)
    times = log.timestamps[log.user_offsets[users + 1] - events]
    return queries_at_end(known, users, np.ones(log.num_users, bool), times)


def test_with_one_event_to_come_the_expectation_is_that_event(data: Dataset) -> None:
    truth, queries = truth_of(data), before_last(data, 1)
    chosen, expected = truth.next_event(queries), truth.preference(queries)
    assert (expected <= chosen + 1e-6).all()  # chosen, and rated 4 or 5
    everything = truth_of(simulate(CONFIG, relevance_threshold=1.0))
    assert_allclose(everything.preference(queries), everything.next_event(queries), rtol=1e-5)


def test_relevant_events_expected_are_never_more_than_events_to_come(data: Dataset) -> None:
    for events in (1, 2, 4):
        sums = truth_of(data).preference(before_last(data, events)).sum(axis=1)
        assert (sums <= events + 1e-4).all()
        assert sums.mean() > 0.2 * events


def test_expected_relevant_events_happen() -> None:
    """One query a person, at the middle of their rows: what follows, popular items and others apart."""
    data = simulate(WorldConfig(seed=6, num_users=600, num_items=60))
    log = data.log
    users = np.flatnonzero(log.rows_per_user >= 2).astype(np.int32)
    middle = log.user_offsets[users] + log.rows_per_user[users] // 2
    known = log.select(np.arange(len(log)) < np.repeat(_middle_of(log), log.rows_per_user))
    queries = queries_at_end(known, users, np.ones(log.num_users, bool), log.timestamps[middle])
    expected = truth_of(data).preference(queries)
    happened = np.zeros_like(expected)
    for row, user in enumerate(users):
        later = np.arange(middle[row], log.user_offsets[user + 1])
        assert log.ratings is not None
        np.add.at(happened[row], log.items[later], log.ratings[later] >= 4)
    popular = np.bincount(log.items, minlength=log.num_items) > len(log) / log.num_items
    for items in (popular, ~popular):
        gaps = (happened - expected)[:, items].sum(axis=1)
        assert abs(gaps.mean()) < 4 * gaps.std() / np.sqrt(len(gaps))


def _middle_of(log: InteractionLog) -> np.ndarray:
    return log.user_offsets[:-1] + log.rows_per_user // 2


def test_many_futures_converge_to_what_more_of_them_say(data: Dataset) -> None:
    few, many = truth_of(data), truth_of(data)
    queries = before_last(data, 3)
    rough, fine = (
        _with_rollouts(one, rollouts).preference(queries) for one, rollouts in ((few, 8), (many, 400))
    )
    other = _with_rollouts(many, 399).preference(queries)
    assert np.abs(fine - other).mean() < np.abs(fine - rough).mean()
    assert np.abs(fine - other).max() < 0.02
    assert_allclose(rough.sum(axis=1), fine.sum(axis=1), atol=0.3)


def _with_rollouts(truth: SimulatedTruth, rollouts: int) -> SimulatedTruth:
    import copy

    other = copy.copy(truth)
    other._rollouts = rollouts
    return other


def test_an_answer_does_not_depend_on_its_company(data: Dataset) -> None:
    truth, queries = truth_of(data), before_last(data, 4)
    whole = truth.preference(queries)
    assert_allclose(truth.preference(queries.take(slice(3, 4))), whole[3:4], rtol=1e-5, atol=1e-7)
    assert_array_equal(truth.preference(queries), whole)


def test_what_was_seen_is_not_expected_again(data: Dataset) -> None:
    queries = before_last(data, 2)
    expected = truth_of(data).preference(queries)
    assert not expected[queries.histories.rows, queries.histories.items].any()
    assert np.isfinite(expected).all() and expected.dtype == np.float32


def test_a_higher_threshold_expects_less(data: Dataset) -> None:
    queries = before_last(data, 2)
    sums = [
        truth_of(simulate(CONFIG, relevance_threshold=threshold)).preference(queries).sum()
        for threshold in (1.0, 3.0, 4.0, 5.0)
    ]
    assert sums == sorted(sums, reverse=True) and sums[-1] < 0.8 * sums[0]


def test_who_has_nothing_left_and_who_is_unknown_are_answered(data: Dataset) -> None:
    log = data.log
    users = np.arange(5, dtype=np.int32)
    at_end = queries_at_end(log, users, np.ones(log.num_users, bool))
    unknown = dataclasses.replace(at_end, keys=np.arange(5, dtype=np.uint64))
    for queries in (at_end, unknown):
        assert (truth_of(data).preference(queries).sum(axis=1) > 0).all()
