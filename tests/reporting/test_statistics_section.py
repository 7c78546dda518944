"""What a verdict is called and when users are too few, on planted verdicts and runs."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from planted_studies import USERS, noisy, planted, run, study

from tfrs_bench.evaluation.verdicts import Verdict, Word
from tfrs_bench.reporting.document import Bullets, Table
from tfrs_bench.reporting.sections.statistics import meaning, shown_pairs, statistics, users_needed
from tfrs_bench.reporting.study import study_of


def verdict(difference: float, half: float, detectable: float, word: Word = "cannot tell") -> Verdict:
    """Of 100 users against an opponent with a mean of 0.2."""
    low, high = difference - half, difference + half
    relative = difference / 0.2
    return Verdict(
        "a", "b", "all", "ndcg@10", difference, low, high, relative, 0.2, 0.2, detectable, 100, word
    )


@pytest.mark.parametrize(
    ("one", "told", "needed"),
    [
        (verdict(0.1, 0.01, 0.01, "better"), "better", "–"),
        (verdict(-0.1, 0.01, 0.01, "worse"), "worse", "–"),
        (verdict(0.02, 0.03, 0.04), "cannot tell: too few users", "400"),
        (verdict(1e-7, 0.03, 0.04), "cannot tell: too few users", "over 1,000,000"),
        (verdict(0.001, 0.005, 0.007), "cannot tell: about equal", "4,900"),
        (verdict(0.004, 0.0068, 0.008), "cannot tell", "400"),  # interval beyond 5 %, yet 5 % would be seen
        (
            Verdict("a", "b", "all", "ndcg@10", *([0.0] * 3), math.nan, 1, 1, 0, 9, "cannot tell"),
            "cannot tell",
            "–",
        ),
    ],
)
def test_what_cannot_be_told_is_explained(one: Verdict, told: str, needed: str) -> None:
    assert (meaning(one), users_needed(one)) == (told, needed)


def test_the_table_holds_the_strongest_opponent_and_als() -> None:
    one = study({"popularity": 0.1, "als": 0.3, "ease": 0.4, "two_tower": 0.45})
    assert [each.baseline for each in shown_pairs(one)] == ["als", "ease"]
    table = next(block for block in statistics([one]).blocks if isinstance(block, Table))
    assert table.rows[1] == (
        "two_tower vs ease", "+0.0500 [+0.0500, +0.0500]", "+12.5%", "< 0.001", "0.0000", "better", "–",
    )  # fmt: skip


def test_a_segment_whose_word_is_another_has_a_sentence() -> None:
    halves = np.arange(USERS) < USERS // 2
    ours, theirs = planted(0.3), planted(0.3)
    moved = theirs.metrics["ndcg@10"] + np.where(halves, 0.1, -0.1)
    ours = dataclasses.replace(ours, metrics=dict.fromkeys(ours.metrics, moved), cold=~halves)
    one = study_of([run("als", dataclasses.replace(theirs, cold=~halves)), run("two_tower", ours)])
    (told,) = [block for block in statistics([one]).blocks if isinstance(block, Bullets)]
    assert [line.partition(": NDCG")[0] for line in told.lines] == [
        "log, per_user: two_tower vs als, regular users", "log, per_user: two_tower vs als, cold users",
    ]  # fmt: skip
    assert told.lines[0].endswith("better; all users: cannot tell")
    assert told.lines[1].endswith("worse; all users: cannot tell")


def test_what_a_seed_moves_stands_beside_the_interval() -> None:
    runs = [run("two_tower", planted(mean), seed=seed) for seed, mean in enumerate((0.30, 0.32, 0.31))]
    (table,) = [block for block in statistics([study_of(runs)]).blocks if isinstance(block, Table)]
    assert table.rows[0][:6] == ("two_tower", "3", "0.3100", "0.0100", "0.3000", "0.3200")
    assert table.rows[0][6].endswith("%")


def test_a_table_comes_from_its_users() -> None:
    runs = [run("als", noisy(0.3, 1)), run("two_tower", noisy(0.3, 2))]
    (table,) = [block for block in statistics([study_of(runs)]).blocks if isinstance(block, Table)]
    assert table.rows[0][5] == "cannot tell: too few users"
    assert statistics([]).blocks == ()
