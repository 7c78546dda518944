"""Moments that can be read and yet are hardly meant: zero for a missing time, a sentinel far ahead."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.bad_rows import SHOWN, counted, places
from tfrs_bench.data.fields import MICROS
from tfrs_bench.data.table_file import Table

_DAY = 86_400 * MICROS
_YEAR = 365 * _DAY


def doubtful_times(
    table: Table, column: str, micros: NDArray[np.int64], rows: NDArray[np.int64], now_s: float | None = None
) -> list[str]:
    """Says which moments lie in 1970 or before though most do not, and which lie in the future.

    They are used as they stand, for nobody but the owner can say whether they are right.

    Args:
      table: the file, for the lines.
      column: the column's name in the file.
      micros: [r] microseconds since 1970 UTC.
      rows: [r] the rows of the file that they stand in.
      now_s: seconds since 1970; None for the clock.

    Returns:
      One note per kind.
    """
    now = int((time.time() if now_s is None else now_s) * MICROS)
    early = micros < _YEAR if np.median(micros) >= _YEAR else np.zeros(len(micros), dtype=bool)
    notes = []
    for doubtful, what, likely in (
        (early, "in 1970 or before", "missing times stored as 0, so that these rows wrongly come first"),
        (micros > now + _DAY, "in the future", "times in another unit or a stand-in such as 9999-12-31"),
    ):
        found = rows[doubtful]
        if len(found):
            where = places(table, table.numbers(found[:SHOWN].tolist()), len(found))
            notes.append(
                f"{table.path.name}: {counted(len(found), 'row')} with a {column} {what} ({where}): perhaps"
                f" {likely}. They are used as they stand: mend the file, or type --order=file to go by"
                " its order"
            )
    return notes
