"""Delimited text, plain or gzip: finds encoding, separator and header, and reads the columns asked for."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tfrs_bench.data.columns import NamedBy
from tfrs_bench.data.text_file import DAMAGED, is_gzip, open_bytes, open_text, read_sample
from tfrs_bench.data.unclosed_quotes import unclosed_quotes
from tfrs_bench.errors import UserError

SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ", "\\t": "\t"}
_TRIED = ("\t", ",", "::", ";", "|", " ")  # in this order: titles hold commas and spaces, never tabs
_SAMPLE_ROWS = 50
_BLOCK_BYTES = 1 << 22
_STAND_IN = "\x1f"  # pyarrow takes separators of one character, so `::` is read as ASCII's unit separator


class _Row(NamedTuple):
    line: int
    last_line: int
    fields: list[str]


class TextTable:
    """A delimited text file whose encoding, separator and column names are known.

    Attributes:
      path: the file.
      names: [c] column names, from the header or as given.
      named_by: "header", or "flag" if the names were given and the first row is data.
      encoding: "utf-8", "utf-16" or "latin-1".
      separator: one character, or `::`.
      first_row: [c] the fields of the first row, header or not.
      unit: what `numbers` counts.
    """

    unit = "line"

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
        self.encoding, text = read_sample(path)
        self.separator = (
            _find_separator(text, path) if separator is None else SEPARATORS.get(separator, separator)
        )
        if self.separator != "::" and (len(self.separator) != 1 or self.separator in '"\r\n'):
            known = ", ".join(SEPARATORS)
            raise UserError(f"--separator={separator} must be one character, ::, or one of {known}.")
        first = next(_rows(io.StringIO(text, newline=""), self.separator))
        self._header_lines, self.first_row = first.last_line, first.fields
        self.named_by: NamedBy = "flag" if names else "header"
        self.names = tuple(names) if names else tuple(self.first_row)
        self._dropped: frozenset[int] = frozenset()  # lines that an unclosed quote makes unreadable
        if separator is not None and len(self.first_row) == 1:
            raise UserError(
                f"{path}: --separator={separator} does not occur in its first row ({self.first_row[0][:80]})."
                " Leave --separator out to have it found."
            )
        if len(self.names) != len(self.first_row):
            raise UserError(
                f"{path} has {len(self.first_row)} columns in its first row, but --columns names"
                f" {len(names)}: name every column in order (any word for one that is not needed)."
            )

    def read(
        self, wanted: Sequence[int], skip_bad: bool, single_line: Sequence[int] = ()
    ) -> tuple[list[Any], int]:
        """Reads columns as text.

        Args:
          wanted: [w] positions of columns.
          skip_bad: leave out rows with more or fewer fields than there are names, and lines whose quote
            would swallow the rows below them.
          single_line: positions of columns in which a line break is the trace of such a quote.

        Returns:
          [w] pyarrow chunked string arrays without nulls, and how many rows were left out.

        Raises:
          UserError: the file cannot be read to its end or, without `skip_bad`, has a ragged row.
        """
        import pyarrow as pa

        columns, ragged, ran_on, failure = list[Any](), 0, True, None
        try:
            columns, ragged, ran_on = self._read(wanted, skip_bad)
        except pa.ArrowInvalid as error:
            if "UTF8" in str(error) and self.encoding == "utf-8":
                self.encoding = "latin-1"
                return self.read(wanted, skip_bad, single_line)
            failure = UserError(self._explain(error))
            if not skip_bad or self._dropped:
                raise failure from error
        except DAMAGED as error:
            raise UserError(f"{self.path} cannot be read to its end ({error}): copy it again.") from error
        if skip_bad and not self._dropped:
            ran_on = ran_on or any(_has_line_break(columns[wanted.index(place)]) for place in single_line)
            self._dropped = self._unclosed(single_line) if ran_on else frozenset()
            if self._dropped:
                return self.read(wanted, skip_bad, single_line)
        if failure is not None:
            raise failure
        return columns, ragged + len(self._dropped)

    def numbers(self, rows: Sequence[int]) -> list[int]:
        """Returns the lines, from 1, at which rows that `read` returned begin; rows are ascending, from 0."""
        whole = (row.line for row in self._data_rows() if len(row.fields) == len(self.names))
        wanted = set(rows)
        counted = ((place, line) for place, line in enumerate(whole) if place in wanted)
        return [line for _, line in itertools.islice(counted, len(rows))]

    def left_out(self, count: int) -> list[int]:
        """Returns the first `count` lines, from 1, that `read` left out."""
        ragged = (row.line for row in self._data_rows() if len(row.fields) != len(self.names))
        return sorted([*itertools.islice(ragged, count), *self._dropped])[:count]

    def _read(self, wanted: Sequence[int], skip_bad: bool) -> tuple[list[Any], int, bool]:
        """Returns the columns, how many rows were skipped, and whether one of them took several lines."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        ragged, ran_on = 0, False

        def skip(row: Any) -> str:
            nonlocal ragged, ran_on
            ragged += 1
            ran_on = ran_on or "\n" in row.text or "\r" in row.text
            return "skip"

        places = [str(place) for place in range(len(self.names))]  # names in a header may repeat
        keep = [places[place] for place in wanted]
        single = len(self.separator) == 1
        stream, encoding = self._stream()
        table = arrow.read_csv(
            stream,
            read_options=arrow.ReadOptions(
                column_names=places,
                skip_rows=0 if self.named_by == "flag" else self._header_lines,
                block_size=_BLOCK_BYTES,
                encoding=encoding,
            ),
            parse_options=arrow.ParseOptions(
                delimiter=self.separator if single else _STAND_IN,
                quote_char='"' if single else False,
                newlines_in_values=single,
                invalid_row_handler=skip if skip_bad else None,
            ),
            convert_options=arrow.ConvertOptions(
                column_types={name: pa.string() for name in keep},
                include_columns=keep,
                strings_can_be_null=False,
            ),
        )
        return [table[name] for name in keep], ragged, ran_on

    def _stream(self) -> tuple[Any, str]:
        """Returns what pyarrow reads, and its encoding."""
        import pyarrow as pa

        encoding = "utf8" if self.encoding == "utf-8" else self.encoding
        if len(self.separator) == 1 and not self._dropped:
            zipped = "gzip" if is_gzip(self.path) else None
            return pa.input_stream(str(self.path), compression=zipped), encoding
        with open_bytes(self.path) as file:
            data = file.read()
        if self.encoding == "utf-16":
            data, encoding = data.decode("utf-16").encode(), "utf8"
        if self._dropped:  # latin-1 stands for any bytes here
            lines = io.TextIOWrapper(io.BytesIO(data), "latin-1", newline="")
            data = "".join(self._without_dropped(lines)).encode("latin-1")
        if len(self.separator) > 1:
            data = data.replace(self.separator.encode(), _STAND_IN.encode())
        return pa.BufferReader(data), encoding

    def _data_rows(self) -> Iterator[_Row]:
        with open_text(self.path, self.encoding) as text:
            rows = _rows(self._without_dropped(text) if self._dropped else text, self.separator)
            yield from itertools.islice(rows, 0 if self.named_by == "flag" else 1, None)

    def _without_dropped(self, lines: Iterable[str]) -> Iterator[str]:
        """Yields blank lines in place of the dropped ones, so that all others keep their numbers."""
        return ("\n" if number in self._dropped else line for number, line in enumerate(lines, start=1))

    def _unclosed(self, single_line: Sequence[int]) -> frozenset[int]:
        def is_whole(fields: Sequence[str]) -> bool:
            return len(fields) == len(self.names) and not any(
                "\n" in fields[place] or "\r" in fields[place] for place in single_line
            )

        with open_text(self.path, self.encoding) as text:
            return frozenset(unclosed_quotes(text, self.separator, is_whole))

    def _explain(self, error: Exception) -> str:
        for row in self._data_rows():
            if len(row.fields) != len(self.names):
                quote = f" (a quote that opens there runs to line {row.last_line})"
                return (
                    f"{self.path}, line {row.line} has {len(row.fields)} of {len(self.names)} fields"
                    f"{quote if row.last_line > row.line else ''}. Mend the file, or type --on_bad_rows=skip"
                    f" to drop such rows, or --separator=… if it is not {self.separator!r} that separates"
                    " fields."
                )
        return f"{self.path} cannot be read as a table ({error}). An unclosed quote can cause this."


def _has_line_break(column: Any) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(column, "[\r\n]")).as_py())


def _find_separator(text: str, path: Path) -> str:
    agreeing = {}
    for separator in _TRIED:
        rows = itertools.islice(_rows(io.StringIO(text, newline=""), separator), _SAMPLE_ROWS)
        widths = [len(row.fields) for row in rows]
        if widths[0] > 1:
            agreeing[separator] = widths.count(widths[0]) / len(widths)
        if agreeing.get(separator, 0) > 0.5:
            return separator
    if agreeing:
        return max(agreeing, key=lambda separator: agreeing[separator])
    first = text.strip().splitlines()[0][:80]
    raise UserError(
        f"{path}: no separator found in its first row ({first}). Type --separator=… (a character, or tab, or"
        " space)."
    )


def _rows(lines: Iterable[str], separator: str) -> Iterator[_Row]:
    """Yields every row that is not blank."""
    if len(separator) > 1:
        for number, line in enumerate(lines, 1):
            if line.strip("\r\n"):
                yield _Row(number, number, line.rstrip("\r\n").split(separator))
        return
    csv.field_size_limit(1 << 30)  # reviews can be long
    reader, end = csv.reader(lines, delimiter=separator), 0
    for fields in reader:
        start, end = end + 1, reader.line_num
        if fields:
            yield _Row(start, end, fields)
