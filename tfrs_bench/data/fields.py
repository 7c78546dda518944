"""Turns columns of text into ids, moments and ratings, and marks the values that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MICROS = 1_000_000  # microseconds in a second
# Epoch numbers are told apart by size: each bound is the year 5138 in one unit and 1973 in the next.
_UNITS = ((1e11, MICROS), (1e14, 1_000), (1e17, 1))
_MICROS_PER_DAY = 86_400 * MICROS


class UnsuitedTypeError(ValueError):
    """A column's type cannot stand for what it is asked to."""


def parse_ids(column: Any) -> tuple[NDArray[np.int32], NDArray[Any], NDArray[np.bool_]]:
    """Numbers the distinct ids of a column by first appearance; ids stay the text they are.

    A line break inside an id is taken for the trace of an unclosed quote, which swallows rows silently.

    Args:
      column: [r] pyarrow chunked array of any scalar type.

    Returns:
      codes [r] int32; [v] str objects, the id of each code; and [r] bool, rows whose id is empty or
      holds a line break.

    Raises:
      UnsuitedTypeError: floats so large that ids were rounded when they became floats.
    """
    import pyarrow as pa

    if pa.types.is_floating(column.type):
        _check_exact(column)
    encoded = column.dictionary_encode("encode")
    if not encoded.num_chunks:
        return np.zeros(0, np.int32), np.zeros(0, object), np.zeros(0, bool)
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in encoded.chunks])
    values = encoded.chunk(encoded.num_chunks - 1).dictionary  # that of all chunks
    missing = values.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    texts = values.cast(pa.string()).to_numpy(zero_copy_only=False)
    texts[missing] = ""
    bad = np.array([not text.strip() or "\n" in text or "\r" in text for text in texts], dtype=bool)
    return codes, texts, bad[codes]


def parse_ratings(column: Any) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Reads [r] numbers as float32, and marks the rows that hold no finite number."""
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, and so is marked
        values = _numbers(column).astype(np.float32)
    return values, ~np.isfinite(values)


def parse_times(column: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Reads moments: epoch seconds, milli-, micro- or nanoseconds, or ISO 8601 (UTC unless it says).

    One unit holds for a column, that of its median. Eight digits that all are calendar dates, such as
    20240501, are dates.

    Args:
      column: [r] pyarrow chunked array of text, numbers, dates or timestamps.

    Returns:
      [r] int64 microseconds since 1970 UTC, and [r] bool, the rows that hold no moment.

    Raises:
      UnsuitedTypeError: the column is of truth values.
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_boolean(kind):
        raise UnsuitedTypeError("and true and false are no times")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _from_arrow(column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False))
    if not _is_text(kind):
        return _from_epoch(_integers_or_floats(column))
    return _cast(column) or _cast(_without_blanks(column)) or _from_mixed_text(column)


def is_time(text: str) -> bool:
    """Tells whether a value is a moment when it stands alone, whatever the rest of its column is."""
    import pyarrow as pa

    return not parse_times(pa.chunked_array([pa.array([text])]))[1][0]


def _cast(column: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
    """Reads a column that is of one notation throughout, which is fast; returns None if it is not."""
    import pyarrow as pa

    for target in (pa.int64(), pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            cast = column.cast(target)
        except pa.ArrowInvalid:
            continue
        return _from_epoch(cast.to_numpy()) if target == pa.int64() else _from_arrow(cast)
    return None


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _numbers(column: Any) -> NDArray[np.float64]:
    """Returns [r] float64 with NaN where there is no number."""
    import pandas as pd
    import pyarrow as pa

    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid:
        codes, texts, _ = parse_ids(column)
        return np.asarray(pd.to_numeric(pd.Series(texts), errors="coerce"), dtype=np.float64)[codes]


def _integers_or_floats(column: Any) -> NDArray[Any]:
    import pyarrow as pa

    if not pa.types.is_integer(column.type) or column.null_count:
        return _numbers(column)
    try:
        return np.asarray(column.cast(pa.int64()).to_numpy())
    except pa.ArrowInvalid:  # unsigned and too large
        return _numbers(column)


def _check_exact(column: Any) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    bits = 24 if pa.types.is_float32(column.type) else 53
    for end in pc.min_max(column).as_py().values():
        if end is not None and abs(end) >= 2**bits:
            raise UnsuitedTypeError(f"which rounds ids beyond 2^{bits}: store integers or text")


def _from_epoch(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    bad = ~np.isfinite(values) | (np.abs(values) >= 2**63)
    typical = float(np.median(np.abs(values[~bad]))) if not bad.all() else 0.0
    if bad.any():
        values = np.where(bad, 0, values)
    if (dates := _calendar_dates(values[~bad])) is not None:
        micros = np.zeros(len(values), np.int64)
        micros[~bad] = dates
        return micros, bad
    bound, factor = next((unit for unit in _UNITS if typical < unit[0]), (2.0**63, None))
    other_unit = np.abs(values) >= bound
    bad = bad | other_unit
    values = np.where(other_unit, 0, values)
    if factor is None:  # nanoseconds
        return (values // 1_000).astype(np.int64), bad
    return np.floor(values * factor).astype(np.int64), bad


def _calendar_dates(values: NDArray[Any]) -> NDArray[np.int64] | None:
    """Returns [v] int64 microseconds if all values read as year, month, day; else None."""
    if not len(values) or values.min() < 19000101 or values.max() > 21001231:
        return None
    whole = values.astype(np.int64)
    year, month, day = whole // 10_000, whole // 100 % 100, whole % 100
    if not ((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all():
        return None
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(months.astype(np.int64) + day - 1, dtype=np.int64) * _MICROS_PER_DAY


def _from_arrow(column: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    import pyarrow as pa

    bad = column.is_null().to_numpy()
    return column.cast(pa.int64()).fill_null(0).to_numpy(), np.asarray(bad, dtype=bool)


def _without_blanks(column: Any) -> Any:
    import pyarrow.compute as pc

    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), None, column)


def _from_mixed_text(column: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Reads what Arrow's strict parser refuses: fractions, zones in some rows, nanoseconds, bad values."""
    import pandas as pd

    codes, texts, _ = parse_ids(column)
    distinct = pd.Series(texts, dtype=object).str.strip()
    numbers = pd.to_numeric(distinct, errors="coerce").to_numpy(dtype=np.float64)
    distinct[~distinct.str.match(r"[+-]?\d")] = ""  # pandas would take "today" for a time
    moments = pd.to_datetime(distinct, errors="coerce", format="ISO8601", utc=True)
    bad = moments.isna().to_numpy()
    if np.isfinite(numbers)[codes].sum() >= (~bad)[codes].sum():
        return _from_epoch(numbers[codes])
    micros = moments.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    return np.where(bad, 0, micros)[codes], bad[codes]
