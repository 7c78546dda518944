"""Tuned settings that the project ships, one flagfile per data set, split and model."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path
from typing import Any

from tfrs_bench.options import parse_value

# Beside the package in a checkout, inside it when installed.
_PLACES = (Path(__file__).parents[2] / "flags", Path(__file__).parents[1] / "flags")
PROTOCOL_FLAGS = ("dataset", "split", "relevance_threshold", "train_on", "mask_seen", "cold_start_below")


def shipped_config(
    config_class: type[Any],
    model: str,
    dataset: str,
    protocol: dict[str, Any],
    places: tuple[Path, ...] = _PLACES,
) -> tuple[Any, str] | None:
    """Finds settings tuned for exactly this data set and protocol.

    Args:
      config_class: the model's `Config`.
      model: its registered name.
      dataset: the data set's short name, such as `ml-1m`.
      protocol: values of `PROTOCOL_FLAGS`; a flagfile that states another value is not used.
      places: folders to look in.

    Returns:
      The settings and the flagfile's name, or None if there is none for this data and protocol.
    """
    name = Path(dataset) / str(protocol["split"]) / f"{model}.cfg"
    for place in places:
        if (place / name).is_file():
            stated = read_flagfile(place / name)
            hints = typing.get_type_hints(config_class)
            if any(not _agrees(stated[flag], protocol[flag]) for flag in PROTOCOL_FLAGS if flag in stated):
                return None
            fields = {field.name for field in dataclasses.fields(config_class)}
            values = {
                key: parse_value(key, text, hints[key]) for key, text in stated.items() if key in fields
            }
            return config_class(**values), f"flags/{name.as_posix()}"
    return None


def read_flagfile(path: Path) -> dict[str, str]:
    """Returns the `--name=value` lines of a flagfile as texts by name."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.removeprefix("--").partition("=") for line in lines if line.startswith("--"))
    return {name: value for name, _, value in pairs}


def _agrees(stated: str, asked: Any) -> bool:
    return bool(parse_value("flagfile", stated, type(asked)) == asked)
