"""A checkpoint gives back what was saved, to whoever would have got there too, and to nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfrs_bench.models.checkpoint import Checkpoint

IDENTITY = {"run": "als-1", "packages": {"numpy": "2"}, "settings": {"hidden": (4, 2)}}


class Said(list[str]):
    def __call__(self, text: str) -> None:
        self.append(text)


@pytest.fixture
def said() -> Said:
    return Said()


def checkpoint(folder: Path, said: Said, **identity: Any) -> Checkpoint:
    return Checkpoint(folder / "unfinished" / "search.npz", IDENTITY | identity, said)


def test_the_last_state_comes_back_to_the_last_bit(tmp_path: Path, said: Said) -> None:
    kept = checkpoint(tmp_path, said)
    assert kept.load() is None
    for epoch in (1, 2):
        kept.save({"epoch": epoch, "loss": 1 / 3}, {"w": np.full((2, 2), epoch / 7, np.float32)})
    facts, arrays = checkpoint(tmp_path, said).load() or ({}, {})
    assert facts == {"epoch": 2, "loss": 1 / 3}
    assert np.array_equal(arrays["w"], np.full((2, 2), 2 / 7, np.float32)) and arrays.keys() == {"w"}
    assert said == []


@pytest.mark.parametrize(
    ("identity", "differs"),
    [
        ({"packages": {"numpy": "3"}}, "other packages"),
        ({"run": "als-2", "settings": {"hidden": (4,)}}, "other run, settings"),
    ],
)
def test_a_state_of_other_circumstances_is_refused_in_a_line(
    tmp_path: Path, said: Said, identity: dict[str, Any], differs: str
) -> None:
    checkpoint(tmp_path, said).save({}, {})
    assert checkpoint(tmp_path, said, **identity).load() is None
    (line,) = said
    assert line.endswith(f"search.npz is not gone on from ({differs}): this begins afresh.")


@pytest.mark.parametrize("share", [0, 0.5, 0.95])
def test_a_damaged_state_is_refused_in_a_line(tmp_path: Path, said: Said, share: float) -> None:
    checkpoint(tmp_path, said).save({}, {"w": np.arange(100)})
    (path,) = (tmp_path / "unfinished").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert checkpoint(tmp_path, said).load() is None
    (line,) = said
    assert "cannot be read: search.npz is damaged" in line and "begins afresh" in line


def test_arrays_that_are_no_state_are_refused(tmp_path: Path, said: Said) -> None:
    (tmp_path / "unfinished").mkdir()
    np.savez(tmp_path / "unfinished" / "search.npz", other=np.arange(3))
    assert checkpoint(tmp_path, said).load() is None
    assert len(said) == 1


def test_a_state_that_cannot_be_kept_is_told_once_and_stops_nothing(tmp_path: Path, said: Said) -> None:
    (tmp_path / "unfinished").touch()
    kept = checkpoint(tmp_path, said)
    kept.save({}, {})
    kept.save({}, {})
    (line,) = said
    assert "search.npz cannot be written" in line and "The run goes on" in line
