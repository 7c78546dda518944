"""What classical models alone can do, told before any neural figure: how high the bar is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.budgets import cap_of, trials_of
from tfrs_bench.reporting.document import Block, Bullets, Drawing, Paragraph, Section, Table
from tfrs_bench.reporting.dot_plot import dot_plot
from tfrs_bench.reporting.judgements import best, classical, judged, pair, registered
from tfrs_bench.reporting.leaderboard import ranked
from tfrs_bench.reporting.records import RunRecord
from tfrs_bench.reporting.study import Study

_USUAL = ("popularity", "als")  # whom papers hold their models against


def lessons(studies: Sequence[Study]) -> Section:
    """Returns which classical model leads where, by how much over usual opponents, and what tuning did."""
    found = [study for study in main_studies(studies) if len(classical(study)) > 1]
    if not found:
        return Section("Lessons from Baselines")
    return Section("Lessons from Baselines", tuple(_blocks(found)))


def _blocks(studies: Sequence[Study]) -> Iterator[Block]:
    leaders = {study.name: best(study, classical(study)) or "" for study in studies}
    distinct = len({*leaders.values()})
    folders = tuple(folder for study in studies for folder in study.folders)
    yield Paragraph(
        "A new model proves something only against opponents that had the same care. So first: what do "
        "tuned classical models reach by themselves?"
        + (
            f" Over {len(studies)} data sets and splits {distinct} different "
            f"{'models have' if distinct > 1 else 'model has'} the best mean."
            if len(studies) > 1
            else ""
        ),
        folders,
    )
    yield Bullets(tuple(line for study in studies for line in _against_usual(study)), folders)
    yield Table(
        "The best classical model of each study, and what it costs.",
        ("study", "leads", "NDCG@10 (95 % interval)", "train s", "µs/user", "settings"),
        tuple(_leader(study, leaders[study.name]) for study in studies),
        folders,
    )
    gains = tuple(_searched(studies))
    if gains:
        yield Table(
            "What a search within a budget was worth: gain in validation NDCG@10 from trial 0, which has the "
            "settings of no search, to the best.",
            ("model", "searches", "trials", "minutes", "median gain", "largest", "where"),
            gains,
            folders,
        )
    for study in studies:
        names = [name for name in ranked(study) if name in classical(study)]
        yield Drawing(
            f"baselines, {study.name}",
            f"Classical models on {study.name}: intervals that overlap much are no order.",
            dot_plot(study, names),
            study.folders,
        )


def _against_usual(study: Study) -> Iterator[str]:
    top = best(study, classical(study))
    for other in classical(study):
        verdict = pair(study, top, other) if top not in (None, other) and top else None
        if registered(study, other) in _USUAL and verdict is not None:
            yield f"{study.name}: {judged(verdict)}."


def _leader(study: Study, name: str) -> tuple[str, ...]:
    row, record = study.comparison.row(name), study.runs[name][0].record
    assert row is not None
    costs = (f"{study.mean(name, 'fit_s'):,.1f}", f"{study.mean(name, 'score_us_per_user'):,.0f}")
    return (study.name, name, f"{row.mean:.4f} ({row.low:.4f}–{row.high:.4f})", *costs, record.tuning)


def _searched(studies: Sequence[Study]) -> Iterator[tuple[str, ...]]:
    """Returns a row per model that was searched for anywhere."""
    searches: dict[str, list[tuple[float, str, RunRecord]]] = {}
    for study in studies:
        for name in classical(study):
            record = study.runs[name][0].record
            qualities = [quality for _, quality in record.trials if quality is not None]
            if cap_of(record) is not None and len(qualities) > 1 and qualities[0] > 0:
                found = (max(qualities) / qualities[0] - 1, study.name, record)
                searches.setdefault(record.model, []).append(found)
    for model, its in searches.items():
        largest, where, _ = max(its, key=lambda one: one[:2])
        trials = sum(trials_of(record) for _, _, record in its)
        minutes = sum(record.tune_minutes for _, _, record in its)
        gains = (f"{median(gain for gain, _, _ in its):+.0%}", f"{largest:+.0%}")
        yield (model, f"{len(its)}", f"{trials}", f"{minutes:.1f}", *gains, where)
