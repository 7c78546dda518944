"""The console script: a command's name, then its flags."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tfrs_bench import __main__ as entry


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What each command was called with; each returns 5."""
    seen: dict[str, list[str]] = {}
    for name in ("one", "main"):
        command = SimpleNamespace(console=lambda argv, name=name: seen.update({name: argv}) or 5)
        monkeypatch.setitem(sys.modules, f"fake_{name}", command)  # type: ignore[arg-type]
    monkeypatch.setattr(entry, "COMMANDS", {"main": "fake_main", "one": "fake_one"})
    return seen


@pytest.mark.parametrize(
    ("argv", "command", "passed"),
    [
        (["p", "one", "--a=1"], "one", ["p", "--a=1"]),
        (["p", "main", "x"], "main", ["p", "x"]),
        (["p", "--a=1", "one"], "main", ["p", "--a=1", "one"]),
        (["p"], "main", ["p"]),
    ],
)
def test_command_gets_its_arguments(
    seen: dict[str, list[str]], argv: list[str], command: str, passed: list[str]
) -> None:
    assert entry.console(argv) == 5
    assert seen == {command: passed}


def test_arguments_default_to_the_process_own(
    seen: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["p", "one"])
    entry.console()
    assert seen == {"one": ["p"]}


def test_unknown_command_offers_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.console(["p", "docter"]) == 2
    assert "docter is not a command. Did you mean doctor?" in capsys.readouterr().err


def test_every_command_has_a_name() -> None:
    package = Path(entry.__file__).parent
    doors = {path.stem for path in package.glob("*.py") if "\ndef console(" in path.read_text()}
    assert doors - {"__main__"} == set(entry.COMMANDS)
