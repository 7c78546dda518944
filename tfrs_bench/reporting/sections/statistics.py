"""Statistics: how sure the verdicts are, what these users could have shown, and what a seed moves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tfrs_bench.evaluation.verdicts import Verdict
from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.document import Block, Bullets, Paragraph, Section, Table
from tfrs_bench.reporting.judgements import MATTERS, of_one_seed
from tfrs_bench.reporting.study import Study

_MANY = 1_000_000
_TITLES = (
    "comparison", "difference [95 %]", "relative", "p, adjusted", "detectable", "verdict", "users needed",
)  # fmt: skip
_METHOD = (
    "Differences are of the same users, with 95 % bootstrap intervals (10,000 draws, unadjusted). Words "
    "follow p, Holm-adjusted over all pairs of a study. Detectable is the difference that so many users "
    "would have shown with power 0.8 at that many pairs, the level of 5 % shared out among them. "
    f"“Cannot tell” is due to too few users where a difference of {MATTERS:.0%} of the opponent's mean could "
    f"have stayed hidden, and means about equal where the interval leaves none of {MATTERS:.0%}. Users "
    "needed: how many would show the difference that was seen."
)


def statistics(studies: Sequence[Study]) -> Section:
    """Returns verdicts against the strongest classical model and ALS, and the spread over seeds."""
    blocks = [block for study in main_studies(studies) for block in _blocks(study)]
    return Section("Statistics", (Paragraph(_METHOD), *blocks) if blocks else ())


def meaning(one: Verdict) -> str:
    """Returns a verdict's word and, of “cannot tell”, what it means for differences that matter.

    Args:
      one: a verdict; the opponent's mean is known by the relative difference.
    """
    if one.verdict != "cannot tell":
        return one.verdict
    matters = MATTERS * abs(_opponent(one))
    if max(abs(one.low), abs(one.high)) < matters:
        return "cannot tell: about equal"
    return "cannot tell: too few users" if one.detectable > matters else "cannot tell"


def users_needed(one: Verdict) -> str:
    """Returns how many users would show the difference seen with power 0.8; a dash where it is told."""
    if one.verdict != "cannot tell" or not one.difference:
        return "–"
    needed = one.num_users * (one.detectable / one.difference) ** 2
    return f"{needed:,.0f}" if needed < _MANY else f"over {_MANY:,}"


def _opponent(one: Verdict) -> float:
    known = one.relative and math.isfinite(one.relative)
    return one.difference / one.relative if known else math.nan


def shown_pairs(study: Study) -> list[Verdict]:
    """Returns each neural model's verdicts against the strongest classical model by mean, and ALS."""
    found = [one for one in study.comparison.verdicts if (one.segment, one.metric) == ("all", study.primary)]
    means = {
        row.model: row.mean
        for row in study.comparison.rows
        if (row.segment, row.metric) == ("all", study.primary)
    }
    if not found:
        return []
    hardest = max({one.baseline for one in found}, key=lambda name: means[name])
    return [one for one in found if one.baseline in (hardest, "als")]


def _blocks(study: Study) -> Iterator[Block]:
    pairs = shown_pairs(study)
    if pairs:
        yield Table(
            f"{study.name}: {study.primary.upper()} of neural models minus that of the strongest classical "
            f"model and of ALS, {pairs[0].num_users:,} users.",
            _TITLES,
            tuple(map(_row, pairs)),
            study.folders,
        )
    turned = tuple(f"{study.name}: {one}" for one in _of_segments(study, pairs))
    if turned:
        yield Bullets(turned, study.folders)
    alone = of_one_seed(study)
    if alone:
        yield Paragraph(
            f"{study.name}: one seed of {', '.join(alone)}, so what another seed would move is not known. "
            "`--seeds=3` tells.",
            study.folders,
        )
    spread = [row for name in study.runs if (row := _seeds(study, name)) is not None]
    if spread:
        yield Table(
            f"{study.name}: what a seed moves, all else equal.",
            ("model", "seeds", "mean", "standard deviation", "lowest", "highest", "deviation / interval"),
            tuple(spread),
            study.folders,
        )


def _of_segments(study: Study, pairs: Sequence[Verdict]) -> Iterator[str]:
    """Says each pair's verdict for the users of a segment where its word is another than for all."""
    shown = {(one.model, one.baseline) for one in pairs}
    for one, word in study.comparison.turned().items():
        if (one.model, one.baseline) in shown:
            yield f"{one.sentence()}; all users: {word}"


def _row(one: Verdict) -> tuple[str, ...]:
    return (
        f"{one.model} vs {one.baseline}",
        one.amount(),
        "–" if math.isnan(one.relative) else f"{one.relative:+.1%}",
        "< 0.001" if one.p_adjusted < 0.001 else f"{one.p_adjusted:.3f}",
        f"{one.detectable:.4f}",
        meaning(one),
        users_needed(one),
    )


def _seeds(study: Study, name: str) -> tuple[str, ...] | None:
    deviation, means, row = study.seed_deviation(name), study.seed_means(name), study.comparison.row(name)
    if deviation is None or row is None:
        return None
    half = (row.high - row.low) / 2
    ratio = f"{deviation / half:.0%}" if half else "–"
    return (
        name,
        str(len(means)),
        f"{row.mean:.4f}",
        f"{deviation:.4f}",
        f"{min(means):.4f}",
        f"{max(means):.4f}",
        ratio,
    )
