"""Settings that the project ships: tuned by data set, split and model; general ones by split and model."""

from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path
from typing import Any

from tfrs_bench.options import parse_value

# What was tuned here; then what is shipped, beside the package in a checkout and inside it when installed.
PLACES = (Path("flags"), Path(__file__).parents[2] / "flags", Path(__file__).parents[1] / "flags")
_RANKING = "ranking"
# Under these a data set is run with its own settings, so that nothing else differs; what was found under one
# of them, and says so, serves it alone.
VARIATIONS = ("train_fraction", "shuffle_histories", "candidates", "data_seed", "order")
PROTOCOL_FLAGS = (
    "dataset", "task", "split", "relevance_threshold", "train_on", "mask_seen", "cold_start_below",
    "cold_start_fraction", *VARIATIONS,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Shipped:
    """Settings that a flagfile holds.

    Attributes:
      config: the model's settings.
      name: what the flagfile is called, such as `flags/ml-1m/global/als.cfg`.
      path: the one of this name that was read.
    """

    config: Any
    name: str
    path: Path

    @property
    def ledger(self) -> dict[str, Any]:
        """What the head of the flagfile says of the search behind it, as a run's record keeps it."""
        return _ledger(" ".join(_heading(self.path.read_text(encoding="utf-8"))))


def shipped_config(
    config_class: type[Any],
    model: str,
    dataset: str,
    *,
    asked: dict[str, Any],
    defaults: dict[str, Any],
    places: tuple[Path, ...] = PLACES,
) -> Shipped | None:
    """Finds settings tuned for exactly this data set and protocol.

    Args:
      config_class: the model's `Config`.
      model: its registered name.
      dataset: the data set's short name, such as `ml-1m`.
      asked: values of flags, such as `PROTOCOL_FLAGS`; a flagfile that means other values is not used.
      defaults: what a flagfile means by not stating one of them.
      places: folders to look in.

    Returns:
      The settings, or None if there are none for this data and protocol.
    """
    name = tuned_name(model, dataset, asked["split"], asked["task"])
    for path in _paths(name, places):  # a file for another protocol does not hide one for this
        stated = read_flagfile(path)
        if _is_meant(stated, dataset, asked, defaults):
            return Shipped(_config(config_class, stated), f"flags/{name}", path)
    return None


def _is_meant(stated: dict[str, str], dataset: str, asked: dict[str, Any], defaults: dict[str, Any]) -> bool:
    for flag, wanted in asked.items():
        if flag in VARIATIONS and flag not in stated:
            continue
        meant = parse_value(flag, stated[flag], type(wanted)) if flag in stated else defaults[flag]
        same_data = flag == "dataset" and meant == dataset
        if meant != wanted and not same_data:
            return False
    return True


def tuned_name(model: str, dataset: str, split: str, task: str) -> str:
    """Returns the name, within a folder of flagfiles, of what is tuned for a data set and split."""
    return f"{_of_task(task)}{dataset}/{split}/{model}.cfg"


def split_config(
    config_class: type[Any],
    model: str,
    split: str,
    *,
    task: str = _RANKING,
    places: tuple[Path, ...] = PLACES,
) -> Shipped | None:
    """Finds settings that suit a split, or a task, on data that nobody has tuned for.

    Args:
      config_class: the model's `Config`.
      model: its registered name.
      split: the strategy.
      task: ranking or rating; a flagfile of another task than ranking may serve every split.
      places: folders to look in.

    Returns:
      The settings, or None if the model's defaults suit this split.
    """
    for name in (f"{_of_task(task)}{split}/{model}.cfg", f"{_of_task(task)}{model}.cfg"):
        paths = _paths(name, places) if "/" in name else ()  # flags/<model>.cfg is for a person to name
        for path in paths:
            return Shipped(_config(config_class, read_flagfile(path)), f"flags/{name}", path)
    return None


def _of_task(task: str) -> str:
    return "" if task == _RANKING else f"{task}/"


def _ledger(head: str) -> dict[str, Any]:
    if " by hand " in head:
        return {"method": "flagfile", "search": "hand"}
    found = re.search(r"\((tpe|grid): (\d+) trials?, ([\d.]+)", head)
    if found is None:
        return {"method": "flagfile"}
    ledger = {"method": "flagfile", "search": found[1], "trials": int(found[2]), "minutes": float(found[3])}
    cap = re.search(r"--budget_minutes=([\d.]+) --max_trials=(\d+)", head)
    return ledger | {
        "cap_minutes": None if cap is None else float(cap[1]),
        "max_trials": None if cap is None else int(cap[2]),
    }


def _heading(text: str) -> list[str]:
    return [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]


def _paths(name: str, places: tuple[Path, ...]) -> list[Path]:
    return [place / name for place in places if (place / name).is_file()]


def _config(config_class: type[Any], stated: dict[str, str]) -> Any:
    hints = typing.get_type_hints(config_class)
    fields = {field.name for field in dataclasses.fields(config_class)}
    return config_class(
        **{key: parse_value(key, text, hints[key]) for key, text in stated.items() if key in fields}
    )


def read_flagfile(path: Path) -> dict[str, str]:
    """Returns the flags of a flagfile as texts by name; `--name` and `--noname` are true and false."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    flags = {}
    for line in lines:
        if line.startswith("--"):
            name, equals, value = line.removeprefix("--").partition("=")
            negated = not equals and name.startswith("no")
            flags[name.removeprefix("no") if negated else name] = value if equals else str(not negated)
    return flags
