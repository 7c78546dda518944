"""What single settings are worth, all else equal: negatives apart from the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfrs_bench.reporting.document import Block, Bullets, Drawing, Section, Table
from tfrs_bench.reporting.judgements import pair
from tfrs_bench.reporting.study import Study, labelled
from tfrs_bench.reporting.sweeps import LABEL, Sweep, differences, figure, sweeps

NEGATIVES = ("negatives", "num_negatives", "negative_sampling", "popularity_exponent", "reject_positives")


def negatives(studies: Sequence[Study]) -> Section:
    """Returns figure and differences of each sweep over how negatives are drawn."""
    return Section("Negative sampling", tuple(_blocks(studies, of_negatives=True)))


def settings(studies: Sequence[Study]) -> Section:
    """Returns figure and differences of every other sweep, and what an ablation takes away."""
    blocks = [*_blocks(studies, of_negatives=False)]
    for study in labelled(studies, "ablation"):
        table = _ablation(study)
        blocks += [] if table is None else [table]
    return Section("Sensitivity of hyper-parameters", tuple(blocks))


def _blocks(studies: Sequence[Study], *, of_negatives: bool) -> Iterator[Block]:
    for study in labelled(studies, LABEL):
        for sweep in sweeps(study):
            if (sweep.setting in NEGATIVES) == of_negatives:
                yield _drawing(study, sweep)
                yield Bullets(
                    tuple(f"{study.name}: {one}" for one in differences(study, sweep)), study.folders
                )


def _drawing(study: Study, sweep: Sweep) -> Drawing:
    return Drawing(
        f"sensitivity, {study.name}, {sweep.model}, {sweep.setting}",
        f"{study.primary.upper()} of {sweep.model} on {study.name} at each value of "
        f"`{sweep.setting}`, all else "
        "equal; dashed: other models.",
        figure(study, sweep),
        study.folders,
    )


def _ablation(study: Study) -> Table | None:
    """Returns each variant against the plain settings of its model."""
    plain = [name for name in study.runs if "(" not in name]
    variants = {
        name: found[0]
        for name in study.runs
        if "(" in name and (found := [one for one in plain if name.startswith(f"{one} (")])
    }
    rows = []
    for name, usual in variants.items():
        verdict = pair(study, name, usual)
        row = study.comparison.row(name)
        if verdict is not None and row is not None:
            rows.append((name, f"{row.mean:.4f}", verdict.amount(), verdict.verdict))
    if not rows:
        return None
    titles = ("variant", study.primary.upper(), "minus the plain settings", "word")
    caption = (
        f"{study.name}: one setting changed at a time. Words are corrected for the number of comparisons "
        "(Holm), intervals are not."
    )
    return Table(caption, titles, tuple(rows), study.folders)
