"""Which column of a file is the user, the item, the rating and the time."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from tfrs_bench.errors import UserError


def _with_id(words: str) -> list[str]:
    return [word + ending for word in words.split() for ending in ("", "id")]


# Below, names are as `normalized` leaves them.
_PERSONS = "user customer reviewer visitor member account client person"
_THINGS = "item movie product artist book track song article business video game"
# A rating is a judgment. Counts and prices are not, so they must be asked for by name.
_JUDGMENTS = "rating ratings ratingvalue userrating score stars star overall"
_MOMENTS = "timestamp timestamps timestampms time ts t date datetime eventtime createdat unixtime"
USUAL_NAMES: Mapping[str, frozenset[str]] = {
    "user": frozenset([*_with_id(_PERSONS), "uid", "username"]),
    "item": frozenset([*_with_id(_THINGS), "iid", "asin", "parentasin", "stockcode", "sku", "isbn"]),
    "rating": frozenset(_JUDGMENTS.split()),
    "timestamp": frozenset([*_MOMENTS.split(), "invoicedate", "unixreviewtime"]),
}
NO_COLUMN = "none"
_SHOWN = 4
_WITHOUT_TIMES = "Without times: --order=file if each user's rows are in time order, else --order=none."

NamedBy = Literal["header", "flag", "schema"]


def normalized(name: str) -> str:
    """Returns a column's name without case, separators and RecBole's type suffix.

    >>> normalized("User ID"), normalized("user_id:token")
    ('userid', 'userid')
    """
    return re.sub(r"[\s_\-]", "", re.sub(r":(token|float)(_seq)?$", "", name.strip())).lower()


def find_columns(
    names: Sequence[str],
    asked: Mapping[str, str | None],
    required: Sequence[str],
    path: Path,
    named_by: NamedBy,
) -> dict[str, int]:
    """Finds each field's column, by the name asked for or by its usual names.

    Args:
      names: [c] the file's columns, in order.
      asked: field (a key of `USUAL_NAMES`) to the column the user named; None to go by usual names,
        "none" to leave an optional field out.
      required: the fields that must be found.
      path: the file, for the error.
      named_by: where `names` come from: the first row, `--columns`, or parquet's schema.

    Returns:
      Field to position, for the fields that were found.

    Raises:
      UserError: a required field has no column, a field has several, a column asked for is not there, or
        two fields ask for the same; the message lists the columns and the flag to type.
    """
    found: dict[str, int] = {}
    named = {
        place
        for field, wanted in asked.items()
        if wanted not in (None, NO_COLUMN)
        for place in _matches(names, field, wanted)
    }
    for field, wanted in asked.items():
        if wanted == NO_COLUMN and field not in required:
            continue
        matches = _matches(names, field, wanted)
        if wanted is None:  # what is named for one field is not another's by its usual name
            matches = [place for place in matches if place not in named]
        if len(matches) == 1:
            if (other := next((one for one, at in found.items() if at == matches[0]), None)) is not None:
                raise UserError(
                    f"{path}: column {names[matches[0]]} is named for both {other} and {field}. Its columns "
                    f"are: {', '.join(names)}. Type another --{other}_column=NAME or --{field}_column=NAME."
                )
            found[field] = matches[0]
        elif matches or wanted is not None or field in required:
            raise UserError(_explain(field, wanted, names, matches, path, named_by=named_by))
    return found


def looks_like_data(fields: Sequence[str]) -> bool:
    """Tells whether a file's first row is data rather than names: no name is a number or a date."""
    return any(re.fullmatch(r"[+-]?\d+(\.\d+)?|\d{4}-\d\d-\d\d.*", field.strip()) for field in fields)


def looks_like_header(fields: Sequence[str]) -> bool:
    """Tells whether a file's first row names a user and an item."""
    return all(_matches(fields, field, None) for field in ("user", "item"))


def _matches(names: Sequence[str], field: str, wanted: str | None) -> list[int]:
    if wanted is None:
        return [place for place, name in enumerate(names) if normalized(name) in USUAL_NAMES[field]]
    exact = [place for place, name in enumerate(names) if name == wanted]
    return exact or [place for place, name in enumerate(names) if normalized(name) == normalized(wanted)]


def _explain(
    field: str,
    wanted: str | None,
    names: Sequence[str],
    matches: Sequence[int],
    path: Path,
    *,
    named_by: NamedBy,
) -> str:
    if named_by == "header" and looks_like_data(names):
        return _ask_for_names(names, path)
    if matches:
        several = " and ".join(names[place] for place in matches)
        problem = f"{path} has several columns that could be the {field}: {several}."
    elif wanted is not None:
        near = _nearest(wanted, names)
        problem = f"{path} has no column {wanted}." + (f" Did you mean {near}?" if near else "")
    else:
        problem = f"{path} has no column with a usual name for the {field}."
    advice = f" Its columns are: {', '.join(names)}. Type --{field}_column=NAME"
    advice += f", or call one of --columns {field}." if named_by == "flag" else "."
    if field == "timestamp" and wanted in {None, NO_COLUMN} and not matches:
        return f"{problem}{advice} {_WITHOUT_TIMES}"
    if wanted is None and not matches and named_by == "header":
        advice += " If that is data and not a header, name the columns in order: --columns=user,item,…"
    return problem + advice


def _nearest(wanted: str, names: Sequence[str]) -> str | None:
    by_normalized = {normalized(name): name for name in reversed(names)}
    near = difflib.get_close_matches(normalized(wanted), list(by_normalized), n=1)
    return by_normalized[near[0]] if near else None


def _ask_for_names(names: Sequence[str], path: Path) -> str:
    count = len(names)
    shown = ", ".join(names[:_SHOWN]) + (", …" if count > _SHOWN else "")
    example = {2: "user,item --order=file", 3: "user,item,timestamp"}.get(count, "user,item,rating,timestamp")
    more = ",…" if count > _SHOWN else ""
    return (
        f"{path} has no header: its first row is data ({shown}). Name its {count} columns in order, for"
        f" example --columns={example}{more} (any other word for a column that is not needed)."
    )
