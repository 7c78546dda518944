"""Parquet files, read as the tables of text files are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfrs_bench.data.columns import NamedBy
from tfrs_bench.errors import UserError


class ParquetTable:
    """A parquet file whose columns are known.

    Attributes:
      path: the file.
      names: [c] column names.
      named_by: always "schema".
      first_row: none; for text tables, the first row's fields.
      unit: what `numbers` counts, for parquet has no lines.
    """

    named_by: NamedBy = "schema"
    encoding, unit = "utf-8", "row"

    def __init__(self, path: Path) -> None:
        """Reads the file's schema.

        Raises:
          UserError: the file is damaged.
        """
        import pyarrow as pa
        from pyarrow import parquet

        self.path = path
        try:
            self.names = tuple(parquet.read_schema(path).names)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path} is a damaged parquet file ({error}): copy it again.") from error
        self.first_row: tuple[str, ...] = ()

    def read(
        self, wanted: Sequence[int], skip_bad: bool, single_line: Sequence[int] = ()
    ) -> tuple[list[Any], int]:
        """Reads columns in the types they are stored in; see `TextTable.read`.

        Raises:
          UserError: the file is damaged.
        """
        import pyarrow as pa
        from pyarrow import parquet

        names = [self.names[place] for place in wanted]
        try:
            table = parquet.read_table(self.path, columns=names)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{self.path} is a damaged parquet file ({error}): copy it again.") from error
        columns = [table[name] for name in names]
        plain = [
            column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
            for column in columns
        ]
        return plain, 0

    def numbers(self, rows: Sequence[int]) -> list[int]:
        """Returns the rows' numbers, from 1."""
        return [row + 1 for row in rows]

    def left_out(self, count: int) -> list[int]:
        """Returns no row: `read` leaves none out."""
        return []
