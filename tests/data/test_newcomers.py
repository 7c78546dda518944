"""Newcomers on a log whose rows can be counted by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.newcomers import LEVELS, ask_at_every_level, hold_out
from tfrs_bench.data.relevance import EvaluationSet, evaluation_set
from tfrs_bench.data.split import TEST, TRAIN, UNUSED, VALIDATION, TemporalSplit, split_log
from tfrs_bench.errors import UserError

USERS, ROWS = 60, 10


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """60 users; user u's j-th of ten rows, at second j, is item (u + j) mod 12, each sixth rated low."""
    users = np.repeat(np.arange(USERS), ROWS)
    places = np.tile(np.arange(ROWS), USERS)
    ratings = np.where(places % 6 == 5, 1, 5).astype(np.float32)
    ids = np.array([f"u{user}" for user in users])
    return build_log(ids, (users + places) % 12, places, ratings).with_positives(4.0)


def split_of(log: InteractionLog, fraction: float = 0.3, seed: int = 0) -> TemporalSplit:
    return hold_out(split_log(log, "per_user"), fraction, seed)


def questions(split: TemporalSplit) -> EvaluationSet:
    return evaluation_set(split, TEST, relevance_threshold=4.0)


def newcomers(split: TemporalSplit) -> np.ndarray:
    return np.flatnonzero(split.cold)


def test_newcomers_enter_no_fit_and_are_the_only_ones_tested(log: InteractionLog) -> None:
    split = split_of(log)
    chosen = newcomers(split)
    assert 8 <= len(chosen) <= 28  # 18 expected of 60
    inside = np.isin(log.users, chosen)
    place = np.tile(np.arange(ROWS), USERS)
    assert_array_equal(split.parts[inside], np.where(place[inside] < 4, TRAIN, TEST))
    # The others have 8 rows of train, one of validation and one that nobody is asked about.
    others = np.array([TRAIN] * 8 + [VALIDATION, UNUSED])
    assert_array_equal(split.parts[~inside], np.tile(others, USERS - len(chosen)))
    for refit in (False, True):
        assert not np.isin(split.fit_log(refit=refit).users, chosen).any()
    assert_array_equal(np.unique(questions(split).users), chosen)


def test_the_choice_follows_raw_ids_and_the_seed(log: InteractionLog) -> None:
    def chosen(of: InteractionLog, seed: int) -> set[str]:
        return set(of.user_ids.ids[newcomers(split_of(of, seed=seed))].tolist())

    order = np.random.default_rng(0).permutation(len(log))
    again = build_log(
        log.user_ids.ids[log.users[order]],
        log.item_ids.ids[log.items[order]],
        log.timestamps[order],
        log.ratings[order],  # type: ignore[index]
    ).with_positives(4.0)
    assert not np.array_equal(again.user_ids.ids, log.user_ids.ids)
    assert chosen(log, 0) == chosen(again, 0)
    assert chosen(log, 0) != chosen(log, 1)


def test_a_larger_share_holds_out_the_same_users_and_more(log: InteractionLog) -> None:
    few, many = (set(newcomers(split_of(log, share)).tolist()) for share in (0.2, 0.6))
    assert few < many


def test_every_level_knows_its_first_rows_and_has_the_same_answers(log: InteractionLog) -> None:
    split = split_of(log)
    base = questions(split)
    asked = ask_at_every_level(split, base)
    n = len(base)
    assert len(asked) == LEVELS * n
    assert asked.known is not None and asked.known.tolist() == sorted(list(range(LEVELS)) * n)
    for number, level in enumerate(asked.known.tolist()):
        user = asked.users[number]
        begin, end = asked.queries.histories.offsets[number : number + 2]
        first = log.user_offsets[user]
        assert asked.queries.histories.items[begin:end].tolist() == log.items[first : first + level].tolist()
        assert asked.queries.times is not None and asked.queries.times[number] == level
        answers = asked.relevant_items[asked.relevant_offsets[number] : asked.relevant_offsets[number + 1]]
        # Rows 4 … 9 but the sixth, which is rated low: five items, none among the first four.
        assert sorted(answers) == sorted((int(user) + place) % 12 for place in (4, 6, 7, 8, 9))
    assert (asked.queries.users == -1).all()
    assert asked.cold.all()


def test_who_has_nothing_relevant_is_not_asked(log: InteractionLog) -> None:
    ratings = np.where(np.arange(len(log)) % 7 == 0, 5, 1).astype(np.float32)
    ratings[: ROWS * 40] = 1
    split = split_of(dataclasses.replace(log, ratings=ratings), 0.6)
    base = questions(split)
    asked = ask_at_every_level(split, base)
    assert 0 < len(asked) < LEVELS * len(base)
    assert (asked.num_relevant > 0).all()


def test_a_log_without_order_has_no_first_rows(log: InteractionLog) -> None:
    orderless = dataclasses.replace(log, clock="none")
    split = dataclasses.replace(split_log(log, "per_user"), log=orderless)
    with pytest.raises(UserError, match=r"^--cold_start_fraction .* no order"):
        hold_out(split, 0.3, 0)


def test_short_users_are_not_enough() -> None:
    users = np.repeat(np.arange(40), 4)
    log = build_log(users, np.tile(np.arange(4), 40), np.tile(np.arange(4), 40)).with_positives(4.0)
    with pytest.raises(UserError, match=r"--cold_start_fraction=0.3 holds out \d+ users, none with 5 rows"):
        hold_out(split_log(log, "leave_last", cold_start_below=1), 0.3, 0)


def test_somebody_must_be_left(log: InteractionLog) -> None:
    few = log.select(np.isin(log.users, newcomers(split_of(log))))
    with pytest.raises(UserError, match="leaves nobody to train on"):
        hold_out(split_log(few, "per_user"), 0.9999, 0)
