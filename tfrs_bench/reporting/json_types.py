"""Whether JSON, which anybody can edit, has the types that a dataclass promises."""

from __future__ import annotations

import types
import typing
from typing import Any


def misfits(content: dict[str, Any], promised: type[Any]) -> list[str]:
    """Returns the names of fields whose value is not what the dataclass's annotation says.

    In lists and dictionaries null stands for a number that JSON lacks.

    Args:
      content: by field name; fields that are missing are passed over.
      promised: a dataclass annotated with str, int, float, None, Any, and lists and dictionaries of these.
    """
    hints = typing.get_type_hints(promised)
    return [name for name, value in content.items() if name in hints and not _fits(value, hints[name])]


def _fits(value: Any, wanted: Any) -> bool:
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted is Any:
        return True
    if origin is types.UnionType:
        return any(_fits(value, one) for one in arguments)
    if origin in (dict, list):
        held = value.values() if isinstance(value, dict) else value
        return isinstance(value, origin) and all(one is None or _fits(one, arguments[-1]) for one in held)
    if wanted in (int, float):  # JSON writes a whole float without a point; a bool is no number
        return isinstance(value, (int, wanted)) and not isinstance(value, bool)
    return isinstance(value, wanted)
