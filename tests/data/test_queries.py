from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_logs import logs

from tfrs_bench.data.interactions import FeatureTable, build_log, raw_key
from tfrs_bench.data.queries import Histories, positive_matrix, queries_at_end


@pytest.fixture
def log():
    """a: w 0, x 1, w 2; b: no row before the query; c: y 3, z 4. Ratings 5 1 5 2 4."""
    ratings = np.array([5, 1, 5, 2, 4, 3], np.float32)
    built = build_log(np.array(list("aaaccb")), np.array(list("wxwyzw")), np.arange(6), ratings)
    return built.with_positives(4.0).select(np.array([True] * 5 + [False]))


@pytest.fixture
def queries(log):
    # Dense order of appearance: a = 0, c = 1, b = 2. c is cold.
    users, in_training = np.array([2, 1, 0], np.int32), np.array([True, False, True])
    return queries_at_end(log, users, in_training, np.array([9, 8, 7]))


def events(histories: Histories) -> list[list[int]]:
    starts, ends = histories.offsets[:-1], histories.offsets[1:]
    return [histories.items[start:end].tolist() for start, end in zip(starts, ends, strict=True)]


def test_queries_at_the_end_of_a_log(queries):
    assert queries.users.tolist() == [2, -1, 0]
    assert queries.keys.tolist() == [raw_key("b"), raw_key("c"), raw_key("a")]
    assert events(queries.histories) == [[], [2, 3], [0, 1, 0]]
    assert queries.histories.timestamps.tolist() == [3, 4, 0, 1, 2]
    assert queries.histories.ratings.tolist() == [2, 4, 5, 1, 5]
    assert queries.histories.positives.tolist() == [False, True, True, False, True]
    assert queries.histories.rows.tolist() == [1, 1, 2, 2, 2]
    assert queries.times.tolist() == [9, 8, 7]
    assert queries.profiles is None


def test_profiles_travel_with_the_users(log):
    profiles = FeatureTable(("age",), np.array([[10], [20], [30]], np.float32))
    asked = queries_at_end(
        dataclasses.replace(log, user_features=profiles), np.array([2, 0], np.int32), np.ones(3, bool)
    )
    assert asked.profiles.tolist() == [[30], [10]]
    assert asked.take(np.array([1])).profiles.tolist() == [[10]]
    assert asked.times is None


@pytest.mark.parametrize("positions", [slice(1, 3), np.array([1, 2])])
def test_taking_queries(queries, positions):
    some = queries.take(positions)
    assert len(some) == 2
    assert some.users.tolist() == [-1, 0]
    assert some.times.tolist() == [8, 7]
    assert events(some.histories) == [[2, 3], [0, 1, 0]]


def test_taking_no_query(queries):
    none = queries.take(slice(0, 0))
    assert len(none) == 0
    assert none.histories.window(3)[0].shape == (0, 3)


def test_window_reads_the_latest_events_first(queries):
    items, flat = queries.histories.window(2)
    assert items.tolist() == [[-1, -1], [3, 2], [0, 1]]
    # Positions in the flat columns: c's events are 0 and 1, a's are 2, 3 and 4.
    assert flat.tolist() == [[0, 0], [1, 0], [4, 3]]


def test_window_pads_short_and_empty_histories(queries):
    assert queries.histories.window(4)[0].tolist() == [[-1] * 4, [3, 2, -1, -1], [0, 1, 0, -1]]
    only_empty = queries.take(np.array([0])).histories
    assert only_empty.window(2)[0].tolist() == [[-1, -1]]


def test_positive_matrices_are_binary(log, queries):
    # a rated w twice and well, x badly; c rated z well. Items: w = 0, x = 1, y = 2, z = 3.
    assert positive_matrix(log).toarray().tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    own = queries.histories.positive_matrix(4)
    assert own.toarray().tolist() == [[0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]
    assert own.dtype == np.float32


@given(logs(), st.data())
def test_taking_agrees_with_slicing(log, data):
    asked = queries_at_end(log, np.arange(log.num_users, dtype=np.int32), np.ones(log.num_users, bool))
    positions = data.draw(st.lists(st.integers(0, log.num_users - 1), max_size=6))
    length = data.draw(st.integers(1, 5))
    some = asked.take(np.array(positions, dtype=np.int64)).histories
    own = [log.items[log.users == user].tolist() for user in positions]
    assert events(some) == own
    padded = [(items[::-1] + [-1] * length)[:length] for items in own]
    assert some.window(length)[0].tolist() == padded
