"""A run whose process is killed goes on, and ends as if nothing had happened, to the last digit."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from planted_files import write_planted_csv

from tfrs_bench.main import console
from tfrs_bench.models.als import ALS
from tfrs_bench.reporting.console import TrainingBar

TOWER = ("--baselines=popularity", "--dimension=8", "--batch_size=16", "--max_epochs=6", "--patience=6")
# What may differ between two runs: seconds, memory, and flags that name folders.
CIRCUMSTANCES = (
    "fit_s",
    "tune_minutes",
    "ledger",
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


# Killed by itself, at one chosen change of the disk: opening, renaming, removing, making a folder.

CHANGES = """
import os, pathlib, signal, sys

watched, last = sys.argv.pop(1), int(sys.argv.pop(1))
done = 0

def count(event, arguments):
    global done
    path = arguments[0] if arguments else None
    if event == "open":
        changes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    else:
        changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
    if changes and isinstance(path, (str, bytes, os.PathLike)) and os.fspath(path).startswith(watched):
        done += 1
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)

from tfrs_bench.models.als import ALS
from tfrs_bench.reporting.console import TrainingBar
ALS.grid = {"factors": (8, 16)}
sys.addaudithook(count)
from tfrs_bench.main import console
status = console(["main", *sys.argv[1:]])
print("changes:", done)
sys.exit(status)
"""


def killed_at(change: int, folder: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process that kills itself right before its nth change below a folder."""
    code = [sys.executable, "-c", CHANGES, str(folder), str(change)]
    return subprocess.run([*code, *arguments], capture_output=True, text=True, timeout=300)


def killed_everywhere(folder: Path, asked: Callable[[str], list[str]], every: int) -> None:
    """Kills runs before every nth change of the disk; each time the next run must end like the first."""
    whole = f"whole-of-every-{every}"
    first = killed_at(0, folder / whole, asked(whole))
    assert first.returncode == 0, first.stderr
    expected = outcome(folder / whole)
    changes = int(first.stdout.rsplit("changes: ", 1)[1])
    assert changes > 20
    for change in range(1, changes + 1, every):
        name = f"killed{change}-of-every-{every}"
        killed = killed_at(change, folder / name, asked(name))
        assert killed.returncode == -signal.SIGKILL, f"{change} of {changes}: {killed.stderr}"
        assert outcome(folder / name).items() <= expected.items(), f"{change}: what is whole is right"
        assert console(["main", *asked(name)]) == 0
        assert outcome(folder / name) == expected, f"killed before change {change} of {changes}"
        assert not left_over(folder / name), change
        shutil.rmtree(folder / name)


@pytest.mark.slow
def test_a_tuned_baseline_killed_before_changes_of_the_disk_ends_with_the_same_digits(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ALS, "grid", {"factors": (8, 16)})  # as in the process that is killed
    killed_everywhere(folder, lambda name: flags(folder, name, "--model=als", "--baselines=als"), every=4)


@pytest.mark.slow
def test_a_tower_killed_before_changes_of_the_disk_ends_with_the_same_digits(folder: Path) -> None:
    killed_everywhere(folder, lambda name: flags(folder, name, *TOWER, "--max_epochs=3"), every=7)


# Two processes, and Ctrl-C.


def test_a_second_process_waits_for_the_same_run_and_reuses_it(
    folder: Path, whole: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = flags(folder, "shared", *TOWER)
    capsys.readouterr()
    with subprocess.Popen(
        [sys.executable, "-m", "tfrs_bench.main", *asked], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert any(" epoch 1:" in line for line in other.stdout)
        assert console(["main", *asked]) == 0
        assert other.wait(timeout=60) == 0
    printed = capsys.readouterr().out
    assert re.search(r"two_tower +another process is making .*: this one waits", printed)
    assert printed.count("reused from") == 3 and "epoch 1:" not in printed
    assert outcome(folder / "shared") == whole and not left_over(folder / "shared")


def test_a_run_stopped_by_ctrl_c_goes_on(
    folder: Path, whole: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = flags(folder, "stopped", *TOWER)
    with monkeypatch.context() as patch:
        patch.setattr(TrainingBar, "epoch", interrupt_at(4))
        assert console(["main", *asked]) == 130
    assert "Finished runs, trials and epochs are kept; the same command goes on" in capsys.readouterr().err
    assert console(["main", *asked]) == 0
    assert "goes on after epoch 3 of the search" in capsys.readouterr().out
    assert outcome(folder / "stopped") == whole


def interrupt_at(last: int) -> Callable[..., None]:
    def epoch(bar: TrainingBar, number: int, scalars: dict[str, float]) -> None:
        if number == last:
            raise KeyboardInterrupt

    return epoch
