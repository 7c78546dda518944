"""The command: a map beside the record of a run whose items have embeddings."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted_files import run_planted

from tfrs_bench import embedding_map
from tfrs_bench.reporting.embedding_map import read_map


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log and the runs of ALS and popularity on it."""
    return run_planted(tmp_path_factory.mktemp("mapped"), "als,popularity")


def command(place: Path, model: str) -> tuple[int, Path]:
    (folder,) = (place / "runs" / "shop" / "per_user").glob(f"{model}-seed0-*")
    asked = ["embedding_map", f"--interactions={place / 'log.csv'}", f"--run={folder}"]
    return embedding_map.console(asked), folder


def test_a_map_is_kept_beside_the_record(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, folder = command(place, "als")
    found = read_map(folder)
    assert status == 0 and found is not None and "embedding_map.json" in capsys.readouterr().out
    assert found.run == {"model": "als", "dataset": "shop", "split": "per_user", "seed": 0}
    assert len(found.x) == found.items > 0


def test_a_model_without_embeddings_is_a_sentence(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, folder = command(place, "popularity")
    assert status == 2 and read_map(folder) is None
    assert "popularity has no embeddings of items" in capsys.readouterr().err
