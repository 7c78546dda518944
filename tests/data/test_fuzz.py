"""Readers and splits on whatever chance brings: what was written is read, and rubbish is refused in words.

`test_split`, `test_relevance` and `test_audit` hold the other properties of splits.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from random_logs import TEMPORAL, logs
from table_files import rows

from tfrs_bench.data.interactions import build_log
from tfrs_bench.data.item_file import attach_items
from tfrs_bench.data.split import TEST, TRAIN, VALIDATION, order_holds, split_log
from tfrs_bench.data.tabular import TableColumns, load_table
from tfrs_bench.errors import UserError

NAMES = ("user", "item", "rating", "timestamp")
MANY = settings(max_examples=5_000)

# Any text on one line but control characters, and the mark that a file may begin with.
ids = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff"), min_size=1, max_size=6
).filter(str.strip)
ratings = st.floats(width=32, allow_nan=False, allow_infinity=False)
moments = st.integers(1_000_000_000, 4_000_000_000)
written = st.lists(st.tuples(ids, ids, ratings, moments), min_size=1, max_size=12)


@st.composite
def text_files(draw: st.DrawFn) -> tuple[list[Any], bytes, dict[str, Any]]:
    """Draws rows, a text file of them, and how to read it."""
    separator = draw(st.sampled_from([",", "\t", ";", "|", " ", "::"]))
    drawn = draw(written)
    if separator == "::":  # such files have no quotes to hide a colon behind
        drawn = [(user.replace(":", "."), item.replace(":", "."), *more) for user, item, *more in drawn]
    rated, headless = draw(st.booleans()), draw(st.booleans())
    kept = [0, 1, 2, 3] if rated else [0, 1, 3]
    table = [[str(row[place]) for place in kept] for row in drawn]
    names = [NAMES[place] for place in kept]
    # The first row of a file without header must not look like another kind of file.
    first = [["u", "i", "1.0", "1000000000"][place] for place in kept] if headless else names
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    content = _delimited([first, *table], separator, end, quoting)
    if draw(st.booleans()):
        content = content.removesuffix(end)
    data = content.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))
    reading = {"names": tuple(names), "separator": separator} if headless else {}
    known = [("u", "i", 1.0, 1_000_000_000)] if headless else []
    expected = [(*row[:2], row[2] if rated else None, row[3]) for row in known + drawn]
    return expected, gzip.compress(data) if draw(st.booleans()) else data, reading


def _delimited(table: list[list[str]], separator: str, end: str, quoting: Any) -> str:
    if separator == "::":
        return "".join(separator.join(fields) + end for fields in table)
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting).writerows(table)
    return text.getvalue()


def in_order(expected: list[Any]) -> list[Any]:
    """What `rows` must give: without exact repetitions, by first appearance of the user, then by time."""
    distinct = list(dict.fromkeys(expected))
    first = {user: place for place, (user, *_) in reversed(list(enumerate(distinct)))}
    ordered = sorted(distinct, key=lambda row: (first[row[0]], row[3]))
    return [(user, item, time, rating) for user, item, rating, time in ordered]


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], Path]:
    """Returns keep(content) -> Path of a file that holds it, until the next."""
    path = tmp_path_factory.mktemp("fuzz") / "log"

    def write(content: bytes) -> Path:
        path.write_bytes(content)
        return path

    return write


def check_text_file(keep: Callable[[bytes], Path], file: tuple[list[Any], bytes, dict[str, Any]]) -> None:
    expected, content, reading = file
    for on_bad_rows in ("error", "skip"):
        loaded = load_table(keep(content), columns=TableColumns(**reading), on_bad_rows=on_bad_rows)
        assert rows(loaded.log) == in_order(expected)
        assert not any("dropped, not" in note for note in loaded.notes)


@given(file=text_files())
def test_text_is_read_as_it_was_written(keep: Callable[[bytes], Path], file: Any) -> None:
    check_text_file(keep, file)


@pytest.mark.slow
@MANY
@given(file=text_files())
def test_much_text_is_read_as_it_was_written(keep: Callable[[bytes], Path], file: Any) -> None:
    check_text_file(keep, file)


@given(
    drawn=written,
    whole=st.booleans(),
    unit=st.sampled_from([None, "s", "ms", "us", "ns"]),
    compression=st.sampled_from(["none", "snappy", "gzip"]),
)
def test_parquet_is_read_as_it_was_written(
    keep: Callable[[bytes], Path], drawn: list[Any], whole: bool, unit: str | None, compression: str
) -> None:
    users, items, rated, times = map(list, zip(*drawn, strict=True))
    if whole:  # ids of 64 bits, which must not pass through floats
        users = [2**63 - 1 - len(user) for user in users]
    factor = {"ms": 10**3, "us": 10**6, "ns": 10**9}.get(unit or "s", 1)
    kind = pa.int64() if unit is None else pa.timestamp(unit)
    stamps = pa.array([time * factor for time in times], kind)
    table = pa.table({"user": users, "item": items, "rating": pa.array(rated, pa.float32()), "time": stamps})
    sink = io.BytesIO()
    parquet.write_table(table, sink, compression=compression)
    expected = list(zip(map(str, users), items, rated, times, strict=True))
    assert rows(load_table(keep(sink.getvalue())).log) == in_order(expected)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draws bytes that are no file at all, or a good one with a few bytes changed, lost or added."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=200))
    _, content, _ = draw(text_files())
    if draw(st.booleans()):
        sink = io.BytesIO()
        parquet.write_table(pa.table({"user": ["a", "b"], "item": [1, 2], "time": [3, 4]}), sink)
        content = sink.getvalue()
    pieces = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(pieces)))
        pieces[place : place + draw(st.integers(0, 9))] = draw(st.binary(max_size=4) | st.just(b'"'))
    return bytes(pieces)


def check_damaged(keep: Callable[[bytes], Path], content: bytes, reading: dict[str, Any]) -> None:
    path = keep(content)
    try:
        log = load_table(path, **reading).log
    except UserError as refused:
        assert str(refused)
    else:
        assert len(log) > 0
        assert all(one.strip() for one in (*log.user_ids.ids, *log.item_ids.ids))
        order_and_titles = build_log(np.array(["u"]), np.array(["i"]), np.array([1]))
        try:
            attach_items(order_and_titles, path, on_bad_rows=reading["on_bad_rows"])
        except UserError as refused:
            assert str(path) in str(refused)


readings = st.fixed_dictionaries(
    {
        "on_bad_rows": st.sampled_from(["error", "skip"]),
        "order": st.sampled_from(["time", "file"]),
        "columns": st.sampled_from([TableColumns(), TableColumns(names=NAMES), TableColumns(rating="none")]),
    }
)


@given(content=damaged(), reading=readings)
def test_damaged_files_are_read_or_refused_in_words(
    keep: Callable[[bytes], Path], content: bytes, reading: dict[str, Any]
) -> None:
    check_damaged(keep, content, reading)


@pytest.mark.slow
@MANY
@given(content=damaged(), reading=readings)
def test_many_damaged_files_are_read_or_refused_in_words(
    keep: Callable[[bytes], Path], content: bytes, reading: dict[str, Any]
) -> None:
    check_damaged(keep, content, reading)


# Splits.


def check_split(log: Any, strategy: str) -> None:
    try:
        split = split_log(log, strategy, cold_start_below=1)
    except UserError:
        return
    assert order_holds(log, split.parts)
    for user in range(log.num_users):
        own = split.parts[log.users == user]
        n = len(own)
        before_test = {"per_user": n * 9 // 10, "leave_last": max(n - 1, 0)}.get(strategy)
        before_validation = {"per_user": n * 8 // 10, "leave_last": max(n - 2, 0)}.get(strategy)
        if before_test is not None and before_validation is not None:
            parts = [TRAIN] * before_validation + [VALIDATION] * (before_test - before_validation)
            assert own.tolist() == parts + [TEST] * (n - before_test)


@given(logs(), st.sampled_from(TEMPORAL))
def test_each_user_gives_the_rows_that_the_protocol_says(log: Any, strategy: str) -> None:
    check_split(log, strategy)


@given(logs(), st.sampled_from(TEMPORAL), st.integers(0, 99))
def test_other_names_permute_the_split_and_change_nothing_else(log: Any, strategy: str, seed: int) -> None:
    """The same events under new ids, their users in another order of first appearance."""
    random = np.random.default_rng(seed)
    user_names, item_names = random.permutation(log.num_users), random.permutation(log.num_items)
    blocks = [np.flatnonzero(log.users == user) for user in random.permutation(log.num_users)]
    source = np.concatenate(blocks)  # a user's rows keep their order, users change theirs
    renamed = build_log(user_names[log.users[source]], item_names[log.items[source]], log.timestamps[source])
    try:
        parts = split_log(log, strategy, cold_start_below=1).parts
    except UserError:
        with pytest.raises(UserError):
            split_log(renamed, strategy, cold_start_below=1)
        return
    again = split_log(renamed, strategy, cold_start_below=1)
    assert _events(dataclasses.replace(renamed, ratings=None), again.parts) == sorted(
        (str(user_names[user]), str(item_names[item]), time, part)
        for user, item, time, part in zip(
            log.users.tolist(), log.items.tolist(), log.timestamps.tolist(), parts.tolist(), strict=True
        )
    )


def _events(log: Any, parts: Any) -> list[tuple[str, str, int, int]]:
    users, items = log.user_ids.ids[log.users], log.item_ids.ids[log.items]
    return sorted(zip(users, items, log.timestamps.tolist(), parts.tolist(), strict=True))
