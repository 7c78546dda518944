"""What each stage of a funnel contributes, as tables in a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tfrs_bench.reporting.comparison import markdown_table
from tfrs_bench.reporting.console import Console
from tfrs_bench.reporting.study import Study


def print_funnels(study: Study, console: Console) -> None:
    """Prints a table for every funnel of a study, of its first seed; nothing where there is none."""
    for name, funnel in _funnels(study):
        rows = _rows(funnel)
        console.paragraph(f"{name}, stage by stage", style="bold")
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for title in rows[0]:
            first = title == "stage"
            style, justify = ("bold", "left") if first else ("", "right")
            table.add_column(title, style=style, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for row in rows:
            table.add_row(*row.values())
        console.rich.print(table)
        console.paragraph(_note(funnel), style="dim")
        console.rich.print()
        for line in _gains(funnel):
            console.line(line)
        console.rich.print()


def funnel_page(studies: Sequence[Study]) -> str | None:
    """Returns a section per study that has a funnel: its command, all models, and the funnel's stages.

    Returns:
      Markdown, or None if no study has one.
    """
    lines: list[str] = []
    for study in studies:
        found = list(_funnels(study))
        if found:
            lines += [f"### {study.name}", "", *(f"`{one}`" for one in study.commands), ""]
            lines += [*markdown_table(study), ""]
        for name, funnel in found:
            rows = _rows(funnel)
            lines += [
                f"| {name} | {' | '.join([*rows[0]][1:])} |",
                "|---" + "|---:" * (len(rows[0]) - 1) + "|",
            ]
            lines += [f"| {' | '.join(row.values())} |" for row in rows]
            lines += ["", _note(funnel), "", *(f"- {one}" for one in _gains(funnel)), ""]
    return "\n".join(lines).rstrip() if lines else None


def _funnels(study: Study) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, runs in study.runs.items():
        if runs[0].record.funnel:
            yield name, runs[0].record.funnel


def _rows(funnel: dict[str, Any]) -> list[dict[str, str]]:
    """Returns a row for each stage: figures by title."""
    return [
        {
            "stage": stage["stage"],
            "HR@10": f"{stage['hr']['mean']:.4f}",
            "NDCG@10 (95 % interval)": "{mean:.4f} ({low:.4f}–{high:.4f})".format(**stage["ndcg"]),
            "diversity": _share(stage["diversity"]),
            "coverage": _share(stage["coverage"]),
            "µs/user": f"{stage['us_per_user']:,.0f}",
        }
        for stage in funnel["stages"]
    ]


def _note(funnel: dict[str, Any]) -> str:
    stages = ", ".join(f"{stage['stage']} by {stage['by']}" for stage in funnel["stages"])
    recall = "{mean:.3f} ({low:.3f}–{high:.3f})".format(**funnel["recall"])
    return (
        f"{stages[:1].upper()}{stages[1:]}. Index: {funnel['index']}. Of a user's relevant items {recall} "
        f"are among the {funnel['num_candidates']:,} candidates: no later stage can reach more. diversity: "
        f"mean 1 − cosine of the pairs within ten, by {funnel['alike_by']}. µs/user: in that stage alone."
    )


def _gains(funnel: dict[str, Any]) -> list[str]:
    """Says how each later stage differs from the one before."""
    return [
        f"{stage['stage']} vs {before['stage']}: NDCG@10 "
        + "{mean:+.4f} [{low:+.4f}, {high:+.4f}]".format(**stage["difference"])
        for before, stage in zip(funnel["stages"], funnel["stages"][1:], strict=False)
    ]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
