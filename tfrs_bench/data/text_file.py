"""Text files as they come: plain or gzip, UTF-8, UTF-16 with its mark, or else latin-1."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from tfrs_bench.errors import UserError

DAMAGED = (OSError, EOFError, zlib.error, UnicodeError)  # what reading a damaged file to its end can raise
_SAMPLE_BYTES = 1 << 16
_GZIP = b"\x1f\x8b"
_NOT_A_TABLE = {
    (b"PK\x03\x04",): "is a zip archive: unzip it and give the file inside",
    (b"<!", b"<?xml", b"<html"): "is a web page or XML, as a failed download leaves: get the csv again",
    (b"{", b"[{", b"[\n"): "is JSON: give csv, tsv or parquet",
}


def is_gzip(path: Path) -> bool:
    """Tells whether a file begins as gzip does, whatever it is called."""
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def open_bytes(path: Path) -> BinaryIO:
    """Opens a file for reading, unzipped."""
    return cast(BinaryIO, gzip.open(path) if is_gzip(path) else path.open("rb"))


def open_text(path: Path, encoding: str) -> TextIO:
    """Opens a file for reading, unzipped and decoded, line ends as they are."""
    encoding = "utf-8-sig" if encoding == "utf-8" else encoding
    return io.TextIOWrapper(open_bytes(path), encoding, "replace", newline="")


def read_sample(path: Path) -> tuple[str, str]:
    """Looks at a file's first 64 KB.

    Returns:
      The encoding, `utf-8`, `utf-16` or `latin-1`, and the sample's text.

    Raises:
      UserError: the file cannot be read, is empty, or is no text that can hold a table.
    """
    try:
        with open_bytes(path) as file:
            sample = file.read(_SAMPLE_BYTES)
    except DAMAGED as error:
        raise UserError(f"{path} cannot be read ({error}). Copy or download it again.") from error
    encoding, text = _decode(sample)
    if not text.strip():
        raise UserError(f"{path} is empty. Give a file with a header and one interaction per row.")
    for starts, problem in _NOT_A_TABLE.items():
        if sample.lstrip().lower().startswith(tuple(start.lower() for start in starts)):
            raise UserError(f"{path} {problem}.")
    if "\0" in text or has_controls(text.splitlines()[0]):
        raise UserError(f"{path} is not text: give csv or tsv (UTF-8, plain or gzip) or parquet.")
    return encoding, text


def has_controls(text: str) -> bool:
    """Tells whether a text holds control characters, other than those that separate a database's columns."""
    return re.search(r"[\x05-\x08\x0e-\x1b\x7f]", text) is not None


def read_text_lines(path: Path) -> list[str]:
    """Returns the lines of a small text file, plain or gzip, UTF-8 or else latin-1.

    Raises:
      UserError: it cannot be read.
    """
    try:
        with open_bytes(path) as file:
            data = file.read()
    except DAMAGED as error:
        raise UserError(f"{path} cannot be read ({error}). Copy or download it again.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").split("\n")  # splitlines would also split at latin-1's 0x85


def _decode(sample: bytes) -> tuple[str, str]:
    marked = sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if marked else "utf-8"
    try:  # incremental, because the sample may end inside a character
        return encoding, codecs.getincrementaldecoder("utf-16" if marked else "utf-8-sig")().decode(sample)
    except UnicodeDecodeError:
        return "latin-1", sample.decode("latin-1")
