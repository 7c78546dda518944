from __future__ import annotations

import dataclasses
import doctest
from collections import Counter, defaultdict
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_logs import TEMPORAL, logs, splits

from tfrs_bench.data import split as split_module
from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.split import (
    TEST,
    TRAIN,
    VALIDATION,
    TemporalSplit,
    order_holds,
    require_validation,
    split_log,
)
from tfrs_bench.errors import UserError

# Seven rows: a's at times 0, 10, 20, 40, 50, 60 and b's at time 30. The log sorts them a first, b last.
USERS, ITEMS, TIMES = np.array(list("aaabaaa")), np.array(list("pqrpstu")), np.arange(7) * 10


def seven(clock="time", parts=None) -> InteractionLog:
    in_file = None if parts is None else np.array(parts, dtype=np.int8)
    return build_log(USERS, ITEMS, TIMES if clock == "time" else None, clock=clock, parts=in_file)


def test_doctests():
    result = doctest.testmod(split_module)
    assert result.attempted and not result.failed


def test_per_user_by_hand():
    split = split_log(seven(), "per_user", cold_start_below=4)
    assert split.parts.tolist() == [0, 0, 0, 0, 1, 2, 2]
    assert split.cold.tolist() == [False, True]
    assert split.moments is None


def test_global_by_hand():
    # 7 · 8 // 10 = 5 and 7 · 9 // 10 = 6: the sixth and the seventh row in time, at 50 and 60.
    split = split_log(seven(), "global", cold_start_below=4)
    assert split.moments == (50, 60)
    assert split.parts.tolist() == [0, 0, 0, 0, 1, 2, 0]
    assert split.cold.tolist() == [False, True]  # a has four train rows, b one


def test_a_row_at_the_moment_belongs_to_the_later_part():
    # Ten rows: the ninth and tenth in time (positions 8, 9) are at 7 and 9, and two more rows lie at 7.
    times = np.array([0, 1, 2, 3, 4, 5, 7, 7, 7, 9])
    split = split_log(build_log(np.array(list("aaaaaaaaba")), np.arange(10), times), "global")
    assert split.moments == (7, 9)
    assert split.parts.tolist() == [0] * 6 + [1, 1, 2, 1]


def test_leave_last_by_hand():
    split = split_log(seven(), "leave_last", cold_start_below=4)
    assert split.parts.tolist() == [0, 0, 0, 0, 1, 2, 2]


def test_leave_last_of_two_rows_trains_on_none():
    log = build_log(np.array(list("aaabb")), np.arange(5), np.arange(5))
    split = split_log(log, "leave_last", cold_start_below=1)
    assert split.parts.tolist() == [0, 1, 2, 1, 2]
    assert split.cold.tolist() == [False, True]


def test_predefined_keeps_the_files_parts_even_out_of_order():
    split = split_log(seven(parts=[2, 0, 0, 0, 0, 1, 0]), "predefined", cold_start_below=4)
    assert split.parts.tolist() == [2, 0, 0, 0, 1, 0, 0]
    assert not order_holds(split.log, split.parts)


def test_predefined_without_validation_carves_out_the_end_of_train_and_gives_it_back():
    # a has five train rows, 5 · 9 // 10 = 4: the fifth; b's only one, 1 · 9 // 10 = 0: that one.
    split = split_log(seven(parts=[0, 0, 0, 0, 0, 0, 2]), "predefined", cold_start_below=4)
    assert split.parts.tolist() == [0, 0, 0, 0, 1, 2, 1]
    assert split.fit_log(refit=True).timestamps.tolist() == [0, 10, 20, 40, 50]


def test_predefined_out_of_order_draws_validation_as_the_test_was_drawn():
    # 40 users: a test row first, then 20 train rows, of which 20 − 20 · 9 // 10 = 2 must become validation.
    parts = np.tile(np.array([2] + [0] * 20, dtype=np.int8), 40)
    users = np.repeat([f"u{user:02}" for user in range(40)], 21)
    log = build_log(users, np.tile(np.arange(21), 40), np.tile(np.arange(21), 40), parts=parts)
    drawn, again, other = (split_log(log, "predefined", seed=seed).parts for seed in (0, 0, 1))
    assert np.bincount(log.users[drawn == 1]).tolist() == [2] * 40
    assert (drawn[parts == 2] == 2).all()
    places = np.flatnonzero(drawn == 1) % 21
    assert len(np.unique(places)) > 10, "the last two rows of everyone would be two places"
    assert (drawn == again).all() and (drawn != other).any()


def test_predefined_carves_out_a_tenth():
    parts = np.array([0] * 20 + [2] * 3, dtype=np.int8)
    log = build_log(np.array(["a"] * 23), np.arange(23), np.arange(23), parts=parts)
    assert split_log(log, "predefined").parts.tolist() == [0] * 18 + [1] * 2 + [2] * 3


def test_random_shuffles_within_users():
    users = np.repeat([f"u{user}" for user in range(50)], 20)
    log = build_log(users, np.arange(1000), clock="none")
    first, again, other = (split_log(log, "random", seed=seed).parts for seed in (1, 1, 2))
    for part, rows in ((TRAIN, 16), (VALIDATION, 2), (TEST, 2)):
        assert (np.bincount(log.users[first == part]) == rows).all()
    assert (first == again).all() and (first != other).any()
    last_places = (first.reshape(50, 20)[:, 18:] == TEST).sum()
    assert last_places < 30  # of 100; a split by order has 100, chance 10 ± 3


def test_positions_have_no_rounding_error():
    lengths = range(1, 201)
    users = np.repeat(np.arange(200), lengths)
    split = split_log(build_log(users, np.arange(len(users)), np.arange(len(users))), "per_user")
    for user, n in enumerate(lengths):
        parts = split.parts[split.log.users == user]
        train, known = floor(Fraction(8, 10) * n), floor(Fraction(9, 10) * n)
        assert parts.tolist() == [0] * train + [1] * (known - train) + [2] * (n - known)


def test_ties_in_time_keep_the_order_of_the_source():
    log = build_log(np.array(["a"] * 10), np.array(list("jihgfedcba")), np.zeros(10, dtype=np.int64))
    split = split_log(log, "per_user")
    assert log.item_ids.ids[log.items[split.parts == TEST]].tolist() == ["a"]


def test_cold_users_are_counted_before_refit():
    # n = 6 gives four train rows and one validation row: cold below 5, though five rows are known at refit.
    log = build_log(np.repeat(["a", "b"], [6, 10]), np.arange(16), np.arange(16))
    split = split_log(log, "per_user", cold_start_below=5)
    assert split.cold.tolist() == [True, False]
    assert set(split.fit_log(refit=True).users.tolist()) == {1}


def test_a_user_without_train_rows_is_cold_even_below_zero():
    split = split_log(seven(), "per_user", cold_start_below=0)
    assert split.cold.tolist() == [False, True]


# Properties of every split ------------------------------------------------------------------------------


def by_user(split: TemporalSplit) -> dict[int, list[tuple[int, int]]]:
    """(part, time) of every row, by user, in log order."""
    rows = defaultdict(list)
    for user, part, time in zip(split.log.users, split.parts, split.log.timestamps, strict=True):
        rows[int(user)].append((int(part), int(time)))
    return rows


@given(splits())
def test_parts_partition_the_rows(split):
    assert len(split.parts) == len(split.log)
    assert {TRAIN, TEST} <= set(split.parts.tolist()) <= {TRAIN, VALIDATION, TEST}


@given(splits(TEMPORAL))
def test_time_only_moves_forward(split):
    for rows in by_user(split).values():
        assert [part for part, _ in rows] == sorted(part for part, _ in rows)
        for before, after in ((TRAIN, VALIDATION), (VALIDATION, TEST), (TRAIN, TEST)):
            earlier = [time for part, time in rows if part == before]
            later = [time for part, time in rows if part == after]
            assert not earlier or not later or max(earlier) <= min(later)


@given(splits(("global",)))
def test_nothing_of_anyone_is_later_in_an_earlier_part(split):
    first, second = split.moments
    for part, time in zip(split.parts, split.log.timestamps, strict=True):
        assert part == (TEST if time >= second else VALIDATION if time >= first else TRAIN)


@given(logs(), st.integers(0, 5))
def test_cold_users_are_those_with_few_train_rows(log, below):
    try:
        split = split_log(log, "per_user", cold_start_below=below)
    except UserError:
        return
    for user, rows in Counter(log.users.tolist()).items():
        assert split.cold[user] == (rows * 8 // 10 < max(below, 1))


@given(splits(), st.booleans())
def test_no_cold_user_enters_a_fit(split, refit):
    fit = split.fit_log(refit=refit)
    allowed = (TRAIN, VALIDATION) if refit else (TRAIN,)
    users = split.log.users
    expected = [row for row, part in enumerate(split.parts) if part in allowed and not split.cold[users[row]]]
    assert fit.items.tolist() == split.log.items[expected].tolist()
    assert not split.cold[fit.users].any()
    assert len(fit) > 0


@given(splits(), st.sampled_from([VALIDATION, TEST]))
def test_histories_hold_nothing_at_or_after_the_part(split, part):
    known = split.known_log(part)
    earlier = [row for row in range(len(split.log)) if split.parts[row] < part]
    for column in ("users", "items", "timestamps"):
        assert getattr(known, column).tolist() == getattr(split.log, column)[earlier].tolist()


@given(splits(TEMPORAL), st.sampled_from([VALIDATION, TEST]), st.integers(0, 99))
def test_what_happens_later_changes_nothing_before(split, part, seed):
    """New items, ratings and later times from `part` on leave fits and histories before it as they were."""
    log, later = split.log, split.parts >= part
    shuffled = np.random.default_rng(seed).integers(0, log.num_items, len(log)).astype(np.int32)
    changed = dataclasses.replace(
        log,
        items=np.where(later, shuffled, log.items),
        ratings=None if log.ratings is None else np.where(later, np.float32(1), log.ratings),
        timestamps=log.timestamps + (1000 * (split.parts == TEST) if split.strategy != "global" else 0),
    )
    again = TemporalSplit(changed, split.parts, split.cold, split.strategy, split.moments)
    resplit = split_log(changed, split.strategy, cold_start_below=0)
    assert (resplit.parts == split.parts).all()
    for old, new in (
        (split.fit_log(refit=part == TEST), again.fit_log(refit=part == TEST)),
        (split.known_log(part), again.known_log(part)),
    ):
        assert old.fingerprint == new.fingerprint


# Refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "log", "says"),
    [
        ("per_usr", seven(), "Did you mean per_user"),
        ("random", seven(), "--split=per_user"),
        ("random", seven("file"), "leaks"),
        ("per_user", seven("none"), "--order=file"),
        ("leave_last", seven("none"), "--split=random"),
        ("global", seven("file"), "--split=per_user"),
        ("predefined", seven(), "test file"),
        ("predefined", seven(parts=[0, 0, 0, 0, 0, 0, 1]), "no row to test"),
        ("per_user", seven().select(np.zeros(7, dtype=bool)), "no rows"),
        ("per_user", seven(), "--cold_start_below=4"),  # the default is 5, and a has four train rows
        ("per_user", build_log(np.arange(9), np.zeros(9), np.arange(9)), "data with more rows per user"),
    ],
)
def test_impossible_requests_name_the_next_step(strategy, log, says):
    with pytest.raises(UserError, match=says):
        split_log(log, strategy)


def test_without_validation_rows_of_regular_users_another_split_is_named():
    # Five rows: 5 · 8 // 10 = 4 = 5 · 9 // 10, so nothing is left to validate.
    log = build_log(np.array(["a"] * 5), np.arange(5), np.arange(5))
    split = split_log(log, "per_user", cold_start_below=1)
    assert split.parts.tolist() == [0, 0, 0, 0, 2]  # which is enough for who neither tunes nor stops early
    with pytest.raises(UserError, match="--split=leave_last"):
        require_validation(split, 1)


def test_a_global_split_of_one_moment_is_refused():
    log = build_log(np.array(["a"] * 10), np.arange(10), np.full(10, 7))
    with pytest.raises(UserError, match="--split=per_user"):
        split_log(log, "global")


def test_a_global_split_whose_moments_coincide_has_no_validation():
    # Twenty rows, the last five at one moment, as are rows 20 · 8 // 10 = 16 and 20 · 9 // 10 = 18.
    log = build_log(np.array(["a"] * 20), np.arange(20), np.minimum(np.arange(20), 15))
    split = split_log(log, "global")
    assert split.parts.tolist() == [0] * 15 + [2] * 5
    with pytest.raises(UserError, match="--split=per_user"):
        require_validation(split, 5)


def test_a_log_out_of_order_stops_the_split():
    log = dataclasses.replace(seven(), timestamps=seven().timestamps[::-1].copy())
    with pytest.raises(RuntimeError, match="out of order"):
        split_log(log, "per_user", cold_start_below=4)


def test_order_of_a_file_is_enough_for_a_user_split():
    split = split_log(seven("file"), "per_user", cold_start_below=4)
    assert split.parts.tolist() == [0, 0, 0, 0, 1, 2, 2]


def test_movielens_100k_by_counting(real_data):
    import pandas as pd

    rows = pd.read_csv(real_data("ml-100k") / "u.data", sep="\t", names=["user", "item", "rating", "time"])
    log = build_log(rows.user.to_numpy(), rows.item.to_numpy(), rows.time.to_numpy())
    counts = Counter(rows.user.tolist()).values()
    split = split_log(log, "per_user")
    assert (split.parts == TRAIN).sum() == sum(floor(Fraction(8, 10) * n) for n in counts)
    assert (split.parts == TEST).sum() == sum(n - floor(Fraction(9, 10) * n) for n in counts)
    assert not split.cold.any()  # every user has at least 20 ratings
