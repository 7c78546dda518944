"""The model card that goes with an export: every figure in it is of the run's record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfrs_bench.errors import UserError
from tfrs_bench.opened_run import OpenedRun
from tfrs_bench.reporting.comparison import footnote, markdown_table
from tfrs_bench.reporting.records import RECORD, read_run
from tfrs_bench.reporting.study import Run, Study, command, shown, study_of

_METRICS = ("hr@10", "ndcg@10", "map@10", "recall@10", "rmse", "mae")


def model_card(run: OpenedRun) -> str:
    """Returns the card as Markdown: what the model is, of what data, how good, and where that ends."""
    record = run.record
    own = study_of([Run(record, run.evaluation, run.folder)])
    study = _study_beside(run) or own
    lines = [f"# {record.model} on {record.dataset}", ""]
    lines += [
        f"Generated from the record of the run `{run.folder.name}`, which `{command(record)}` made.",
        "",
    ]
    lines += ["## Model", "", *_model(own)]
    lines += ["", "## Data", "", *_data(run)]
    lines += ["", "## How good it is", "", *_quality(own)]
    if len(study.runs) > 1:
        lines += ["", "Beside the other models of the same experiment:", "", *markdown_table(study)]
        lines += ["", footnote(study), ""]
        lines += [f"- {sentence}" for sentence in _verdicts(study, run)]
    lines += ["", "## Limits", "", *(f"- {line}" for line in _limits(run))]
    return "\n".join(lines) + "\n"


def _study_beside(run: OpenedRun) -> Study | None:
    """Weighs the run with those beside it that are of the same experiment and data, if they can be."""
    runs, mine = [], (run.record.experiment, run.record.data)
    try:
        for path in sorted(run.folder.resolve().parent.glob(f"*/{RECORD}")):
            found = None if path.parent.name.endswith(".old") else read_run(path.parent)
            if found is not None and (found[0].experiment, found[0].data) == mine:
                runs.append(Run(*found, path.parent))
        return study_of(runs)
    except UserError:  # a damaged or a doubled run there is no reason not to export this one
        return None


def _verdicts(study: Study, run: OpenedRun) -> list[str]:
    """Returns the sentences that weigh this run's model."""
    (own,) = (name for name, runs in study.runs.items() if _is_among(run, runs))
    return [
        sentence
        for sentence in study.comparison.sentences()
        if sentence.startswith(f"{own} vs ") or f" vs {own}:" in sentence or f" vs {own}," in sentence
    ]


def _is_among(run: OpenedRun, runs: Sequence[Run]) -> bool:
    return any(one.folder.name == run.folder.resolve().name for one in runs)


def _model(own: Study) -> Iterator[str]:
    record = own.first
    epochs = "" if record.epochs is None else f", {record.epochs} epochs"
    yield (
        f"{record.num_parameters:,} learned numbers{epochs}, seed {record.seed}; fitted in "
        f"{record.fit_s:,.0f} s on {record.environment.get('cpu', 'a CPU')}. "
        f"Its settings are from: {record.tuning}."
    )
    yield ""
    yield "| setting | value |"
    yield "|---|---|"
    yield from (
        f"| `{name}` | {shown(value) if value not in (None, []) else 'none'} |"
        for name, value in record.config.items()
    )


def _data(run: OpenedRun) -> Iterator[str]:
    data, audit = run.record.data, run.prepared.audit
    size = f"{data['rows']:,} rows of {data['users']:,} users and {data['items']:,} items"
    yield f"{size}, fingerprint `{data['fingerprint']}`."
    yield from (f"{note}." for note in data["notes"])
    features = {
        "items": run.prepared.dataset.log.item_features,
        "users": run.prepared.dataset.log.user_features,
    }
    read = [f"{len(table.names)} of {whose}" for whose, table in features.items() if table is not None]
    yield f"Features: {' and '.join(read) if read else 'none'}."
    yield ""
    yield from (f"- {line}" for line in audit.lines())


def _quality(own: Study) -> Iterator[str]:
    (name,) = own.runs
    protocol = own.first.experiment
    ranked = f"relevance from {protocol['relevance_threshold']:g}, seen items "
    ranked += "left out" if protocol["mask_seen"] else "kept"
    yield f"{own.first.split} split, {ranked}; means over users with 95 % bootstrap intervals."
    yield ""
    yield "| users | metric | mean | interval | users counted |"
    yield "|---|---|---:|---:|---:|"
    everyone = {row.metric: row.num_users for row in own.comparison.rows if row.segment == "all"}
    for row in own.comparison.rows:
        same = row.segment == "regular" and row.num_users == everyone[row.metric]  # nobody is cold
        if row.model == name and row.metric in _METRICS and not same:
            yield (
                f"| {row.segment} | {row.metric.upper()} | {row.mean:.4f} | {row.low:.4f}–{row.high:.4f} | "
                f"{row.num_users:,} |"
            )


def _limits(run: OpenedRun) -> Iterator[str]:
    record, audit = run.record, run.prepared.audit
    catalogue = int(run.prepared.test.evaluation_set.candidates.sum())
    yield f"It recommends the {catalogue:,} items of its catalogue alone; later ones need a new fit."
    yield (
        "A user whom training has not seen is answered from the history that is sent, with an empty profile; "
        + (
            f"{audit.cold_asked:,} such users were in the test."
            if audit.cold_asked
            else "no such user was in the test, so how well is not measured here."
        )
    )
    if audit.times is not None:
        last = audit.times["validation" if run.prepared.experiment.refit else "train"][1]
        yield f"It was fitted on rows up to {last[:10]}."
    if not audit.temporal:
        yield "The test rows are not later than the training rows: it was not asked to predict a future."
    if audit.leaked_share:
        yield (
            f"{audit.leaked_share:.1%} of the test rows have later rows of other users in training, which no "
            "served model has: the figures above are those of the split, not of a day in service."
        )
    coverage, gini = (record.list_metrics.get(f"{name}@10") for name in ("coverage", "gini"))
    if coverage is not None and gini is not None:
        yield (
            f"Its lists of ten for all test users hold {coverage:.1%} of the catalogue; the Gini coefficient "
            f"of how often items are listed is {gini:.2f}."
        )
    yield "Measured on what people did without it; what they would do with it only a trial can tell."
    if (record.experiment.get("dataset") or "").startswith("simulated"):
        yield "The data are simulated."
