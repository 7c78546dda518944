"""Logs of any number of rows, written piece by piece, so that they never have to fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

PIECE = 1_000_000
ROWS_PER_USER, MOST_ITEMS = 10, 100_000
FORMATS = ("csv", "parquet")
_FIRST_SECOND, _SECONDS = 1_262_304_000, 10 * 365 * 86_400  # ten years from 2010 on


def write_log(path: Path, rows: int) -> None:
    """Writes a log in no order, ids as text, ratings 1 to 5, times to the second.

    Users and items are drawn with powers of uniform numbers, so that some are frequent and most are rare.

    Args:
      path: ends in `.csv` or `.parquet`.
      rows: r; about r / 10 users and, up to 100,000, r / 20 items.
    """
    from pyarrow import csv, parquet

    pieces = _pieces(rows)
    first = next(pieces)
    writer = csv.CSVWriter if path.suffix == ".csv" else parquet.ParquetWriter
    with writer(path, first.schema) as file:
        file.write_table(first)
        for piece in pieces:
            file.write_table(piece)


def _pieces(rows: int) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    rng = np.random.default_rng(0)
    users, items = max(rows // ROWS_PER_USER, 1), min(max(rows // (2 * ROWS_PER_USER), 1), MOST_ITEMS)
    for start in range(0, rows, PIECE):
        size = min(PIECE, rows - start)
        numbers = {"user": users * rng.random(size) ** 1.5, "item": items * rng.random(size) ** 2}
        ids = {
            f"{name}_id": pc.binary_join_element_wise(
                name[0], pa.array(drawn.astype(np.int32)).cast("string"), ""
            )
            for name, drawn in numbers.items()
        }
        ratings = rng.integers(1, 6, size).astype(np.float32)
        times = _FIRST_SECOND + rng.integers(_SECONDS, size=size)
        yield pa.table(ids | {"rating": ratings, "timestamp": times})
