"""Titles and categories of items, from a table with one row per item."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.bad_rows import OnBadRows, left_out_rows
from tfrs_bench.data.columns import USUAL_NAMES, normalized
from tfrs_bench.data.fields import UnsuitedTypeError, parse_ids
from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.multi_hot import multi_hot
from tfrs_bench.data.table_file import Table, open_table
from tfrs_bench.errors import UserError

MAX_CATEGORIES = 256
_IDS = (*sorted(USUAL_NAMES["item"]), "id")
_TITLES = ("title", "itemtitle", "movietitle", "name", "itemname", "productname", "description")
_CATEGORIES = ("genres", "genre", "categories", "category", "itemcategory", "icategory")
_NO_CATEGORY = ("", "(no genres listed)")  # the latter is MovieLens'


def attach_items(
    log: InteractionLog, path: Path, item_column: str | None = None, on_bad_rows: OnBadRows = "error"
) -> tuple[InteractionLog, list[str]]:
    """Adds titles and categories to a log's items.

    Args:
      log: any log.
      path: a table with a header and a column of item ids; the first row of an id counts.
      item_column: the column of ids in the interactions, looked for here too.
      on_bad_rows: "error", or "skip" to drop and count rows with too many or too few fields.

    Returns:
      The log with `item_titles` (an item without one keeps its id) and, if there is a column of genres or
      categories (several separated by `|`), `item_features`; and notes on what was missing.

    Raises:
      UserError: the file has no column of ids, or neither titles nor categories.
    """
    table = open_table(path, "items")
    rows, left_out = _read_items(table, item_column, on_bad_rows == "skip")
    ids = log.item_ids.ids
    position = {raw: row for row, raw in reversed(list(enumerate(rows["id"])))}
    found = [position.get(raw) for raw in ids]
    notes = [left_out_rows(table, left_out)] if left_out else []
    if missing := found.count(None):
        notes.append(f"{path.name}: {missing:,} of {len(ids):,} items are not in it and go by their id")
    if "title" in rows:
        titles = [rows["title"][row].strip() if row is not None else "" for row in found]
        titles = [title or raw for title, raw in zip(titles, ids, strict=True)]
        log = dataclasses.replace(log, item_titles=np.array(titles, dtype=object))
    if "category" in rows:
        labels = [_labels(rows["category"][row], rows["prefix"]) if row is not None else [] for row in found]
        log = dataclasses.replace(log, item_features=multi_hot(labels, cap=MAX_CATEGORIES))
        distinct = len({label for row in labels for label in row})
        if distinct > MAX_CATEGORIES:
            notes.append(
                f"{path.name}: of {distinct:,} categories, the {MAX_CATEGORIES} of most items are features"
            )
    return log, notes


def _read_items(table: Table, item_column: str | None, skip_bad: bool) -> tuple[dict[str, Any], int]:
    """Returns [n] str of `id` and, if there are such columns, `title` and `category`, with its `prefix`."""
    names = [normalized(name) for name in table.names]
    wanted = _IDS if item_column is None else (normalized(item_column), *_IDS)
    places = {
        field: next((names.index(name) for name in usual if name in names), None)
        for field, usual in (("id", wanted), ("title", _TITLES), ("category", _CATEGORIES))
    }
    listed = ", ".join(table.names)
    if places["id"] is None:
        raise UserError(
            f"--items={table.path} has no column of item ids: call it item_id. Its columns are: {listed}."
        )
    if places["title"] is None and places["category"] is None:
        raise UserError(
            f"--items={table.path} has neither a title nor a genres column. Its columns are: {listed}."
        )
    present = {field: place for field, place in places.items() if place is not None}
    columns, left_out = table.read(list(present.values()), skip_bad, single_line=[present["id"]])
    rows: dict[str, Any] = {
        field: _texts(column, table, place)
        for (field, place), column in zip(present.items(), columns, strict=True)
    }
    if "category" in present:
        rows["prefix"] = "genre" if "genre" in names[present["category"]] else "category"
    return rows, left_out


def _texts(column: Any, table: Table, place: int) -> NDArray[Any]:
    import pyarrow as pa

    try:
        codes, texts, _ = parse_ids(column)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, UnsuitedTypeError) as error:
        raise UserError(
            f"--items={table.path}: column {table.names[place]} is of type {column.type}, not text."
            " Store it as text, several categories separated by |."
        ) from error
    return texts[codes]


def _labels(text: str, prefix: str) -> Sequence[str]:
    return [f"{prefix}={label.strip()}" for label in text.split("|") if label.strip() not in _NO_CATEGORY]
