"""./run on a machine made of fake Pythons: every executable is listed, nothing is installed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("bash", "cat", "cksum", "dirname", "env", "grep", "rm", "sleep", "tail", "true")

# Answers `-c` like the Python that runs these tests; makes and fills environments only in name.
WORKING = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS"
case "$1 ${{2:-}}" in
  "-c "*) {refuse} exec {python} -I -S "$@" ;;
  "--version "*) echo "Python 3.12.0" ;;
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip")
    echo "Collecting things"
    [ -z "${{PIP_SECONDS:-}}" ] || exec sleep "$PIP_SECONDS"
    exit "${{PIP_STATUS:-0}}" ;;
esac
"""
OLD = "#!/usr/bin/env bash\nexit 1\n"


class Machine:
    """A checkout in a folder with spaces, and a PATH that holds nothing but the tools `run` may use."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in (*TOOLS, "mkdir", "cp"):
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.checkout = folder / "my project"
        self.checkout.mkdir()
        shutil.copy(ROOT / "run", self.checkout)
        (self.checkout / "requirements.txt").write_text("# pins\nnumpy==2.0\n    # via a\n")
        self.calls_file = folder / "calls"
        self.env = {"PATH": str(self.bin), "CALLS": str(self.calls_file)}

    def add_python(self, name: str, script: str = WORKING, refuse: str = "") -> None:
        path = self.bin / name
        path.write_text(script.format(python=sys.executable, refuse=refuse))
        path.chmod(0o755)

    def start(self, *command: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.checkout / "run"), *command],
            env=self.env | env,
            cwd=self.bin,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*command, **env)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def calls(self, part: str) -> int:
        return sum(part in line for line in self.calls_file.read_text().splitlines())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def wait_for(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def test_first_call_builds_and_runs_the_command_in_the_environment(machine: Machine) -> None:
    machine.add_python("python3.12")
    done = machine.run("bash", "-c", 'echo "$VIRTUAL_ENV|$PATH"; exit 7')
    assert done.returncode == 7
    venv = machine.checkout / ".venv"
    assert done.stdout.startswith(f"{venv}|{venv}/bin:")
    assert "setting up .venv with Python 3.12.0" in done.stderr
    assert machine.calls("-m pip install") == 2  # the pins, then the project itself


def test_second_call_says_nothing_and_starts_no_python(machine: Machine) -> None:
    machine.add_python("python3.12")
    machine.run("true")
    before = machine.calls("")
    again = machine.run("true")
    assert (again.returncode, again.stderr) == (0, "")
    assert machine.calls("") == before


@pytest.mark.parametrize(
    ("requirements", "rebuilt"), [("# pins\nnumpy==2.1\n", True), ("# other words\nnumpy==2.0\n", False)]
)
def test_only_changed_pins_rebuild(machine: Machine, requirements: str, rebuilt: bool) -> None:
    machine.add_python("python3.12")
    machine.run("true")
    (machine.checkout / "requirements.txt").write_text(requirements)
    assert ("changed, rebuilding" in machine.run("true").stderr) is rebuilt


def test_moved_folder_rebuilds(machine: Machine) -> None:
    machine.add_python("python3.12")
    machine.run("true")
    machine.checkout = machine.checkout.rename(machine.checkout.parent / "elsewhere")
    assert "changed, rebuilding" in machine.run("true").stderr


def test_environment_whose_python_went_away_is_rebuilt(machine: Machine) -> None:
    machine.add_python("python3.12")
    machine.run("true")
    (machine.checkout / ".venv/bin/python").unlink()
    assert machine.run("true").returncode == 0
    assert machine.calls("-m venv") == 2


def test_failed_install_shows_the_reason_and_the_next_call_starts_over(machine: Machine) -> None:
    machine.add_python("python3.12")
    failed = machine.run("true", PIP_STATUS="1")
    assert failed.returncode == 2
    assert "Collecting things" in failed.stderr and "pip config list" in failed.stderr
    mended = machine.run("true")
    assert mended.returncode == 0
    assert "unfinished, starting over" in mended.stderr


def test_interrupted_install_leaves_no_pip_and_the_next_call_starts_over(machine: Machine) -> None:
    machine.add_python("python3.12")
    process = machine.start("true", PIP_SECONDS="30")
    wait_for(lambda: machine.calls_file.exists() and machine.calls("-m pip") == 1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in err
    assert machine.run("true").returncode == 0


def test_two_first_calls_at_once_build_once(machine: Machine) -> None:
    machine.add_python("python3.12")
    first = machine.start("true", PIP_SECONDS="1")
    wait_for(lambda: machine.calls_file.exists() and machine.calls("-m pip") == 1)
    second = machine.run("true")
    first.communicate(timeout=20)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "another ./run is building" in second.stderr
    assert machine.calls("-m venv") == 1


def test_killed_build_leaves_no_stale_lock(machine: Machine) -> None:
    machine.add_python("python3.12")
    process = machine.start("true", PIP_SECONDS="1")
    wait_for(lambda: machine.calls_file.exists() and machine.calls("-m pip") == 1)
    process.kill()
    assert machine.run("true").returncode == 0


def test_python_that_does_not_run_is_skipped(machine: Machine) -> None:
    machine.add_python("python3.12", OLD)  # as a pyenv shim of a version that is not installed
    machine.add_python("python3")
    assert machine.run("true").returncode == 0


def test_no_supported_python_is_refused_in_a_sentence(machine: Machine) -> None:
    machine.add_python("python3", OLD)
    done = machine.run("true")
    assert done.returncode == 2
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (machine.checkout / ".venv").exists()


def test_named_python_is_used_or_refused(machine: Machine) -> None:
    machine.add_python("python3.12")
    machine.add_python("my python")
    assert machine.run("true", TFRS_BENCH_PYTHON=str(machine.bin / "nothing")).returncode == 2
    machine.bin.joinpath("python3.12").unlink()
    assert machine.run("true", TFRS_BENCH_PYTHON=str(machine.bin / "my python")).returncode == 0


def test_python_without_ensurepip_names_the_debian_package(machine: Machine) -> None:
    machine.add_python("python3.12", refuse='case "$2" in *ensurepip*) exit 1 ;; esac;')
    done = machine.run("true")
    assert done.returncode == 2
    assert f"apt install python3.{sys.version_info.minor}-venv" in done.stderr


def test_python_without_ensurepip_is_passed_over_for_one_with_it(machine: Machine) -> None:
    machine.add_python("python3.12", refuse='case "$2" in *ensurepip*) exit 1 ;; esac;')
    machine.add_python("python3.11")
    assert machine.run("true").returncode == 0


def test_folder_that_cannot_be_written_is_named(machine: Machine) -> None:
    machine.add_python("python3.12")
    (machine.checkout / ".venv.lock").mkdir()
    done = machine.run("true")
    assert done.returncode == 2
    assert "cannot write to" in done.stderr


def test_no_command_prints_the_usage(machine: Machine) -> None:
    done = machine.run()
    assert done.returncode == 2
    assert "usage: ./run CMD" in done.stderr


def test_scripts_are_executable() -> None:
    assert all(os.access(ROOT / script, os.X_OK) for script in ("run", ".ci/run"))
