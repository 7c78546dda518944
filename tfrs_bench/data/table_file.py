"""Opens a file as a table, by what it contains rather than by its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tfrs_bench.data.parquet_table import ParquetTable
from tfrs_bench.data.text_table import TextTable
from tfrs_bench.errors import UserError

_PARQUET = b"PAR1"

Table = TextTable | ParquetTable


def open_table(path: Path, flag: str, separator: str | None = None, names: Sequence[str] = ()) -> Table:
    """Opens a file of interactions or of items.

    Args:
      path: csv, tsv or space separated text, plain or gzip, or parquet.
      flag: the flag that named it, for the error.
      separator: see `TextTable`.
      names: see `TextTable`; ignored by parquet, which has its own.

    Raises:
      UserError: there is no such file, or it is of another kind.
    """
    if not path.is_file():
        problem = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise UserError(f"--{flag}={path} {problem}. Give a csv, tsv or parquet file.")
    try:
        with path.open("rb") as file:
            is_parquet = file.read(len(_PARQUET)) == _PARQUET
    except OSError as error:
        raise UserError(f"--{flag}={path} cannot be opened ({error.strerror}).") from error
    return ParquetTable(path) if is_parquet else TextTable(path, separator, names)
