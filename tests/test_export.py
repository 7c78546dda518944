"""The command that exports: what it writes beside the model, and what it refuses before long work."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from planted_files import write_planted_csv

from tfrs_bench import export, main
from tfrs_bench.reporting.records import read_run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log and runs of two-tower, ALS and popularity."""
    folder = tmp_path_factory.mktemp("export")
    write_planted_csv(folder / "log.csv")
    flags = [f"--interactions={folder / 'log.csv'}", f"--results_dir={folder / 'runs'}", "--label=shop"]
    tiny = ["--dimension=8", "--batch_size=64", "--max_epochs=2"]
    models = ["--model=two_tower", "--baselines=als,popularity", "--tune_baselines=false"]
    assert main.console(["main", *models, *tiny, *flags]) == 0
    return folder


def run_of(model: str, place: Path) -> Path:
    (found,) = (place / "runs" / "shop" / "per_user").glob(f"{model}-seed0-*")
    return found


def exported(place: Path, output: Path, *flags: str, model: str = "two_tower") -> int:
    where = [f"--run={run_of(model, place)}", f"--interactions={place / 'log.csv'}", f"--output={output}"]
    return export.console(["export", *where, *flags])


@pytest.fixture(scope="module")
def output(place: Path) -> Path:
    """An export of the two-tower run."""
    assert exported(place, place / "served", "--k=5") == 0
    return place / "served"


def test_a_saved_model_comes_with_signatures_versions_and_a_card(output: Path) -> None:
    assert {path.name for path in output.iterdir()} == {"1", "model_card.md", "export.json", "README.md"}
    assert (output / "1" / "saved_model.pb").is_file()
    about = json.loads((output / "export.json").read_text())
    assert about["compared_with_the_model"]["recall"] == 1
    assert about["compared_with_the_model"]["users"] == 60
    assert set(about["signatures"]) == {"serving_default", "with_ratings"}
    assert about["exported_with"]["packages"]["tensorflow"]
    assert about["catalogue"] == 40 and about["form"]["k"] == 5


def test_the_card_tells_what_the_record_holds(place: Path, output: Path) -> None:
    card = (output / "model_card.md").read_text()
    found = read_run(run_of("two_tower", place))
    assert found is not None
    record, _ = found
    assert record.data["fingerprint"] in card
    assert f"| all | NDCG@10 | {record.metrics['all']['ndcg@10']:.4f} | " in card
    assert f"| cold | NDCG@10 | {record.metrics['cold']['ndcg@10']:.4f} | " in card
    assert "two_tower vs als: NDCG@10" in card and "| popularity |" in card
    assert re.search(r"no such|such users were in the test", card)
    assert str(place) not in card and str(place) not in (output / "README.md").read_text()


def test_an_earlier_export_is_replaced_and_nothing_else(place: Path, output: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("kept")
    assert exported(place, tmp_path / "mine") == 2
    assert (tmp_path / "mine" / "precious.txt").read_text() == "kept"
    shutil.copytree(output, tmp_path / "served")
    assert exported(place, tmp_path / "served", "--k=4") == 0
    assert json.loads((tmp_path / "served" / "export.json").read_text())["form"]["k"] == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "served"]


def test_a_model_without_a_graph_is_refused_by_name(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exported(place, tmp_path / "served", model="als") == 2
    text = capsys.readouterr().err
    assert "als answers by NumPy and SciPy" in text and "runs of two_tower" in text
    assert not (tmp_path / "served").exists()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], "--output is missing"),
        (["--output=."], "is the folder you are in"),
        (["--output=x", "--leaves=3"], "--leaves is a setting of ScaNN"),
        (["--output=x", "--index=faiss_hnsw"], "--index=faiss_hnsw is not known"),
        (["--output=x", "--k=0"], "--k=0 is outside its range"),
    ],
)
def test_what_cannot_be_exported_is_said(
    flags: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export.console(["export", *flags]) == 2
    assert told in capsys.readouterr().err
