"""Statistics: how sure the verdicts are, what these users could have shown, and what a seed moves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tfrs_bench.evaluation.verdicts import Verdict
from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.document import Block, Bullets, Paragraph, Section, Table
from tfrs_bench.reporting.study import Study

MATTERS = 0.05  # of the opponent's mean: what a reader would call a difference
_METHOD = (
    "Differences are of the same users, with 95 % bootstrap intervals (10,000 draws, unadjusted). Words "
    "follow p, "
    "Holm-adjusted over all pairs of a table. Detectable is the difference that so many users would have "
    f"shown with power 0.8. “Cannot tell” means too few users where a difference of {MATTERS:.0%} of the "
    "opponent's mean could have stayed hidden."
)


def statistics(studies: Sequence[Study]) -> Section:
    """Returns verdicts against the strongest classical model and ALS, and the spread over seeds."""
    blocks = [block for study in main_studies(studies) for block in _blocks(study)]
    return Section("Statistics", (Paragraph(_METHOD), *blocks) if blocks else ())


def uncertainty(one: Verdict) -> str | None:
    """Says what a verdict of “cannot tell” means; None for another word.

    Args:
      one: a verdict on a metric of which the opponent's mean is known by the relative difference.
    """
    if one.verdict != "cannot tell":
        return None
    who = f"{one.model} vs {one.baseline}"
    opponent = one.difference / one.relative if one.relative and math.isfinite(one.relative) else math.nan
    if max(abs(one.low), abs(one.high)) < MATTERS * abs(opponent):
        return f"{who}: about equal, the interval leaves no difference of {MATTERS:.0%}."
    if one.detectable > MATTERS * abs(opponent):
        share = f"{one.detectable / abs(opponent):.0%}"
        needed = one.num_users * (one.detectable / one.difference) ** 2 if one.difference else math.inf
        more = f"; about {needed:,.0f} users would show the difference that was seen" if needed < 1e7 else ""
        return f"{who}: too few users ({one.num_users:,}) to see less than {share} of difference{more}."
    return f"{who}: cannot tell, though a difference of {MATTERS:.0%} would likely have been seen."


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
            "model and of ALS, "
            f"{pairs[0].num_users:,} users.",
            ("comparison", "difference [95 %]", "relative", "p, adjusted", "detectable", "verdict"),
            tuple(map(_row, pairs)),
            study.folders,
        )
        told = [line for one in pairs if (line := uncertainty(one)) is not None]
        if told:
            yield Bullets(tuple(told), study.folders)
    spread = [row for name in study.runs if (row := _seeds(study, name)) is not None]
    if spread:
        yield Table(
            f"{study.name}: what a seed moves, all else equal.",
            ("model", "seeds", "mean", "standard deviation", "lowest", "highest", "deviation / interval"),
            tuple(spread),
            study.folders,
        )


def _row(one: Verdict) -> tuple[str, ...]:
    return (
        f"{one.model} vs {one.baseline}",
        f"{one.difference:+.4f} [{one.low:+.4f}, {one.high:+.4f}]",
        "–" if math.isnan(one.relative) else f"{one.relative:+.1%}",
        "< 0.001" if one.p_adjusted < 0.001 else f"{one.p_adjusted:.3f}",
        f"{one.detectable:.4f}",
        one.verdict,
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
