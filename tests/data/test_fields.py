"""Ids stay text, moments become microseconds, ratings finite float32; what is none of these is marked."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from tfrs_bench.data.fields import parse_ids, parse_ratings, parse_times

SECOND = 1_000_000
# 2020-01-01 is 18,262 days after 1970-01-01: 50 years of 365 days and 12 leap days.
NEW_YEAR = 18_262 * 86_400


def column(*values, kind=None):
    return pa.chunked_array([pa.array(values, type=kind)])


def times(*values, kind=None):
    micros, bad = parse_times(column(*values, kind=kind))
    return [None if wrong else int(one) for one, wrong in zip(micros, bad, strict=True)]


@pytest.mark.parametrize(
    "text",
    [
        f"{NEW_YEAR}",
        f"{NEW_YEAR}.0",
        "1.5778368e9",
        f"{NEW_YEAR}000",
        f"{NEW_YEAR}000000",
        f"{NEW_YEAR}000000000",
        "2020-01-01",
        "20200101",
        "2020-01-01 00:00",
        "2020-01-01T00:00:00",
        "2020-01-01T00:00:00Z",
        "2020-01-01T02:00:00+02:00",
        "2019-12-31 19:00:00-0500",
        "2020-01-01T00:00:00.000000000",
    ],
)
def test_one_moment_in_every_notation(text):
    assert times(text) == [NEW_YEAR * SECOND]


def test_fractions_of_a_second_are_kept_to_the_microsecond():
    assert times(f"{NEW_YEAR}.25") == [NEW_YEAR * SECOND + 250_000]
    assert times(f"{NEW_YEAR}125") == [NEW_YEAR * SECOND + 125_000]
    assert times("2020-01-01T00:00:00.5") == [NEW_YEAR * SECOND + 500_000]


def test_moments_before_1970_are_negative():
    assert times("-1", "0") == [-SECOND, 0]
    assert times("1969-12-31T23:59:59") == [-SECOND]


def test_zones_may_differ_from_row_to_row():
    assert times("2020-01-01T01:00:00+01:00", "2020-01-01") == [NEW_YEAR * SECOND] * 2


@pytest.mark.parametrize(
    "text", ["", " ", "yesterday", "today", "now", "12/1/2010 8:26", "2020-13-01", "nan"]
)
def test_what_is_no_time_is_marked(text):
    assert times("2020-01-01", text) == [NEW_YEAR * SECOND, None]
    assert times(f"{NEW_YEAR}", text) == [NEW_YEAR * SECOND, None]


def test_the_majority_of_rows_says_whether_a_column_holds_numbers():
    assert times("5", "6", "2020-01-01") == [5 * SECOND, 6 * SECOND, None]


def test_eight_digits_that_are_no_dates_are_seconds():
    assert times("20201301", "20200101") == [20201301 * SECOND, 20200101 * SECOND]


def test_a_number_beyond_every_calendar_is_marked():
    assert times("5", "9" * 30) == [5 * SECOND, None]


def test_parquet_times_keep_their_type():
    moment = datetime.datetime(2020, 1, 1)
    assert times(moment, None, kind=pa.timestamp("ms")) == [NEW_YEAR * SECOND, None]
    assert times(moment, kind=pa.timestamp("ns", "Europe/Berlin")) == [NEW_YEAR * SECOND]
    assert times(moment.date(), kind=pa.date32()) == [NEW_YEAR * SECOND]
    assert times(NEW_YEAR, kind=pa.int32()) == [NEW_YEAR * SECOND]
    assert times(1.5, None, kind=pa.float64()) == [SECOND * 3 // 2, None]
    assert times(NEW_YEAR * 1000, None, kind=pa.int64()) == [NEW_YEAR * SECOND, None]


def test_ids_are_numbered_by_first_appearance_and_stay_text():
    codes, ids, bad = parse_ids(column("007", "7", "007", "17850.0"))
    assert codes.tolist() == [0, 1, 0, 2]
    assert ids.tolist() == ["007", "7", "17850.0"]
    assert not bad.any()


def test_ids_in_several_chunks_share_their_numbers():
    codes, ids, _ = parse_ids(pa.chunked_array([["b", "a"], ["c", "b"]]))
    assert ids[codes].tolist() == ["b", "a", "c", "b"]
    assert codes.tolist() == [0, 1, 2, 0]


def test_empty_and_broken_ids_are_marked():
    _, _, bad = parse_ids(column("a", "", " ", None, "b\nc", "d e"))
    assert bad.tolist() == [False, True, True, True, True, False]


def test_ratings_are_finite_float32():
    values, bad = parse_ratings(column("4.5", "-1", "", "abc", "nan", "inf", "1e39"))
    assert values.dtype == np.float32
    assert values[:2].tolist() == [4.5, -1.0]
    assert bad.tolist() == [False, False, True, True, True, True, True]
