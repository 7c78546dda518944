"""The comparison of a run's models: the table a person reads and the JSON a program reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tfrs_bench.evaluation.verdicts import Comparison
from tfrs_bench.reporting.records import RunRecord, without_nan, write_atomically

UNTUNED = "defaults, untuned"

_FOOTNOTE = (
    "Means over {users:,} users with relevant test items, the whole catalogue ranked; bootstrap intervals, "
    "unadjusted. cold: {cold}. train s: all fits but the tuning. µs/user: scoring alone."
)


def comparison_table(comparison: Comparison, records: Sequence[RunRecord]) -> Table:
    """Lays out models as rows.

    Args:
      comparison: metrics and intervals.
      records: the runs, in the order of the rows.

    Returns:
      A rich table of at most 80 columns: HR@10, NDCG@10 with interval, MAP@10, NDCG@10 of cold users,
      training seconds, scoring microseconds a user.
    """
    cells = {(row.model, row.segment, row.metric): row for row in comparison.rows}
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("model", style="bold", no_wrap=True)
    for title in ("HR@10", "NDCG@10 (95 % interval)", "MAP@10", "cold", "train s", "µs/user"):
        table.add_column(title, justify="right", no_wrap=True)
    for record in records:
        main, cold = cells[record.model, "all", "ndcg@10"], cells.get((record.model, "cold", "ndcg@10"))
        table.add_row(
            record.model,
            f"{cells[record.model, 'all', 'hr@10'].mean:.4f}",
            f"{main.mean:.4f} ({main.low:.4f}–{main.high:.4f})",
            f"{cells[record.model, 'all', 'map@10'].mean:.4f}",
            "–" if cold is None else f"{cold.mean:.4f}",
            f"{record.fit_s:,.1f}",
            f"{record.score_us_per_user:,.0f}",
        )
    return table


def footnote(comparison: Comparison) -> str:
    """Returns what the figures of the table mean."""
    users = {row.segment: row.num_users for row in comparison.rows}
    cold = f"NDCG@10 of {users['cold']:,} cold users" if "cold" in users else "no user is"
    ceiling = (
        " oracle: the simulator's own truth." if any(row.model == "oracle" for row in comparison.rows) else ""
    )
    return _FOOTNOTE.format(users=users["all"], cold=cold) + ceiling


def warnings(records: Sequence[RunRecord]) -> list[str]:
    """Returns what a reader must know before believing the table."""
    first = records[0]
    found = []
    if first.split == "random":
        found.append(
            "The split is random: models have seen the future, and figures are higher than in service."
        )
    if not first.audit["temporal"] and first.split != "random":
        found.append(
            "The given split is not temporal: some test rows come before training rows of the same user."
        )
    found += [
        f"{record.model} has default settings because of --tune_baselines=false: a win over it proves little."
        for record in records
        if record.tuning == UNTUNED
    ]
    return found


def chosen_settings(records: Sequence[RunRecord]) -> list[str]:
    """Returns a line per model that has settings: where they come from and what they are."""
    lines = []
    for record in records:
        values = [
            f" {name}={_short(value)}" for name, value in record.config.items() if value not in (None, [], ())
        ]
        if record.config:
            epochs = "" if record.epochs is None else f"; epochs kept: {record.epochs}"
            lines.append(f"{record.model} ({record.tuning}{epochs}){':' if values else ''}{''.join(values)}")
    return lines


def summary(
    comparison: Comparison, records: Sequence[RunRecord], asked: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Lays out the comparison for other programs.

    Args:
      comparison: metrics, intervals and verdicts.
      records: the runs, in the order of the rows.
      asked: the flags that differed from their defaults, by name.

    Returns:
      A JSON-able dictionary; a number that does not exist is None.
    """
    first = records[0]
    fields = (
        "model",
        "baseline",
        "segment",
        "metric",
        "difference",
        "low",
        "high",
        "relative",
        "p",
        "p_adjusted",
        "detectable",
        "num_users",
        "verdict",
    )
    content: dict[str, Any] = {
        "dataset": first.dataset,
        "split": first.split,
        "asked": asked or {},
        "sentences": comparison.sentences(),
        "rows": [dataclasses.asdict(row) for row in comparison.rows],
        "comparisons": [{name: getattr(one, name) for name in fields} for one in comparison.verdicts],
        "costs": [
            {
                "model": record.model,
                "fit_s": record.fit_s,
                "tune_minutes": record.tune_minutes,
                "score_us_per_user": record.score_us_per_user,
                "num_parameters": record.num_parameters,
                "peak_memory_mb": record.peak_memory_mb,
                "tuning": record.tuning,
                "config": record.config,
            }
            for record in records
        ],
        "audit": first.audit,
    }
    found: dict[str, Any] = without_nan(content)
    return found


def write_summary(
    path: Path, comparison: Comparison, records: Sequence[RunRecord], asked: dict[str, Any] | None = None
) -> None:
    """Writes `summary` as JSON."""
    content = summary(comparison, records, asked)
    write_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_short, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
