"""The winner of a search as a file of flags, which `main` takes up by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfrs_bench.options import options_of
from tfrs_bench.storage import atomic, unwritable
from tfrs_bench.tuning.ledger import Search


def flagfile(
    search: Search, config: Any, protocol: Mapping[str, Any], *, command: str, quality: float
) -> str:
    """Returns the text of a flagfile: a head that says how it was found, the protocol, and the settings.

    The settings are those that were searched, and those that differ from the model's defaults.

    Args:
      search: whose winner it is.
      config: the winner.
      protocol: flags of data and protocol, by name.
      command: what was typed.
      quality: of the winner on validation.
    """
    told = [field.name for field in options_of(config) if _is_told(field, config, search)]
    values = {**protocol, "model": search.model} | {name: getattr(config, name) for name in told}
    head = [
        f"{search.model} on {search.dataset}, {search.split} split.",
        f"Found by: {command}",
        f"({search.summary()}, chosen on validation {search.metric.upper()} {abs(quality):.4f}).",
        *_expected(search),
    ]
    edges = search.edges()
    if edges:
        head.append(f"At the edge of what was searched: {', '.join(edges)}.")
    flags = [f"--{name}={as_typed(value)}" for name, value in values.items() if value is not None]
    return "\n".join([*(f"# {line}" for line in head), *flags]) + "\n"


def _expected(search: Search) -> list[str]:
    """Says what the winner took, so that a reader knows what to wait for."""
    if search.best is None:
        return []
    epochs = "" if search.best.epochs is None else f" and {search.best.epochs} epochs"
    return [f"A fit took {search.best.seconds:.1f} s{epochs}, validation included."]


def write_flagfile(path: Path, text: str) -> None:
    """Writes a flagfile, whole or not at all.

    Raises:
      UserError: it cannot be written.
    """
    try:
        with atomic(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise unwritable(path, error, "another --flags_dir=DIR") from error


def as_typed(value: Any) -> str:
    """Returns a flag's value as it is typed.

    >>> as_typed((64, 32)), as_typed(True), as_typed(0.01)
    ('64,32', 'true', '0.01')
    """
    if isinstance(value, tuple | list):
        return ",".join(map(as_typed, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _is_told(field: dataclasses.Field[Any], config: Any, search: Search) -> bool:
    return field.name in search.space or getattr(config, field.name) != field.default
