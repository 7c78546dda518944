"""A funnel's stages as a page and a terminal show them, from records alone."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from finished_runs import evaluation, record
from rich.console import Console as RichConsole

from tfrs_bench.reporting.console import Console
from tfrs_bench.reporting.funnel import funnel_page, print_funnels
from tfrs_bench.reporting.study import Run, Study, study_of

STAGES: dict[str, Any] = {
    "num_candidates": 200,
    "recall": {"mean": 0.5, "low": 0.25, "high": 0.75},
    "alike_by": "item features",
    "index": "exact",
    "stages": [
        {
            "stage": "retrieval",
            "by": "two_tower",
            "hr": {"mean": 0.25, "low": 0.0, "high": 0.5},
            "ndcg": {"mean": 0.125, "low": 0.1, "high": 0.15},
            "difference": None,
            "diversity": 0.75,
            "coverage": None,
            "us_per_user": 1234.5,
        },
        {
            "stage": "ranking",
            "by": "ncf",
            "hr": {"mean": 0.5, "low": 0.25, "high": 0.75},
            "ndcg": {"mean": 0.25, "low": 0.2, "high": 0.3},
            "difference": {"mean": 0.125, "low": -0.0625, "high": 0.25},
            "diversity": 0.5,
            "coverage": 0.25,
            "us_per_user": 10.0,
        },
    ],
}


def study(**fields: Any) -> Study:
    runs = [Run(record(name, **own), evaluation(), Path("runs") / name) for name, own in fields.items()]
    return study_of(runs, "log, per_user")


def printed(shown: Study) -> str:
    out = io.StringIO()
    print_funnels(shown, Console(RichConsole(file=out, width=80)))
    return out.getvalue()


def test_a_terminal_of_80_columns_shows_a_row_a_stage_and_each_gain() -> None:
    text = printed(study(als={}, funnel={"funnel": STAGES}))
    assert "funnel, stage by stage" in text and max(map(len, text.splitlines())) <= 80
    (row,) = (line.split() for line in text.splitlines() if line.startswith(" retrieval "))
    assert row == ["retrieval", "0.2500", "0.1250", "(0.1000–0.1500)", "0.750", "–", "1,234"]
    assert "ranking vs retrieval: NDCG@10 +0.1250 [-0.0625, +0.2500]" in text
    assert "0.500 (0.250–0.750) are among the 200 candidates" in " ".join(text.split())


def test_a_page_has_the_models_and_the_stages() -> None:
    page = funnel_page([study(als={}), study(als={}, funnel={"funnel": STAGES})])
    assert page is not None and page.count("### log, per_user") == 1
    assert "| ranking | 0.5000 | 0.2500 (0.2000–0.3000) | 0.500 | 0.250 | 10 |" in page
    assert "| als | 1 |" in page and "- ranking vs retrieval" in page


def test_without_a_funnel_nothing_is_shown() -> None:
    assert printed(study(als={})) == ""
    assert funnel_page([study(als={})]) is None
