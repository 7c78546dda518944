from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_logs import logs

from tfrs_bench.data.interactions import FeatureTable, Vocabulary, build_log, raw_key


def small_log():
    """Source rows (b x 30), (a y 10), (b z 20), (a x 10), (b x 20)."""
    return build_log(
        np.array(list("babab")),
        np.array(list("xyzxx")),
        np.array([30, 10, 20, 10, 20]),
        np.array([5, 4, 3, 2, 1], dtype=np.float32),
        parts=np.array([2, 0, 0, 1, 1], dtype=np.int8),
    )


def test_rows_are_sorted_by_user_time_and_source_row():
    log = small_log()
    # b comes first because it appears first; rows of the same time keep the order of the source.
    assert log.user_ids.ids.tolist() == ["b", "a"]
    assert log.item_ids.ids.tolist() == ["x", "y", "z"]
    assert log.users.tolist() == [0, 0, 0, 1, 1]
    assert log.items.tolist() == [2, 0, 0, 1, 0]
    assert log.timestamps.tolist() == [20, 20, 30, 10, 10]
    assert log.ratings.tolist() == [3, 1, 5, 4, 2]
    assert log.parts.tolist() == [0, 1, 2, 0, 1]
    assert log.user_offsets.tolist() == [0, 3, 5]
    assert log.rows_per_user.tolist() == [3, 2]


def test_columns_have_the_documented_types():
    log = small_log()
    types = {"users": "int32", "items": "int32", "timestamps": "int64", "ratings": "float32"}
    types |= {"positives": "bool", "parts": "int8", "user_offsets": "int64"}
    for rows in (log, log.select(log.users == 1), log.select(log.users == 9)):
        assert {name: getattr(rows, name).dtype.name for name in types} == types


def test_without_times_rows_keep_the_order_of_the_source():
    log = build_log(np.array(list("abab")), np.array(list("wxyz")), clock="file")
    assert log.timestamps.tolist() == [0, 2, 1, 3]
    assert log.item_ids.ids[log.items].tolist() == ["w", "y", "x", "z"]


@given(logs())
def test_sorting_agrees_with_a_stable_sort_of_tuples(log):
    rows = list(zip(log.users.tolist(), log.timestamps.tolist(), strict=True))
    assert rows == sorted(rows)
    for user in range(log.num_users):
        own = log.users[log.user_offsets[user] : log.user_offsets[user + 1]]
        assert (own == user).all()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_simultaneous_rows_are_never_reordered(rows):
    users, times = (np.array(column) for column in zip(*rows, strict=True))
    log = build_log(users, np.arange(len(rows)), times)  # the item id is the source row
    names = [str(user) for user in users]
    first_seen = list(dict.fromkeys(names))
    expected = sorted(range(len(rows)), key=lambda row: (first_seen.index(names[row]), times[row], row))
    assert log.item_ids.ids[log.items].tolist() == [str(row) for row in expected]


def test_selecting_keeps_order_and_vocabularies():
    log = small_log()
    some = log.select(log.timestamps == 20)
    assert some.items.tolist() == [2, 0]
    assert some.ratings.tolist() == [3, 1]
    assert some.user_offsets.tolist() == [0, 2, 2]
    assert (some.num_users, some.num_items) == (2, 3)
    assert some.catalogue.tolist() == [True, False, True]


def test_positives_meet_the_threshold():
    log = small_log()
    assert log.positives.all()
    assert log.with_positives(4.0).positives.tolist() == [False, False, True, True, False]
    implicit = dataclasses.replace(log, ratings=None)
    assert implicit.with_positives(4.0).positives.all()


def test_vocabulary_finds_ids_and_marks_unknown_ones():
    vocabulary = Vocabulary(["x", "y"])
    assert vocabulary.index(["y", "q", "x", "y"]).tolist() == [1, -1, 0, 1]
    assert len(vocabulary) == 2


def test_ids_are_named_by_their_text():
    assert build_log(np.array([7, 7]), np.array([1, 20])).item_ids.index(["20", "1"]).tolist() == [1, 0]


def test_keys_are_the_same_on_every_machine():
    # printf a | b2sum -l 64 gives 40f89e395b66422f; read from the last byte to the first:
    assert raw_key("a") == 0x2F42665B399EF840
    assert Vocabulary(["b", "a"]).keys[1] == raw_key("a")


def changed(name):
    log = small_log()
    features = FeatureTable(("f",), np.ones((3, 1), np.float32))
    return {
        "items": lambda: dataclasses.replace(log, items=log.items[::-1].copy()),
        "times": lambda: dataclasses.replace(log, timestamps=log.timestamps + 1),
        "ratings": lambda: dataclasses.replace(log, ratings=None),
        "positives": lambda: log.with_positives(4.0),
        "parts": lambda: dataclasses.replace(log, parts=None),
        "clock": lambda: dataclasses.replace(log, clock="file"),
        "names": lambda: dataclasses.replace(log, item_ids=Vocabulary(["x", "y", "q"])),
        "features": lambda: dataclasses.replace(log, item_features=features),
    }[name]()


@pytest.mark.parametrize(
    "name", ["items", "times", "ratings", "positives", "parts", "clock", "names", "features"]
)
def test_fingerprint_changes_with_every_value_that_matters(name):
    assert small_log().fingerprint == small_log().fingerprint
    assert changed(name).fingerprint != small_log().fingerprint


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("items", np.zeros(4, np.int32), "as many rows"),
        ("ratings", np.zeros(6, np.float32), "as many rows"),
        ("ratings", np.full(5, np.nan, np.float32), "finite"),
        ("user_offsets", np.array([0, 5]), "user_offsets"),
        ("user_offsets", np.array([0, 3, 4]), "user_offsets"),
    ],
)
def test_columns_that_do_not_fit_are_refused(column, value, says):
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(small_log(), **{column: value})
