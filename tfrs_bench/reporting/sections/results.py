"""All models side by side: a table and a figure per data set and split, and what can be said of each pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.comparison import columns, footnote, mean_of, warnings
from tfrs_bench.reporting.document import Block, Bullets, Drawing, Section, Table
from tfrs_bench.reporting.dot_plot import dot_plot
from tfrs_bench.reporting.judgements import best, classical, deep, pair, weighed
from tfrs_bench.reporting.leaderboard import ranked
from tfrs_bench.reporting.rating_table import predicts_ratings
from tfrs_bench.reporting.study import Study


def results(studies: Sequence[Study]) -> Section:
    """Returns figures of all main studies first, then each one's table and verdicts, then ratings."""
    main = main_studies(studies)
    figures = [_figure(study) for study in main]
    rated = [study for study in studies if predicts_ratings(study)]
    tables = (block for study in [*main, *rated] for block in _tables(study))
    matrix = [_matrix(main)] if main else []
    return Section("Results", (*matrix, *figures, *tables))


def verdict_table(study: Study) -> Table | None:
    """Returns each neural model's difference to each classical one with its word; None without a pair."""
    ours, theirs = deep(study), classical(study)
    if not ours or not theirs:
        return None
    rows = tuple((other, *(_cell(study, model, other) for model in ours)) for other in theirs)
    return Table(
        f"{study.name}: {study.primary.upper()} of each neural model minus that of each classical one. "
        "Words are corrected for the number of pairs (Holm), intervals are not.",
        ("against", *ours),
        rows,
        study.folders,
    )


def _matrix(studies: Sequence[Study]) -> Table:
    """Returns the mean of every model on every data set and split; bold are the best of each."""
    best_of = {study.name: best(study, weighed(study)) for study in studies}
    names = dict.fromkeys(
        [*filter(None, best_of.values()), *(one for study in studies for one in ranked(study))]
    )
    return Table(
        "NDCG@10 of every model, the best of each data set and split in bold.",
        ("model", *(study.name for study in studies)),
        tuple((name, *(_mean(study, name, bold=best_of[study.name]) for study in studies)) for name in names),
        tuple(folder for study in studies for folder in study.folders),
        whole=True,
    )


def _mean(study: Study, name: str, bold: str | None) -> str:
    told = mean_of(study.comparison.row(name) if name in study.runs else None)
    return f"**{told}**" if name == bold else told


def _figure(study: Study) -> Drawing:
    names = [name for name in ranked(study) if name in weighed(study)]
    caption = (
        f"All models on {study.name}, round: classical, square: neural. The dotted line is the best mean; "
        "who may be as good, paired differences tell, not these intervals."
    )
    return Drawing(f"results, {study.name}", caption, dot_plot(study, names), study.folders)


def _tables(study: Study) -> Iterator[Block]:
    names = ranked(study)
    titles = ("model", "seeds", *columns(study, names[0]), "settings")
    rows = tuple(
        (name, f"{len(its)}", *columns(study, name).values(), its[0].record.tuning)
        for name in names
        if (its := study.runs[name])
    )
    yield Table(f"{study.name}, the best first. {footnote(study)}", titles, rows, study.folders)
    table = verdict_table(study)
    if table is not None:
        yield table
    if warnings(study):
        yield Bullets(tuple(f"{study.name}: {one}" for one in warnings(study)), study.folders)


def _cell(study: Study, model: str, other: str) -> str:
    verdict = pair(study, model, other)
    return "–" if verdict is None else f"{verdict.amount(3)} {verdict.verdict}"
