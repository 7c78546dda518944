"""Costs beside quality, on planted runs that take ten seconds for each unit of NDCG."""

from __future__ import annotations

import pytest
from planted_studies import planted, run, study

from tfrs_bench.reporting.document import Bullets, Drawing, Table
from tfrs_bench.reporting.sections.cost import cost, pareto
from tfrs_bench.reporting.study import Study, study_of


def weighed() -> Study:
    """ALS in 10 s, a better and slower tower, a worse one of the same time, and chance at once."""
    runs = [
        run("random", planted(0.01), fit_s=0.0),
        run("als", planted(0.30), fit_s=10.0, trials=[[{}, 0.3]], tune_minutes=2.0),
        run("ease", planted(0.33), fit_s=0.5),
        run("two_tower", planted(0.36), fit_s=120.0),
        run("ncf", planted(0.20), fit_s=120.0),
    ]
    return study_of(runs)


def test_the_table_has_costs_and_gains_over_als() -> None:
    (table,) = [block for block in cost([weighed()]).blocks if isinstance(block, Table)]
    rows = {row[0]: row for row in table.rows}
    assert "random" not in rows and table.titles[-2:] == ("gain over ALS", "gain per training minute")
    assert rows["als"] == ("als", "0.3000", "10.0", "2.0", "12", "100", "64", "", "")
    assert rows["two_tower"][-2:] == ("+0.0600", "+0.0300")
    assert rows["ease"][2:4] == ("0.5", "–") and rows["ease"][-2:] == ("+0.0300", "in under a second")
    assert rows["ncf"][-2:] == ("-0.1000", "none")


def test_the_minutes_of_a_search_come_from_its_ledger_where_there_is_one() -> None:
    runs = [
        run("als", planted(0.3), ledger={"method": "flagfile", "minutes": 2.34}),
        run("ease", planted(0.3), ledger={"method": "flagfile", "minutes": None}),
    ]
    (table,) = [block for block in cost([study_of(runs)]).blocks if isinstance(block, Table)]
    assert [row[3] for row in table.rows] == ["2.3", "–"]


def test_training_times_that_differ_much_have_their_range_and_other_machines_are_named() -> None:
    runs = [
        run("als", planted(0.3), fit_s=2.0, seed=0),
        run("als", planted(0.3), fit_s=10.0, seed=1),
        run("ease", planted(0.3), fit_s=8.0, environment={"cores": 2}),
    ]
    table, (told,) = (
        [block for block in cost([study_of(runs)]).blocks if isinstance(block, kind)]
        for kind in (Table, Bullets)
    )
    assert [row[2] for row in table[0].rows] == ["6.0 (2.0–10.0)", "8.0"]  # type: ignore[union-attr]
    assert "different machines and compare only roughly: ? cores: als; 2 cores: ease." in told.lines[1]  # type: ignore[union-attr]


def test_findings_name_the_front_and_follow_the_verdicts() -> None:
    (told,) = [block for block in cost([weighed()]).blocks if isinstance(block, Bullets)]
    assert told.lines == (
        "log, per_user: on the Pareto front of means, from the fastest to the best: ease, two_tower.",
        "log, per_user: two_tower trains 12.0 times as long as ALS, and is better by 0.0600 [+0.0600, "
        "+0.0600].",
        "log, per_user: ncf trains 12.0 times as long as ALS, and is worse by 0.1000 [-0.1000, -0.1000].",
    )


def test_the_figure_names_every_model_once() -> None:
    (figure,) = [block for block in cost([weighed()]).blocks if isinstance(block, Drawing)]
    assert [figure.svg.count(f">{name}<") for name in ("als", "ease", "two_tower", "ncf")] == [1] * 4
    assert ">random<" not in figure.svg


def test_without_als_nothing_is_said_of_gains() -> None:
    section = cost([study({"ease": 0.3, "two_tower": 0.4})])
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert table.titles[-1] == "parameters"
    assert cost([study({"als": 0.3})]).blocks == ()


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ({}, []),
        ({"a": (1.0, 0.5), "b": (1.0, 0.6)}, ["b"]),
        ({"a": (1.0, 0.5), "b": (2.0, 0.5)}, ["a"]),
        ({"c": (3.0, 0.7), "a": (1.0, 0.5), "b": (2.0, 0.6)}, ["a", "b", "c"]),
    ],
)
def test_the_front_holds_whom_nobody_beats_in_both(
    points: dict[str, tuple[float, float]], front: list[str]
) -> None:
    assert pareto(points) == front
