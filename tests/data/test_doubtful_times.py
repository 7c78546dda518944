"""Moments that are hardly meant are said, with their lines, and used as they stand."""

from __future__ import annotations

import pytest

from tfrs_bench.data.tabular import load_table
from tfrs_bench.data.text_table import TextTable

NOW = 1_700_000_000


@pytest.fixture
def notes(tmp_path, monkeypatch):
    def notes_of(*times: str) -> tuple[str, ...]:
        monkeypatch.setattr("time.time", lambda: float(NOW))
        path = tmp_path / "log.csv"
        path.write_text(
            "\n".join(["user,item,time", *(f"u,i{row},{time}" for row, time in enumerate(times))])
        )
        return load_table(path, on_bad_rows="skip").notes

    return notes_of


def test_zero_among_later_times_is_said(notes):
    (note,) = notes("0", "1600000000", "-5", "1600000000", "1600000001")
    assert note.startswith(
        "log.csv: 2 rows with a time in 1970 or before (lines 2, 4): perhaps missing times"
    )
    assert note.endswith("mend the file, or type --order=file to go by its order")


def test_small_numbers_throughout_are_an_order_and_nothing_is_said(notes):
    assert notes("1", "2", "3") == ()


def test_the_future_is_said_and_tomorrow_is_not(notes):
    assert notes("1600000000", f"{NOW + 3600}") == ()
    (note,) = notes("2020-09-13", "9999-12-31", "2020-09-14")
    assert note.startswith("log.csv: 1 row with a time in the future (line 3): perhaps times in another unit")


def test_of_many_the_first_three_are_named_by_their_lines_in_the_file(notes):
    # A ragged row and a bad one stand before them: lines 2 and 3.
    (*dropped, note) = notes("1,1", "soon", "1600000000", *["0"] * 4, *["1600000000"] * 9)
    assert len(dropped) == 2
    assert "4 rows with a time in 1970 or before (lines 5, 6, 7, …)" in note


def test_a_table_that_names_lines_counts_them_as_an_editor_does(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('user,note\na,"two\nlines"\n\nb,x\nragged\nc,y\n')
    table = TextTable(path)
    columns, left_out = table.read([0], True, single_line=[0])
    assert (columns[0].to_pylist(), left_out) == (["a", "b", "c"], 1)
    assert table.numbers([0, 2]) == [2, 7]
    assert table.left_out(3) == [6]
