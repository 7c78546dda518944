"""The doctor's checks, each on a machine it did not expect."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from tfrs_bench import doctor, runtime
from tfrs_bench.doctor import Check

GB = 2**30


@pytest.mark.parametrize(
    ("version", "ok"), [((3, 10, 9), False), ((3, 11, 0), True), ((3, 13, 1), True), ((3, 14, 0), False)]
)
def test_python(version: tuple[int, ...], ok: bool) -> None:
    assert doctor.check_python(version).ok is ok


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("# a\nnumpy==2.1 ; python_version > '3'\n # via\nscann==1.4 ; sys_platform == 'moon'\n")
    return path


def test_pins_agree_and_other_platforms_do_not_count(pins: Path) -> None:
    check = doctor.check_pins(pins, installed={"numpy": "2.1"}.get)
    assert check == Check(True, "1 packages as pinned")


@pytest.mark.parametrize(("version", "named"), [("2.0", "numpy 2.0 (pinned ==2.1)"), (None, "numpy missing")])
def test_wrong_and_missing_pins_are_named_with_the_command(
    pins: Path, version: str | None, named: str
) -> None:
    check = doctor.check_pins(pins, installed=lambda _: version)
    assert not check.ok and not check.essential
    assert named in check.detail
    assert check.fix == doctor.REINSTALL


def test_pins_without_a_requirements_file(tmp_path: Path) -> None:
    assert doctor.check_pins(tmp_path / "requirements.txt").ok


@pytest.mark.parametrize(
    ("problem", "platform", "ok"),
    [
        (None, "linux", True),
        ("ScaNN is not installed", "darwin", True),
        ("ScaNN is not installed", "linux", False),
    ],
)
def test_scann_is_missed_only_where_it_exists(
    monkeypatch: pytest.MonkeyPatch, problem: str | None, platform: str, ok: bool
) -> None:
    monkeypatch.setattr(runtime, "scann_problem", lambda: problem)
    check = doctor.check_scann(platform)
    assert check.ok is ok
    assert not check.essential or check.ok
    assert problem is None or "exact search serves" in check.detail


def test_implicit_with_a_thread_pool_that_cannot_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = [{"user_api": "openmp", "num_threads": 9}, {"user_api": "blas", "num_threads": 4}]
    fake = SimpleNamespace(threadpool_info=lambda: pools, threadpool_limits=lambda **_: nullcontext())
    monkeypatch.setitem(sys.modules, "threadpoolctl", fake)
    check = doctor.check_implicit()
    assert not check.ok
    assert "4 threads" in check.detail and "OPENBLAS_NUM_THREADS=1" in check.fix


def test_results_dir_is_not_made_by_looking(tmp_path: Path) -> None:
    assert doctor.check_results_dir(tmp_path / "a" / "b").ok
    assert not (tmp_path / "a").exists()


def test_results_dir_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = doctor.check_results_dir(tmp_path / "file")
    assert not check.ok and "--results_dir" in check.fix


def test_memory_and_disk_warn_below_their_limits(tmp_path: Path) -> None:
    assert doctor.check_memory(4 * GB).ok and doctor.check_disk(tmp_path, 2 * GB).ok
    for check in (doctor.check_memory(3 * GB), doctor.check_disk(tmp_path, GB)):
        assert not check.ok and check.fix and not check.essential


def test_check_that_raises_does_not_stop_the_others() -> None:
    def broken() -> Check:
        raise ImportError("libfoo.so: no such file")

    shown: dict[str, Check] = {}
    warning = Check(False, "", "type this", essential=False)
    count = doctor.examine(
        [("a", broken), ("b", lambda: Check(True, "")), ("c", lambda: warning)], shown.__setitem__
    )
    assert count == 1  # the warning is not essential
    assert list(shown) == ["a", "b", "c"]
    assert "libfoo.so" in shown["a"].detail and shown["a"].fix == doctor.REBUILD


def test_this_machine_is_in_order(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert doctor.console(["doctor", f"--results_dir={tmp_path}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in ("Python", "TensorFlow", "Keras 2", "TFRS", "implicit", "results folder"):
        assert any(line.startswith(f"ok   {name}") for line in lines)


def test_broken_machine_exits_1_and_shows_the_fix(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "check_python", lambda: Check(False, "2.7", "type [this]"))
    for name in ("tensorflow", "keras", "recommenders", "scann", "implicit"):
        monkeypatch.setattr(doctor, f"check_{name}", lambda: Check(True, ""))
    assert doctor.console(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "FIX  Python" in out and "→ type [this]" in out
