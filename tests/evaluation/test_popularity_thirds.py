"""Recall by popularity third, on counts that can be added up by hand."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_sets import by_user, evaluation_set, keys
from numpy.testing import assert_array_equal

from tfrs_bench.evaluation.evaluator import Evaluator
from tfrs_bench.evaluation.popularity_thirds import popularity_thirds

# 90 rows: two items hold a third of them, three the next, and ten the last.
COUNTS = np.array([15, 15, 10, 10, 10, *[3] * 10])
THIRD = np.repeat([0, 1, 2], [2, 3, 10])


def test_each_third_holds_a_third_of_the_rows_whatever_the_numbering() -> None:
    order = np.random.default_rng(0).permutation(len(COUNTS))
    thirds = popularity_thirds(COUNTS[order], np.ones(15, dtype=bool), keys(15)[order])
    assert_array_equal(thirds, THIRD[order])


def test_equally_popular_items_are_ordered_by_their_ids() -> None:
    ids, everything = keys(9), np.ones(9, dtype=bool)
    thirds = popularity_thirds(np.ones(9, dtype=int), everything, ids)
    assert np.bincount(thirds).tolist() == [3, 3, 3]
    assert_array_equal(popularity_thirds(np.ones(9, dtype=int), everything, ids[::-1]), thirds[::-1])


def test_what_is_no_candidate_has_no_third_and_counts_for_none() -> None:
    counts = np.append(COUNTS, 1_000)
    candidates = np.append(np.ones(15, dtype=bool), False)
    assert_array_equal(popularity_thirds(counts, candidates, keys(16)), np.append(THIRD, -1))


def test_nothing_is_popular_where_nothing_was_trained_on() -> None:
    assert_array_equal(popularity_thirds(np.zeros(3, dtype=int), np.ones(3, dtype=bool), keys(3)), 0)


def test_a_list_of_popular_items_finds_the_head_alone() -> None:
    # Items 0 and 1 are the head, 2 to 4 the middle, and the one list for all holds items 0 to 9.
    answers = evaluation_set([[0, 2, 5], [1, 12, 13], [0, 4, 14]], m=15)
    found = Evaluator(answers, keys(15), COUNTS, ks=(20,)).evaluate(by_user(-np.arange(15) * np.ones((3, 1))))
    wanted = {"recall_head@10": 1.0, "recall_middle@10": 1.0, "recall_tail@10": 1 / 4}
    assert {name: found.list_metrics[name] for name in wanted} == pytest.approx(wanted)
    counts = {name: values.tolist() for name, values in found.of_thirds.items()}
    assert counts == {
        "found_head": [1, 1, 1], "found_middle": [1, 0, 1], "found_tail": [1, 0, 0],
        "relevant_head": [1, 1, 1], "relevant_middle": [1, 0, 1], "relevant_tail": [1, 2, 1],
    }  # fmt: skip


def test_a_third_that_nobody_wants_has_no_recall() -> None:
    answers = evaluation_set([[0], []], m=15)
    found = Evaluator(answers, keys(15), COUNTS).evaluate(by_user(np.zeros((2, 15))))
    assert np.isnan(found.list_metrics["recall_tail@10"]) and np.isfinite(
        found.list_metrics["recall_head@10"]
    )
