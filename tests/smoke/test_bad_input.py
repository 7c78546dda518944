"""What a person sees of each kind of bad input: a sentence that says what, where and what to type next.

Input that only looks odd is no error: it is read, and the numbers are those of the plain file.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from planted_files import write_planted_csv
from refused_files import FILES, FINE, SPLITS, Refusal, table
from refused_flags import FLAGS, PLACES

from tfrs_bench.main import console

ONLY_POPULARITY = ("--model=popularity", "--baselines=")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The planted log, line by line: 60 users, five of them cold, and 40 items."""
    return write_planted_csv(tmp_path_factory.mktemp("planted") / "log.csv").read_text().splitlines()


@pytest.mark.parametrize("bad", [*FILES, *SPLITS, *FLAGS, *PLACES], ids=lambda bad: bad.kind)
def test_bad_input_is_a_sentence_that_says_what_where_and_what_next(
    bad: Refusal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / ("data.in" if bad.content is not None else "log.csv")
    content = table(*FINE) if bad.content is None else bad.content
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    source = (f"--interactions={file}",) if bad.content is not None else ()
    flags = (one.format(folder=tmp_path) for one in bad.flags)
    assert console(["main", *ONLY_POPULARITY, f"--results_dir={tmp_path / 'runs'}", *source, *flags]) == 2
    (message,) = capsys.readouterr().err.strip().splitlines()
    assert message.startswith("tfrs_bench: ") and "Traceback" not in message
    for part in bad.says:
        assert part.format(file=file, folder=tmp_path) in message
    assert [one.name for one in tmp_path.iterdir()] == [file.name]  # refused before anything was written


def test_there_are_enough_kinds() -> None:
    kinds = [bad.kind for bad in (*FILES, *SPLITS, *FLAGS, *PLACES)]
    assert len(kinds) == len(set(kinds)) > 60


def test_a_file_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: Path, *_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(self))

    (tmp_path / "log.csv").write_text(table(*FINE))
    monkeypatch.setattr(Path, "open", refuse)  # the administrator may read everything
    assert console(["main", *ONLY_POPULARITY, f"--interactions={tmp_path / 'log.csv'}"]) == 2
    message = (
        f"--interactions={tmp_path / 'log.csv'} cannot be opened (Permission denied). Give a file that you"
    )
    assert message in capsys.readouterr().err


# What looks odd and is right.


class Read(NamedTuple):
    """What a run made of a file."""

    record: dict[str, Any]
    users: list[str]
    out: str


def run(folder: Path, content: str | bytes, *flags: str) -> tuple[dict[str, Any], list[str]]:
    """Runs popularity on a file; returns its record and the users who were asked."""
    file = folder / "log.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    where = (f"--interactions={file}", f"--results_dir={folder}")
    assert console(["main", *ONLY_POPULARITY, *where, *flags]) == 0
    (record,) = folder.glob("log/*/popularity-*/record.json")
    users = pq.read_table(record.parent / "per_user.parquet")["user_id"].to_pylist()
    return json.loads(record.read_text()), users


@pytest.fixture
def read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Read]:
    """Returns read(content, *flags) -> Read of popularity."""
    return lambda content, *flags: Read(*run(tmp_path, content, *flags), capsys.readouterr().out)


@pytest.fixture(scope="module")
def plain(lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Read:
    """What a run makes of the planted log as it is."""
    return Read(*run(tmp_path_factory.mktemp("plain"), "\n".join(lines) + "\n"), "")


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda text: text.encode("utf-8-sig"), id="UTF-8 with its mark"),
        pytest.param(lambda text: text.encode("utf-16"), id="UTF-16 with its mark"),
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(lambda text: text.replace("\n", "\r"), id="CR"),
        pytest.param(lambda text: text.replace("\n", "\n\n"), id="blank lines"),
        pytest.param(lambda text: text.rstrip("\n"), id="no end of the last line"),
        pytest.param(lambda text: text.replace(",", "\t"), id="tabs"),
        pytest.param(lambda text: text.replace(",", "::"), id="two colons"),
        pytest.param(lambda text: re.sub(r"[^,\n]+", r'"\g<0>"', text), id="quotes"),
        pytest.param(lambda text: gzip.compress(text.encode()), id="gzip"),
        pytest.param(lambda text: text + "\n".join(text.split("\n")[1:]), id="every row twice"),
    ],
)
def test_other_ways_to_write_the_same_log_give_the_same_numbers(
    write: Callable[[str], str | bytes], lines: list[str], read: Callable[..., Read], plain: Read
) -> None:
    other = read(write("\n".join(lines) + "\n"))
    assert other.record["metrics"] == plain.record["metrics"]
    assert other.record["data"]["fingerprint"] == plain.record["data"]["fingerprint"]
    assert other.users == plain.users


@pytest.mark.parametrize(
    "one",
    [
        "9007199254740993",
        "18446744073709551615",
        "  two  spaces ",
        "Ünï cödé 🎬",
        "007",
        "-1",
        "NaN",
        "../up",
        "'; --",
    ],
)
def test_an_id_is_any_text_and_stays_as_it_is(one: str, lines: list[str], read: Callable[..., Read]) -> None:
    # u1 becomes the id, and u2 what carelessness would take for the same.
    near = {
        "9007199254740993": "9007199254740992",
        "18446744073709551615": "18446744073709551616",
        "007": "7",
    }
    other = near.get(one, one.strip() + "x")
    text = "\n".join(lines).replace("u1,", f"{one},").replace("u2,", f"{other},")
    done = read(text)
    assert {one, other} <= set(done.users) and len(set(done.users)) == 60
    assert done.record["data"]["users"] == 60


def test_integers_of_parquet_are_not_rounded(tmp_path: Path) -> None:
    ids = [2**53, 2**53 + 1, 2**63 - 1]
    rows = [(user, (time + at) % 10, 10 * time + at) for at, user in enumerate(ids) for time in range(10)]
    columns = dict(zip(("user", "item", "time"), map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    where = (f"--interactions={tmp_path / 'log.parquet'}", f"--results_dir={tmp_path / 'runs'}")
    assert console(["main", *ONLY_POPULARITY, *where]) == 0
    (users,) = tmp_path.glob("runs/log/*/popularity-*/per_user.parquet")
    assert sorted(map(int, pq.read_table(users)["user_id"].to_pylist())) == ids


def test_latin_1_is_read_and_said(lines: list[str], read: Callable[..., Read]) -> None:
    done = read("\n".join(lines).replace("u1,", "José,").encode("latin-1"))
    assert "José" in done.users and "log.csv is not UTF-8 and was read as latin-1" in done.out


def test_negative_ratings_are_low_ratings(lines: list[str], read: Callable[..., Read], plain: Read) -> None:
    low = read("\n".join(line.replace(",2,", ",-2.5,") for line in lines))
    assert low.record["metrics"] == plain.record["metrics"]


def test_a_catalogue_smaller_than_k_is_ranked_to_its_end(read: Callable[..., Read]) -> None:
    rows = (f"u{row % 9},i{row // 9 % 6},5,{row}" for row in range(180))
    done = read(table(*rows), "--mask_seen=false", "--ks=20")
    assert done.record["metrics"]["all"]["hr@20"] == 1.0  # six items, all of them listed
    assert done.record["metrics"]["all"]["recall@20"] == 1.0


def test_one_item_is_found_by_everybody_where_people_come_back(read: Callable[..., Read]) -> None:
    rows = (f"u{row % 4},x,5,{row}" for row in range(80))
    assert read(table(*rows), "--mask_seen=false").record["metrics"]["all"]["ndcg@10"] == 1.0


def test_nobody_needs_validation_where_nothing_is_tuned(read: Callable[..., Read]) -> None:
    rows = (f"u{row % 9},i{row % 7},5,{row}" for row in range(45))  # five rows each: four, none and one
    assert read(table(*rows), "--cold_start_below=4").record["audit"]["rows"]["validation"] == 0


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            "u,i,5,9000000000",
            "1 row with a timestamp in the future (line 5): perhaps times in another unit or a",
        ),
        ("u,i,5,0", "1 row with a timestamp in 1970 or before (line 5): perhaps missing times stored as 0"),
    ],
    ids=["future", "1970"],
)
def test_times_that_are_hardly_meant_are_said_with_their_lines(
    row: str, says: str, lines: list[str], read: Callable[..., Read]
) -> None:
    text = " ".join(read("\n".join([*lines[:4], row, *lines[4:]])).out.split())
    assert says in text and "type --order=file to go by its order" in text


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["u,i,5"], "log.csv: 1 row dropped, not 4 fields or an unclosed quote (line 3)"),
        (['"u,i,5,1000000000'], "log.csv: 1 row dropped, not 4 fields or an unclosed quote (line 3)"),
        (['"u,i,5,1', 'v"'], "log.csv: 2 rows dropped, not 4 fields or an unclosed quote (lines 3, 4)"),
        ([",i,5,1"], "log.csv: 1 row dropped, user is empty (line 3)"),
        (["u,i,nan,1"] * 4, "log.csv: 4 rows dropped, rating is not a finite number (lines 3, 4, 5, …)"),
        (["u,i,5,soon"] * 3, "log.csv: 3 rows dropped, timestamp is not a time (lines 3, 4, 5)"),
    ],
)
def test_skipped_rows_are_counted_with_their_lines_and_no_other_row_is_lost(
    rows: list[str], says: str, lines: list[str], read: Callable[..., Read], plain: Read
) -> None:
    done = read("\n".join([*lines[:2], *rows, *lines[2:]]), "--on_bad_rows=skip")
    assert says in " ".join(done.out.split())
    assert done.record["data"]["notes"] == [says]
    assert done.record["data"]["fingerprint"] == plain.record["data"]["fingerprint"]


# The real process.


def execute(*flags: str | bytes, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tfrs_bench.main", *ONLY_POPULARITY, *flags]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=variables)


def test_a_process_ends_with_status_2_and_one_line_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("")
    done = execute(f"--interactions={tmp_path / 'log.csv'}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == (
        f"tfrs_bench: {tmp_path / 'log.csv'} is empty. Give a file with a header and one interaction per row."
    )


def test_bytes_that_are_no_text_are_refused_on_the_command_line() -> None:
    done = execute(b"--interactions=caf\xe9.csv")
    assert done.returncode == 2 and "is not readable text. Rename the file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_that_lacks_characters_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(table(*FINE))
    where = (
        f"--interactions={tmp_path / 'log.csv'}",
        f"--results_dir={tmp_path / 'runs'}",
        "--mask_seen=false",
    )
    done = execute(*where, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "?s/user" in done.stdout


def test_a_defect_of_the_program_is_a_sentence_too_and_debug_shows_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("tfrs_bench.data.tabular.load", fail)
    command = ["main", f"--interactions={tmp_path / 'log.csv'}"]
    assert console(command) == 1
    message = capsys.readouterr().err
    assert message.strip().startswith("tfrs_bench: RuntimeError: unforeseen. This is a defect of the program")
    assert "--debug" in message and "Traceback" not in message
    with pytest.raises(RuntimeError, match="unforeseen"):
        console([*command, "--debug"])
