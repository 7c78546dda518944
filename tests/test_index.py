"""The command: an index in the run's folder that belongs to its model, and what it costs beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from planted_files import run_planted

from tfrs_bench import index
from tfrs_bench.models.als import ALS
from tfrs_bench.reporting.index_cost import COST, FIGURE, read_cost
from tfrs_bench.retrieval.kept_index import load_index
from tfrs_bench.runtime import scann_problem


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log and the runs of ALS and EASE on it."""
    return run_planted(tmp_path_factory.mktemp("indexed"), "als,ease")


def run_of(model: str, place: Path) -> Path:
    (found,) = (place / "runs" / "shop" / "per_user").glob(f"{model}-seed0-*")
    return found


def command(place: Path, *flags: str) -> int:
    return index.console(["index", f"--interactions={place / 'log.csv'}", *flags])


def test_an_index_is_kept_and_measured(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_of("als", place)
    shutil.rmtree(folder / "index", ignore_errors=True)
    assert command(place, f"--run={folder}", "--compare=exact") == 0
    kept = load_index(folder / "index", ALS.load(folder / "model"))
    cost = read_cost(folder)
    assert cost is not None and [point.index for point in cost.points] == ["exact"]
    assert kept.is_exact and cost.points[0].chosen and cost.items == len(kept)
    assert cost.asked == {"compare": "exact"}
    assert (folder / FIGURE).read_text().startswith("<?xml")
    out, err = capsys.readouterr()
    assert (
        f"exact of {len(kept)} items: catalogue of {len(kept)} items: exact search takes microseconds" in out
    )
    assert f"index: {folder / 'index'}; {COST} and {FIGURE} beside it" in out
    assert not err


def test_the_run_s_metrics_are_those_of_exact_search(place: Path) -> None:
    if scann_problem() is not None:
        pytest.skip(str(scann_problem()))
    folder = run_of("als", place)
    assert command(place, f"--run={folder}", "--index=scann", "--target_recall=0.9", "--compare=scann") == 0
    cost = read_cost(folder)
    assert cost is not None
    exact, *others = cost.points
    record = json.loads((folder / "record.json").read_text())
    assert exact.metrics["ndcg@10"] == pytest.approx(record["metrics"]["all"]["ndcg@10"], abs=1e-3)
    assert [point.chosen for point in others].count(True) == 1
    assert len({point.effort["reorder"] for point in others}) == len(others)
    assert "recall@10" in cost.reason


def test_a_model_without_embeddings_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(place, f"--run={run_of('ease', place)}") == 2
    assert "ease scores every item anew for each query" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--index=skann"], "--index=skann is not known. Did you mean scann?"),
        (["--target_recall=1.5"], "--target_recall=1.5 is outside its range"),
        (["--compare=exakt"], "--compare=exakt is not known. Did you mean exact?"),
        (["--run=nowhere"], "--run=nowhere"),
    ],
)
def test_wrong_flags_say_what_to_type(
    place: Path, capsys: pytest.CaptureFixture[str], flags: list[str], told: str
) -> None:
    assert command(place, *flags) == 2
    assert told in capsys.readouterr().err
