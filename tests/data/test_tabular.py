"""Files of every format, name, order and defect a person may bring."""

from __future__ import annotations

import gzip
import types
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from table_files import refused, rows

from tfrs_bench.data.columns import find_columns
from tfrs_bench.data.interactions import build_log
from tfrs_bench.data.tabular import TableColumns, load, load_table, safe_name

HEADLESS = TableColumns(names=("user", "item", "rating", "timestamp"))


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


SAME = [("a", "x", 10, 4.0), ("a", "y", 20, 3.5), ("b", "x", 5, 1.0)]


@pytest.mark.parametrize("separator", ["\t", ",", ";", "|", " ", "::"])
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_separators_are_found(write, separator, zipped):
    lines = ["user item rating timestamp", "a y 3.5 20", "b x 1 5", "a x 4 10", ""]
    content = "\n".join(lines).replace(" ", separator).encode()
    path = write(gzip.compress(content) if zipped else content, "log.txt")
    assert rows(load_table(path).log) == SAME


@pytest.mark.parametrize(
    "header",
    [
        "user_id,item_id,rating,timestamp",
        "CustomerID,StockCode,score,InvoiceDate",
        "userId,movieId,Rating,TIME",
        "reviewerID,asin,overall,unixReviewTime",
        "visitorid,parent-asin,stars,Date Time",
        "user_id:token,item_id:token,rating:float,timestamp:float",
    ],
)
def test_usual_names_are_recognized(write, header):
    assert rows(load_table(write(f"{header}\na,x,4,10\na,y,3.5,20\nb,x,1,5\n")).log) == SAME


def test_columns_can_be_named(write):
    path = write("when,what,who,much\n10,x,a,4\n20,y,a,3.5\n5,x,b,1\n")
    columns = TableColumns(user="who", item="what", rating="much", timestamp="when")
    assert rows(load_table(path, columns=columns).log) == SAME


def test_files_without_header_need_names(write):
    path = write("a\tx\t4\t10\na\ty\t3.5\t20\nb\tx\t1\t5\n")
    message = refused(path)
    assert "its first row is data (a, x, 4, 10)" in message
    assert "--columns=user,item,rating,timestamp" in message
    assert rows(load_table(path, columns=HEADLESS).log) == SAME


def test_names_for_a_file_with_a_header_are_refused(write):
    path = write("user,item,rating,timestamp\na,x,4,10\n")
    assert "leave out --columns" in refused(path, columns=HEADLESS)


def test_names_must_cover_every_column(write):
    assert "has 2 columns in its first row, but --columns names 4" in refused(
        write("1 1\n1 2\n"), columns=HEADLESS
    )


def test_a_missing_column_lists_the_columns_and_the_flag(write):
    message = refused(write("who,item,time\na,x,1\n"))
    assert "no column with a usual name for the user" in message
    assert "who, item, time" in message
    assert "--user_column=NAME" in message
    assert "--order=file" in refused(write("user,item\na,x\n"))
    assert "no column who" in refused(write("user,item,time\na,x,1\n"), columns=TableColumns(user="who"))


def test_an_ambiguous_column_is_refused(write):
    path = write("user,asin,parent_asin,time\na,x,p,1\n")
    assert "several columns that could be the item: asin and parent_asin" in refused(path)
    assert rows(load_table(path, columns=TableColumns(item="parent_asin")).log) == [("a", "p", 1, None)]


def test_a_rating_column_can_be_left_out(write):
    path = write("user,item,rating,time\na,x,4,1\n")
    assert load_table(path, columns=TableColumns(rating="none")).log.ratings is None


def test_a_column_serves_one_field(write):
    path = write("user,product_id,item,time\na,x,4,1\n")
    assert rows(load_table(path, columns=TableColumns(rating="item")).log) == [("a", "x", 1, 4.0)]
    message = refused(path, columns=TableColumns(item="product_id", timestamp="product_id"))
    assert "product_id is named for both item and timestamp" in message
    assert "--item_column=NAME or --timestamp_column=NAME" in message
    path = write("user,item,rating,time\na,x,4,1\n")
    message = refused(path, columns=TableColumns(user="item"))
    assert "no column with a usual name for the item" in message
    assert load_table(path, columns=TableColumns(timestamp="rating")).log.ratings is None


def test_an_exact_name_goes_before_a_similar_one(tmp_path):
    names = ["User", "user", "item"]
    found = find_columns(names, {"user": "user", "item": None}, ["user", "item"], tmp_path, "header")
    assert found["user"] == 1


def test_rows_of_one_moment_keep_the_order_of_the_file(write):
    path = write("user,item,time\na,z,7\na,y,7\na,x,3\n")
    assert [row[1] for row in rows(load_table(path).log)] == ["x", "z", "y"]


def test_milliseconds_order_the_rows_of_one_second(write):
    path = write("user,item,time\na,late,1577836800900\na,early,1577836800100\n")
    expected = [("a", "early", 1577836800, None), ("a", "late", 1577836800, None)]
    assert rows(load_table(path).log) == expected


def test_moments_too_far_apart_for_one_sorting_key_are_ordered_too():
    ends = np.iinfo(np.int64)
    log = build_log(
        np.array(["b", "a", "b", "b"]), np.array(["1", "2", "3", "4"]), np.array([ends.max, 0, ends.min, 0])
    )
    assert log.item_ids.ids[log.items].tolist() == ["3", "4", "1", "2"]


def test_ids_are_numbered_by_first_appearance(write):
    log = load_table(write("user,item,time\nb,y,2\na,y,1\nb,x,3\n")).log
    assert log.user_ids.ids.tolist() == ["b", "a"]
    assert log.item_ids.ids.tolist() == ["y", "x"]


def test_ids_are_never_numbers(write):
    log = load_table(write("user,item,time\n007,1.0,1\n7,1,2\n")).log
    assert log.user_ids.ids.tolist() == ["007", "7"]
    assert log.item_ids.ids.tolist() == ["1.0", "1"]


@pytest.mark.parametrize("order", ["file", "none"])
def test_without_times_repetitions_stay(write, order):
    loaded = load_table(
        write("1 5\n2 5\n1 5\n", "log.txt"), columns=TableColumns(names=("user", "item")), order=order
    )
    assert loaded.log.clock == order
    assert rows(loaded.log) == [("1", "5", 0, None), ("1", "5", 2, None), ("2", "5", 1, None)]


def test_exact_duplicates_are_dropped_and_counted(write):
    body = "a,x,4,10\na,x,4,10\na,x,5,10\na,x,4,11\nb,x,4,10\na,x,4,10\n"
    loaded = load_table(write("user,item,rating,time\n" + body))
    assert loaded.notes == ("2 exact duplicates dropped",)
    assert rows(loaded.log) == [
        ("a", "x", 10, 4.0),
        ("a", "x", 10, 5.0),
        ("a", "x", 11, 4.0),
        ("b", "x", 10, 4.0),
    ]


@pytest.mark.parametrize(
    ("bad_row", "says"),
    [
        (",x,4,1", "line 4: user is empty."),
        ("a,,4,1", "line 4: item is empty."),
        ("a,x,4,", "line 4: time is empty."),
        ("a,x,4,yesterday", 'line 4: time "yesterday" is not a time'),
        ("a,x,good,1", 'line 4: rating "good" is not a finite number.'),
        ("a,x,NaN,1", 'line 4: rating "NaN" is not a finite number.'),
        ("a,x,inf,1", 'line 4: rating "inf" is not a finite number.'),
        ("a,x,4", "line 4 has 3 of 4 fields."),
        ("a,x,4,1,1", "line 4 has 5 of 4 fields."),
    ],
)
def test_a_bad_row_is_named_by_its_line_or_dropped(write, bad_row, says):
    # The header is line 1, line 3 is blank.
    path = write(f"user,item,rating,time\na,x,4,1\n\n{bad_row}\nb,x,5,2\n")
    message = refused(path)
    assert says in message
    assert str(path) in message
    assert "--on_bad_rows=skip" in message
    loaded = load_table(path, on_bad_rows="skip")
    assert rows(loaded.log) == [("a", "x", 1, 4.0), ("b", "x", 2, 5.0)]
    assert len(loaded.notes) == 1
    assert "1 row dropped" in loaded.notes[0]
    assert loaded.notes[0].endswith("(line 4)")


def test_lines_are_counted_through_quoted_line_breaks(write):
    path = write('user,note,item,time\na,"two\nlines",x,1\n,,x,2\n')
    assert "line 4: user is empty" in refused(path)


def test_an_unclosed_quote_does_not_swallow_rows(write):
    # The quote before b closes before d: b's id would run over two lines.
    path = write('user,item,time\na,x,1\n"b,x,2\nc",x,3\nd,x,4\n')
    assert 'line 3: user "b,x,2…" holds a line break, as after an unclosed quote' in refused(path)
    # Nothing closes this one.
    assert "line 3 has 1 of 3 fields" in refused(write('user,item,time\na,x,1\n"b,x,2\nc,x,3\n'))


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_skipping_an_unclosed_quote_loses_its_row_and_no_other(write, zipped, encoding):
    # The quote of line 9 makes, with line 10, a row of the right width; that of line 12 is the last.
    body = [
        "é,x,1",
        '"b,x,2',
        "c,x,3",
        '"d,x,4',
        "e,x,5",
        '"f,x,6',
        'g"h,x,7',
        '"i,x',
        'j",x,9',
        "k,x,10",
        '"l,x,11',
    ]
    content = "\n".join(["user,item,time", *body]).encode(encoding)
    loaded = load_table(write(gzip.compress(content) if zipped else content), on_bad_rows="skip")
    assert [row[0] for row in rows(loaded.log)] == ["é", "c", "e", 'g"h', 'j"', "k"]
    assert "5 rows dropped, not 3 fields or an unclosed quote (lines 3, 5, 7, …)" in loaded.notes[0]


def test_a_quote_longer_than_a_block_is_found_too(write):
    body = "".join(f"u{row},x,{row}\n" for row in range(500_000))  # 7 MB, and blocks are of 4
    path = write('user,item,time\n"a,x,1\n' + body)
    loaded = load_table(path, on_bad_rows="skip")
    assert len(loaded.log) == 500_000
    assert loaded.notes[0] == "log.csv: 1 row dropped, not 3 fields or an unclosed quote (line 2)"
    assert "line 2 has 1 of 3 fields (a quote that opens there runs to line" in refused(path)


def test_a_column_without_one_good_value_is_the_wrong_column(write):
    message = refused(write("user,item,date\na,x,12/1/2010\nb,x,12/2/2010\n"))
    assert "Rows like this: 2 of 2. Type --timestamp_column=NAME" in message
    assert "2 of 2" in refused(write("user,item,date\na,x,soon\nb,x,later\n"), on_bad_rows="skip")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"user,item,time\n", "a header but no rows"),
        (b"user,item\x00,time\n", "is not text"),
        (b"PK\x03\x04rest", "is a zip archive"),
        (b"PAR1rest", "is a damaged parquet file"),
        (b"\x1f\x8bnot gzip", "cannot be read"),
        (gzip.compress(b"user,item,time\n" + b"a,x,1\n" * 1000, mtime=0)[:40], "cannot be read"),
        (b"single\ncolumn\n", "no separator found"),
    ],
)
def test_unusable_files_are_named(write, content, says):
    path = write(content)
    message = refused(path)
    assert says in message
    assert str(path) in message


def test_missing_files_and_folders_are_named_by_their_flag(write, tmp_path):
    assert f"--interactions={tmp_path / 'no.csv'} does not exist" in refused(tmp_path / "no.csv")
    assert "is a folder" in refused(tmp_path)
    train = write("user,item,time\na,x,1\n")
    assert "--test_interactions=" in refused(train, test_interactions=tmp_path / "no.csv")
    assert "--items=" in refused(train, items=tmp_path / "no.csv")


def test_encodings(write):
    text = "user,item,time\nJosé,x,1\n"
    for marked in ("\ufeff" + text, text.encode("utf-16"), b"\xfe\xff" + text.encode("utf-16-be")):
        loaded = load_table(write(marked))
        assert (loaded.log.user_ids.ids.tolist(), loaded.notes) == (["José"], ())
    colons = load_table(write(text.replace(",", "::").encode("utf-16")))
    assert colons.log.user_ids.ids.tolist() == ["José"]
    loaded = load_table(write(text.encode("latin-1")))
    assert loaded.log.user_ids.ids.tolist() == ["José"]
    assert loaded.notes == ("log.csv is not UTF-8 and was read as latin-1",)


def test_latin_1_is_found_beyond_the_sample(write):
    body = "".join(f"u{row},x,1\n" for row in range(20_000))  # more than 64 KB
    loaded = load_table(write(("user,item,time\n" + body + "José,x,1\n").encode("latin-1")))
    assert loaded.log.user_ids.ids[-1] == "José"


def test_parquet_takes_numbers_dates_and_missing_values(tmp_path):
    table = pa.table(
        {
            "user_id": pa.array([1, None, 10], pa.int64()),
            "item_id": pa.array(["x", "y", "x"]).dictionary_encode(),
            "stars": pa.array([5, 4, 3], pa.int8()),
            "time": pa.array([1, 2, 3], pa.timestamp("s")),
        }
    )
    path = tmp_path / "log.parquet"
    parquet.write_table(table, path)
    assert "row 2: user_id is empty" in refused(path)
    loaded = load_table(path, on_bad_rows="skip")
    assert rows(loaded.log) == [("1", "x", 1, 5.0), ("10", "x", 3, 3.0)]


def test_a_predefined_split_is_stacked(write):
    train = write("user,item,time\na,x,1\na,x,1\nb,y,9\n", "train.csv")
    validation = write("user,item,time\na,x,1\n", "validation.csv")
    test = write("user,item,time\nc,z,3\na,y,2\n", "test.csv")
    loaded = load_table(train, validation_interactions=validation, test_interactions=test)
    assert loaded.notes == ("1 exact duplicate dropped",)  # within train; the one in validation stays
    assert [row[:3] for row in rows(loaded.log)] == [
        ("a", "x", 1),
        ("a", "x", 1),
        ("a", "y", 2),
        ("b", "y", 9),
        ("c", "z", 3),
    ]
    assert loaded.log.parts.tolist() == [0, 1, 2, 0, 2]


def test_the_files_of_a_split_must_agree(write):
    train = write("user,item,rating,time\na,x,5,1\n", "train.csv")
    test = write("user,item,time\na,y,2\n", "test.csv")
    assert "--rating_column=none" in refused(train, test_interactions=test)
    assert "--test_interactions=FILE" in refused(train, validation_interactions=test)
    columns = TableColumns(rating="none")
    assert load_table(train, test_interactions=test, columns=columns).log.ratings is None


def test_options_reach_the_loader_and_names_become_safe(write):
    options = types.SimpleNamespace(
        interactions=write("a;7;10\nb;8;11\n", "My Shop (2).csv"),
        test_interactions=None,
        validation_interactions="",
        items=None,
        user_column=None,
        item_column=None,
        rating_column=None,
        timestamp_column="moment",
        columns=["user", "item", "moment"],
        separator="semicolon",
        order="time",
        on_bad_rows="error",
    )
    loaded = load(options)
    assert loaded.name == "my-shop-2"
    assert rows(loaded.log) == [("a", "7", 10, None), ("b", "8", 11, None)]


@pytest.mark.parametrize("name", ["../../x.csv", "…", "a" * 300 + ".csv", ".csv", "CON.csv"])
def test_a_name_from_a_file_is_never_a_path(name):
    made = safe_name(Path(name))
    assert made
    assert len(made) <= 40
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
