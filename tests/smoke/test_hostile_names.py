"""Names that data and flags bring never become paths: all that a run writes lies in its results folder."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tfrs_bench.main import console

# Ids and titles that would climb, cut, hide or mislead, were they ever part of a path or of a line.
IDS = (
    "../../up", "/etc/passwd", "..", ".", "a/b\\c", "%2e%2e%2fup", "-rf", "~root", "$HOME", "`id`", "*",
    "a\tb", "CON", "x" * 300, "𝔘𝔫𝔦/𝔠𝔬𝔡𝔢", "\u202egnp.exe", "NaN",
)  # fmt: skip
TITLES = (*IDS, "two\nlines", "three\r\nmore\r\nlines", "tab\tbar", "\x1b[31mred\x07", " ")
FILE_NAMES = (
    "..%2f..%2fup.csv", "-rf.csv", ".csv", "....csv", "~.csv", "$HOME.csv", "two\nlines.csv", "𝔘𝔫𝔦.csv",
    "CON.csv", "a b  c.csv", "\x1b[31mred.csv", "a" * 250 + ".csv", "…", "NaN",
)  # fmt: skip


def write_log(path: Path) -> None:
    """Ten rows for every id as a user, of items that turn in step, so that many have users in common."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("user", "item", "rating", "timestamp"))
        writer.writerows(
            (user, IDS[(at + shift) % len(IDS)], 5, 1_000_000_000 + 100 * at + shift)
            for at in range(10)
            for shift, user in enumerate(IDS)
        )


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def run(folder: Path, *flags: str) -> list[Path]:
    """Runs in a folder of its own with nothing else in it; returns the runs' folders."""
    here = folder / "deep" / "inside"
    here.mkdir(parents=True, exist_ok=True)
    before = files_below(folder)
    assert (
        console(["main", "--baselines=", "--mask_seen=false", f"--results_dir={here / 'runs'}", *flags]) == 0
    )
    written = files_below(folder) - before
    assert written and all(name.startswith("deep/inside/runs/") for name in written)
    for name in written:
        assert all(len(part) <= 100 for part in Path(name).parts)
        assert name.isascii() and not set(name) & set(" \n\t%~$*")
    return sorted(path.parent for path in (here / "runs").rglob("record.json"))


@pytest.mark.parametrize("name", FILE_NAMES, ids=ascii)
def test_a_log_of_any_name_has_its_runs_in_the_results_folder(name: str, tmp_path: Path) -> None:
    odd = tmp_path / "we ird [a]"
    odd.mkdir()
    write_log(odd / name)
    for folder in run(tmp_path, f"--interactions={odd / name}", "--model=popularity"):
        assert folder.relative_to(tmp_path).parts[:3] == ("deep", "inside", "runs")
        assert len(folder.relative_to(tmp_path).parts) == 6  # runs, data, split, run


@pytest.mark.parametrize(
    "label", ["../../up", "/etc/passwd", "..", "-rf", "a/b", "two\nlines", "x" * 300], ids=ascii
)
def test_a_label_is_no_path_either(label: str, tmp_path: Path) -> None:
    write_log(tmp_path / "log.csv")
    where = f"--interactions={tmp_path / 'log.csv'}"
    assert run(tmp_path, where, "--model=popularity", f"--label={label}")


def test_a_results_folder_of_any_name_is_the_one_that_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(tmp_path / "log.csv")
    for name in ("-rf", "a b [c] *", "𝔘𝔫𝔦", "~", "..."):
        (tmp_path / "here").mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / "here")
        flags = ("--baselines=", "--mask_seen=false", "--model=popularity", f"--results_dir={name}")
        assert console(["main", f"--interactions={tmp_path / 'log.csv'}", *flags]) == 0
        assert name in [path.name for path in Path().iterdir()]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "log.csv"]


def test_ids_titles_and_genres_stay_inside_their_lines_and_files(tmp_path: Path) -> None:
    write_log(tmp_path / "log.csv")
    with (tmp_path / "titles.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("item_id", "title", "genres"))
        writer.writerows(zip(IDS, TITLES[5:], [*IDS[1:], "a|../b"], strict=False))
    small = ("--dimension=4", "--hidden=4", "--batch_size=64", "--max_epochs=1", "--history_length=4")
    files = (f"--interactions={tmp_path / 'log.csv'}", f"--items={tmp_path / 'titles.csv'}")
    folders = run(tmp_path, *files, "--model=two_tower", *small)
    (tower,) = [folder for folder in folders if folder.name.startswith("two_tower")]
    assert set(pq.read_table(tower / "per_user.parquet")["user_id"].to_pylist()) == set(IDS)
    lines = next(tower.rglob("metadata.tsv")).read_text(encoding="utf-8").split("\n")
    vectors = next(tower.rglob("items.tsv")).read_text(encoding="utf-8").split("\n")
    assert len(lines) == len(vectors) + 1 == len(IDS) + 2  # a header, and the end of the last line
    assert {line.count("\t") for line in lines[:-1]} == {lines[0].count("\t")}


def test_a_name_neither_breaks_a_message_nor_commands_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "\x1b[31m\ntwo\u202e.csv").write_text("user,item\x1b[2J,time\na,b,1\n")
    for path in tmp_path.iterdir():
        assert console(["main", f"--interactions={path}", "--baselines=", "--model=popularity"]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("tfrs_bench: ") and error.isprintable()
    assert "\\x1b[31m\\ntwo\\u202e.csv is not text" in error
