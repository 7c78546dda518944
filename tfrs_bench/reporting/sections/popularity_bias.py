"""Popularity bias: for which items a model is good, and how much of the catalogue it shows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np

from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.evaluation.popularity_thirds import FOUND, RELEVANT, THIRDS
from tfrs_bench.evaluation.uncertainty import bootstrap_means, holm, interval, two_sided_p
from tfrs_bench.evaluation.verdicts import LEVEL, average_seeds
from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.document import Block, Bullets, Drawing, Paragraph, Section, Table
from tfrs_bench.reporting.figures import COLORS, drawing
from tfrs_bench.reporting.study import CEILING, FLOOR, Study, is_neural

_METHOD = (
    "Items are dealt into thirds that hold equally many training rows: few items in the head, most in the "
    "tail. Recall of a third is the share of its relevant items that stand in the first ten places, over all "
    "users together; differences have 95 % bootstrap intervals over users, words follow p, Holm-adjusted "
    "over the thirds. Coverage is the share of the catalogue in anybody's list; Gini is 0 where all items "
    "are listed equally often; novelty is in bits, higher for rarer items. A dash: the record was made "
    "before there were thirds."
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
    """Weighs the best neural against the best classical model on each third, by the same users."""
    means = {name: row.mean for name in found if (row := study.comparison.row(name)) is not None}
    neural = [name for name in means if is_neural(study.runs[name][0].record.model)]
    classical = [name for name in means if name not in (FLOOR, CEILING, *neural)]
    if not neural or not classical:
        return
    ours, theirs = (max(names, key=means.__getitem__) for names in (neural, classical))
    weighed = against(
        *(average_seeds([run.evaluation for run in study.runs[name]]) for name in (ours, theirs))
    )
    told = (
        f"{third} {one.difference:+.4f} [{one.low:+.4f}, {one.high:+.4f}], {one.word}"
        for third, one in weighed.items()
    )
    if weighed:
        pair = f"{ours} vs {theirs}, the best whose records count thirds"
        yield f"{study.name}: recall by third, {pair}: {'; '.join(told)}."


@dataclasses.dataclass(frozen=True)
class Weighed:
    """A difference in recall of one third with its unadjusted 95 % interval; its word is Holm-adjusted."""

    difference: float
    low: float
    high: float
    word: str


def against(ours: Evaluation, theirs: Evaluation) -> dict[str, Weighed]:
    """Weighs two models' recall of each third, users drawn with all their relevant items.

    Args:
      ours: of the model that may be better.
      theirs: of the same users.

    Returns:
      By third; nothing where one lacks the counts, and no third of which nobody wants an item.
    """
    if not ours.of_thirds or not theirs.of_thirds:
        return {}
    there = [third for third in THIRDS if ours.of_thirds[f"{RELEVANT}_{third}"].any()]
    columns = [
        one.of_thirds[f"{what}_{third}"].astype(np.float64)
        for third in there
        for one, what in ((ours, FOUND), (theirs, FOUND), (ours, RELEVANT))
    ]
    values = np.stack(columns, axis=1)
    means, drawn = values.mean(axis=0), bootstrap_means(values)
    differences = (means[0::3] - means[1::3]) / means[2::3]
    replicates = (drawn[:, 0::3] - drawn[:, 1::3]) / np.maximum(drawn[:, 2::3], 1e-12)
    low, high = interval(replicates)
    adjusted = holm(two_sided_p(replicates, len(values)))
    words = np.where(adjusted >= LEVEL, "cannot tell", np.where(differences > 0, "better", "worse"))
    numbers = zip(differences.tolist(), low.tolist(), high.tolist(), words.tolist(), strict=True)
    return {third: Weighed(*one) for third, one in zip(there, numbers, strict=True)}


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
        f"{study.name}: recall@10 among popular, middling and rare items. Compare a model's last bar "
        "with its first.",
        drawn.svg,
        study.folders,
    )
