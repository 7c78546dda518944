"""What the report says of worlds whose winner is known, on planted runs."""

from __future__ import annotations

from planted_studies import study

from tfrs_bench.reporting.document import Bullets, Drawing, Table
from tfrs_bench.reporting.sections.known_worlds import worlds
from tfrs_bench.reporting.study import Study

_TITLES = ("world", "made for", "of the oracle", "must be and are worse", "worse", "cannot tell", "better")


def world(models: dict[str, float], name: str = "simulated-lowrank") -> Study:
    return study(models, f"{name}, per_user", dataset=name)


def told(*studies: Study) -> tuple[str, ...]:
    (bullets,) = [block for block in worlds(studies).blocks if isinstance(block, Bullets)]
    return bullets.lines


def test_the_winner_stands_with_its_share_of_the_truth_and_whom_it_beats() -> None:
    found = world({"random": 0.1, "popularity": 0.2, "als": 0.6, "ease": 0.4, "ncf": 0.6, "oracle": 0.8})
    (table,) = [block for block in worlds([found]).blocks if isinstance(block, Table)]
    assert table.titles == _TITLES
    assert table.rows == (("simulated-lowrank", "als", "75%", "1 of 1", "2", "1", "0"),)
    assert told(found) == (
        "**simulated-lowrank**: als is made for it and has 75% of the oracle's NDCG@10; cannot be told from "
        "it: ncf; worse: popularity, ease.",
    )


def test_a_winner_that_is_beaten_or_beats_too_few_is_told_first() -> None:
    found = world({"popularity": 0.4, "als": 0.4, "two_tower": 0.5, "oracle": 0.8})
    assert told(found) == (
        "**simulated-lowrank**: als is made for it and has 50% of the oracle's NDCG@10; **not shown to be "
        "worse, though without the mechanism: popularity**; **better than it: two_tower**; cannot be told "
        "from it: popularity; worse: nobody.",
    )


def test_every_world_is_a_row_of_the_figure_in_the_order_of_the_worlds() -> None:
    models = {"popularity": 0.3, "als": 0.4, "two_tower": 0.5, "oracle": 0.8}
    section = worlds([world(models, "simulated-content"), world(models), study(models, "log, per_user")])
    (figure,) = [block for block in section.blocks if isinstance(block, Drawing)]
    assert figure.svg.index("simulated-content") < figure.svg.index("simulated-lowrank")
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [row[0] for row in table.rows] == ["simulated-lowrank", "simulated-content"]


def test_a_world_without_its_model_or_its_truth_is_left_out() -> None:
    assert worlds([world({"popularity": 0.2, "oracle": 0.8}), study({"als": 0.4})]).blocks == ()
    assert worlds([world({"popularity": 0.2, "als": 0.8})]).blocks == ()
