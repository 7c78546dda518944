"""What newcomers get: NDCG@10 of every model against the interactions known of a user; table and figure."""

from __future__ import annotations

from collections.abc import Sequence

from tfrs_bench.evaluation.evaluator import PRIMARY
from tfrs_bench.evaluation.verdicts import Row
from tfrs_bench.reporting.comparison import known_levels, mean_of
from tfrs_bench.reporting.figures import COLORS, MARKERS, drawing, file_name
from tfrs_bench.reporting.judgements import weighed
from tfrs_bench.reporting.study import Study


def cold_start_page(studies: Sequence[Study]) -> str | None:
    """Returns a section per study of newcomers: command, table, figure and what the figures say.

    Args:
      studies: any; those without newcomers are passed over.

    Returns:
      Markdown, or None if no study has newcomers.
    """
    sections = [section for study in studies if of_newcomers(study) for section in _section(study)]
    return "\n".join(sections).rstrip() if sections else None


def cold_start_figures(studies: Sequence[Study]) -> dict[str, str]:
    """Returns the SVG of each study of newcomers by its file name."""
    return {_file(study): figure(study) for study in studies if of_newcomers(study)}


def of_newcomers(study: Study) -> bool:
    """Tells whether a study asks newcomers for lists."""
    return bool(known_levels(study)) and study.primary == PRIMARY


def _file(study: Study) -> str:
    return file_name(f"cold_start, {study.name}")


def _section(study: Study) -> list[str]:
    levels = known_levels(study)
    users = {row.segment: row.num_users for row in study.comparison.rows}
    lines = [f"### {study.first.dataset}, {study.first.split}", ""]
    lines += [*(f"`{one}`" for one in study.commands), ""]
    lines.append(f"| NDCG@10 of {users['all']:,} newcomers | {' | '.join(levels)} |")
    lines.append("|---|" + "---:|" * len(levels))
    for name in study.runs:
        cells = [mean_of(level_row(study, name, level)) for level in levels]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", f"![NDCG@10 against known interactions](../results/{_file(study)})", ""]
    return [*lines, *(f"- {one}" for one in findings(study)), ""]


def level_row(study: Study, name: str, level: str) -> Row:
    """Returns a model's NDCG@10 at a level of `known_levels`."""
    row = study.comparison.row(name, PRIMARY, level)
    assert row is not None
    return row


def findings(study: Study) -> list[str]:
    """Says who has the highest mean at each level, and each verdict there."""
    levels, competing = known_levels(study), weighed(study)
    best: dict[str, list[str]] = {}
    for level in levels:
        name = max(competing, key=lambda one: level_row(study, one, level).mean)
        best.setdefault(name, []).append(level.removesuffix(" known"))
    highest = (f"{name} at {', '.join(at)}" for name, at in best.items())
    lines = [f"Highest mean: {'; '.join(highest)}."]
    verdicts = [one for one in study.comparison.verdicts if one.metric == PRIMARY and one.segment in levels]
    for model, baseline in dict.fromkeys((one.model, one.baseline) for one in verdicts):
        words = [one for one in verdicts if (one.model, one.baseline) == (model, baseline)]
        told = "; ".join(
            f"{one.segment.removesuffix(' known')} {one.verdict} {one.amount(3)}" for one in words
        )
        lines.append(f"{model} vs {baseline} by known interactions: {told}.")
    return lines


def figure(study: Study) -> str:
    """Returns the SVG of NDCG@10 against the interactions known."""
    levels = known_levels(study)
    known = [int(level.removesuffix(" known")) for level in levels]
    with drawing(height=4.2) as drawn:
        for number, name in enumerate(study.runs):
            rows = [level_row(study, name, level) for level in levels]
            color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
            means = [row.mean for row in rows]
            drawn.axes.plot(known, means, color=color, marker=marker, label=name)
            low, high = [row.low for row in rows], [row.high for row in rows]
            drawn.axes.fill_between(known, low, high, color=color, alpha=0.12, linewidth=0)
        drawn.axes.set_xticks(known)
        drawn.axes.set_xlabel("interactions known of a newcomer")
        drawn.axes.set_ylabel("NDCG@10, 95 % interval")
        drawn.axes.set_title(f"{study.first.dataset}, {study.first.split}", loc="left")
        drawn.axes.set_ylim(bottom=0)
        drawn.axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    return drawn.svg
