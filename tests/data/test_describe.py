"""Facts about logs small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.data.dataset import Dataset
from tfrs_bench.data.describe import describe
from tfrs_bench.data.interactions import FeatureTable, build_log

DAY = 86_400


def make(rows, **options):
    users, items, times, ratings = (np.array(column) for column in zip(*rows, strict=True))
    return build_log(users, items, times, ratings.astype(np.float32), **options)


# Two moments of user a hold two rows each, one of them a repeat of x; b and c have one row each.
LOG = make(
    [
        ("a", "x", 0, 5),
        ("a", "y", 0, 4),
        ("a", "z", DAY, 4),
        ("a", "x", DAY, 5),
        ("a", "w", 2 * DAY, 1),
        ("b", "x", 2 * DAY, 5),
        ("c", "x", 3 * DAY, 4),
        ("c", "y", 4 * DAY, 0.5),
    ]
)


def test_every_fact():
    assert describe(LOG) == [
        ("rows", 8),
        ("users", 3),
        ("items", 4),
        ("density", 7 / 12),  # seven distinct pairs of 3 users and 4 items
        ("rows per user, minimum", 1),
        ("rows per user, 10 %", 1),
        ("rows per user, median", 2),
        ("rows per user, 90 %", 5),
        ("rows per user, maximum", 5),
        ("rows per item, minimum", 1),  # w and z once, y twice, x four times
        ("rows per item, 10 %", 1),
        ("rows per item, median", 1),
        ("rows per item, 90 %", 4),
        ("rows per item, maximum", 4),
        ("users below 5 rows", 2),
        ("share of rows on the 10% most popular items", 4 / 8),  # a tenth of four items is one, x
        ("share of repeats", 1 / 8),
        ("first time", "1970-01-01T00:00:00Z"),
        ("last time", "1970-01-05T00:00:00Z"),
        ("share of ties in time", 4 / 8),
        ("share of rating 0.5", 1 / 8),
        ("share of rating 1", 1 / 8),
        ("share of rating 4", 3 / 8),
        ("share of rating 5", 3 / 8),
        ("item titles", "no"),
        ("item features", 0),
        ("user features", 0),
    ]


def test_a_dataset_tells_its_name_and_notes():
    facts = describe(Dataset("tiny", LOG, ("1 row dropped", "2 exact duplicates dropped")))
    assert facts[0] == ("name", "tiny")
    assert facts[1:-2] == describe(LOG)
    assert facts[-2:] == [("note", "1 row dropped"), ("note", "2 exact duplicates dropped")]


def test_users_and_items_without_rows_do_not_count():
    facts = dict(describe(LOG.select(LOG.users == 1)))
    assert (facts["rows"], facts["users"], facts["items"], facts["density"]) == (1, 1, 1, 1.0)


def test_equal_times_of_two_users_are_no_tie():
    facts = dict(describe(make([("a", "x", 7, 1), ("b", "x", 7, 1)])))
    assert facts["share of ties in time"] == 0.0


def test_many_distinct_ratings_are_quantiles():
    facts = dict(describe(make([("a", f"i{number}", number, number / 2) for number in range(1, 101)])))
    assert facts["rating, minimum"] == 0.5
    assert facts["rating, median"] == 25.0  # the 50th of 100
    assert facts["rating, 90 %"] == 45.0
    assert "share of rating 1" not in facts


def test_implicit_logs_without_times():
    log = build_log(np.array(["a", "a"]), np.array(["x", "x"]), clock="none")
    facts = dict(describe(log))
    assert facts["times"] == "none: no order"
    assert facts["ratings"] == "none"
    assert facts["share of repeats"] == 0.5
    assert "first time" not in facts


def test_an_empty_log():
    facts = dict(describe(LOG.select(np.zeros(8, dtype=bool))))
    assert (facts["rows"], facts["users"], facts["items"], facts["density"]) == (0, 0, 0, 0.0)


def test_features_are_counted():
    log = build_log(np.array(["a"]), np.array(["x"]), np.array([0]))
    object.__setattr__(
        log, "item_features", FeatureTable(("genre=A", "genre=B"), np.ones((1, 2), np.float32))
    )
    assert dict(describe(log))["item features"] == 2


@pytest.mark.parametrize("moment", [10**15, -(10**15)])
def test_times_beyond_the_calendar_do_not_fail(moment):
    assert dict(describe(make([("a", "x", moment, 1)])))["first time"] == f"{moment} s"
