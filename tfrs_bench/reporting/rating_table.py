"""A study of predicted ratings as a table: errors first, and what the same models do to lists beside them."""

from __future__ import annotations

import numpy as np

from tfrs_bench.evaluation.evaluator import PRIMARY
from tfrs_bench.evaluation.metrics import ERRORS
from tfrs_bench.evaluation.rating_evaluator import CLIPPED
from tfrs_bench.evaluation.verdicts import Row
from tfrs_bench.reporting.study import Study

_FOOTNOTE = (
    "RMSE and MAE over {ratings:,} ratings by {users:,} users; intervals by a bootstrap of users, "
    "unadjusted. Predictions outside {low:g} to {high:g} are clipped: {clipped}. NDCG@10: the same models' "
    "lists, for {listed:,} users with relevant test items. {segments}. fit s: all fits but the tuning."
)


def predicts_ratings(study: Study) -> bool:
    """Whether a study weighs errors of ratings."""
    return study.primary in ERRORS


def rating_columns(study: Study, name: str) -> dict[str, str]:
    """Returns a model's figures by title: RMSE, MAE, RMSE of cold users, NDCG@10, seconds."""
    row = study.comparison.row
    return {f"{error.upper()} (95 % interval)": _with_interval(row(name, error)) for error in ERRORS} | {
        "cold": _mean(row(name, segment="cold")),
        "NDCG@10": _mean(row(name, PRIMARY)),
        "fit s": f"{study.mean(name, 'fit_s'):,.1f}",
    }


def rating_footnote(study: Study) -> str:
    """Returns what the figures of the table mean, and how many predictions were clipped."""
    first = next(iter(study.runs.values()))[0]
    users = {row.segment: row.num_users for row in study.comparison.rows if row.metric == study.primary}
    listed = [row.num_users for row in study.comparison.rows if (row.metric, row.segment) == (PRIMARY, "all")]
    clipped = {
        name: np.mean([run.evaluation.list_metrics[CLIPPED] for run in runs])
        for name, runs in study.runs.items()
    }
    low, high = first.record.data["scale"]
    segments = f"cold: RMSE of {users['cold']:,} cold users" if "cold" in users else "cold: no user is"
    if first.evaluation.known is not None:
        segments = "0 to 4: RMSE of newcomers after so many interactions; that over all of them comes first"
    return _FOOTNOTE.format(
        ratings=int(first.evaluation.per_user_rated().sum()),
        users=users["all"],
        low=low,
        high=high,
        clipped=", ".join(f"{name} {count:,.0f}" for name, count in clipped.items()),
        listed=listed[0] if listed else 0,
        segments=segments,
    )


def _mean(row: Row | None) -> str:
    return "–" if row is None else f"{row.mean:.4f}"


def _with_interval(row: Row | None) -> str:
    return "–" if row is None else f"{row.mean:.4f} ({row.low:.3f}–{row.high:.3f})"
