"""What a setting is worth: quality at each of its values, all else equal, found among the runs of a study."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Any

from tfrs_bench import registry
from tfrs_bench.evaluation.evaluator import PRIMARY
from tfrs_bench.evaluation.verdicts import Row, compare
from tfrs_bench.reporting.comparison import markdown_table
from tfrs_bench.reporting.figures import COLORS, MARKERS, drawing, file_name
from tfrs_bench.reporting.study import CEILING, FLOOR, Study, labelled, shown, varied

LABEL = "sensitivity"
_ASIDE = 0.06  # of a figure's lines from each other, so that intervals do not cover each other


@dataclasses.dataclass(frozen=True)
class Line:
    """Runs that differ in the swept setting alone.

    Attributes:
      told: what sets it apart from the other lines of its sweep; empty for a single one.
      names: a run's name in the study by its value of the setting, values ascending.
    """

    told: str
    names: dict[Any, str]


@dataclasses.dataclass(frozen=True)
class Sweep:
    """All runs of a study that show what one setting of a model does."""

    model: str
    setting: str
    lines: tuple[Line, ...]

    @property
    def values(self) -> list[Any]:
        """Every value that a run has, ascending."""
        return sorted({value for line in self.lines for value in line.names}, key=_place)


def sweeps(study: Study) -> list[Sweep]:
    """Finds the settings that differ between two runs of a model that are otherwise the same.

    Args:
      study: runs in any number and order.

    Returns:
      A sweep per model and setting, in the study's order of models and the model's order of settings.
    """
    models: dict[str, dict[str, dict[str, Any]]] = {}
    for name, runs in study.runs.items():
        record = runs[0].record
        if not record.trials:  # what a search found is no value that somebody chose
            models.setdefault(record.model, {})[name] = record.config
    found = []
    for model, configs in models.items():
        for setting in dict.fromkeys(field for config in configs.values() for field in config):
            lines = _lines(configs, setting)
            if lines:
                found.append(Sweep(model, setting, lines))
    return found


def sensitivity_page(studies: Sequence[Study]) -> str | None:
    """Returns a section per sweep of the studies labelled `…-sensitivity`, or None if there is none."""
    lines = []
    for study in labelled(studies, LABEL):
        for sweep in sweeps(study):
            lines += [*section(study, sweep, f"../results/{_file(study, sweep)}"), ""]
    return "\n".join(lines).rstrip() if lines else None


def sensitivity_figures(studies: Sequence[Study]) -> dict[str, str]:
    """Returns the SVG of each sweep of those studies by its file name."""
    return {
        _file(study, sweep): figure(study, sweep)
        for study in labelled(studies, LABEL)
        for sweep in sweeps(study)
    }


def section(study: Study, sweep: Sweep, picture: str) -> list[str]:
    """Returns the lines of a sweep: table, figure, differences to the usual value.

    Args:
      study: that the sweep was found in.
      sweep: to show.
      picture: where its figure lies, seen from the page.
    """
    swept = [name for line in sweep.lines for name in line.names.values()]
    others = _opponents(study, sweep)
    lines = [f"### {study.name}: {sweep.setting} of {sweep.model}", ""]
    lines += [*markdown_table(study, [*others, *swept]), ""]
    lines += [f"![{study.primary.upper()} against {sweep.setting}]({picture})", ""]
    return lines + [f"- {sentence}" for sentence in differences(study, sweep)]


def differences(study: Study, sweep: Sweep) -> list[str]:
    """Says how each value compares with the model's default, or with the first where that was not run."""
    sentences = []
    for line in sweep.lines:
        reference = line.names.get(_default(sweep), next(iter(line.names.values())))
        others = [name for name in line.names.values() if name != reference]
        evaluations = {name: study.primary_alone(name) for name in (reference, *others)}
        verdicts = compare(evaluations, others, [reference]).verdicts
        primary = [one for one in verdicts if (one.segment, one.metric) == ("all", study.primary)]
        sentences += [one.sentence() for one in primary]
    return sentences


def figure(study: Study, sweep: Sweep) -> str:
    """Returns the SVG of a sweep: means with intervals at each value, other models as levels."""
    values = sweep.values
    with drawing(height=4.2) as drawn:
        for number, line in enumerate(sweep.lines):
            rows = {values.index(value): _row(study, name) for value, name in line.names.items()}
            places = [place + _ASIDE * (number - (len(sweep.lines) - 1) / 2) for place in rows]
            color = COLORS[number % len(COLORS)]
            drawn.axes.plot(
                places,
                [row.mean for row in rows.values()],
                color=color,
                marker=MARKERS[number % len(MARKERS)],
                linestyle="-" if all(map(_is_number, values)) else "none",
                label=f"{sweep.model} ({line.told})" if line.told else sweep.model,
            )
            low, high = [row.low for row in rows.values()], [row.high for row in rows.values()]
            drawn.axes.vlines(places, low, high, color=color)
        for number, name in enumerate(_opponents(study, sweep)):
            color = COLORS[-1 - number % len(COLORS)]
            drawn.axes.axhline(_row(study, name).mean, color=color, linestyle="--", linewidth=1, label=name)
        drawn.axes.set_xticks(range(len(values)), [shown(value) for value in values])
        drawn.axes.set_xlabel(sweep.setting)
        drawn.axes.set_ylabel(f"{study.primary.upper()}, 95 % interval")
        drawn.axes.set_title(study.name, loc="left")
        if study.primary == PRIMARY:  # no error comes near 0
            drawn.axes.set_ylim(bottom=0)
        drawn.axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    return drawn.svg


def _lines(configs: dict[str, dict[str, Any]], setting: str) -> tuple[Line, ...]:
    """Returns the groups of runs, by name, whose settings differ in this one alone."""
    groups: dict[str, list[str]] = {}
    for name, config in configs.items():
        rest = {field: value for field, value in config.items() if field != setting}
        groups.setdefault(json.dumps(rest, sort_keys=True), []).append(name)
    swept = {rest: names for rest, names in groups.items() if len(names) > 1}
    fixed = {rest: json.loads(rest) for rest in swept}
    apart = varied([*fixed.values()])
    ordered = sorted(swept, key=lambda rest: [_place(fixed[rest].get(field)) for field in apart])
    return tuple(
        Line(
            " ".join(f"{field}={shown(fixed[rest].get(field))}" for field in apart),
            dict(sorted(_by_value(configs, swept[rest], setting), key=lambda one: _place(one[0]))),
        )
        for rest in ordered
    )


def _by_value(
    configs: dict[str, dict[str, Any]], names: Sequence[str], setting: str
) -> Iterator[tuple[Any, str]]:
    for name in names:
        value = configs[name].get(setting)
        yield tuple(value) if isinstance(value, list) else value, name


def _default(sweep: Sweep) -> Any:
    if sweep.model not in registry.MODELS:
        return None
    fields = dataclasses.fields(registry.resolve(registry.MODELS, sweep.model, "model").Config)
    return next((field.default for field in fields if field.name == sweep.setting), None)


def _opponents(study: Study, sweep: Sweep) -> list[str]:
    """The other models of the study that were run with one setting alone."""
    models = [runs[0].record.model for runs in study.runs.values()]
    return [
        name
        for name, runs in study.runs.items()
        if (model := runs[0].record.model) not in (sweep.model, FLOOR, CEILING) and models.count(model) == 1
    ]


def _row(study: Study, name: str) -> Row:
    row = study.comparison.row(name)
    assert row is not None
    return row


def _file(study: Study, sweep: Sweep) -> str:
    return file_name(f"{study.name}, {sweep.model}, {sweep.setting}")


def _place(value: Any) -> tuple[bool, float, str]:
    """Numbers ascend and stand first; words are in alphabetical order."""
    return (False, float(value), "") if _is_number(value) else (True, 0.0, str(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
