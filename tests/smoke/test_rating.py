"""The command with --task=rating: what it prints, keeps and refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from tfrs_bench import report
from tfrs_bench.main import console

FLAGS = ("--task=rating", "--model=biased_mf", "--baselines=mean")


class Ran(NamedTuple):
    folder: Path
    out: str

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.folder / "summary.json").read_text())

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def record(self, model: str) -> tuple[Path, dict[str, Any]]:
        (path,) = (self.runs / "log" / "per_user").glob(f"{model}-seed0-*/record.json")
        return path, json.loads(path.read_text())


def write_rated_csv(path: Path) -> Path:
    """40 users give 12 of 20 items what the item is worth, 1 to 5, and odd users one less than even ones."""
    random = np.random.default_rng(0)
    rows = []
    for user in range(40):
        for turn, item in enumerate(random.permutation(20)[:12] if user else [0, 1]):
            stars = np.clip(1 + item % 5 - user % 2 + (turn == 11) * (item == 3), 1, 5)
            rows.append(f"u{user},i{item},{stars},{1_000_000_000 + 3600 * (turn * 40 + user)}")
    path.write_text("user,item,rating,timestamp\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rated")
    write_rated_csv(folder / "log.csv")
    return folder


def run(folder: Path, *flags: str) -> int:
    places = (f"--interactions={folder / 'log.csv'}", f"--results_dir={folder / 'runs'}")
    return console(["main", *places, f"--summary={folder / 'summary.json'}", *flags])


@pytest.fixture(scope="module")
def ran(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("sys.stdout", Lines(lines))
        patch.setenv("COLUMNS", "80")
        assert run(folder, *FLAGS) == 0
    return Ran(folder, "".join(lines))


class Lines:
    """A standard output that is kept."""

    encoding = "utf-8"

    def __init__(self, lines: list[str]) -> None:
        self.write, self.flush, self.isatty = lines.append, lambda: None, lambda: False


def test_the_table_has_both_errors_with_intervals_and_the_lists_beside(ran: Ran) -> None:
    number, ends = r"\d\.\d{4}", r"\(\d\.\d{3}–\d\.\d{3}\)"
    for model in ("mean", "biased_mf"):
        assert re.search(rf"{model} +{number} {ends} +{number} {ends} +\S+ +{number} +\d+\.\d", ran.out)
    text = " ".join(ran.out.split())
    assert "log, per_user split, seed 0, predicted ratings" in text
    assert "RMSE and MAE over" in text and "Predictions outside 1 to 5 are clipped: mean " in text
    assert "…" not in ran.out and "random" not in ran.out


def test_records_hold_task_errors_and_scale(ran: Ran) -> None:
    path, record = ran.record("biased_mf")
    assert record["experiment"]["task"] == "rating"
    assert record["data"]["scale"] == [1.0, 5.0]
    assert record["metrics"]["all"].keys() >= {"rmse", "mae", "ndcg@10"}
    users = pq.read_table(path.parent / "per_user.parquet").to_pydict()
    rated = [(count, error) for count, error in zip(users["num_rated"], users["rmse"], strict=True) if count]
    pooled = np.sqrt(sum(count * error**2 for count, error in rated) / sum(count for count, _ in rated))
    assert record["metrics"]["all"]["rmse"] == pytest.approx(pooled)


def test_tuning_reads_validation_errors(ran: Ran) -> None:
    _, record = ran.record("mean")
    qualities = [quality for _, quality in record["trials"]]
    assert all(-2 < quality < 0 for quality in qualities)
    best = max(record["trials"], key=lambda trial: trial[1])[0]
    assert record["config"] == best


def test_the_summary_has_errors_of_every_segment(ran: Ran) -> None:
    found = {(row["model"], row["segment"]) for row in ran.summary["rows"] if row["metric"] == "rmse"}
    assert found == {
        (model, segment) for model in ("mean", "biased_mf") for segment in ("all", "regular", "cold")
    }
    assert all(len(cost["rmse of seeds"]) == 1 for cost in ran.summary["costs"])


def test_the_same_command_reuses_the_runs(ran: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    before = ran.record("mean")[0].stat().st_mtime_ns
    assert run(ran.folder, *FLAGS) == 0
    assert capsys.readouterr().out.count("reused from") == 2
    assert ran.record("mean")[0].stat().st_mtime_ns == before


def test_the_report_has_a_section_and_notices_an_edited_error(
    ran: Ran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran.folder)
    asked = ["report", f"--runs={ran.runs}", f"--output={ran.folder / 'pages'}"]
    assert report.console(asked) == 0
    page = (ran.folder / "pages" / "README.md").read_text()
    assert "## log, per_user, rating" in page and "| model | seeds | RMSE (95 % interval) |" in page
    assert report.console([*asked, "--check"]) == 0
    path, record = ran.record("mean")
    text = path.read_text()
    record["metrics"]["all"]["rmse"] = 0.5
    path.write_text(json.dumps(record))
    assert report.console([*asked, "--check"]) == 1
    path.write_text(text)
    assert "rmse of all is 0.5 in the record" in capsys.readouterr().err


def test_ranking_on_the_same_data_is_another_study(ran: Ran, tmp_path: Path) -> None:
    flags = ("--model=popularity", "--baselines=popularity", f"--results_dir={tmp_path}")
    assert run(ran.folder, *flags) == 0
    (path,) = tmp_path.glob("log/per_user/popularity-*/record.json")
    record = json.loads(path.read_text())
    assert "task" not in record["experiment"] and "rmse" not in record["metrics"]["all"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--model=als",), "als predicts no ratings. For --task=rating leave it out"),
        (("--model=mean", "--baselines=popularity"), "those that do: mean, biased_mf"),
        (("--model=mean", "--rating_column=none"), "--task=rating needs ratings, and these data have none"),
        (("--task=ratings",), "--task=ratings is not known. Did you mean rating?"),
    ],
)
def test_what_cannot_rate_is_refused(
    folder: Path, flags: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--task=rating", *flags) == 2
    assert message in capsys.readouterr().err
