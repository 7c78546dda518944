"""The table of what is searched of every model, read from the models themselves."""

from __future__ import annotations

from collections.abc import Sequence

from tfrs_bench import registry
from tfrs_bench.models.space import Choice, Range
from tfrs_bench.reporting.study import Study
from tfrs_bench.tuning.flagfile import as_typed


def spaces(studies: Sequence[Study]) -> str:
    """Returns a Markdown table of every model's space, a row a setting; no run decides what is in it."""
    lines = ["| model | setting | searched | trial 0 |", "|---|---|---|---|"]
    for name in registry.MODELS:
        model = registry.resolve(registry.MODELS, name, "model")
        for field, one in model.space.items():
            start = _typed(getattr(model.Config(), field))
            lines.append(f"| {name} | `--{field}` | {_searched(one)} | {start} |")
    return "\n".join(lines)


def _searched(one: Range | Choice) -> str:
    if isinstance(one, Choice):
        return " or ".join(_typed(value) for value in one.values)
    return f"{one.low:g} to {one.high:g}{', by ratio' if one.log else ''}"


def _typed(value: object) -> str:
    return "unset" if value is None else as_typed(value)
