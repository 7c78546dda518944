"""Delimited text, plain or gzip: finds encoding, separator and header, and reads the columns asked for."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from tfrs_bench.errors import UserError

SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ", "\\t": "\t"}
_TRIED = ("\t", ",", "::", ";", "|", " ")  # in this order: titles hold commas and spaces, never tabs
_SAMPLE_BYTES = 1 << 16
_SAMPLE_ROWS = 50
_BLOCK_BYTES = 1 << 22
_GZIP = b"\x1f\x8b"
_STAND_IN = "\x1f"  # pyarrow takes separators of one character, so `::` is read as ASCII's unit separator


class TextTable:
    """A delimited text file whose encoding, separator and column names are known.

    Attributes:
      path: the file.
      names: [c] column names, from the header or as given.
      headless: the names were given, and the first row is data.
      encoding: "utf-8" or "latin-1".
      separator: one character, or `::`.
      first_row: [c] the fields of the first row, header or not.
    """

    def __init__(self, path: Path, separator: str | None = None, names: Sequence[str] = ()) -> None:
        """Looks at the file's first 64 KB.

        Args:
          path: the file.
          separator: as typed, a word such as `tab` or the text itself; None to find out.
          names: the columns of a file without header, in order.

        Raises:
          UserError: not a readable text table, or `names` does not fit it.
        """
        self.path = path
        sample = _read_sample(path)
        self.encoding, text = _decode_sample(sample)
        self.separator = (
            _find_separator(text, path) if separator is None else SEPARATORS.get(separator, separator)
        )
        if len(self.separator) != 1 and self.separator != "::":
            known = ", ".join(SEPARATORS)
            raise UserError(f"--separator={separator} must be one character, ::, or one of {known}.")
        rows = _rows(io.StringIO(text, newline=""), self.separator)
        self._header_lines, self.first_row = next((end, fields) for _, end, fields in rows)
        self.headless = bool(names)
        self.names = tuple(names) if names else tuple(self.first_row)
        if len(self.names) != len(self.first_row):
            raise UserError(
                f"{path} has {len(self.first_row)} columns in its first row, but --columns names"
                f" {len(names)}: name every column in order (any word for one that is not needed)."
            )

    def read(self, wanted: Sequence[int], skip_ragged: bool) -> tuple[list[Any], int]:
        """Reads columns as text.

        Args:
          wanted: [w] positions of columns.
          skip_ragged: leave out rows with more or fewer fields than there are names.

        Returns:
          [w] pyarrow chunked string arrays without nulls, and how many ragged rows were left out.

        Raises:
          UserError: the file cannot be read to its end, or has a ragged row.
        """
        import pyarrow as pa

        try:
            return self._read(wanted, skip_ragged)
        except pa.ArrowInvalid as error:
            if "UTF8" in str(error) and self.encoding == "utf-8":
                self.encoding = "latin-1"
                return self.read(wanted, skip_ragged)
            raise UserError(self._explain(error)) from error
        except (OSError, EOFError) as error:
            raise UserError(f"{self.path} cannot be read to its end ({error}): copy it again.") from error

    def line(self, row: int) -> str:
        """Returns where the data row counted from 0 begins in the file, such as `line 12`."""
        target = row if self.headless else row + 1
        for place, (line, _, _) in enumerate(self._all_rows()):
            if place == target:
                return f"line {line}"
        return f"row {row + 1}"

    def _read(self, wanted: Sequence[int], skip_ragged: bool) -> tuple[list[Any], int]:
        import pyarrow as pa
        from pyarrow import csv as arrow

        ragged = 0

        def skip(_: Any) -> str:
            nonlocal ragged
            ragged += 1
            return "skip"

        places = [str(place) for place in range(len(self.names))]  # names in a header may repeat
        keep = [places[place] for place in wanted]
        single = len(self.separator) == 1
        table = arrow.read_csv(
            self._stream(),
            read_options=arrow.ReadOptions(
                column_names=places,
                skip_rows=0 if self.headless else self._header_lines,
                block_size=_BLOCK_BYTES,
                encoding="utf8" if self.encoding == "utf-8" else self.encoding,
            ),
            parse_options=arrow.ParseOptions(
                delimiter=self.separator if single else _STAND_IN,
                quote_char='"' if single else False,
                newlines_in_values=single,
                invalid_row_handler=skip if skip_ragged else None,
            ),
            convert_options=arrow.ConvertOptions(
                column_types={name: pa.string() for name in keep},
                include_columns=keep,
                strings_can_be_null=False,
            ),
        )
        return [table[name] for name in keep], ragged

    def _stream(self) -> Any:
        import pyarrow as pa

        if len(self.separator) == 1:
            return pa.input_stream(str(self.path), compression="gzip" if _is_gzip(self.path) else None)
        with _open(self.path) as file:
            data = file.read()
        return pa.BufferReader(data.replace(self.separator.encode(), _STAND_IN.encode()))

    def _all_rows(self) -> Iterator[tuple[int, int, list[str]]]:
        csv.field_size_limit(1 << 30)  # reviews can be long
        encoding = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
        with _open(self.path) as file, io.TextIOWrapper(file, encoding, "replace", newline="") as text:
            yield from _rows(text, self.separator)

    def _explain(self, error: Exception) -> str:
        for line, _, fields in self._all_rows():
            if len(fields) != len(self.names):
                return (
                    f"{self.path}, line {line} has {len(fields)} of {len(self.names)} fields. Mend the"
                    " file, or type --on_bad_rows=skip to drop such rows, or --separator=… if it is not"
                    f" {self.separator!r} that separates fields."
                )
        return f"{self.path} cannot be read as a table ({error}). An unclosed quote can cause this."


def read_text_lines(path: Path) -> list[str]:
    """Returns the lines of a small text file, plain or gzip, UTF-8 or else latin-1.

    Raises:
      UserError: it cannot be read.
    """
    try:
        with _open(path) as file:
            data = file.read()
    except (OSError, EOFError) as error:
        raise UserError(f"{path} cannot be read ({error}).") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").split("\n")  # splitlines would also split at latin-1's 0x85


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path) if _is_gzip(path) else path.open("rb"))


def _read_sample(path: Path) -> bytes:
    try:
        with _open(path) as file:
            sample = file.read(_SAMPLE_BYTES)
    except (OSError, EOFError) as error:
        raise UserError(f"{path} cannot be read ({error}). Copy or download it again.") from error
    if not sample.strip(b"\r\n\xef\xbb\xbf"):
        raise UserError(f"{path} is empty. Give a file with a header and one interaction per row.")
    if sample.startswith(b"PK\x03\x04"):
        raise UserError(f"{path} is a zip archive: unzip it and give the file inside.")
    if b"\0" in sample:
        raise UserError(f"{path} is not text: give csv or tsv (UTF-8, plain or gzip) or parquet.")
    return sample


def _decode_sample(sample: bytes) -> tuple[str, str]:
    try:  # incremental, because the sample may end inside a character
        return "utf-8", codecs.getincrementaldecoder("utf-8-sig")().decode(sample)
    except UnicodeDecodeError:
        return "latin-1", sample.decode("latin-1")


def _find_separator(text: str, path: Path) -> str:
    agreeing = {}
    for separator in _TRIED:
        rows = itertools.islice(_rows(io.StringIO(text, newline=""), separator), _SAMPLE_ROWS)
        widths = [len(fields) for _, _, fields in rows]
        if widths[0] > 1:
            agreeing[separator] = widths.count(widths[0]) / len(widths)
        if agreeing.get(separator, 0) > 0.5:
            return separator
    if agreeing:
        return max(agreeing, key=lambda separator: agreeing[separator])
    first = text.lstrip("\r\n").splitlines()[0][:80]
    raise UserError(
        f"{path}: no separator found in its first row ({first}). Type --separator=… (a character, or tab, or"
        " space)."
    )


def _rows(text: TextIO, separator: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yields the first line, the last line and the fields of every row that is not blank."""
    if len(separator) > 1:
        for number, line in enumerate(text, 1):
            if line.strip("\r\n"):
                yield number, number, line.rstrip("\r\n").split(separator)
        return
    reader, end = csv.reader(text, delimiter=separator), 0
    for fields in reader:
        start, end = end + 1, reader.line_num
        if fields:
            yield start, end, fields
