"""A search on its bad days: killed in a trial, losses that become NaN, a full disk, other versions."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from planted_files import write_planted_csv

from tfrs_bench import tune
from tfrs_bench.models.space import Range
from tfrs_bench.models.two_tower import TwoTower
from tfrs_bench.tuning.ledger import Search, read_searches

TOWER = (
    "--interactions=log.csv",
    "--model=two_tower",
    "--dimension=4",
    "--batch_size=16",
    "--history_length=4",
    "--max_epochs=3",
    "--max_trials=3",
    "--budget_minutes=30",
)

# Trials of a second, so that one is under way when the line of the first is read.
ALS = (
    "--interactions=log.csv",
    "--model=als",
    "--iterations=1000",
    "--max_trials=3",
    "--budget_minutes=30",
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a log, in which commands run."""
    write_planted_csv(tmp_path / "log.csv")
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def kill_when(seen: Callable[[str], bool], *flags: str) -> None:
    """Starts the command and kills it with the first line that is the one."""
    command = [sys.executable, "-m", "tfrs_bench.tune", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if seen(line):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL


def tried(search: Search) -> list[Any]:
    return [(one.number, one.settings, one.state, one.quality, one.curve) for one in search.trials]


@pytest.mark.parametrize("flags", [pytest.param(TOWER, marks=pytest.mark.slow, id="epochs"), ALS])
def test_a_search_killed_in_a_trial_ends_as_if_nothing_had_happened(
    place: Path, flags: tuple[str, ...]
) -> None:
    assert tune.console(["tune", *flags, "--results_dir=whole", "--flags_dir=whole"]) == 0
    package = str(Path(tune.__file__).parents[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", package)
        kill_when(lambda line: "trial 0: " in line, *flags, "--results_dir=killed", "--flags_dir=killed")
    (left,) = read_searches(Path("killed"))
    assert not left.finished
    assert len(left.trials) < 3
    assert tune.console(["tune", *flags, "--results_dir=killed", "--flags_dir=killed"]) == 0
    (undisturbed,), (resumed,) = read_searches(Path("whole")), read_searches(Path("killed"))
    assert tried(resumed) == tried(undisturbed)
    kept = len(left.trials)
    assert resumed.trials[:kept] == left.trials, "finished trials are not run again"
    written = [next(Path(name).rglob("*.cfg")).read_text() for name in ("whole", "killed")]
    settings = [[line for line in text.splitlines() if line.startswith("--")] for text in written]
    assert settings[0] == settings[1]


def test_losses_that_become_nan_fail_their_trials_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(TwoTower, "space", {"learning_rate": Range(1e-3, 1e30, log=True)})
    assert tune.console(["tune", *TOWER, "--similarity=dot", "--max_epochs=1"]) == 0
    (search,) = read_searches(Path("runs"))
    failed = [one for one in search.trials if one.state == "failed"]
    assert failed
    assert search.best is not None
    assert all(one.quality is None and "learning rate" in one.reason for one in failed)
    assert f"trial {failed[0].number} failed: {failed[0].reason}" in capsys.readouterr().out


def test_a_search_whose_losses_all_become_nan_is_a_sentence(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--similarity=dot", "--learning_rate=1e30", "--max_trials=2")
    assert tune.console(["tune", *TOWER, *flags]) == 2
    told = capsys.readouterr().err
    assert "No trial of two_tower succeeded, the first because: The " in told
    assert "two_tower-" in told
    assert not Path("flags").exists()


EASE = ("tune", "--interactions=log.csv", "--model=ease", "--budget_minutes=5")
ROOM = 5000  # bytes: for the look whether the folder can be written, and not for thirty trials


def test_a_full_disk_leaves_the_trials_that_are_there(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
        assert tune.console([*EASE, "--max_trials=30"]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    told = capsys.readouterr().err
    assert "ease-" in told
    assert "cannot be written" in told
    assert "Make room there" in told
    assert not list(Path("runs").rglob("*.partial"))
    (kept,) = read_searches(Path("runs"))
    assert 1 <= len(kept.trials) < 30
    assert tune.console([*EASE, "--max_trials=30"]) == 0
    (whole,) = read_searches(Path("runs"))
    assert tried(whole)[: len(kept.trials)] == tried(kept)
    assert len(whole.trials) == 30


def test_a_search_of_another_version_is_refused_with_file_and_flag(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune.console([*EASE, "--max_trials=2"]) == 0
    (ledger,) = Path("runs/tuning").rglob("*.json")
    content = json.loads(ledger.read_text())
    ledger.write_text(json.dumps(content | {"schema": 2, "invented": "later"}))
    capsys.readouterr()
    assert tune.console([*EASE, "--max_trials=2"]) == 2
    told = capsys.readouterr().err
    assert f"{ledger} is a search of layout 2" in told
    assert "--results_dir=DIR" in told
    assert json.loads(ledger.read_text())["invented"] == "later", "nothing is overwritten"
