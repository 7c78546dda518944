"""The report follows the records: what it writes, what its check finds, and what it then says to type."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from planted_files import write_planted_csv

from tfrs_bench import main, report, requests
from tfrs_bench.evaluation.verdicts import compare
from tfrs_bench.models.als import ALS, ALSConfig
from tfrs_bench.reporting import report_files
from tfrs_bench.reporting.leaderboard import leaderboard_csv
from tfrs_bench.reporting.study import Study
from tfrs_bench.tuning.shipped import Shipped

Edit = Callable[..., Path]
BLOCK = "<!-- begin overview -->\n<!-- end overview -->\n"


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bootstrap of few draws: nothing here looks at an interval."""
    monkeypatch.setitem(compare.__kwdefaults__, "draws", 100)


@pytest.fixture(autouse=True)
def leaderboard_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the report's files the quickest: figures and PDF have tests of their own."""

    def files(studies: Sequence[Study], *, typeset: bool) -> dict[str, bytes]:
        return {"leaderboard.csv": leaderboard_csv(studies).encode()}

    monkeypatch.setattr(report_files, "report_files", files)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of popularity and a tuned ALS under two seeds, on both splits of the planted log."""
    folder = tmp_path_factory.mktemp("made")
    write_planted_csv(folder / "log.csv")
    flags = ("--model=als,popularity", "--baselines=als", "--seeds=2", "--label=planted")
    for split in ("per_user", "global"):
        places = (f"--interactions={folder / 'log.csv'}", f"--results_dir={folder / 'runs'}")
        assert main.console(["main", *places, *flags, f"--split={split}"]) == 0
    for heavy in ("model", "tensorboard"):
        for path in list((folder / "runs").rglob(heavy)):
            shutil.rmtree(path)
    return folder / "runs"


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose results are these records, its pages written."""
    shutil.copytree(made, tmp_path / "results" / "runs")
    (tmp_path / "docs").mkdir()
    for page in ("README.md", "docs/splits.md"):
        (tmp_path / page).write_text(f"# Title\n{BLOCK}the end\n")
    monkeypatch.chdir(tmp_path)
    assert report.console(["report"]) == 0
    return tmp_path


@pytest.fixture
def edit(project: Path) -> Edit:
    """edit(model, key, …, value) writes a value into the record of a model's first seed, per_user split."""

    def change(model: str, *keys_and_value: Any) -> Path:
        *keys, last, value = keys_and_value
        (folder,) = (project / "results" / "runs" / "planted" / "per_user").glob(f"{model}-seed0-*")
        content = json.loads((folder / "record.json").read_text())
        inner = content
        for key in keys:
            inner = inner[key]
        inner[last] = value
        (folder / "record.json").write_text(json.dumps(content))
        return folder.relative_to(project)

    return change


def problems(capsys: pytest.CaptureFixture[str]) -> str:
    """What the check finds; it must find something."""
    capsys.readouterr()
    assert report.console(["report", "--check"]) == 1
    return capsys.readouterr().err


def test_what_was_written_is_fresh(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.console(["report", "--check"]) == 0
    page = (project / "results" / "README.md").read_text()
    assert page.count("## planted, ") == 2
    assert "--label=planted" in page and str(project) not in page and "/tmp" not in page
    for filled in ("README.md", "docs/splits.md"):
        text = (project / filled).read_text()
        assert (
            "| NDCG@10 | planted, per_user | planted, global |" in text
            and text.startswith("# Title\n")
            and text.endswith("the end\n")
        )
    capsys.readouterr()
    assert report.console(["report"]) == 0
    assert capsys.readouterr().out.endswith("\nwritten: nothing, all pages are fresh\n")
    Path("results/README.md").unlink()
    assert report.console(["report"]) == 0
    *stages, page = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in stages] == ["records", "pages"] and "8 of 2 studies" in stages[0]
    assert page == "written: results/README.md"


def test_a_pdf_of_another_page_and_what_is_gone_are_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def files(studies: Sequence[Study], *, typeset: bool) -> dict[str, bytes]:
        made = {"report.html": b"x", "figures/a.svg": b"x"}
        if typeset:
            made |= {"report.pdf": report_files.made_from(b"x").encode(), "figures/a.png": b"x"}
        return made

    monkeypatch.setattr(report_files, "report_files", files)
    Path("results/leaderboard.csv").unlink()
    assert report.console(["report"]) == 0 == report.console(["report", "--check"])
    Path("results/report.pdf").write_bytes(report_files.made_from(b"y").encode())
    assert "results/report.pdf is stale." in problems(capsys)
    Path("results/report.pdf").unlink()
    Path("results/figures/a.png").unlink()
    told = problems(capsys)
    assert "results/report.pdf is stale." in told and "results/figures/a.png is stale." in told


def test_pictures_are_told_by_their_number() -> None:
    folder = Path("results/figures")
    assert report._told([folder / "a.svg", folder / "a.png", Path("b.svg"), Path("report.pdf")]) == [
        "written: report.pdf",
        "written: results/figures/ (2 pictures)",
        "written: ./ (1 picture)",
    ]


def test_a_picture_of_runs_that_are_gone_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = Path("results/figures/gone.png")
    picture.parent.mkdir()
    picture.touch()
    assert report.console(["report", "--check"]) == 1
    assert capsys.readouterr().err == f"{picture} shows runs that are gone. Delete it.\n"


@pytest.mark.parametrize("page", ["README.md", "docs/splits.md", "results/README.md"])
def test_a_page_changed_by_hand_is_stale(
    project: Path, capsys: pytest.CaptureFixture[str], page: str
) -> None:
    path = project / page
    path.write_text(path.read_text().replace("0.", "0.9"))
    assert problems(capsys) == f"{page} is stale. Type: python -m tfrs_bench.report\n"


def test_text_beside_the_blocks_is_free(project: Path) -> None:
    path = project / "README.md"
    path.write_text(path.read_text().replace("Title", "Another title"))
    assert report.console(["report", "--check"]) == 0


def test_a_setting_that_is_no_longer_the_default_is_named_with_both_values_and_what_to_type(
    edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = edit("popularity", "config", "half_life_days", 3.5)
    found = problems(capsys)
    assert f"{folder}/record.json:\n" in found
    assert "popularity: half_life_days is 3.5 in the record and None in the code" in found
    again = "--interactions=log.csv --model=als,popularity --baselines=als --seeds=2 --label=planted"
    assert f"Type: rm -r {folder} && python -m tfrs_bench.main {again} --results_dir=results/runs" in found


def test_protocol_that_is_no_longer_the_default_is_named(
    edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    edit("popularity", "experiment", "cold_start_below", 4)
    assert "experiment: cold_start_below is 4 in the record and 5 in the code" in problems(capsys)


def test_a_field_that_came_or_went_is_named(edit: Edit, capsys: pytest.CaptureFixture[str]) -> None:
    edit("popularity", "config", {"lately": 1})
    found = problems(capsys)
    assert "popularity: lately is 1 in the record and nothing in the code" in found
    assert "popularity: half_life_days is nothing in the record and None in the code" in found


def test_a_flag_that_no_longer_exists_is_named(edit: Edit, capsys: pytest.CaptureFixture[str]) -> None:
    edit("popularity", "asked", "spilt", "global")
    assert "asked for what no longer exists: --spilt is not a flag. Did you mean --split?" in problems(capsys)


def test_an_edited_metric_is_named(edit: Edit, capsys: pytest.CaptureFixture[str]) -> None:
    edit("als", "metrics", "all", "ndcg@10", 0.99)
    assert "ndcg@10 of all is 0.99 in the record and 0." in problems(capsys)


def test_another_grid_is_named_by_what_it_tries(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ALS, "grid", ALS.grid | {"confidence": (1000.0, 2000.0)})
    found = problems(capsys)
    assert found.count("grid: today's also tries factors=") == 4  # two splits, two seeds
    assert "confidence=1000" in found


def test_a_trial_that_was_edited_to_win_is_found(edit: Edit, capsys: pytest.CaptureFixture[str]) -> None:
    edit("als", "trials", 0, 1, 0.999)
    # the search of today starts out from the edited winner, and finds no record of what lies beyond it
    assert "grid: today's also tries factors=" in problems(capsys)


def test_an_audit_of_another_layout_is_named_with_what_to_type(
    edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = edit("random", "audit", {})
    capsys.readouterr()
    assert report.console(["report", "--check"]) == 2
    error = capsys.readouterr().err
    assert "audit: temporal is nothing in the record and None in the code" in error
    assert f"Type: rm -r {folder} && python -m tfrs_bench.main " in error
    assert error.splitlines()[-1].startswith(
        f"tfrs_bench: {Path('results/runs/planted/per_user') / folder.name}"
    )


def test_a_missing_record_is_named_with_what_makes_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder,) = (project / "results" / "runs" / "planted" / "global").glob("als-seed1-*")
    shutil.rmtree(folder)
    found = problems(capsys)
    assert "planted, global: no record of als with seed 1.\n  Type: python -m tfrs_bench.main " in found
    assert "results/README.md is stale" in found


def test_a_flagfile_that_changed_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_planted_csv(tmp_path / "log.csv")

    def ship(factors: int, name: str) -> None:
        path = tmp_path / "als.cfg"
        path.touch()
        shipped = Shipped(ALSConfig(factors=factors), name, path)
        monkeypatch.setattr(requests, "_shipped", lambda model, *_: shipped if model == "als" else None)

    ship(4, "flags/a.cfg")
    flags = ("--model=als", "--baselines=als", "--interactions=log.csv", "--results_dir=results/runs")
    assert main.console(["main", *flags]) == 0
    assert report.console(["report"]) == 0 == report.console(["report", "--check"])
    ship(8, "flags/b.cfg")
    found = problems(capsys)
    assert "als: factors is 4 in the record and 8 in the code" in found
    assert "settings: from flags/a.cfg in the record, from flags/b.cfg today" in found


def test_other_runs_go_to_a_page_of_their_own_and_leave_the_projects_pages_alone(project: Path) -> None:
    before = (project / "README.md").read_text()
    shutil.rmtree(project / "results" / "runs" / "planted" / "global")
    assert report.console(["report", "--runs=results/runs", "--output=mine"]) == 0
    assert "## planted, per_user" in (project / "mine" / "README.md").read_text()
    assert (project / "README.md").read_text() == before


def test_a_folder_without_runs_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert report.console(["report"]) == 2
    error = capsys.readouterr().err
    made_by = "python -m tfrs_bench.main --results_dir=results/runs"
    assert error == f"\ntfrs_bench: results/runs holds no run. Make one: {made_by}\n"
