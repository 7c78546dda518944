"""Popularity bias: for which items a model is good, and how much of the catalogue it shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tfrs_bench.evaluation.popularity_thirds import THIRDS
from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.document import Block, Bullets, Drawing, Paragraph, Section, Table
from tfrs_bench.reporting.figures import COLORS, drawing
from tfrs_bench.reporting.study import CEILING, Study

_METHOD = (
    "Items are dealt into thirds that hold equally many training rows: few items in the head, most in the "
    "tail. Recall of a third is the share of its relevant items that stand in the first ten places, over all "
    "users together and without an interval. Coverage is the share of the catalogue in anybody's list; Gini "
    "is 0 where all items are listed equally often; novelty is in bits, higher for rarer items. A dash: the "
    "record was made before there were thirds."
)
_SHOWN = {"coverage@10": ".3f", "gini@10": ".3f", "novelty@10": ".2f", "average_popularity@10": ",.0f"}
_RECALLS = {third: f"recall_{third}@10" for third in THIRDS}


def popularity_bias(studies: Sequence[Study]) -> Section:
    """Returns recall by popularity third and the breadth of lists of every data set and split."""
    blocks = [block for study in main_studies(studies) for block in _blocks(study)]
    return Section("Popularity bias", (Paragraph(_METHOD), *blocks) if blocks else ())


def _blocks(study: Study) -> Iterator[Block]:
    found = {name: recalls for name in study.runs if (recalls := _recalls(study, name)) is not None}
    if len(found) > 1:
        yield _figure(study, found)
    yield Table(
        f"{study.name}: recall@10 by popularity third, and how broad the lists are.",
        (
            "model",
            *(f"recall, {third}" for third in THIRDS),
            "coverage",
            "Gini",
            "novelty",
            "mean popularity",
        ),
        tuple(
            (
                name,
                *_cells(found.get(name)),
                *(_number(_list_metric(study, name, one), how) for one, how in _SHOWN.items()),
            )
            for name in study.runs
        ),
        study.folders,
    )
    told = [*_findings(study, found)]
    if told:
        yield Bullets(tuple(told), study.folders)


def _list_metric(study: Study, name: str, metric: str) -> float | None:
    """Returns the mean over seeds, or None if a record lacks it."""
    values = [run.evaluation.list_metrics.get(metric, math.nan) for run in study.runs[name]]
    mean = sum(values) / len(values)
    return None if math.isnan(mean) else mean


def _recalls(study: Study, name: str) -> dict[str, float] | None:
    found = {third: _list_metric(study, name, metric) for third, metric in _RECALLS.items()}
    known = {third: value for third, value in found.items() if value is not None}
    return known or None


def _cells(recalls: dict[str, float] | None) -> list[str]:
    return [_number((recalls or {}).get(third), ".4f") for third in THIRDS]


def _number(value: float | None, how: str) -> str:
    return "–" if value is None else format(value, how)


def _findings(study: Study, found: dict[str, dict[str, float]]) -> Iterator[str]:
    real = {name: recalls for name, recalls in found.items() if name != CEILING}
    for third in ("head", "tail"):
        its = {name: recalls[third] for name, recalls in real.items() if third in recalls}
        if len(its) > 1 and max(its.values()) > 0:
            best = max(its, key=its.__getitem__)
            yield f"{study.name}: the highest recall of the {third} is that of {best}, {its[best]:.4f}."


def _figure(study: Study, found: dict[str, dict[str, float]]) -> Drawing:
    with drawing(height=0.9 + 0.3 * len(found)) as drawn:
        axes = drawn.axes
        for number, third in enumerate(THIRDS):
            places = [place + 0.25 * (number - 1) for place in range(len(found))]
            values = [recalls.get(third, 0.0) for recalls in found.values()]
            axes.barh(places, values, height=0.22, color=COLORS[number], label=third)
        axes.set_yticks(range(len(found)), [*found])
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", alpha=0.3)
        axes.set_xlabel("recall@10")
        axes.set_title(study.name, loc="left")
        axes.set_axisbelow(True)
        drop = -0.7 / (0.9 + 0.3 * len(found))  # inches below the axes, as a share of them
        axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, drop), ncols=3)
    return Drawing(
        f"popularity thirds, {study.name}",
        f"{study.name}: recall@10 among popular, middling and rare items. A short last bar: the model lives "
        "on what "
        "everybody likes.",
        drawn.svg,
        study.folders,
    )
