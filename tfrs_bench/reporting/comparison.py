"""A study as a person reads it in a terminal, and as the JSON that a program reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tfrs_bench.evaluation.verdicts import Row, asked_of
from tfrs_bench.reporting.budgets import budgets_differ, spent, starts_differ
from tfrs_bench.reporting.console import Console
from tfrs_bench.reporting.rating_table import predicts_ratings, rating_columns, rating_footnote
from tfrs_bench.reporting.records import RunRecord, without_nan, write_atomically
from tfrs_bench.reporting.study import CEILING, Study, shown

UNTUNED = "defaults, untuned"

_NO_VERDICT = "No verdicts: they hold a neural model of --model against --baselines, and one side is empty."
_MOST_SENTENCES = 8  # of which a terminal shows each; more are told by their word
_ALL_SENTENCES = "All {count} verdicts with intervals: --summary=FILE, or python -m tfrs_bench.report."
_GROUPS = {"better": "better than", "worse": "worse than", "cannot tell": "cannot tell from"}
_FOOTNOTE = (
    "Means over {users:,} users with relevant test items, the whole catalogue ranked; bootstrap intervals, "
    "unadjusted. {segments}. train s: all fits but the tuning. µs/user: scoring alone."
)
_COSTS = ("fit_s", "tune_minutes", "score_us_per_user", "peak_memory_mb")
_OF_VERDICTS = (
    "model", "baseline", "segment", "metric", "difference", "low", "high", "relative", "p", "p_adjusted",
    "detectable", "num_users", "verdict",
)  # fmt: skip


def print_conclusion(study: Study, console: Console) -> None:
    """Prints table, footnote, warnings and verdicts."""
    first = study.first
    seed = first.experiment.get("seed", first.seed)
    task = ", predicted ratings" if predicts_ratings(study) else ""
    console.rich.print(f"{first.dataset}, {first.split} split, seed {seed}{task}", style="bold")
    console.rich.print(comparison_table(study))
    console.paragraph(footnote(study), style="dim")
    for line in warnings(study):
        console.paragraph(line)
    console.rich.print()
    sentences = study.comparison.sentences()
    if len(sentences) <= _MOST_SENTENCES:
        for line in sentences or [_NO_VERDICT]:
            console.line(line)
        return
    for name in dict.fromkeys(one.model for one in study.comparison.verdicts):
        console.line(study.comparison.hardest(name).sentence())
        for line in verdict_groups(study, name):
            console.paragraph(line)
    console.paragraph(_ALL_SENTENCES.format(count=len(sentences)), style="dim")


def verdict_groups(study: Study, name: str) -> list[str]:
    """Returns a neural model's verdicts by their word: of all users, then where a segment's word differs."""
    words: dict[str, dict[str, list[str]]] = {}
    for one in (*study.comparison.overall(), *study.comparison.turned()):
        if one.model == name:
            words.setdefault(one.segment, {}).setdefault(one.verdict, []).append(one.baseline)
    return [
        f"{name}{asked_of(segment)}: "
        + "; ".join(f"{_GROUPS[word]} {', '.join(found[word])}" for word in _GROUPS if word in found)
        for segment, found in words.items()
    ]


def comparison_table(study: Study) -> Table:
    """Lays out models as rows.

    Returns:
      A rich table of at most 80 columns, see `columns`.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("model", style="bold", no_wrap=True)
    for title in columns(study, next(iter(study.runs))):
        table.add_column(title, justify="right", no_wrap=True)
    for name in study.runs:
        table.add_row(name, *columns(study, name).values())
    return table


def markdown_table(study: Study, names: Sequence[str] | None = None) -> list[str]:
    """Returns the Markdown table of a study, or of some of its models, a row each."""
    titles = list(columns(study, next(iter(study.runs))))
    lines = [f"| model | seeds | {' | '.join(titles)} |", f"|---|---:{'|---:' * len(titles)}|"]
    for name in study.runs if names is None else names:
        deviation, count = study.seed_deviation(name), len(study.runs[name])
        seeds = f"{count}" if deviation is None else f"{count}, ± {deviation:.4f}"
        lines.append(f"| {' | '.join([name, seeds, *columns(study, name).values()])} |")
    return lines


def columns(study: Study, name: str) -> dict[str, str]:
    """Returns a model's figures by title.

    HR@10, NDCG@10 with interval, MAP@10 and NDCG@10 of cold users; of newcomers, NDCG@10 and the same by
    known interactions; then training seconds and scoring microseconds a user. Of ratings see `rating_table`.
    """
    if predicts_ratings(study) and not known_levels(study):
        return rating_columns(study, name)
    row = study.comparison.row
    main = row(name)
    assert main is not None
    levels = known_levels(study)
    if levels:
        by_level = {level.removesuffix(" known"): mean_of(row(name, segment=level)) for level in levels}
        figures = {study.primary.upper(): mean_of(main)} | by_level
    else:
        figures = {
            "HR@10": mean_of(row(name, "hr@10")),
            "NDCG@10 (95 % interval)": f"{main.mean:.4f} ({main.low:.4f}–{main.high:.4f})",
            "MAP@10": mean_of(row(name, "map@10")),
            "cold": mean_of(row(name, segment="cold")),
        }
    return figures | {
        "train s": f"{study.mean(name, 'fit_s'):,.1f}",
        "µs/user": f"{study.mean(name, 'score_us_per_user'):,.0f}",
    }


def known_levels(study: Study) -> list[str]:
    """Returns the segments of newcomers, `0 known` and so on; none where known users are asked."""
    segments = dict.fromkeys(row.segment for row in study.comparison.rows)
    return [segment for segment in segments if segment.endswith(" known")]


def mean_of(row: Row | None) -> str:
    """Returns a mean with four decimals, or a dash where nothing was measured."""
    return "–" if row is None else f"{row.mean:.4f}"


def footnote(study: Study) -> str:
    """Returns what the figures of the table mean."""
    users = {row.segment: row.num_users for row in study.comparison.rows}
    tuning = spent(study)
    last = _of_seeds(study) + ([] if tuning is None else [tuning])
    if predicts_ratings(study):
        return " ".join([rating_footnote(study), *last])
    segments = f"cold: NDCG@10 of {users['cold']:,} cold users" if "cold" in users else "cold: no user is"
    if known_levels(study):
        segments = "0 to 4: NDCG@10 of newcomers after so many interactions; their mean comes first"
    lines = [_FOOTNOTE.format(users=users["all"], segments=segments)]
    lines += last
    if CEILING in study.runs:
        lines.append("oracle: the simulator's own truth.")
    return " ".join(lines)


def _of_seeds(study: Study) -> list[str]:
    spreads = {name: study.seed_deviation(name) for name in study.runs}
    told = [
        f"{name} {len(study.runs[name])} seeds ± {one:.4f}"
        for name, one in spreads.items()
        if one is not None
    ]
    if not told:
        return []
    return [
        f"Users' figures and train s are means over seeds; {study.primary.upper()}'s standard deviation over "
        f"seeds: {', '.join(told)}."
    ]


def warnings(study: Study) -> list[str]:
    """Returns what a reader must know before believing the table."""
    first = study.first
    found = []
    if first.split == "random":
        found.append(
            "The split is random: models have seen the future, and figures are higher than in service."
        )
    if not first.audit["temporal"] and first.split != "random":
        found.append(
            "The given split is not temporal: some test rows come before training rows of the same user."
        )
    share, shuffled = first.experiment.get("train_fraction"), first.experiment.get("shuffle_histories")
    if share is not None:
        found.append(
            f"Trained on {share:.1%} of the users; the others are tested as users unseen in training."
        )
    if shuffled is not None:
        where = "in the test" if shuffled == "test" else "in training, validation and test"
        found.append(f"Histories are shuffled {where}: what these models lose is what the order is worth.")
    found += [
        f"{name} has default settings because of --tune_baselines=false: a win over it proves little."
        for name, runs in study.runs.items()
        if runs[0].record.tuning == UNTUNED
    ]
    return [*found, *filter(None, (budgets_differ(study), starts_differ(study)))]


def chosen_settings(study: Study) -> list[str]:
    """Returns a line per model that has settings: where they come from and what they are."""
    lines = []
    for name, runs in study.runs.items():
        record = runs[0].record
        values = [
            f" {field}={shown(value)}"
            for field, value in record.config.items()
            if value not in (None, [], ())
        ]
        if record.config:
            kept = [_epochs(run.record.epochs) for run in runs if run.record.epochs is not None]
            epochs = f"; epochs kept: {', '.join(kept)}" if kept else ""
            source = f"{record.tuning}{_search_behind(record)}{epochs}"
            lines.append(f"{name} ({source}){':' if values else ''}{''.join(values)}")
    return lines


def _search_behind(record: RunRecord) -> str:
    """Returns what is known of the search that a file of settings came from."""
    ledger = record.ledger
    if ledger.get("method") != "flagfile" or "trials" not in ledger:
        return ""
    return f"; {ledger['search']}: {ledger['trials']} trials, {ledger['minutes']:.1f} min"


def _epochs(kept: int | dict[str, int]) -> str:
    if isinstance(kept, int):
        return str(kept)
    return " + ".join(f"{part} {epochs}" for part, epochs in kept.items())


def summary(study: Study) -> dict[str, Any]:
    """Lays out a study for other programs.

    Returns:
      A JSON-able dictionary; a number that does not exist is None. Metrics and costs of a model are means
      over its seeds.
    """
    first, compared = study.first, study.comparison
    content: dict[str, Any] = {
        "dataset": first.dataset,
        "split": first.split,
        "asked": first.asked,
        "sentences": compared.sentences(),
        "rows": [dataclasses.asdict(row) for row in compared.rows],
        "comparisons": [{name: getattr(one, name) for name in _OF_VERDICTS} for one in compared.verdicts],
        "costs": [
            {"model": name}
            | {cost: study.mean(name, cost) for cost in _COSTS}
            | {
                field: getattr(runs[0].record, field)
                for field in ("num_parameters", "tuning", "ledger", "config")
            }
            | {
                "seeds": [run.record.seed for run in runs],
                f"{study.primary} of seeds": study.seed_means(name),
            }
            for name, runs in study.runs.items()
        ],
        "audit": first.audit,
    }
    found: dict[str, Any] = without_nan(content)
    return found


def write_summary(path: Path, study: Study) -> None:
    """Writes `summary` as JSON."""
    write_atomically(path, json.dumps(summary(study), indent=1, allow_nan=False) + "\n")
