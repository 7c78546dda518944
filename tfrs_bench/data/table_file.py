"""Opens a file as a table, by what it contains rather than by its name."""

from __future__ import annotations

import difflib
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
      names: see `TextTable`.

    Raises:
      UserError: there is no such file, it cannot be read, or it is of another kind.
    """
    try:
        if not path.is_file():
            problem = "is a folder" if path.is_dir() else "is a pipe or a device" if path.exists() else None
            problem = f"{problem}, not a file" if problem else f"does not exist{_nearby(path)}"
            raise UserError(f"--{flag}={path} {problem}. Give a csv, tsv or parquet file.")
        with path.open("rb") as file:
            is_parquet = file.read(len(_PARQUET)) == _PARQUET
    except OSError as error:
        raise UserError(
            f"--{flag}={path} cannot be opened ({error.strerror}). Give a file that you may read."
        ) from error
    if is_parquet and (names or separator):
        given = "--columns" if names else "--separator"
        raise UserError(f"{path} is parquet, which says itself what its columns are: leave out {given}.")
    return ParquetTable(path) if is_parquet else TextTable(path, separator, names)


def _nearby(path: Path) -> str:
    """Returns the file in the same folder that may be meant, as an aside."""
    try:
        names = [one.name for one in path.parent.iterdir()]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
