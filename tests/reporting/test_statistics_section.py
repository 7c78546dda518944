"""What a verdict is called and when users are too few, on planted verdicts and runs."""

from __future__ import annotations

from planted_studies import noisy, planted, run, study

from tfrs_bench.evaluation.verdicts import Verdict, Word
from tfrs_bench.reporting.document import Bullets, Table
from tfrs_bench.reporting.sections.statistics import shown_pairs, statistics, uncertainty
from tfrs_bench.reporting.study import study_of


def verdict(difference: float, half: float, detectable: float, word: Word = "cannot tell") -> Verdict:
    """Of 100 users against an opponent with a mean of 0.2."""
    low, high = difference - half, difference + half
    relative = difference / 0.2
    return Verdict(
        "a", "b", "all", "ndcg@10", difference, low, high, relative, 0.2, 0.2, detectable, 100, word
    )


def test_only_what_cannot_be_told_is_explained() -> None:
    assert uncertainty(verdict(0.1, 0.01, 0.01, "better")) is None
    assert uncertainty(verdict(-0.1, 0.01, 0.01, "worse")) is None


def test_too_few_users_are_told_with_how_many_it_would_take() -> None:
    assert uncertainty(verdict(0.02, 0.03, 0.04)) == (
        "a vs b: too few users (100) to see less than 20% of difference; about 400 users would show the "
        "difference that was seen."
    )
    assert uncertainty(verdict(1e-7, 0.03, 0.04)) == (
        "a vs b: too few users (100) to see less than 20% of difference."
    )


def test_a_narrow_interval_around_nothing_is_about_equal() -> None:
    told = "a vs b: about equal, the interval leaves no difference of 5%."
    assert uncertainty(verdict(0.001, 0.005, 0.007)) == told


def test_what_would_likely_have_been_seen_is_not_blamed_on_the_users() -> None:
    told = "a vs b: cannot tell, though a difference of 5% would likely have been seen."
    assert uncertainty(verdict(0.004, 0.0068, 0.0097)) == told


def test_an_opponent_without_a_hit_leaves_no_share() -> None:
    one = Verdict("a", "b", "all", "ndcg@10", 0.0, 0.0, 0.0, float("nan"), 1.0, 1.0, 0.0, 9, "cannot tell")
    assert uncertainty(one) == "a vs b: cannot tell, though a difference of 5% would likely have been seen."


def test_the_table_holds_the_strongest_opponent_and_als() -> None:
    one = study({"popularity": 0.1, "als": 0.3, "ease": 0.4, "two_tower": 0.45})
    assert [each.baseline for each in shown_pairs(one)] == ["als", "ease"]
    table = next(block for block in statistics([one]).blocks if isinstance(block, Table))
    assert table.rows[1] == (
        "two_tower vs ease", "+0.0500 [+0.0500, +0.0500]", "+12.5%", "< 0.001", "0.0000", "better",
    )  # fmt: skip


def test_what_a_seed_moves_stands_beside_the_interval() -> None:
    runs = [run("two_tower", planted(mean), seed=seed) for seed, mean in enumerate((0.30, 0.32, 0.31))]
    (table,) = [block for block in statistics([study_of(runs)]).blocks if isinstance(block, Table)]
    assert table.rows[0][:6] == ("two_tower", "3", "0.3100", "0.0100", "0.3000", "0.3200")
    assert table.rows[0][6].endswith("%")


def test_the_sentence_of_a_study_comes_from_its_users() -> None:
    runs = [run("als", noisy(0.3, 1)), run("two_tower", noisy(0.3, 2))]
    (told,) = [block for block in statistics([study_of(runs)]).blocks if isinstance(block, Bullets)]
    assert told.lines[0].startswith("two_tower vs als: too few users (400) to see less than")
    assert statistics([]).blocks == ()
