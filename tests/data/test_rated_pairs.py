"""Pairs to rate are the part's rows of whoever is asked, whatever their rating."""

from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.newcomers import ask_at_every_level, hold_out
from tfrs_bench.data.rated_pairs import rated_pairs
from tfrs_bench.data.relevance import evaluation_set
from tfrs_bench.data.split import TEST, TRAIN, VALIDATION, TemporalSplit


def split(ratings: bool = True) -> TemporalSplit:
    """a and b have two train rows and c, who is cold, none; item z is only in the test part."""
    users, items = np.array(list("aaaaabbbbc")), np.array(list("pqrszprqpr"))
    stars = np.array([5, 4, 4, 1, 5, 3, 5, 4, 2, 3], np.float32)
    log = build_log(users, items, np.arange(10), stars if ratings else None).with_positives(4.0)
    parts = np.array([TRAIN, TRAIN, VALIDATION, TEST, TEST, TRAIN, TRAIN, VALIDATION, TEST, TEST], np.int8)
    return TemporalSplit(log, parts, np.array([False, False, True]), "predefined")


def named(log: InteractionLog, items: np.ndarray) -> list[str]:
    return log.item_ids.ids[items].tolist()


def test_every_test_row_is_rated_low_ones_repeated_ones_and_those_of_unknown_items_too() -> None:
    its = split()
    asked = evaluation_set(its, TEST, relevance_threshold=0, mask_seen=False)
    pairs = rated_pairs(its, TEST, asked)
    assert pairs.queries.tolist() == [0, 0, 1, 2]
    assert named(its.log, pairs.items) == ["s", "z", "p", "r"]
    assert pairs.ratings.tolist() == [1, 5, 2, 3]
    assert len(pairs) == 4


def test_validation_asks_regular_users_only() -> None:
    its = split()
    pairs = rated_pairs(
        its, VALIDATION, evaluation_set(its, VALIDATION, relevance_threshold=0, mask_seen=False)
    )
    assert (pairs.queries.tolist(), pairs.ratings.tolist()) == ([0, 1], [4, 4])


def test_pairs_of_some_queries_are_numbered_from_zero() -> None:
    its = split()
    pairs = rated_pairs(its, TEST, evaluation_set(its, TEST, relevance_threshold=0, mask_seen=False))
    some = pairs.between(1, 3)
    assert (some.queries.tolist(), some.ratings.tolist()) == ([0, 1], [2, 3])


def test_newcomers_rate_the_same_rows_at_every_level() -> None:
    users = np.repeat(np.arange(8), 7)
    log = build_log(users, np.tile(np.arange(7), 8), np.arange(56), np.full(56, 4.0, np.float32))
    parts = np.full(56, TRAIN, np.int8)
    held = hold_out(TemporalSplit(log, parts, np.zeros(8, bool), "per_user"), 0.4, seed=0)
    asked = ask_at_every_level(held, evaluation_set(held, TEST, relevance_threshold=0))
    pairs = rated_pairs(held, TEST, asked)
    people = len(np.unique(asked.users))
    assert np.bincount(pairs.queries).tolist() == [3] * (5 * people)  # rows 4, 5 and 6 of seven


def test_a_log_without_ratings_has_no_pairs() -> None:
    its = split(ratings=False)
    with pytest.raises(ValueError, match="only be rated in a log with ratings"):
        rated_pairs(its, TEST, evaluation_set(its, TEST, relevance_threshold=0, mask_seen=False))
