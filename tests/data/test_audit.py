from __future__ import annotations

import dataclasses
import json
from statistics import median

import numpy as np
import pytest
from hypothesis import given, reject
from random_logs import splits

from tfrs_bench.data.audit import audit_split
from tfrs_bench.data.interactions import build_log
from tfrs_bench.data.relevance import SEEN, evaluation_set
from tfrs_bench.data.split import STRATEGIES, TEST, split_log
from tfrs_bench.errors import UserError


def audit_of(split, threshold=0.0):
    return audit_split(split, evaluation_set(split, TEST, relevance_threshold=threshold, mask_seen=False))


def test_seven_rows_by_hand():
    # a: p q r t train (times 0 10 20 40), s validation (50), q test (60); b: p test (30), and is cold.
    # Fitted on are a's first five rows. b's test row has two of those five after it; a's has none.
    log = build_log(np.array(list("aaabaaa")), np.array(list("pqrptsq")), np.arange(7) * 10)
    split = split_log(log, "per_user", cold_start_below=4)
    audit = audit_split(split, evaluation_set(split, TEST, relevance_threshold=4.0))
    assert audit.rows == {"train": 4, "validation": 1, "test": 2}
    assert audit.users == {"train": 1, "validation": 1, "test": 2}
    assert audit.items == {"train": 4, "validation": 1, "test": 2}
    assert audit.times["test"] == ("1970-01-01T00:00:30Z", "1970-01-01T00:01:00Z")
    assert (audit.users_asked, audit.cold_asked, audit.cold_share) == (2, 1, 0.5)
    assert audit.users_without_relevant == 1  # a's q is in the history
    assert audit.dropped[SEEN] == 1
    assert audit.relevant == 1
    assert audit.temporal and audit.order_holds
    assert audit.boundary_ties == 0
    assert audit.leaked_share == 1 / 2
    assert audit.later_share == pytest.approx((2 / 5 + 0 / 5) / 2)


def test_own_later_rows_are_not_leakage():
    # Fitted on: b at 1, 2, 3 and a at 5, 6, 7. a's test row at 4 has only a's own rows after it: no leak,
    # although three of six lie later. b's at 4 has a's three after it: a leak.
    users, times = np.array(list("bbbaaaab")), np.array([1, 2, 3, 4, 5, 6, 7, 4])
    parts = np.array([0, 0, 1, 2, 0, 0, 1, 2], dtype=np.int8)
    log = build_log(users, np.array(list("pqrqpqrp")), times, parts=parts)
    audit = audit_of(split_log(log, "predefined", cold_start_below=2))
    assert audit.leaked_share == 1 / 2
    assert audit.later_share == 3 / 6


def test_ties_at_a_boundary_are_counted():
    # Rows 8 and 9 of ten begin a part. a's neighbours there: 5|5 and 5|6; b's: 9|9 and 9|9. a's last and
    # b's first row share a time and not a part, but not a user either.
    users = np.repeat(["a", "b"], 10)
    times = np.array([0, 1, 2, 3, 4, 5, 5, 5, 5, 6, 6, 6, 7, 7, 8, 8, 8, 9, 9, 9])
    log = build_log(users, np.arange(20) % 8, times)
    assert audit_of(split_log(log, "per_user")).boundary_ties == 3


def test_out_of_order_files_are_recorded():
    parts = np.array([2, 0, 0, 0, 0, 0, 0, 0, 0, 1], dtype=np.int8)
    log = build_log(np.array(["a"] * 10), np.arange(10) % 2, np.arange(10), parts=parts)
    audit = audit_of(split_log(log, "predefined"))
    assert not audit.order_holds
    assert not audit.temporal
    assert "NOT temporal" in audit.lines()[0]


@pytest.mark.parametrize(
    ("clock", "strategy", "temporal"), [("file", "per_user", True), ("none", "random", False)]
)
def test_without_real_times_there_is_no_leakage_to_measure(clock, strategy, temporal):
    log = build_log(np.array(["a"] * 20), np.arange(20) % 2, clock=clock)
    audit = audit_of(split_log(log, strategy))
    assert audit.temporal == temporal
    assert (audit.times, audit.boundary_ties, audit.leaked_share, audit.later_share) == (None,) * 4
    assert not any("leakage" in line for line in audit.lines())


@given(splits(("per_user", "global", "leave_last", "predefined")))
def test_leakage_agrees_with_counting_every_pair(split):
    try:
        audit = audit_of(split)
    except UserError:
        reject()
    log = split.log
    rows = list(zip(log.users.tolist(), log.timestamps.tolist(), split.parts.tolist(), strict=True))
    fitted = [(user, time) for user, time, part in rows if part < TEST and not split.cold[user]]
    leaked, later = [], []
    for user, moment, part in rows:
        if part == TEST:
            leaked.append(any(time > moment and other != user for other, time in fitted))
            later.append(sum(time > moment for _, time in fitted) / len(fitted))
    assert audit.leaked_share == pytest.approx(sum(leaked) / len(leaked))
    assert audit.later_share == pytest.approx(median(later))


@given(splits(("global",)))
def test_a_global_split_leaks_nothing(split):
    try:
        audit = audit_of(split)
    except UserError:
        reject()
    assert (audit.leaked_share, audit.later_share, audit.boundary_ties) == (0.0, 0.0, 0)
    assert audit.moments[0] <= audit.moments[1]


@given(splits(STRATEGIES))
def test_parts_add_up(split):
    try:
        audit = audit_of(split)
    except UserError:
        reject()
    assert sum(audit.rows.values()) == len(split.log)
    assert audit.relevant + sum(audit.dropped.values()) == audit.rows["test"]
    assert json.loads(json.dumps(dataclasses.asdict(audit)))["strategy"] == split.strategy
    assert all(len(line) <= 140 for line in audit.lines())


def test_movielens_100k_under_both_splits(real_data):
    import pandas as pd

    rows = pd.read_csv(real_data("ml-100k") / "u.data", sep="\t", names=["user", "item", "rating", "time"])
    log = build_log(*(rows[name].to_numpy() for name in ("user", "item", "time", "rating")))
    by_user, by_moment = audit_of(split_log(log, "per_user"), 4.0), audit_of(split_log(log, "global"), 4.0)
    assert by_user.users_asked == 943 and by_user.cold_asked == 0
    assert by_user.leaked_share > 0.9
    assert by_moment.leaked_share == 0.0
