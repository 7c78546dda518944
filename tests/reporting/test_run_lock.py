"""One process at a time on a run, whatever becomes of the others."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tfrs_bench.errors import UserError
from tfrs_bench.reporting.run_lock import run_lock

HOLDER = """
import sys, time
from pathlib import Path
from tfrs_bench.reporting.run_lock import run_lock
with run_lock(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def waited() -> list[int]:
    return []


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the run until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_a_lock_leaves_nothing(tmp_path: Path, waited: list[int]) -> None:
    with run_lock(tmp_path / "log" / "als", lambda: waited.append(1)):
        assert [path.name for path in (tmp_path / "log").iterdir()] == ["als.lock"]
    assert not list((tmp_path / "log").iterdir()) and not waited


def test_who_comes_second_waits(tmp_path: Path) -> None:
    with holder(tmp_path / "als") as other:

        def let_go() -> None:
            assert other.stdin is not None
            other.stdin.write("\n")
            other.stdin.close()

        with run_lock(tmp_path / "als", let_go):  # let_go is called because the lock is held
            assert other.wait(timeout=60) == 0
            assert (tmp_path / "als.lock").exists()
    assert not list(tmp_path.iterdir())


def test_a_dead_process_holds_nothing(tmp_path: Path, waited: list[int]) -> None:
    with holder(tmp_path / "als") as other:
        other.send_signal(signal.SIGKILL)
    assert (tmp_path / "als.lock").exists()
    with run_lock(tmp_path / "als", lambda: waited.append(1)):
        assert not waited


def test_another_run_is_free(tmp_path: Path, waited: list[int]) -> None:
    with holder(tmp_path / "als") as other:
        with run_lock(tmp_path / "popularity", lambda: waited.append(1)):
            assert not waited
        other.kill()


def test_a_lock_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--results_dir=DIR\."), run_lock(tmp_path / "file" / "als", print):
        raise AssertionError("not reached")
