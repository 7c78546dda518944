from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from random_logs import splits

from tfrs_bench.data.interactions import build_log
from tfrs_bench.data.relevance import OUTSIDE, RATED_LOW, REPEATED, SEEN, evaluation_set
from tfrs_bench.data.split import TEST, TRAIN, VALIDATION, split_log
from tfrs_bench.errors import UserError

# user, item, time, rating, part. a and b are regular (three train rows), c is cold.
ROWS = [
    ("a", "p", 0, 5, TRAIN),
    ("a", "q", 1, 3, TRAIN),
    ("a", "r", 2, 4, TRAIN),
    ("a", "s", 3, 5, VALIDATION),
    ("a", "q", 4, 5, VALIDATION),  # in the history
    ("a", "p", 5, 5, TEST),  # in the history
    ("a", "n", 6, 5, TEST),  # in no row that is fitted on
    ("a", "u", 7, 2, TEST),  # rated low
    ("a", "v", 8, 5, TEST),  # rated again, so this row is not the latest
    ("a", "v", 9, 1, TEST),  # the latest, rated low
    ("a", "w", 10, 4, TEST),  # relevant
    ("a", "x", 11, 1, TEST),  # rated again
    ("a", "x", 12, 4, TEST),  # the latest: relevant
    ("b", "u", 20, 1, TRAIN),
    ("b", "v", 21, 1, TRAIN),
    ("b", "w", 22, 1, TRAIN),
    ("b", "x", 23, 2, VALIDATION),  # x is in the catalogue of the test, not of the validation
    ("b", "p", 24, 5, VALIDATION),  # relevant
    ("b", "q", 25, 3, TEST),  # rated low: nothing is relevant to b
    ("c", "n", 30, 5, TRAIN),  # a cold user's row: does not bring n into the catalogue
    ("c", "w", 31, 5, VALIDATION),  # not asked in the validation
    ("c", "q", 32, 5, TEST),  # relevant
]


@pytest.fixture
def split():
    users, items, times, ratings, parts = (np.array(column) for column in zip(*ROWS, strict=True))
    log = build_log(users, items, times, ratings, parts=parts)
    return split_log(log, "predefined", cold_start_below=3)


def answers(split, evaluation) -> dict[str, list[str]]:
    """Raw ids of the relevant items, in order of time, by raw id of the user."""
    items = split.log.item_ids.ids[evaluation.relevant_items]
    starts, ends = evaluation.relevant_offsets[:-1], evaluation.relevant_offsets[1:]
    return {
        split.log.user_ids.ids[user]: items[start:end].tolist()
        for user, start, end in zip(evaluation.users, starts, ends, strict=True)
    }


def test_test_set_by_hand(split):
    test = evaluation_set(split, TEST, relevance_threshold=4.0)
    assert answers(split, test) == {"a": ["w", "x"], "b": [], "c": ["q"]}
    assert test.dropped == {REPEATED: 2, RATED_LOW: 3, OUTSIDE: 1, SEEN: 1}
    assert test.num_relevant.tolist() == [2, 0, 1]
    assert test.cold.tolist() == [False, False, True]
    assert set(split.log.item_ids.ids[test.candidates]) == set("pqrsuvwx")
    assert test.queries.users.tolist() == [0, 1, -1]
    assert test.queries.times.tolist() == [5, 25, 32]
    assert np.diff(test.queries.histories.offsets).tolist() == [5, 5, 2]


def test_validation_set_by_hand(split):
    validation = evaluation_set(split, VALIDATION, relevance_threshold=4.0)
    # s and x are not in the train catalogue; x falls to the threshold first.
    assert answers(split, validation) == {"a": [], "b": ["p"]}
    assert validation.dropped == {REPEATED: 0, RATED_LOW: 1, OUTSIDE: 1, SEEN: 1}
    assert set(split.log.item_ids.ids[validation.candidates]) == set("pqruvw")
    assert validation.queries.times.tolist() == [3, 23]


def test_without_mask_seen_items_may_come_back(split):
    test = evaluation_set(split, TEST, relevance_threshold=4.0, mask_seen=False)
    assert answers(split, test) == {"a": ["p", "w", "x"], "b": [], "c": ["q"]}
    assert test.dropped == {REPEATED: 2, RATED_LOW: 3, OUTSIDE: 1, SEEN: 0}


def test_candidates_replace_the_catalogue(split):
    only = np.isin(split.log.item_ids.ids, ["n", "w"])
    test = evaluation_set(split, TEST, relevance_threshold=4.0, candidates=only)
    assert answers(split, test) == {"a": ["n", "w"], "b": [], "c": []}
    assert test.dropped == {REPEATED: 2, RATED_LOW: 3, OUTSIDE: 3, SEEN: 0}  # p is outside before it is seen
    assert (test.candidates == only).all()


def test_a_threshold_is_met_by_an_equal_rating(split):
    test = evaluation_set(split, TEST, relevance_threshold=3.0)
    assert answers(split, test)["b"] == ["q"]


def test_implicit_rows_are_all_relevant(split):
    implicit = dataclasses.replace(split, log=dataclasses.replace(split.log, ratings=None))
    test = evaluation_set(implicit, TEST, relevance_threshold=4.0)
    assert answers(split, test) == {"a": ["u", "v", "w", "x"], "b": ["q"], "c": ["q"]}


def test_global_asks_everyone_at_the_moment():
    # Twenty rows at times 0 … 19: the moments are 16 and 18.
    log = build_log(np.array(list("ab" * 10)), np.arange(20) % 8, np.arange(20))
    split = split_log(log, "global")
    for part, moment in ((VALIDATION, 16), (TEST, 18)):
        evaluation = evaluation_set(split, part, relevance_threshold=4.0, mask_seen=False)
        assert evaluation.queries.times.tolist() == [moment, moment]
        assert evaluation.queries.histories.timestamps.max() == moment - 1


def test_without_real_times_queries_have_none():
    log = build_log(np.array(["a"] * 20), np.arange(20) % 5, clock="file")
    evaluation = evaluation_set(split_log(log, "per_user"), TEST, relevance_threshold=4.0, mask_seen=False)
    assert evaluation.queries.times is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"relevance_threshold": 6.0}, "--relevance_threshold=6"),
        ({"relevance_threshold": 0.0, "candidates": np.zeros(9, dtype=bool)}, "candidates file"),
    ],
)
def test_nothing_relevant_names_the_next_step(split, options, says):
    with pytest.raises(UserError, match=says):
        evaluation_set(split, TEST, **options)


def test_nothing_new_names_mask_seen():
    log = build_log(np.array(["a"] * 20), np.arange(20) % 2, np.arange(20))
    with pytest.raises(UserError, match="--mask_seen=false"):
        evaluation_set(split_log(log, "leave_last"), TEST, relevance_threshold=4.0)


def test_repetition_is_never_why_nothing_is_relevant():
    # Thirty rows of one item: three are tested, two of them repeated, and the last is in the history.
    log = build_log(np.array(["a"] * 30), np.array(["x"] * 30), np.arange(30))
    says = r"2 repeated in the part, 1 already in the history.*--mask_seen=false"
    with pytest.raises(UserError, match=says):
        evaluation_set(split_log(log, "per_user"), TEST, relevance_threshold=4.0)


def test_the_train_part_is_not_evaluated(split):
    with pytest.raises(ValueError, match="part = 0"):
        evaluation_set(split, TRAIN, relevance_threshold=4.0)


def expected(split, part, threshold, mask_seen) -> tuple[dict[int, set[int]], set[int]]:
    """Relevant items of every user asked, and the catalogue, row by row from the protocol's words."""
    log = split.log
    good = [True] * len(log) if log.ratings is None else (log.ratings >= threshold).tolist()
    rows = list(zip(log.users.tolist(), log.items.tolist(), good, split.parts.tolist(), strict=True))
    catalogue = {item for user, item, _, own in rows if own < part and not split.cold[user]}
    history = {(user, item) for user, item, _, own in rows if own < part}
    latest = {(user, item): good for user, item, good, own in rows if own == part}
    asked = {user for user, _ in latest if part == TEST or not split.cold[user]}
    relevant = {user: set() for user in asked}
    for (user, item), good in latest.items():
        if user in asked and good and item in catalogue and not (mask_seen and (user, item) in history):
            relevant[user].add(item)
    return relevant, catalogue


@given(splits(), st.sampled_from([VALIDATION, TEST]), st.sampled_from([2.0, 4.0]), st.booleans())
def test_agrees_with_the_words_of_the_protocol(split, part, threshold, mask_seen):
    relevant, catalogue = expected(split, part, threshold, mask_seen)
    try:
        evaluation = evaluation_set(split, part, relevance_threshold=threshold, mask_seen=mask_seen)
    except UserError:
        assert not any(relevant.values())
        reject()
    assert np.flatnonzero(evaluation.candidates).tolist() == sorted(catalogue)
    assert evaluation.users.tolist() == sorted(relevant)
    for query, user in enumerate(evaluation.users.tolist()):
        items = evaluation.relevant_items[slice(*evaluation.relevant_offsets[query : query + 2])].tolist()
        assert len(items) == len(set(items))
        assert set(items) == relevant[user]
    asked_rows = np.isin(split.log.users, evaluation.users) & (split.parts == part)
    assert sum(evaluation.dropped.values()) + len(evaluation.relevant_items) == asked_rows.sum()


@given(splits())
def test_answers_lie_in_the_catalogue_and_not_in_the_history(split):
    try:
        test = evaluation_set(split, TEST, relevance_threshold=2.0)
    except UserError:
        reject()
    assert test.candidates[test.relevant_items].all()
    histories = test.queries.histories
    seen = set(zip(histories.rows.tolist(), histories.items.tolist(), strict=True))
    rows = np.repeat(np.arange(len(test)), test.num_relevant)
    assert not seen & set(zip(rows.tolist(), test.relevant_items.tolist(), strict=True))


@given(splits(), st.sampled_from([VALIDATION, TEST]))
def test_queries_know_what_came_before_and_nothing_else(split, part):
    try:
        evaluation = evaluation_set(split, part, relevance_threshold=0.0, mask_seen=False)
    except UserError:
        reject()
    log, histories = split.log, evaluation.queries.histories
    for query, user in enumerate(evaluation.users):
        before = log.items[(log.users == user) & (split.parts < part)]
        assert histories.items[slice(*histories.offsets[query : query + 2])].tolist() == before.tolist()
        assert evaluation.queries.users[query] == (-1 if split.cold[user] else user)
