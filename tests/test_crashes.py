"""A run whose process is killed goes on, and ends as if nothing had happened, to the last digit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from planted_files import write_planted_csv

from tfrs_bench.main import console

TOWER = ("--baselines=popularity", "--dimension=8", "--batch_size=16", "--max_epochs=6", "--patience=6")
# What may differ between two runs: seconds, memory, and flags that name folders.
CIRCUMSTANCES = (
    "fit_s",
    "tune_minutes",
    "tuning",
    "score_us_per_user",
    "peak_memory_mb",
    "asked",
    "environment",
)


def flags(folder: Path, results: str, *more: str) -> list[str]:
    return [f"--interactions={folder / 'log.csv'}", f"--results_dir={folder / results}", *more]


def outcome(folder: Path) -> dict[str, Any]:
    """Every record and every user's metrics below a folder, without what may differ."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("record.json")):
        record = json.loads(path.read_text())
        for name in CIRCUMSTANCES:
            del record[name]
        for scalars in record["curve"]:
            del scalars["train/examples_per_second"]
        found[path.parent.name] = record, (path.parent / "per_user.parquet").read_bytes()
    return found


def left_over(folder: Path) -> list[str]:
    """Files and folders that a whole run does not have."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.suffix in (".partial", ".lock", ".old") or path.name == "unfinished"
    ]


# Real processes, watched from outside.


def kill_when(seen: Callable[[str], bool], arguments: list[str]) -> str:
    """Starts the command, kills it with the first line that is the one, and returns what it had printed."""
    command = [sys.executable, "-m", "tfrs_bench.main", *arguments]
    printed = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            printed += line
            if seen(line):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL, printed
    return printed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crashes")
    write_planted_csv(folder / "log.csv")
    return folder


@pytest.fixture(scope="module")
def whole(folder: Path) -> dict[str, Any]:
    """The run that nothing stopped."""
    assert console(["main", *flags(folder, "whole", *TOWER)]) == 0
    return outcome(folder / "whole")


def test_a_run_killed_in_search_and_again_in_refit_ends_with_the_same_digits(
    folder: Path, whole: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = flags(folder, "killed", *TOWER)
    kill_when(lambda line: " epoch 3:" in line, asked)
    second = kill_when(lambda line: "refit epoch 2:" in line, asked)
    assert "goes on after epoch" in second and " epoch 1: loss" not in second.split("refit")[0]
    assert outcome(folder / "killed").keys() < whole.keys(), "the tower's run is not whole yet"
    capsys.readouterr()
    assert console(["main", *asked]) == 0
    third = capsys.readouterr().out
    assert "goes on after epoch 6 of the search" in third
    assert "goes on after epoch 1 of the refit" in third or "goes on after epoch 2 of the refit" in third
    assert third.count("reused from") == 2
    assert outcome(folder / "killed") == whole
    assert not left_over(folder / "killed")
