"""Settings as dataclass fields that carry their own help, choices and bounds.

Flags, `--help`, validation and records all read the same fields, so a setting is described once, beside
the code that uses it.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import typing
from collections.abc import Iterable, Sequence
from typing import Any

from tfrs_bench.errors import UserError


def option(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] | None = None,
    low: float | None = None,
    high: float | None = None,
    group: str = "",
    silent: bool = False,
) -> Any:
    """Declares a dataclass field that is also a flag.

    Args:
      default: the field's default; a list default is not allowed, use a tuple.
      help: one sentence for `--help`, units included.
      choices: the allowed values, if they are few.
      low: the smallest allowed number, inclusive.
      high: the largest allowed number, inclusive.
      group: the heading under which `--help` shows the flag.
      silent: the default means what was done before there was this setting, so records and names of runs
        leave it out then, and those made before stay what they are.

    Returns:
      A dataclass field.
    """
    metadata = {"help": help, "choices": choices, "low": low, "high": high, "group": group, "silent": silent}
    return dataclasses.field(default=default, metadata=metadata)


def options_of(owner: Any) -> list[dataclasses.Field[Any]]:
    """Returns the fields of a settings dataclass that `option` made: those that are flags."""
    return [field for field in dataclasses.fields(owner) if field.metadata]


def told(settings: Any) -> dict[str, Any]:
    """Returns a settings dataclass as records tell it: by name, without silent settings at their default.

    Settings within settings are told as `outer.inner`.
    """
    known: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            known |= {f"{field.name}.{name}": one for name, one in told(value).items()}
        elif not (field.metadata.get("silent") and value == field.default):
            known[field.name] = value
    return known


def check_options(settings: Any) -> None:
    """Checks every field of a settings dataclass against its choices and bounds.

    Raises:
      UserError: a value is outside; the message names the flag and what is allowed.
    """
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value is None or not field.metadata:
            continue
        choices, low, high = (field.metadata.get(key) for key in ("choices", "low", "high"))
        for one in value if isinstance(value, tuple) else (value,):
            if choices is not None and one not in choices:
                raise UserError(f"--{field.name}={one} is not known.{did_you_mean(str(one), choices)}")
            if (low is not None and not one >= low) or (high is not None and not one <= high):
                allowed = " and ".join(
                    f"{word} {bound if isinstance(bound, int) else format(bound, 'g')}"
                    for word, bound in (("at least", low), ("at most", high))
                    if bound is not None
                )
                raise UserError(f"--{field.name}={one} is outside its range: it must be {allowed}.")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Ends an error about an unknown name: the nearest known one, then all of them.

    >>> did_you_mean("two_towr", ["als", "two_tower"])
    ' Did you mean two_tower? Known: als, two_tower.'
    """
    names = [str(name) for name in known]
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return (f" Did you mean {near[0]}?" if near else "") + f" Known: {', '.join(names)}."


def parse_value(name: str, text: str, hint: Any) -> Any:
    """Reads a setting's text by its type hint.

    >>> parse_value("hidden", "128,64", tuple[int, ...])
    (128, 64)

    Raises:
      UserError: the text is not of that type; the message names the flag.
    """
    listed = next((one for one in (hint, *typing.get_args(hint)) if typing.get_origin(one) is tuple), None)
    if listed is not None:
        kind = typing.get_args(listed)[0]
        return tuple(parse_value(name, one.strip(), kind) for one in text.split(",") if one.strip())
    kind = next((one for one in (hint, *typing.get_args(hint)) if one in _READERS), str)
    if not text.strip(" "):
        raise UserError(f"--{name} is empty. Give a value, or leave the flag out.")
    try:
        return _READERS[kind](text)
    except (ValueError, KeyError) as error:
        raise UserError(f"--{name}={text} is not {_KINDS[kind]}.") from error


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(number)
    return number


_READERS: dict[type[Any], Any] = {
    bool: lambda text: {"true": True, "false": False, "1": True, "0": False}[text.lower()],
    int: int,
    float: lambda text: _finite(float(text)),
    str: str,
}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
