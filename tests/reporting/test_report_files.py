"""The files of a report: all there, the same every time, and within their pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from finished_runs import AUDIT, evaluation, record

from tfrs_bench.reporting.report_files import report_files
from tfrs_bench.reporting.study import Run, Study, study_of


def study(split: str) -> Study:
    means = {"popularity": 0.3, "als": 0.5, "two_tower": 0.4}
    data = {"rows": 100, "users": 10, "items": 20}
    return study_of(
        [
            Run(
                record(name, audit=AUDIT, data=data, split=split),
                evaluation((mean,) * 4),
                Path("runs") / name,
            )
            for name, mean in means.items()
        ]
    )


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return report_files([study("per_user"), study("global")])


def test_the_report_the_leaderboards_and_each_figure_twice(files: dict[str, bytes]) -> None:
    assert {"report.html", "report.pdf", "leaderboard.md", "leaderboard.csv"} <= {*files}
    figures = {name for name in files if name.startswith("figures/")}
    assert {Path(name).with_suffix(".png") for name in figures} == {
        Path(name).with_suffix(".png") for name in figures if name.endswith(".svg")
    }
    assert "figures/results-log-per_user.svg" in figures


def test_html_and_pdf_answer_first_and_name_what_is_missing(files: dict[str, bytes]) -> None:
    page = files["report.html"].decode()
    assert page.index("<h2>Answers</h2>") < page.index("<h2>Lessons from Baselines</h2>")
    assert "No run among the records tells this. What makes one: <code>python -m tfrs_bench" in page
    counts = re.findall(rb"/Type/Pages/Count (\d+)", files["report.pdf"])
    assert 1 <= max(map(int, counts)) <= 10


def test_the_same_studies_give_the_same_bytes(files: dict[str, bytes]) -> None:
    again = report_files([study("per_user"), study("global")])
    assert [name for name in files if files[name] != again.get(name)] == []
