"""The manual that `--help` prints, read from the fields that are flags."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Sequence
from typing import Any

from tfrs_bench import registry
from tfrs_bench.experiment import DATA, MODELS, OUTPUT, PROTOCOL, Experiment, Plan
from tfrs_bench.options import options_of

HYPER = "Hyper-parameters (of the models in --model, and their parts, that have them)"

INTRODUCTION = """\
Trains recommenders on an interaction log and weighs them, on one split and by
one evaluator, against tuned classical baselines. Without flags it runs the
two-tower model on simulated data.

  python -m tfrs_bench.main --model=two_tower
  python -m tfrs_bench.main --dataset=ml-1m --data_dir=DIR --split=global
  python -m tfrs_bench.main --interactions=log.csv --user_column=customer
  python -m tfrs_bench.main --flagfile=flags/two_tower.cfg --learning_rate=0.01"""


def manual(own: type[Any] | None = None) -> str:
    """Returns the help text, grouped by subject.

    Args:
      own: a dataclass of the flags that a command has beside those of main, or None.
    """
    lines = opening(INTRODUCTION if own is None else own.INTRODUCTION, owners_of_flags(own))
    lines += ["", f"{HYPER}:"]
    for name, owners in owners_of_settings().items():
        lines += _entry(name, owners)
    lines += [
        "",
        "Files of flags: --flagfile=FILE, one --name=value a line. Give it first: the",
        "last value wins.",
    ]
    return "\n".join(lines)


def opening(introduction: str, owners: list[type[Any]]) -> list[str]:
    """Returns the manual's lines about the fields of dataclasses, by group."""
    lines = [introduction]
    fields = [field for owner in owners for field in dataclasses.fields(owner)]
    shared = (MODELS, DATA, PROTOCOL, OUTPUT)
    groups = dict.fromkeys(field.metadata["group"] for field in fields)
    for group in (*(one for one in groups if one not in shared), *(one for one in shared if one in groups)):
        lines += ["", f"{group}:"]
        for field in fields:
            lines += _entry(field.name, [("", field)]) if field.metadata["group"] == group else []
    return lines


def _entry(name: str, owners: list[tuple[str, dataclasses.Field[Any]]]) -> list[str]:
    """Describes a flag, once for all owners that mean the same by it."""
    meanings: dict[Any, list[tuple[str, Any]]] = {}
    for model, field in owners:
        meaning = field.metadata["help"], field.metadata["choices"]
        meanings.setdefault(meaning, []).append((model, field.default))
    texts = [_description(help, choices, defaults) for (help, choices), defaults in meanings.items()]
    wrapped = [line for text in texts for line in textwrap.wrap(text, width=74)]
    return [f"  --{name}"] + [f"      {line}" for line in wrapped]


def _description(help: str, choices: Sequence[str] | None, defaults: list[tuple[str, Any]]) -> str:
    shown = {
        f"{model}: {shown_value(default)}" if model else shown_value(default) for model, default in defaults
    }
    if len({shown_value(default) for _, default in defaults}) == 1:
        shown = {shown_value(defaults[0][1])}
        if defaults[0][0]:
            shown = {f"{', '.join(model for model, _ in defaults)}: {shown.pop()}"}
    allowed = f" One of {', '.join(choices)}." if choices else ""
    return f"{help}{allowed} ({'; '.join(sorted(shown))})"


def shown_value(default: Any) -> str:
    """Returns a value as it is typed, or `unset`."""
    if default is None or default == ():
        return "unset"
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(default).lower() if isinstance(default, bool) else str(default)


def config_of(model: str) -> Any:
    """Returns the dataclass of a registered model's settings."""
    return registry.resolve(registry.MODELS, model, "model").Config


def owners_of_settings() -> dict[str, list[tuple[str, dataclasses.Field[Any]]]]:
    """Every hyper-parameter and the models that have it, with their fields."""
    owners: dict[str, list[tuple[str, dataclasses.Field[Any]]]] = {}
    for model in registry.MODELS:
        for field in options_of(config_of(model)):
            owners.setdefault(field.name, []).append((model, field))
    return owners


def owners_of_flags(own: type[Any] | None) -> list[type[Any]]:
    """Returns the dataclasses of a command's flags beside hyper-parameters; `own` as in `manual`."""
    return [Experiment, Plan] if own is None else [own, Experiment, Plan]
