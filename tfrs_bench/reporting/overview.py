"""Both splits side by side: who wins on each data set, by each way of asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tfrs_bench.evaluation.evaluator import PRIMARY
from tfrs_bench.reporting.budgets import SEARCH, began_ahead, kind_of, tuned_models
from tfrs_bench.reporting.comparison import mean_of
from tfrs_bench.reporting.judgements import tuned_alike
from tfrs_bench.reporting.study import CEILING, FLOOR, Study, without_variants

SPLITS = ("per_user", "global")


def overview(studies: Sequence[Study]) -> str | None:
    """Returns NDCG@10 of every data set that was split both ways, and who won.

    Args:
      studies: any; of a data set those count whose name is no more than data and split, variants of one
        model under a label of their own aside.

    Returns:
      A Markdown table, a row per model and a column per data set and split, and below it a line per data
      set: the best neural model against the best baseline, of those tuned alike. None if no data set was
      split both ways.
    """
    found = {study.name: study for study in studies}
    budgets = {study.name: _budget(study) for study in studies}
    datasets = dict.fromkeys(study.first.dataset for study in without_variants(studies))
    named = {data: [f"{data}, {split}" for split in SPLITS] for data in datasets}
    rows = {data: [found[name] for name in names] for data, names in named.items() if {*names} <= {*found}}
    if not rows:
        return None
    models = [
        model
        for model in dict.fromkeys(model for study in studies for model in study.runs)
        if model not in (FLOOR, CEILING) and any(model in one.runs for pair in rows.values() for one in pair)
    ]
    columns = {
        f"{data}, {split}": one
        for data, pair in rows.items()
        for split, one in zip(SPLITS, pair, strict=True)
    }
    lines = [f"| NDCG@10 | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for model in models:
        lines.append(
            f"| {model} | {' | '.join(mean_of(one.comparison.row(model)) for one in columns.values())} |"
        )
    return "\n".join(
        [
            *lines,
            "",
            *(f"- {data}: {_winners(pair)}.{_budgets(data, budgets)}" for data, pair in rows.items()),
        ]
    )


def _budgets(data: str, of_study: Mapping[str, str]) -> str:
    """Says of both splits whether models were tuned alike, once if the same holds for both."""
    told = {split: of_study[f"{data}, {split}"] for split in SPLITS}
    if len({*told.values()}) == 1:
        return told[SPLITS[0]]
    return "".join(f" {split}:{text}" for split, text in told.items() if text)


def _budget(study: Study) -> str:
    """Says whether the models were tuned alike; nothing where none was searched for within a budget."""
    kinds = {kind_of(record) for record in tuned_models(study).values()}
    searched = sorted(kind for kind in kinds if kind.startswith(f"{SEARCH} "))
    left = [name for name in tuned_models(study) if name not in tuned_alike(study)]
    if len(kinds) > 1 and (len(searched) != 1 or not left):
        return " Budgets differ, see results."
    if not searched:
        return ""
    counts = "do not count" if len(left) > 1 else "does not count"
    text = f" {searched[0]} for every model"
    text += f" but {', '.join(left)}, which {counts} there." if left else "."
    ahead = ", ".join(began_ahead(study))
    began = f" The search of {ahead} began at settings shipped for the split, see results."
    return text + began if ahead else text


def _winners(pair: Sequence[Study]) -> str:
    told = (f"{split}: {_decisive(one)}" for split, one in zip(SPLITS, pair, strict=True))
    return "; ".join(told)


def _decisive(study: Study) -> str:
    """Says how the best neural model stands against the best baseline, of those that were tuned alike."""
    rows, alike = study.comparison.rows, {*tuned_alike(study)}
    means = {row.model: row.mean for row in rows if (row.segment, row.metric) == ("all", PRIMARY)}
    verdicts = [
        one
        for one in study.comparison.verdicts
        if (one.segment, one.metric) == ("all", PRIMARY) and {one.model, one.baseline} <= alike
    ]
    if not verdicts:
        return "no verdict"
    best = max(verdicts, key=lambda one: (means[one.model], means[one.baseline]))
    share = "" if np.isnan(best.relative) else f" ({100 * best.relative:+z.0f} %)"
    return f"{best.model} vs {best.baseline} {best.amount(3)}{share}, {best.verdict}"
