"""Opening a finished run: the same data and model as then, or a sentence that says what is missing."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from planted_files import write_planted_csv
from rich.console import Console as RichConsole

from tfrs_bench import main
from tfrs_bench.errors import UserError
from tfrs_bench.opened_run import OpenedRun, WhichRun, newest_run, open_run
from tfrs_bench.reporting.console import Console
from tfrs_bench.settings import parse_alone


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log and the runs of random order, popularity and ALS on it."""
    folder = tmp_path_factory.mktemp("opened")
    write_planted_csv(folder / "log.csv")
    flags = [f"--interactions={folder / 'log.csv'}", f"--results_dir={folder / 'runs'}"]
    assert main.console(["main", "--model=als", "--baselines=popularity", "--label=shop", *flags]) == 0
    return folder


def run_of(model: str, place: Path) -> Path:
    (found,) = (place / "runs" / "shop" / "per_user").glob(f"{model}-seed0-*")
    return found


def opened(folder: Path, **places: str | Path) -> OpenedRun:
    quiet = Console(RichConsole(file=io.StringIO()))
    return open_run(folder, quiet, {name: str(place) for name, place in places.items()})


def refusal(folder: Path, **places: str | Path) -> str:
    with pytest.raises(UserError) as caught:
        opened(folder, **places)
    return str(caught.value)


def test_an_opened_model_earns_what_its_record_says(place: Path) -> None:
    run = opened(run_of("als", place), interactions=place / "log.csv")
    assert run.record.model == run.model.name == "als"
    assert run.prepared.dataset.name == "shop"
    measured = run.prepared.test.evaluate(run.model)
    assert measured.mean("ndcg@10") == pytest.approx(run.record.metrics["all"]["ndcg@10"], abs=1e-12)


def test_the_log_is_found_in_the_working_directory(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    assert opened(run_of("popularity", place)).model.name == "popularity"


def test_a_log_that_is_nowhere_is_asked_for(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(run_of("als", place)).endswith(
        "was made from log.csv, and log.csv is not in this folder. Say where it lies: --interactions=FILE"
    )
    assert "elsewhere.csv does not exist" in refusal(run_of("als", place), interactions="elsewhere.csv")
    assert "was made without --items" in refusal(
        run_of("als", place), interactions=place / "log.csv", items="titles.csv"
    )


def test_other_data_are_refused(place: Path, tmp_path: Path) -> None:
    lines = (place / "log.csv").read_text().splitlines(keepends=True)
    (tmp_path / "log.csv").write_text("".join(lines[:-1]))
    text = refusal(run_of("als", place), interactions=tmp_path / "log.csv")
    assert text.startswith("These are not the data that") and f"{len(lines) - 2:,} rows" in text


def test_a_folder_without_run_or_model_is_refused(place: Path, tmp_path: Path) -> None:
    assert "is no finished run" in refusal(tmp_path)
    assert "Name one of the 3 below it, such as --run=" in refusal(place / "runs")
    shutil.copytree(run_of("als", place), tmp_path / "bare", ignore=shutil.ignore_patterns("model"))
    text = refusal(tmp_path / "bare")
    assert "holds no model" in text and "python -m tfrs_bench.main --interactions=log.csv" in text


def test_a_model_of_other_items_is_refused(place: Path, tmp_path: Path) -> None:
    shutil.copytree(run_of("als", place), tmp_path / "run")
    arrays = dict(np.load(tmp_path / "run/model/arrays.npz"))
    np.savez(tmp_path / "run/model/arrays.npz", **(arrays | {"item_keys": arrays["item_keys"][::-1]}))
    assert "was fitted on other items" in refusal(tmp_path / "run", interactions=place / "log.csv")


def test_a_protocol_of_another_version_is_refused(place: Path, tmp_path: Path) -> None:
    for change in ({"refit": None}, {"unheard_of": 1}):
        folder = tmp_path / next(iter(change))
        shutil.copytree(run_of("als", place), folder)
        content = json.loads((folder / "record.json").read_text())
        content["experiment"] |= change
        (folder / "record.json").write_text(json.dumps(content))
        assert "made by another version" in refusal(folder, interactions=place / "log.csv")


def test_the_newest_run_is_the_last_with_a_model(place: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(place / "runs", runs)
    popularity, als = (next(runs.rglob(f"{name}-seed0-*")) for name in ("popularity", "als"))
    for seconds, folder in ((2, als), (1, popularity)):
        os.utime(folder / "record.json", (seconds, seconds))
    os.utime(next(runs.rglob("random-*")) / "record.json", (0, 0))
    assert newest_run(runs) == als
    shutil.rmtree(als / "model")
    assert newest_run(runs) == popularity
    with pytest.raises(UserError, match="holds no finished run with a model"):
        newest_run(tmp_path / "empty")


def test_flags_say_which_run_and_where_its_data_lie(place: Path) -> None:
    flags = [f"--results_dir={place / 'runs'}", f"--interactions={place / 'log.csv'}"]
    quiet = Console(RichConsole(file=io.StringIO()))
    newest = parse_alone(["demo", *flags], _Asked).open(quiet)
    assert newest.folder == newest_run(place / "runs")
    named = parse_alone(["demo", *flags, f"--run={run_of('popularity', place)}"], _Asked).open(quiet)
    assert named.model.name == "popularity"
    with pytest.raises(UserError, match=r"--rum is not a flag\. Did you mean --run"):
        parse_alone(["demo", "--rum=x"], _Asked)


class _Asked(WhichRun):
    INTRODUCTION = "Tells which run."
