"""Rows that cannot be used: the first one is named in an error, or all are dropped and counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.fields import is_time
from tfrs_bench.data.table_file import Table
from tfrs_bench.errors import UserError

OnBadRows = Literal["error", "skip"]
WHAT_IS_WRONG = {
    "user": "is empty",
    "item": "is empty",
    "timestamp": "is not a time (epoch seconds or milliseconds, or ISO 8601 such as 2024-05-01T12:30:00)",
    "rating": "is not a finite number",
}
SHOWN = 3  # of the lines that a note names
_LONGEST_QUOTE = 60


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is wrong with one column.

    Attributes:
      field: user, item, timestamp or rating.
      column: the column's name in the file.
      rows: [r] bool, the rows it is wrong in.
      values: [r] pyarrow chunked array, the column as read, for the quotation.
    """

    field: str
    column: str
    rows: NDArray[np.bool_]
    values: Any


def usable_rows(
    table: Table, faults: Sequence[Fault], on_bad_rows: OnBadRows
) -> tuple[NDArray[np.bool_], list[str]]:
    """Decides which rows of a file are used.

    Args:
      table: the file, for the error.
      faults: one or more columns' faults; a row is counted under the first that it has.
      on_bad_rows: "error", or "skip" to drop rows with a fault.

    Returns:
      [r] bool, the rows without fault, and one note per kind of fault.

    Raises:
      UserError: with "error", there is a bad row, and with "skip", there is no other.
    """
    usable = np.ones(len(faults[0].rows), dtype=bool)
    dropped = []
    for fault in faults:
        dropped.append(np.flatnonzero(usable & fault.rows))
        usable &= ~fault.rows
    if not usable.all() and (on_bad_rows == "error" or not usable.any()):
        raise UserError(_describe_first(table, faults))
    notes = []
    for fault, rows in zip(faults, dropped, strict=True):
        if len(rows):
            reason = WHAT_IS_WRONG[fault.field].split(" (")[0]
            where = places(table, table.numbers(rows[:SHOWN].tolist()), len(rows))
            notes.append(
                f"{table.path.name}: {counted(len(rows), 'row')} dropped, {fault.column} {reason} ({where})"
            )
    return usable, notes


def places(table: Table, numbers: Sequence[int], count: int) -> str:
    """Returns where things are, by the first of their numbers: `line 4`, or `lines 4, 6, 9, …`."""
    shown = ", ".join(f"{number:,}" for number in numbers) + (", …" if count > len(numbers) else "")
    return f"{table.unit}{'' if count == 1 else 's'} {shown}"


def left_out_rows(table: Table, count: int) -> str:
    """Notes the rows that a file's reader could not use at all."""
    where = places(table, table.left_out(SHOWN), count)
    fields = f"not {len(table.names)} fields or an unclosed quote"
    return f"{table.path.name}: {counted(count, 'row')} dropped, {fields} ({where})"


def counted(count: int, noun: str) -> str:
    """Returns a number and what it counts.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _describe_first(table: Table, faults: Sequence[Fault]) -> str:
    faulty = [fault for fault in faults if fault.rows.any()]
    fault = min(faulty, key=lambda one: int(one.rows.argmax()))
    row, count, total = int(fault.rows.argmax()), int(fault.rows.sum()), len(fault.rows)
    value = fault.values[row].as_py()
    text = "" if value is None or value != value else str(value)  # noqa: PLR0124 (only NaN differs from itself)
    problem = WHAT_IS_WRONG[fault.field]
    if text.strip() and problem == "is empty":
        problem = "holds a line break, as after an unclosed quote"
    if fault.field == "timestamp" and text.strip() and is_time(text):
        problem = "is a time in another notation or unit than most of the column: use one throughout"
    shown = f' "{_shortened(text)}"' if text.strip() else ""
    where = f"{table.path}, {places(table, table.numbers([row]), 1)}"
    message = f"{where}: {fault.column}{shown} {problem if shown else 'is empty'}."
    message += f" Rows like this: {count:,} of {total:,}."
    if count == total:
        return f"{message} Type --{fault.field}_column=NAME if it is another column."
    return f"{message} Mend the file, or type --on_bad_rows=skip to drop them."


def _shortened(text: str) -> str:
    line = text.splitlines()[0] if text.splitlines() else text
    return line if len(line) <= _LONGEST_QUOTE and line == text else line[:_LONGEST_QUOTE] + "…"
