"""Files that cannot be used, and what the message about each must say."""

from __future__ import annotations

import bz2
import gzip
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

HEADER = "user,item,rating,timestamp"
# Two columns of text and one of numbers, as parquet would hold them.
COLUMNS: dict[str, Any] = {"user": ["a", "b"] * 9, "item": [*range(18)], "time": [*range(18)]}


class Refusal(NamedTuple):
    """A kind of bad input and what its message must say; `{file}` stands for the file's path."""

    kind: str
    content: str | bytes | None
    says: tuple[str, ...]
    flags: tuple[str, ...] = ()


def table(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def parquet(**columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(COLUMNS | columns), sink)
    return sink.getvalue().to_pybytes()


FINE = tuple(f"u{row % 6},i{row % 5},5,{1_000_000_000 + row}" for row in range(60))
ZIPPED = gzip.compress(table(*(f"u{row},i{row * row},5,{row}" for row in range(5_000))).encode())
SHORT = "Mend the file, or type --on_bad_rows=skip to drop such rows"
SKIP = "Rows like this: 1 of 61. Mend the file, or type --on_bad_rows=skip to drop them."

FILES = [
    Refusal("empty file", "", ("{file} is empty. Give a file with a header and one interaction per row.",)),
    Refusal("blank lines only", "\n \n\n", ("{file} is empty.",)),
    Refusal("empty gzip", gzip.compress(b""), ("{file} is empty.",)),
    Refusal("header only", HEADER + "\n", ("{file} has a header but no rows. Give a file with",)),
    Refusal(
        "binary", bytes(range(256)) * 9, ("{file} is not text: give csv or tsv (UTF-8, plain or gzip) or",)
    ),
    Refusal("binary without zeros", bytes(range(1, 256)) * 9, ("{file} is not text: give csv or tsv",)),
    Refusal("UTF-16 without its mark", table(*FINE).encode("utf-16-le"), ("{file} is not text: give csv",)),
    Refusal("UTF-32", table(*FINE).encode("utf-32"), ("{file} is not text: give csv or tsv (UTF-8",)),
    Refusal("bzip2", bz2.compress(table(*FINE).encode()), ("{file} is not text: give csv or tsv",)),
    Refusal(
        "zip or xlsx", b"PK\x03\x04...", ("{file} is a zip archive: unzip it and give the file inside.",)
    ),
    Refusal(
        "web page", "<!DOCTYPE html>\n<p>Not, found", ("{file} is a web page or XML, as a failed download",)
    ),
    Refusal("JSON lines", '{"user": "a", "item": 1}\n' * 9, ("{file} is JSON: give csv, tsv or parquet.",)),
    Refusal(
        "truncated gzip", ZIPPED[:300], ("{file} cannot be read (Compressed file ended", "download it again.")
    ),
    Refusal("gzip truncated late", ZIPPED[:-9], ("{file} cannot be read", "opy")),
    Refusal("damaged gzip", ZIPPED[:99] + b"\0\0\0\0" + ZIPPED[103:], ("{file} cannot be read", "again.")),
    Refusal("truncated parquet", parquet()[:-99], ("{file} is a damaged parquet file (", "copy it again.")),
    Refusal(
        "no separator", "only\none\ncolumn\n", ("{file}: no separator found", "(only). Type --separator=…")
    ),
    Refusal(
        "wrong separator",
        table(*FINE),
        (
            "{file}: --separator=; does not occur in its first row (user,item",
            "Leave --separator out to have it",
        ),
        ("--separator=;",),
    ),
    Refusal(
        "separator of two characters",
        table(*FINE),
        ("--separator=,, must be one character, ::, or one of tab, comma",),
        ("--separator=,,",),
    ),
    Refusal(
        "no header", table(*FINE[1:], header=FINE[0]), ("{file} has no header", "--columns=user,item,rating")
    ),
    Refusal(
        "header and --columns",
        table(*FINE),
        (f"{{file}} has a header ({HEADER.replace(',', ', ')}): leave out --columns.",),
        (f"--columns={HEADER}",),
    ),
    Refusal(
        "header twice",
        table(*FINE, HEADER),
        ('{file}, line 62: rating "rating" is not a finite number.', SKIP),
    ),
    Refusal(
        "short row", table("u,i,5", *FINE), ("{file}, line 2 has 3 of 4 fields.", SHORT, "--separator=…")
    ),
    Refusal("long row", table(*FINE, "u,i,5,1,1"), ("{file}, line 62 has 5 of 4 fields.", SHORT)),
    Refusal(
        "unclosed quote",
        table('"u,i,5,1', *FINE),
        ("{file}, line 2 has 1 of 4 fields (a quote that opens there runs to line 62).", SHORT),
    ),
    Refusal(
        "quote closed in another row",
        table(FINE[0], '"u,i,5,1', 'v",i,5,2', *FINE[2:]),
        (
            '{file}, line 3: user "u,i,5,1…" holds a line break, as after an unclosed quote.',
            "--on_bad_rows=skip",
        ),
    ),
    Refusal("empty user", table(*FINE, ",i,5,1"), ("{file}, line 62: user is empty.", SKIP)),
    Refusal("empty item", table(*FINE, "u, ,5,1"), ("{file}, line 62: item is empty.", SKIP)),
    Refusal("empty time", table(*FINE, "u,i,5,"), ("{file}, line 62: timestamp is empty.", SKIP)),
    Refusal(
        "day and month in an unknown order",
        table(*(f"u,i,5,12/{day}/2010" for day in range(1, 20))),
        (
            '{file}, line 2: timestamp "12/1/2010" is not a time (epoch seconds',
            "Type --timestamp_column=NAME",
        ),
    ),
    Refusal(
        "two notations of time",
        table(*FINE, "u,i,5,2001-09-09T01:46:40"),
        ('{file}, line 62: timestamp "2001-09-09T01:46:40" is a time in another notation or unit than', SKIP),
    ),
    Refusal(
        "seconds and milliseconds",
        table(*FINE, "u,i,5,1000000000000"),
        ('{file}, line 62: timestamp "1000000000000" is a time in another notation or unit than most', SKIP),
    ),
    Refusal(
        "rating NaN",
        table(*FINE, "u,i,nan,1"),
        ('{file}, line 62: rating "nan" is not a finite number.', SKIP),
    ),
    Refusal(
        "rating infinite",
        table(*FINE, "u,i,-inf,1"),
        ('line 62: rating "-inf" is not a finite number.', SKIP),
    ),
    Refusal(
        "rating too large",
        table(*FINE, "u,i,1e39,1"),
        ('line 62: rating "1e39" is not a finite number.', SKIP),
    ),
    Refusal(
        "rating in words",
        table(*FINE, "u,i,good,1"),
        ('line 62: rating "good" is not a finite number.', SKIP),
    ),
    Refusal(
        "parquet: lists for items",
        parquet(item=[[1]] * 18),
        ("{file}: column item is of type list<element: int64>, so it is no item. Type --item_",),
    ),
    Refusal(
        "parquet: truth values for times",
        parquet(time=[True] * 18),
        ("{file}: column time is of type bool, and true and false are no times. Type --timestamp_col",),
    ),
    Refusal(
        "parquet: ids rounded by floats",
        parquet(user=[float(2**53)] * 18),
        ("{file}: column user is of type double, which rounds ids beyond 2^53: store integers or text.",),
    ),
    Refusal(
        "parquet: words for ratings",
        parquet(rating=["good"] * 18),
        (
            '{file}, row 1: rating "good" is not a finite number. Rows like this: 18 of 18.',
            "--rating_column=NAME",
        ),
    ),
    Refusal(
        "parquet: nulls",
        parquet(user=[None, *COLUMNS["user"][1:]]),
        ("{file}, row 1: user is empty. Rows like this: 1 of 18.", "--on_bad_rows=skip"),
    ),
    Refusal("parquet: no rows", parquet(user=[], item=[], time=[]), ("{file} has a header but no rows.",)),
    Refusal(
        "parquet: --columns",
        parquet(),
        ("{file} is parquet, which says itself what its columns are: leave out --columns.",),
        ("--columns=user,item,timestamp",),
    ),
    Refusal(
        "unknown column",
        table(*FINE),
        ("{file} has no column itme. Did you mean item? Its columns are: user, item,", "--item_column=NAME."),
        ("--item_column=itme",),
    ),
    Refusal(
        "no column of users",
        table(*FINE, header="who,item,rating,timestamp"),
        ("{file} has no column with a usual name for the user. Its columns are: who,", "--user_column=NAME"),
    ),
    Refusal(
        "no times",
        table("a,x", "b,y", header="user,item"),
        ("no column with a usual name for the timestamp", "Without times: --order=file if each user's rows"),
    ),
    Refusal(
        "two columns of items",
        table("a,x,y,1", header="user,asin,parent_asin,time"),
        ("{file} has several columns that could be the item: asin and parent_asin.", "--item_column=NAME"),
    ),
    Refusal(
        "one column for two fields",
        table(*FINE),
        (
            "column item is named for both user and item.",
            "Type another --user_column=NAME or --item_column=NAME.",
        ),
        ("--user_column=item", "--item_column=item"),
    ),
]

SPLITS = [
    Refusal(
        "one row",
        table("a,x,5,1"),
        ("--split=per_user leaves nobody to train on: --cold_start_below=5, and no user has more than 0",),
    ),
    Refusal(
        "one user",
        table(*(f"a,i{row},5,{row}" for row in range(20))),
        (
            "No test row is relevant",
            "2 not in the catalogue. Use data in which items have several users",
        ),
    ),
    Refusal(
        "one item",
        table(*(f"u{row % 4},x,5,{row}" for row in range(80))),
        ("No test row is relevant", "4 already in the history.", "use --mask_seen=false."),
    ),
    Refusal(
        "all users cold",
        table(*(f"u{row // 3},i{row % 7},5,{row}" for row in range(30))),
        (
            "leaves nobody to train on: --cold_start_below=5, and no user has more than 2",
            "Use --cold_start_below=2.",
        ),
    ),
    Refusal(
        "one moment",
        table(*(f"u{row % 6},i{row % 5},5,7" for row in range(60))),
        ("--split=global leaves nobody to train on", "Use --split=per_user."),
        ("--split=global",),
    ),
    Refusal(
        "ratings all alike",
        table(*(row.replace(",5,", ",1,") for row in FINE)),
        (
            "No test row is relevant",
            "rated below the threshold. Lower --relevance_threshold=4",
            "--rating_column=none",
        ),
    ),
    Refusal(
        "early stopping without validation",
        table(*(f"u{row % 9},i{row % 7},5,{row}" for row in range(45))),
        (
            "--split=per_user leaves no validation row of a user",
            "Use --split=leave_last, or lower --cold_start",
        ),
        ("--model=two_tower", "--cold_start_below=4"),
    ),
]
