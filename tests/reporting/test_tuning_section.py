"""What the report says of searches, on planted ledgers."""

from __future__ import annotations

from typing import Any

from planted_studies import planted, run

from tfrs_bench.reporting.document import Bullets, Drawing, Table
from tfrs_bench.reporting.sections.tuning import tuning
from tfrs_bench.reporting.study import Study, study_of


def ledger(*curve: tuple[float, float], minutes: float, **fields: Any) -> dict[str, Any]:
    """A search of at most 3 minutes whose best rose at the given minutes."""
    return {
        "method": "tpe",
        "metric": "ndcg@10",
        "trials": 60,
        "pruned": 0,
        "failed": 0,
        "minutes": minutes,
        "cap_minutes": 3.0,
        "max_trials": 60,
        "quality": curve[-1][1],
        "best_so_far": [list(one) for one in curve],
        "edges": [],
    } | fields


def searched() -> Study:
    """ALS tried everything, the tower ran out of time, popularity was not searched."""
    tower = ledger((1.0, 0.20), minutes=3.2, trials=4, pruned=1, edges=["dimension=256"])
    return study_of(
        [
            run("popularity", planted(0.1), config={"half_life_days": None}),
            run(
                "als",
                planted(0.3),
                config={"factors": 8},
                ledger=ledger((0.1, 0.25), (0.6, 0.3), minutes=1.5),
            ),
            run("two_tower", planted(0.4), config={"dimension": 8}, ledger=tower),
        ]
    )


def test_the_table_has_what_each_search_took_and_found() -> None:
    (table,) = [block for block in tuning([searched()]).blocks if isinstance(block, Table)]
    assert table.rows == (
        ("als", "60", "0", "0", "1.5", "3", "0.2500", "0.3000", "+20%", "0.6", "–"),
        ("two_tower", "4", "1", "0", "3.2", "3", "0.2000", "0.2000", "+0%", "1.0", "dimension=256"),
    )


def test_who_ran_out_of_time_is_said() -> None:
    (told,) = [block for block in tuning([searched()]).blocks if isinstance(block, Bullets)]
    assert told.lines == (
        "log, per_user: the clock ended the search of two_tower after 4 trials.",
        "log, per_user: within the minutes, all trials were made of als.",
        "log, per_user: the best lies at the edge of its range, beyond which better may lie, of two_tower "
        "(dimension=256).",
    )


def test_an_error_falls() -> None:
    found = ledger((0.1, -1.0), (0.2, -0.9), minutes=1.0, metric="rmse")
    study = study_of([run("als", planted(0.3), config={"factors": 8}, ledger=found)])
    (table,) = [block for block in tuning([study]).blocks if isinstance(block, Table)]
    assert table.rows[0][6:9] == ("1.0000", "0.9000", "-10%")


def test_the_figure_has_a_line_and_a_name_for_each_search() -> None:
    (figure,) = [block for block in tuning([searched()]).blocks if isinstance(block, Drawing)]
    assert [figure.svg.count(f">{name}<") for name in ("als", "two_tower", "popularity")] == [1, 1, 0]


def test_a_search_that_only_the_head_of_a_flagfile_tells_of_is_not_drawn() -> None:
    shipped = {
        "method": "flagfile",
        "search": "tpe",
        "trials": 60,
        "minutes": 2.0,
        "cap_minutes": 3.0,
        "max_trials": 60,
    }
    assert tuning([study_of([run("als", planted(0.3), ledger=shipped)])]).blocks == ()


def test_without_searches_the_section_is_empty() -> None:
    assert tuning([study_of([run("als", planted(0.3)), run("ease", planted(0.2))])]).blocks == ()


def test_searches_in_worlds_whose_winner_is_known_are_drawn_after_all_others() -> None:
    search = ledger((0.1, 0.25), (0.6, 0.3), minutes=1.5)
    models = [run("als", planted(0.3), dataset="simulated-lowrank", config={"factors": 8}, ledger=search)]
    drawn = [block for block in tuning([study_of(models), searched()]).blocks if isinstance(block, Drawing)]
    assert [one.name for one in drawn] == ["tuning, log, per_user", "tuning, simulated-lowrank, per_user"]
