"""Recall by popularity third as records tell it, and an honest gap where they do not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from planted_studies import planted, run

from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.reporting.document import Bullets, Drawing, Table
from tfrs_bench.reporting.sections.popularity_bias import against, popularity_bias
from tfrs_bench.reporting.study import study_of

BREADTH = {"coverage@10": 0.5, "gini@10": 0.25, "novelty@10": 8.0, "average_popularity@10": 120.0}


def thirds(head: float, middle: float, tail: float) -> dict[str, float]:
    return BREADTH | {"recall_head@10": head, "recall_middle@10": middle, "recall_tail@10": tail}


def test_thirds_are_shown_where_records_have_them() -> None:
    runs = [
        run("popularity", planted(0.1, **thirds(0.3, 0.0, 0.0))),
        run("als", planted(0.2, **thirds(0.2, 0.1, float("nan")))),
        run("markov", planted(0.2, **BREADTH)),
        *(
            run("two_tower", planted(0.2, **thirds(share, 0.1, 0.04)), seed=seed)
            for seed, share in ((0, 0.1), (1, 0.2))
        ),
    ]
    section = popularity_bias([study_of(runs)])
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    rest = ("0.500", "0.250", "8.00", "120")
    assert table.rows == (
        ("popularity", "0.3000", "0.0000", "0.0000", *rest),
        ("als", "0.2000", "0.1000", "–", *rest),
        ("markov", "–", "–", "–", *rest),
        ("two_tower", "0.1500", "0.1000", "0.0400", *rest),
    )
    (figure,) = [block for block in section.blocks if isinstance(block, Drawing)]
    assert ">markov<" not in figure.svg and ">two_tower<" in figure.svg


def test_records_of_before_there_were_thirds_have_a_table_and_no_figure() -> None:
    section = popularity_bias([study_of([run("als", planted(0.2, **BREADTH)), run("ease", planted(0.1))])])
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [row[1:4] for row in table.rows] == [("–",) * 3] * 2
    assert not any(isinstance(block, Drawing | Bullets) for block in section.blocks)


def counted(evaluation: Evaluation, head: int, tail: int) -> Evaluation:
    """Every user wants an item of head and tail each; so many users of 400 find theirs, the first ones."""
    first = np.arange(len(evaluation.users))
    found = {"found_head": first < head, "found_middle": first < 0, "found_tail": first < tail}
    wanted = {"relevant_head": first >= 0, "relevant_middle": first < 0, "relevant_tail": first >= 0}
    return dataclasses.replace(
        evaluation, of_thirds={name: one.astype(np.int16) for name, one in (found | wanted).items()}
    )


def test_the_best_of_both_sides_are_weighed_on_each_third_that_somebody_wants() -> None:
    recalls = thirds(0.3, float("nan"), 0.1)
    runs = [
        run("popularity", counted(planted(0.1, **recalls), 400, 0)),
        run("als", counted(planted(0.2, **recalls), 200, 40)),
        run("two_tower", counted(planted(0.3, **recalls), 201, 120)),
    ]
    section = popularity_bias([study_of(runs)])
    (told,) = [block for block in section.blocks if isinstance(block, Bullets)]
    head, tail = told.lines[0].split("; ")
    assert head.startswith("log, per_user: recall by third, two_tower vs als, the best whose")
    assert "thirds: head +0.0025 [" in head and head.endswith(", cannot tell")
    assert tail.startswith("tail +0.2000 [+0.1") and tail.endswith(", better.")


def test_the_difference_turns_with_the_sides() -> None:
    better, worse = counted(planted(0.2), 200, 120), counted(planted(0.2), 200, 40)
    assert against(better, worse)["tail"].word == "better"
    assert against(worse, better)["tail"].word == "worse"
    assert against(worse, better)["tail"].difference == pytest.approx(-0.2)
    assert against(better, planted(0.2)) == {}


def test_the_interval_is_that_of_users_drawn_by_hand() -> None:
    ours, theirs = counted(planted(0.2), 300, 120), counted(planted(0.2), 200, 40)
    one = against(ours, theirs)["head"]
    gained = np.repeat([0.0, 1.0], [300, 100])  # one relevant item a user: the recall is a mean over users
    error = gained.std() / 20
    assert (one.low, one.high) == pytest.approx((0.25 - 1.96 * error, 0.25 + 1.96 * error), abs=0.004)
