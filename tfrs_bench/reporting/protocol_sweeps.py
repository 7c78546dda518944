"""What an option of the protocol does to every model: studies that differ in nothing else, side by side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfrs_bench.evaluation.evaluator import PRIMARY, Evaluation
from tfrs_bench.evaluation.verdicts import Row, Verdict, average_seeds, compare
from tfrs_bench.reporting.budgets import differ_in_short
from tfrs_bench.reporting.document import Block, Bullets, Drawing, Table
from tfrs_bench.reporting.figures import COLORS, MARKERS, drawing
from tfrs_bench.reporting.judgements import cautions, registered
from tfrs_bench.reporting.study import CEILING, FLOOR, Run, Study, shown


@dataclasses.dataclass(frozen=True)
class ProtocolSweep:
    """Studies of the same data that differ in one option of the protocol.

    Attributes:
      option: its name.
      default: its value in the program; the other values are compared with it.
      studies: by value, ascending.
    """

    option: str
    default: Any
    studies: dict[Any, Study]

    @property
    def title(self) -> str:
        """Data and split."""
        first = next(iter(self.studies.values())).first
        return f"{first.dataset}, {first.split}"

    @property
    def reference(self) -> Any:
        """The value that others are compared with: the default, or the first where that was not run."""
        return self.default if self.default in self.studies else next(iter(self.studies))

    @property
    def models(self) -> list[str]:
        """Names of the models that two studies or more have, floor and ceiling left out."""
        names = [name for study in self.studies.values() for name in study.runs]
        return [name for name in dict.fromkeys(names) if names.count(name) > 1 and not _is_bound(name)]

    @property
    def primary(self) -> str:
        """The metric of its figures."""
        return self.studies[self.reference].primary

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where its runs are kept."""
        return tuple(dict.fromkeys(one for study in self.studies.values() for one in study.folders))

    def registered(self, model: str) -> str:
        """Returns what one of its models is registered as."""
        return next(registered(one, model) for one in self.studies.values() if model in one.runs)

    def differ(self) -> str:
        """Says that its models were not tuned alike, see `differ_in_short`."""
        return differ_in_short(self.studies[self.reference])

    def cautions(self) -> list[str]:
        """Says how models were tuned where that differs, and of which there is one seed."""
        return [f"{self.title}: {one}" for one in cautions(self.studies[self.reference])]

    def row(self, value: Any, model: str) -> Row | None:
        """Returns the primary metric of a model at a value, or None if it was not run there."""
        return self.studies[value].comparison.row(model)

    def against_reference(self, model: str) -> dict[Any, Verdict]:
        """Weighs a model at the reference against the same model at each other value, user by user.

        The same seeds stand on both sides, where there are some.

        Returns:
          By value, reference − value; nothing where the users of two values are not the same.
        """
        there = [value for value, study in self.studies.items() if model in study.runs]
        if self.reference not in there:
            return {}
        names = {value: f"{model} ({self.option}={shown(value)})" for value in there}
        seeds = set.intersection(*({run.record.seed for run in self._runs(value, model)} for value in there))
        evaluations = {name: self._primary_of(value, model, seeds) for value, name in names.items()}
        others = [value for value in there if value != self.reference]
        try:
            found = compare(evaluations, [names[self.reference]], [names[one] for one in others]).verdicts
        except ValueError:  # other questions were asked there
            return {}
        wanted = [one for one in found if (one.segment, one.metric) == ("all", self.primary)]
        return dict(zip(others, wanted, strict=True))

    def _runs(self, value: Any, model: str) -> list[Run]:
        return self.studies[value].runs[model]

    def _primary_of(self, value: Any, model: str, seeds: set[int]) -> Evaluation:
        runs = self._runs(value, model)
        evaluation = average_seeds(
            [run.evaluation for run in runs if run.record.seed in (seeds or {run.record.seed})]
        )
        kept = dict.fromkeys((self.primary, PRIMARY))
        # Nobody is cold here: users would be drawn once more for segments that no verdict is asked of.
        nobody = np.zeros_like(evaluation.cold)
        metrics = {name: evaluation.metrics[name] for name in kept}
        return dataclasses.replace(evaluation, metrics=metrics, cold=nobody)


def protocol_sweeps(studies: Sequence[Study], option: str, default: Any) -> list[ProtocolSweep]:
    """Finds the studies that differ in an option alone.

    Args:
      studies: in any number and order.
      option: a field of the experiment.
      default: what its absence from a record means.
    """
    groups: dict[str, list[Study]] = {}
    for study in studies:
        rest = {name: value for name, value in study.experiment.items() if name != option}
        data = study.first.data
        key = (study.first.dataset, data.get("fingerprint"), data.get("candidates"), rest)
        groups.setdefault(json.dumps(key, sort_keys=True), []).append(study)
    return [sweep_of(its, option, default) for its in groups.values() if len(its) > 1]


def sweep_of(studies: Sequence[Study], option: str, default: Any) -> ProtocolSweep:
    """Puts studies that differ in an option alone in order of its values."""
    by_value = {_value(study, option, default): study for study in studies}
    ordered = sorted(by_value, key=lambda value: (isinstance(value, str), value))
    return ProtocolSweep(option, default, {value: by_value[value] for value in ordered})


def blocks(sweep: ProtocolSweep) -> Iterator[Block]:
    """Shows a sweep: quality of every model at each value with a figure, seconds, differences."""
    metric = sweep.primary.upper()
    heads = ("model", *(f"{sweep.option}={shown(value)}" for value in sweep.studies))
    yield quality_figure(sweep, sweep.option, f"{metric} of {sweep.title} against {sweep.option}.")
    yield Table(f"{metric}, {sweep.title}.", heads, tuple(_rows(sweep, _quality)), sweep.folders)
    yield Table("Seconds of training.", heads, tuple(_rows(sweep, _seconds)), sweep.folders)
    told = [one.sentence() for name in sweep.models for one in sweep.against_reference(name).values()]
    if told:
        yield Bullets(tuple(told), sweep.folders)


def quality_figure(sweep: ProtocolSweep, axis: str, caption: str) -> Drawing:
    """Draws a line per model through its means, with intervals, at each value.

    Args:
      sweep: to draw.
      axis: what the values are.
      caption: what to see.
    """
    values = [*sweep.studies]
    with drawing(height=4.2) as drawn:
        for number, name in enumerate(sweep.models):
            found = {place: row for place, value in enumerate(values) if (row := sweep.row(value, name))}
            places = [place + 0.05 * (number - (len(sweep.models) - 1) / 2) for place in found]
            color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
            style = "-" if all(isinstance(value, int | float) for value in values) else ":"
            means = [row.mean for row in found.values()]
            drawn.axes.plot(places, means, color=color, marker=marker, linestyle=style, label=name)
            low, high = [row.low for row in found.values()], [row.high for row in found.values()]
            drawn.axes.vlines(places, low, high, color=color)
        drawn.axes.set_xticks(range(len(values)), [shown(value) for value in values])
        drawn.axes.set_xlabel(axis)
        drawn.axes.set_ylabel(f"{sweep.primary.upper()}, 95 % interval")
        drawn.axes.set_title(sweep.title, loc="left")
        if sweep.primary == PRIMARY:  # no error comes near 0
            drawn.axes.set_ylim(bottom=0)
        drawn.axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
    return Drawing(f"{sweep.option}, {sweep.title}", caption, drawn.svg, sweep.folders)


def _rows(sweep: ProtocolSweep, cell: Any) -> Iterator[tuple[str, ...]]:
    for name in sweep.models:
        yield (name, *(cell(sweep, value, name) for value in sweep.studies))


def _quality(sweep: ProtocolSweep, value: Any, name: str) -> str:
    row = sweep.row(value, name)
    return "–" if row is None else f"{row.mean:.4f} ({row.low:.4f}–{row.high:.4f})"


def _seconds(sweep: ProtocolSweep, value: Any, name: str) -> str:
    study = sweep.studies[value]
    return f"{study.mean(name, 'fit_s'):,.1f}" if name in study.runs else "–"


def _value(study: Study, option: str, default: Any) -> Any:
    value = study.experiment.get(option, default)
    return tuple(value) if isinstance(value, list) else value


def _is_bound(name: str) -> bool:
    return name in (FLOOR, CEILING)
