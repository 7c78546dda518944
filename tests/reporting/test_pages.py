"""Pages are derived from summaries and from nothing else."""

from __future__ import annotations

import json

import pytest

from tfrs_bench import report
from tfrs_bench.errors import UserError
from tfrs_bench.reporting.pages import command, conclusion, fill, overview, table

AUDIT = {
    "strategy": "per_user",
    "rows": {"train": 80, "validation": 10, "test": 10},
    "users": {"train": 8, "validation": 5, "test": 10},
    "items": {"train": 20, "validation": 9, "test": 9},
    "times": None,
    "moments": None,
    "users_asked": 10,
    "cold_asked": 2,
    "cold_share": 0.2,
    "users_without_relevant": 1,
    "relevant": 9,
    "dropped": {},
    "order_holds": True,
    "temporal": True,
    "boundary_ties": None,
    "leaked_share": None,
    "later_share": None,
}


def row(model, segment, metric, mean):
    return {
        "model": model,
        "segment": segment,
        "metric": metric,
        "mean": mean,
        "low": mean - 0.01,
        "high": mean + 0.01,
        "num_users": 9,
    }


def summary(*, cold=True):
    means = {("all", "hr@10"): 0.5, ("all", "ndcg@10"): 0.25, ("all", "map@10"): 0.125}
    if cold:
        means["cold", "ndcg@10"] = 0.0625
    return {
        "file": "toy-per_user.json",
        "dataset": "toy",
        "split": "per_user",
        "asked": {"dataset": "ml-1m", "split": "global"},
        "sentences": ["a vs b: NDCG@10 +0.1 [0.0, 0.2]: better"],
        "rows": [row("als", segment, metric, mean) for (segment, metric), mean in means.items()],
        "costs": [
            {
                "model": "als",
                "fit_s": 1234.5,
                "score_us_per_user": 7.0,
                "tuning": "grid",
                "config": {"factors": 8},
            }
        ],
        "audit": AUDIT,
    }


def test_a_row_shows_each_figure_in_its_column():
    assert table(summary())[2] == "| als | 0.5000 | 0.2500 [0.2400, 0.2600] | 0.1250 | 0.0625 | 1,234.5 | 7 |"


def test_no_cold_users_is_a_dash_not_a_number():
    assert table(summary(cold=False))[2].split("|")[5].strip() == "–"


def test_the_overview_leaves_a_gap_where_a_model_was_not_run():
    other = summary()
    other["rows"] = [row("two_tower", "all", "ndcg@10", 0.75)]
    other["costs"] = [{"model": "two_tower"}]
    assert overview([summary(), other]) == [
        "| NDCG@10 | als | two_tower |",
        "|---|---:|---:|",
        "| toy, per_user | 0.2500 |  |",
        "| toy, per_user |  | 0.7500 |",
        "",
        "- toy, per_user: a vs b: NDCG@10 +0.1 [0.0, 0.2]: better",
        "- toy, per_user: a vs b: NDCG@10 +0.1 [0.0, 0.2]: better",
    ]


def test_the_command_makes_the_summary_again():
    made = command(summary() | {"file": "x.json"})
    assert made == "python -m tfrs_bench.main --dataset=ml-1m --split=global --summary=results/x.json"


def test_the_conclusion_is_the_table_and_the_verdicts():
    stages, settings = "  load  1 s\n  als  2 s\n", "popularity (defaults)\nals (grid)\n"
    output = f"{stages}\ntoy split\n row 1  \n\na vs b: better\n\n{settings}"
    assert conclusion(output) == "toy split\n row 1\n\na vs b: better"


def test_a_page_without_the_markers_is_an_error_that_shows_them():
    with pytest.raises(UserError, match="<!-- begin overview -->"):
        fill("nothing here", {"overview": "text"})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "toy-per_user.json").write_text(json.dumps(summary()))
    (tmp_path / "README.md").write_text("# T\n<!-- begin overview -->\n<!-- end overview -->\n")
    return tmp_path


def run(folder, *flags):
    return report.console(
        ["report", f"--results={folder / 'results'}", f"--readme={folder / 'README.md'}", *flags]
    )


def test_check_fails_until_the_pages_are_written_and_again_when_a_summary_changes(folder, capsys):
    assert run(folder, "--check") == 1
    assert "README.md is stale. Type: python -m tfrs_bench.report" in capsys.readouterr().err
    assert run(folder) == 0
    assert run(folder, "--check") == 0
    assert "| toy, per_user | 0.2500 |" in (folder / "README.md").read_text()
    page = (folder / "results" / "README.md").read_text()
    assert "a vs b: NDCG@10 +0.1" in page
    assert "asked: 10 users, 2 of them cold (20.0%)" in page
    changed = summary()
    changed["rows"][1]["mean"] = 0.3
    (folder / "results" / "toy-per_user.json").write_text(json.dumps(changed))
    assert run(folder, "--check") == 1


def test_a_folder_without_summaries_is_an_error_that_names_the_command(tmp_path, capsys):
    (tmp_path / "README.md").write_text("")
    assert report.console(["report", f"--results={tmp_path}", f"--readme={tmp_path / 'README.md'}"]) == 2
    assert "main --summary=" in capsys.readouterr().err


def test_the_committed_pages_are_fresh(request):
    root = request.config.rootpath
    if not list((root / "results").glob("*.json")):
        pytest.skip("no results are committed")
    assert (
        report.console(["r", f"--results={root / 'results'}", f"--readme={root / 'README.md'}", "--check"])
        == 0
    )
