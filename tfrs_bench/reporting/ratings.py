"""What RMSE does not tell: studies of ratings, with the lists of the same models and of others."""

from __future__ import annotations

from collections.abc import Sequence

from tfrs_bench.evaluation.evaluator import PRIMARY, PRIMARY_ERROR
from tfrs_bench.reporting.comparison import mean_of
from tfrs_bench.reporting.rating_table import predicts_ratings
from tfrs_bench.reporting.study import CEILING, Study


def ratings_page(studies: Sequence[Study]) -> str | None:
    """Returns a section per study of ratings: its command, RMSE beside NDCG@10, and who leads by which.

    Args:
      studies: any; below the models that rate stand those of the study of lists on the same data and split.

    Returns:
      Markdown, or None if no study is of ratings.
    """
    found = {study.name: study for study in studies}
    sections = []
    for study in studies:
        first = study.first
        if predicts_ratings(study) and study.name == f"{first.dataset}, {first.split}, rating":
            sections += _section(study, found.get(f"{first.dataset}, {first.split}"))
    return "\n".join(sections).rstrip() if sections else None


def _section(study: Study, lists: Study | None) -> list[str]:
    row = study.comparison.row
    lines = [
        f"### {study.first.dataset}, {study.first.split}",
        "",
        *(f"`{one}`" for one in study.commands),
        "",
    ]
    lines += ["| model | RMSE | MAE | NDCG@10 |", "|---|---:|---:|---:|"]
    for name in study.runs:
        figures = (row(name), row(name, "mae"), row(name, PRIMARY))
        lines.append(f"| {name} | {' | '.join(map(mean_of, figures))} |")
    for name in [] if lists is None else lists.runs:
        if lists is not None and name not in study.runs and name != CEILING:
            lines.append(f"| {name} | – | – | {mean_of(lists.comparison.row(name, PRIMARY))} |")
    told = [_leaders(study), *study.comparison.sentences()]
    return [*lines, "", *(f"- {one}" for one in told if one), ""]


def _leaders(study: Study) -> str:
    """Says who has the lowest RMSE and who the best lists."""
    of = {metric: _means(study, metric) for metric in (PRIMARY_ERROR, PRIMARY)}
    if not of[PRIMARY]:
        return ""
    lowest = min(of[PRIMARY_ERROR], key=of[PRIMARY_ERROR].__getitem__)
    best = max(of[PRIMARY], key=of[PRIMARY].__getitem__)
    if best == lowest:
        return f"Lowest RMSE and highest NDCG@10: {best}."
    return f"Lowest RMSE: {lowest}, with NDCG@10 {of[PRIMARY][lowest]:.4f}. Highest NDCG@10: {best}, " + (
        f"{of[PRIMARY][best]:.4f}, with RMSE {of[PRIMARY_ERROR][best]:.4f}."
    )


def _means(study: Study, metric: str) -> dict[str, float]:
    rows = study.comparison.rows
    return {row.model: row.mean for row in rows if (row.metric, row.segment) == (metric, "all")}
