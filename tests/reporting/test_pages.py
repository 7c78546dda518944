"""Pages are derived from studies and from nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from finished_runs import AUDIT, evaluation, record

from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.reporting.comparison import markdown_table
from tfrs_bench.reporting.pages import ablation, fill, first_output, results_page, with_blocks
from tfrs_bench.reporting.study import Run, Study, study_of


def run(model: str, result: Evaluation | None = None, **fields: Any) -> Run:
    return Run(record(model, audit=AUDIT, **fields), result or evaluation(), Path("runs") / model)


def study(*runs: Run) -> Study:
    return study_of(runs or [run("als"), run("two_tower", evaluation((1.0, 0, 1.0, 1.0)))])


def test_a_row_shows_each_figure_in_its_column() -> None:
    als = evaluation((0.25, 0, 0.25, 0.25), hr=(0.5, 0, 0.5, 0.5), map=(0.125, 0, 0.125, 0.125))
    (row,) = markdown_table(study(run("als", als)))[2:]
    assert row == "| als | 1 | 0.5000 | 0.2500 (0.2500–0.2500) | 0.1250 | 0.2500 | 1,234.6 | 12 |"


def test_seeds_are_counted_with_their_spread() -> None:
    low, high = evaluation((0.2, 0, 0.2, 0.2)), evaluation((0.4, 0, 0.4, 0.4))
    (row,) = markdown_table(study(run("als", low, seed=0), run("als", high, seed=1)))[2:]
    assert row.split("|")[2:5:2] == [" 2, ± 0.1414 ", " 0.3000 (0.3000–0.3000) "]


def test_no_cold_users_is_a_dash_not_a_number() -> None:
    warm = evaluation()
    warm.cold[:] = False
    assert markdown_table(study(run("als", warm)))[2].split("|")[6].strip() == "–"


def test_the_page_has_the_command_the_table_the_verdicts_the_settings_and_the_audit() -> None:
    asked = {"dataset": "ml-1m", "data_dir": "DIR"}
    text = results_page([study(run("als", asked=asked), run("two_tower", asked=asked))])
    parts = [
        "## log, per_user",
        "`python -m tfrs_bench.main --dataset=ml-1m --data_dir=DIR`",
        "| als |",
        "Means over 3 users with relevant test items",
        "- two_tower vs als: NDCG@10 +0.000 [+0.000, +0.000] (+0 %): cannot tell",
        "- als (defaults): factors=8",
        "- asked: 10 users, 2 of them cold (20.0%), 1 without a relevant item",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_an_audit_of_another_version_is_named_with_its_run() -> None:
    other = Run(record("als", audit=AUDIT | {"invented": 1}), evaluation(), Path("runs/als"))
    with pytest.raises(UserError, match="runs/als: its audit is of another version"):
        results_page([study(other)])


def test_the_first_output_is_that_of_the_first_seed_of_the_simulated_log() -> None:
    low, high = evaluation((0.2, 0, 0.2, 0.2)), evaluation((0.4, 0, 0.4, 0.4))
    seeds = [run("two_tower", one, seed=seed, dataset="simulated") for seed, one in ((0, low), (1, high))]
    others = [run(name, dataset="simulated") for name in ("als", "ease")]
    text = first_output([study(), study(*seeds, *others)])
    assert text is not None
    lines = text.splitlines()
    assert lines[:2] == ["```", "simulated, per_user split, seed 0"] and lines[-1] == "```"
    (row,) = [line for line in lines if line.startswith(" two_tower") and "vs" not in line]
    assert "0.2000 (0.2000–0.2000)" in row and max(map(len, lines[:12])) <= 80
    assert "als" in text and "ease" not in text  # the command of the page has ALS alone beside popularity
    assert first_output([study()]) is None


def test_blocks_are_filled_where_they_stand_and_nothing_else_is_touched() -> None:
    page = "a\n<!-- begin first output -->\nstale text\n<!-- end first output -->\nb\n"
    simulated = study(run("als", dataset="simulated"))
    filled = with_blocks(page, [simulated])
    assert filled.startswith("a\n<!-- begin first output -->\n```\nsimulated") and filled.endswith("-->\nb\n")
    assert "stale text" not in filled and with_blocks(filled, [simulated]) == filled
    assert with_blocks(page, [study()]) == page  # the runs behind the block are not there
    assert with_blocks("nothing", [simulated]) == "nothing"


def test_a_page_that_lacks_a_marker_is_an_error_that_shows_both() -> None:
    with pytest.raises(UserError, match="<!-- begin overview --> … <!-- end overview -->"):
        fill("<!-- begin overview --> and no end", "overview", "text")


def test_an_ablation_is_shown_by_its_label_with_verdicts_against_als_alone() -> None:
    runs = [run(name, dataset="log-ablation") for name in ("popularity", "als", "two_tower")]
    text = ablation([study(), study(*runs)])
    assert text is not None
    assert text.count("| two_tower |") == 1
    assert text.count("two_tower vs als") == 1 and "vs popularity" not in text
    assert ablation([study()]) is None
