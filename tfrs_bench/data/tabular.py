"""Interaction logs from csv, tsv, space separated text and parquet."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.bad_rows import Fault, OnBadRows, counted, left_out_rows, usable_rows
from tfrs_bench.data.columns import find_columns, looks_like_header
from tfrs_bench.data.dataset import Dataset
from tfrs_bench.data.doubtful_times import doubtful_times
from tfrs_bench.data.fields import MICROS, UnsuitedTypeError, parse_ids, parse_ratings, parse_times
from tfrs_bench.data.interactions import Clock, InteractionLog, build_log
from tfrs_bench.data.item_file import attach_items
from tfrs_bench.data.split import TEST, TRAIN, VALIDATION
from tfrs_bench.data.table_file import Table, open_table
from tfrs_bench.errors import UserError

_LONGEST_NAME = 40


@dataclasses.dataclass(frozen=True)
class TableColumns:
    """How to read the columns of a file.

    Attributes:
      user: the user's column; None to go by its usual names.
      item: the item's column, likewise.
      rating: the rating's column, likewise; "none" to read the file as implicit feedback.
      timestamp: the time's column, likewise.
      names: the columns of a file without header, in order; empty if there is a header.
      separator: one character, `::`, or a word such as `tab`; None to find out.
    """

    user: str | None = None
    item: str | None = None
    rating: str | None = None
    timestamp: str | None = None
    names: tuple[str, ...] = ()
    separator: str | None = None


@dataclasses.dataclass(frozen=True)
class _Events:
    """The usable rows of one or more files, in their order.

    Attributes:
      users: [r] int32 codes of `user_ids` [u]; likewise items.
      micros: [r] int64 microseconds since 1970 UTC, or None.
      ratings: [r] float32, or None.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    micros: NDArray[np.int64] | None
    ratings: NDArray[np.float32] | None
    user_ids: NDArray[Any]
    item_ids: NDArray[Any]


def load(options: Any) -> Dataset:
    """Loads the files that an experiment's options name: the entry for `--interactions`."""
    paths = (options.items, options.validation_interactions, options.test_interactions)
    items, validation, test = (Path(path) if path else None for path in paths)
    return load_table(
        Path(options.interactions),
        columns=TableColumns(
            user=options.user_column,
            item=options.item_column,
            rating=options.rating_column,
            timestamp=options.timestamp_column,
            names=tuple(options.columns or ()),
            separator=options.separator,
        ),
        order=options.order,
        on_bad_rows=options.on_bad_rows,
        items=items,
        validation_interactions=validation,
        test_interactions=test,
    )


def load_table(
    path: Path,
    *,
    columns: TableColumns = TableColumns(),
    order: Clock = "time",
    on_bad_rows: OnBadRows = "error",
    items: Path | None = None,
    validation_interactions: Path | None = None,
    test_interactions: Path | None = None,
) -> Dataset:
    """Loads an interaction log from one file, or a predefined split from two or three.

    Args:
      path: the interactions; with `test_interactions`, the train part.
      columns: which column is what.
      order: "time" if the file has times; "file" if each user's rows are in time order; "none" if the
        order means nothing.
      on_bad_rows: "error" to stop at the first row that cannot be used, "skip" to drop and count them.
      items: a table of titles and categories, see `attach_items`.
      validation_interactions: the validation part of a predefined split, if it has one.
      test_interactions: the test part of a predefined split.

    Returns:
      A dataset named after the file. With times, exact repetitions (user, item, time, rating, part) are
      dropped: without times a repetition cannot be told from doing the same thing twice.

    Raises:
      UserError: a file cannot be read; the message names file, line and column and says what to type.
    """
    if validation_interactions is not None and test_interactions is None:
        raise UserError("--validation_interactions needs --test_interactions=FILE, of the same split.")
    files = {"interactions": path, "validation_interactions": validation_interactions}
    files["test_interactions"] = test_interactions
    parts = {"interactions": TRAIN, "validation_interactions": VALIDATION, "test_interactions": TEST}
    notes: list[str] = []
    events, part_of = [], []
    for flag, file in files.items():
        if file is not None:
            table = open_table(file, flag, columns.separator, columns.names)
            events.append(_read_events(table, columns, order, on_bad_rows, notes))
            part_of.append(np.full(len(events[-1].users), parts[flag], dtype=np.int8))
    log = _build(_stack(events), np.concatenate(part_of) if test_interactions else None, order, notes)
    if items is not None:
        log, more = attach_items(log, items, columns.item, on_bad_rows)
        notes += more
    return Dataset(safe_name(path), log, tuple(notes))


def safe_name(path: Path) -> str:
    """Returns a file's name without endings and unsafe characters, for tables and folders.

    >>> safe_name(Path("data/My Shop (2).csv.gz"))
    'my-shop-2'
    """
    stem = re.sub(r"(\.(csv|tsv|txt|dat|data|inter|parquet|gz))+$", "", path.name.lower())
    return re.sub(r"[^a-z0-9]+", "-", stem)[:_LONGEST_NAME].strip("-") or "log"


def _read_events(
    table: Table, columns: TableColumns, order: Clock, on_bad_rows: OnBadRows, notes: list[str]
) -> _Events:
    at = _places(table, columns, order)
    read, left_out = table.read(list(at.values()), on_bad_rows == "skip", single_line=list(at.values()))
    if left_out:
        notes.append(left_out_rows(table, left_out))
    if table.encoding == "latin-1":
        notes.append(f"{table.path.name} is not UTF-8 and was read as latin-1")
    if not len(read[0]):
        found = f"no row of {len(table.names)} fields" if left_out else "a header but no rows"
        raise UserError(f"{table.path} has {found}. Give a file with one interaction per row.")
    raw = dict(zip(at, read, strict=True))
    bad, parsed = {}, {}
    for field, parse in (("timestamp", parse_times), ("rating", parse_ratings)):
        if field in raw:
            parsed[field], bad[field] = _parse(parse, raw[field], field, table, at)
    users, user_ids, bad["user"] = _parse(parse_ids, raw["user"], "user", table, at)
    items, item_ids, bad["item"] = _parse(parse_ids, raw["item"], "item", table, at)
    faults = [Fault(field, table.names[at[field]], bad[field], raw[field]) for field in at]
    usable, dropped = usable_rows(table, faults, on_bad_rows)
    notes += dropped
    keep = usable if dropped else slice(None)
    micros, ratings = (parsed[field][keep] if field in parsed else None for field in ("timestamp", "rating"))
    if micros is not None:
        notes += doubtful_times(table, table.names[at["timestamp"]], micros, np.flatnonzero(usable))
    return _Events(users[keep], items[keep], micros, ratings, user_ids, item_ids)


def _places(table: Table, columns: TableColumns, order: Clock) -> dict[str, int]:
    """Returns field to position of its column; raises UserError if one cannot be found."""
    asked = {"user": columns.user, "item": columns.item, "rating": columns.rating}
    required = ["user", "item"]
    if order == "time":
        asked["timestamp"] = columns.timestamp
        required.append("timestamp")
    if table.named_by == "flag" and looks_like_header(table.first_row):
        raise UserError(f"{table.path} has a header ({', '.join(table.first_row)}): leave out --columns.")
    return find_columns(table.names, asked, required, table.path, table.named_by)


def _parse(parse: Any, column: Any, field: str, table: Table, places: dict[str, int]) -> Any:
    import pyarrow as pa

    try:
        return parse(column)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, UnsuitedTypeError) as error:
        why = str(error) if isinstance(error, UnsuitedTypeError) else f"so it is no {field}"
        raise UserError(
            f"{table.path}: column {table.names[places[field]]} is of type {column.type}, {why}."
            f" Type --{field}_column=NAME to take another."
        ) from error


def _stack(events: Sequence[_Events]) -> _Events:
    """Puts the rows of several files behind each other, over common ids."""
    first = events[0]
    if len(events) == 1:
        return first
    if any((one.ratings is None) != (first.ratings is None) for one in events):
        raise UserError(
            "Some files of the split have a rating column and others have none."
            " Type --rating_column=none to read all as implicit feedback."
        )
    users, user_ids = _merge([one.users for one in events], [one.user_ids for one in events])
    items, item_ids = _merge([one.items for one in events], [one.item_ids for one in events])
    micros = [one.micros for one in events if one.micros is not None]
    ratings = [one.ratings for one in events if one.ratings is not None]
    return _Events(
        users=users,
        items=items,
        micros=np.concatenate(micros) if micros else None,
        ratings=np.concatenate(ratings) if ratings else None,
        user_ids=user_ids,
        item_ids=item_ids,
    )


def _merge(
    codes: Sequence[NDArray[Any]], ids: Sequence[NDArray[Any]]
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    import pandas as pd

    common, distinct = pd.factorize(np.concatenate(ids))
    starts = np.cumsum([0, *map(len, ids)])
    merged = [common[start + one] for start, one in zip(starts[:-1], codes, strict=True)]
    return np.concatenate(merged).astype(np.int32), distinct


def _build(events: _Events, parts: NDArray[np.int8] | None, order: Clock, notes: list[str]) -> InteractionLog:
    rows: Any = slice(None)
    if events.micros is not None:
        repeated = _repetitions(events, events.micros, parts)
        if count := int(repeated.sum()):
            notes.append(f"{counted(count, 'exact duplicate')} dropped")
            rows = np.flatnonzero(~repeated)
        if (events.micros % MICROS).any():  # what happened within one second keeps its order
            rows = np.arange(len(events.users))[rows]
            rows = rows[np.argsort(events.micros[rows], kind="stable")]
    return build_log(
        events.users[rows],
        events.items[rows],
        None if events.micros is None else events.micros[rows] // MICROS,
        None if events.ratings is None else events.ratings[rows],
        clock=order,
        parts=None if parts is None else parts[rows],
        user_names=events.user_ids,
        item_names=events.item_ids,
    )


def _repetitions(
    events: _Events, micros: NDArray[np.int64], parts: NDArray[np.int8] | None
) -> NDArray[np.bool_]:
    """Returns [r] bool, the rows that equal an earlier one in every column.

    Rows are compared in full only where a 64-bit mix of user, item and time occurs twice, which is rare.
    """
    import pandas as pd

    pairs = events.users * np.int64(len(events.item_ids)) + events.items
    mixed = pairs * np.int64(0x1E3779B97F4A7C15) + micros * np.int64(0x3F58476D1CE4E5B9)
    ordered = np.sort(mixed)
    suspects = np.flatnonzero(pd.Series(mixed).isin(ordered[1:][ordered[1:] == ordered[:-1]]))
    columns = {"pair": pairs, "time": micros, "rating": events.ratings, "part": parts}
    frame = pd.DataFrame({name: column[suspects] for name, column in columns.items() if column is not None})
    repeated = np.zeros(len(mixed), dtype=bool)
    repeated[suspects] = frame.duplicated()
    return repeated
