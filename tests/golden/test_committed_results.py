"""Committed figures come out again: the models that need no training, on the simulated log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tfrs_bench.main import console

COMMITTED = Path(__file__).parents[2] / "results" / "simulated-per_user.json"
UNTRAINED = ("random", "popularity", "oracle")


def figures(summary: Path) -> dict[tuple[str, str, str], float]:
    rows = json.loads(summary.read_text())["rows"]
    return {
        (row["model"], row["segment"], row["metric"]): row["mean"]
        for row in rows
        if row["model"] in UNTRAINED
    }


def test_every_metric_of_every_segment_comes_out_again(tmp_path: Path) -> None:
    flags = ("--model=popularity", "--baselines=popularity")
    places = (f"--results_dir={tmp_path}", f"--summary={tmp_path / 'again.json'}")
    assert console(["main", *flags, *places]) == 0
    # Another processor's rounding may change a choice of the simulator, and with it a user or two.
    assert figures(tmp_path / "again.json") == pytest.approx(figures(COMMITTED), abs=2e-3)


def test_the_audit_of_the_simulated_log_comes_out_again(tmp_path: Path) -> None:
    summary = tmp_path / "again.json"
    assert (
        console(
            [
                "main",
                "--model=random",
                "--baselines=random",
                f"--results_dir={tmp_path}",
                f"--summary={summary}",
            ]
        )
        == 0
    )
    again, committed = (json.loads(path.read_text())["audit"] for path in (summary, COMMITTED))
    for part in ("train", "validation", "test"):
        assert again["rows"][part] == pytest.approx(committed["rows"][part], rel=1e-2)
    assert again["leaked_share"] == pytest.approx(committed["leaked_share"], abs=1e-2)
