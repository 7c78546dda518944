"""What a log looks like, in numbers that decide which models can work on it."""

from __future__ import annotations

import datetime

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.dataset import Dataset
from tfrs_bench.data.interactions import InteractionLog

Fact = tuple[str, int | float | str]
_QUANTILES = {"minimum": 0.0, "10 %": 0.1, "median": 0.5, "90 %": 0.9, "maximum": 1.0}
_FEW_RATINGS = 20  # distinct values shown one by one; beyond, quantiles
_SHORT_HISTORY = 5
_HEAD = 0.1


def describe(data: Dataset | InteractionLog) -> list[Fact]:
    """Describes a log.

    Shares are fractions of 1. A tie in time is a row whose user has another row at the same second; a
    repeat is a row whose user had the same item before. Users and items without rows are not counted.

    Args:
      data: a log, or a dataset, whose name and notes are then told too.

    Returns:
      Facts and their values, in reading order: counts as int, shares as float, moments as ISO 8601 UTC.
    """
    log = data.log if isinstance(data, Dataset) else data
    facts: list[Fact] = [("name", data.name)] if isinstance(data, Dataset) else []
    facts += _sizes(log) + _times(log) + _ratings(log) + _features(log)
    if isinstance(data, Dataset):
        facts += [("note", note) for note in data.notes]
    return facts


def _sizes(log: InteractionLog) -> list[Fact]:
    per_user = log.rows_per_user[log.rows_per_user > 0]
    per_item = np.bincount(log.items, minlength=log.num_items)
    per_item = np.sort(per_item[per_item > 0])
    rows, users, items = len(log), len(per_user), len(per_item)
    pairs = _distinct_pairs(log)
    head = per_item[items - int(np.ceil(_HEAD * items)) :].sum()
    return [
        ("rows", rows),
        ("users", users),
        ("items", items),
        ("density", pairs / max(users * items, 1)),
        *_quantiles("rows per user", per_user),
        *_quantiles("rows per item", per_item),
        (f"users below {_SHORT_HISTORY} rows", int((per_user < _SHORT_HISTORY).sum())),
        (f"share of rows on the {_HEAD:.0%} most popular items", _share(head, rows)),
        ("share of repeats", _share(rows - pairs, rows)),
    ]


def _times(log: InteractionLog) -> list[Fact]:
    if log.clock != "time":
        return [("times", "none: order of the file" if log.clock == "file" else "none: no order")]
    if not len(log):
        return []
    same = (np.diff(log.timestamps) == 0) & (np.diff(log.users) == 0)  # rows are sorted by user and time
    tied = np.zeros(len(log), dtype=bool)
    tied[1:] |= same
    tied[:-1] |= same
    return [
        ("first time", _iso(int(log.timestamps.min()))),
        ("last time", _iso(int(log.timestamps.max()))),
        ("share of ties in time", _share(tied.sum(), len(log))),
    ]


def _ratings(log: InteractionLog) -> list[Fact]:
    if log.ratings is None:
        return [("ratings", "none")]
    ordered = np.sort(log.ratings)
    starts = np.flatnonzero(np.diff(ordered, prepend=-np.inf))
    if len(starts) > _FEW_RATINGS:
        return _quantiles("rating", ordered)
    counts = np.diff(np.append(starts, len(ordered)))
    return [
        (f"share of rating {ordered[start]:g}", _share(count, len(log)))
        for start, count in zip(starts, counts, strict=True)
    ]


def _features(log: InteractionLog) -> list[Fact]:
    return [
        ("item titles", "yes" if log.item_titles is not None else "no"),
        ("item features", 0 if log.item_features is None else len(log.item_features.names)),
        ("user features", 0 if log.user_features is None else len(log.user_features.names)),
    ]


def _distinct_pairs(log: InteractionLog) -> int:
    pairs = np.sort(log.users * np.int64(log.num_items) + log.items)
    return int(np.count_nonzero(np.diff(pairs))) + (len(pairs) > 0)


def _quantiles(what: str, values: NDArray[np.integer] | NDArray[np.floating]) -> list[Fact]:
    if not len(values):
        return []
    found = np.quantile(values, list(_QUANTILES.values()), method="inverted_cdf")
    return [(f"{what}, {name}", one.item()) for name, one in zip(_QUANTILES, found, strict=True)]


def _share(part: int | np.integer, whole: int) -> float:
    return float(part) / whole if whole else 0.0


def _iso(seconds: int) -> str:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        return f"{seconds} s"
