"""How much tuning each model of a table had, and whether all had the same."""

from __future__ import annotations

from typing import Any

from tfrs_bench import registry
from tfrs_bench.options import told
from tfrs_bench.reporting.records import RunRecord, as_json
from tfrs_bench.reporting.study import CEILING, FLOOR, Study, of_flagfile
from tfrs_bench.tuning.ledger import PARTS, counted

FILE, _GRID, UNTUNED = "Settings of a file", "A grid", "Untuned"
SEARCH, SEARCHES = "A search of", "Searches of"
_FLAGS, _HAND = "Settings given by flags", "Settings found by hand"


def budgets_differ(study: Study) -> str | None:
    """Returns sentences that name each model's tuning, or None if all models had the same."""
    kinds: dict[str, dict[str, int]] = {}
    for name, record in tuned_models(study).items():
        kinds.setdefault(kind_of(record), {})[name] = trials_of(record)
    if len(kinds) < 2:
        return None
    return " ".join(["Budgets differ.", *(_told(kind, models) for kind, models in kinds.items())])


def differ_in_short(study: Study) -> str:
    """Says behind a caption that models were not tuned alike; nothing where they were."""
    return " Budgets differ." if budgets_differ(study) else ""


def starts_differ(study: Study) -> str | None:
    """Returns a sentence that names the models whose search began from more than their defaults, or None."""
    ahead = began_ahead(study)
    if not ahead:
        return None
    files = ", ".join(f"flags/{record.split}/{record.model}.cfg" for record in ahead.values())
    return (
        f"Trial 0 of {', '.join(ahead)} has the settings that are shipped for this split on any data, a "
        f"search beyond the budget: {files} says on which validation parts that was, and these data may be "
        "among them. Trial 0 of the others has their defaults."
    )


def began_ahead(study: Study) -> dict[str, RunRecord]:
    """Returns a record of each model whose search began from more than its defaults, by its name."""
    return {name: record for name, record in tuned_models(study).items() if _began_ahead(record)}


def spent(study: Study) -> str | None:
    """Returns what searches within a budget tried and took, a model after the other; None without any."""
    searches = [
        f"{name} {counted(record.ledger['trials'])}, {record.ledger['minutes']:.1f} min"
        for name, record in tuned_models(study).items()
        if cap_of(record) is not None or _method(record) == PARTS
    ]
    return f"Tuning: {'; '.join(searches)}." if searches else None


def kind_of(record: RunRecord) -> str:
    """Returns how a run's settings were found, in words that two models share if they had the same."""
    cap, method = cap_of(record), _method(record)
    if cap is not None:
        return f"{SEARCH} {cap[0]:g} min or {cap[1]} trials"
    if method == PARTS:
        one = next(iter(record.ledger["parts"].values()))  # all have the same
        return f"{SEARCHES} {one['cap_minutes']:g} min or {one['max_trials']} trials for each of its parts"
    if method == "grid":
        return _GRID
    if method == "hand":
        return _HAND
    if of_flagfile(record):
        return FILE
    return _FLAGS if record.tuning.startswith("flags") else UNTUNED


def cap_of(record: RunRecord) -> tuple[float, int] | None:
    """Returns minutes and trials that a search might have used; None where there was no such limit."""
    minutes, trials = record.ledger.get("cap_minutes"), record.ledger.get("max_trials")
    return None if minutes is None or trials is None else (float(minutes), int(trials))


def trials_of(record: RunRecord) -> int:
    """Returns how many settings were tried; 0 where that is not known."""
    return int(record.ledger.get("trials") or len(record.trials))


def _method(record: RunRecord) -> str:
    """Returns tpe, grid, hand or nothing; records of before there were ledgers have a grid's trials alone."""
    ledger: dict[str, Any] = record.ledger
    found = ledger.get("search") if ledger.get("method") == "flagfile" else ledger.get("method")
    return str(found or ("grid" if record.trials else ""))


def _began_ahead(record: RunRecord) -> bool:
    """Tells whether the first trial of a search within a budget had other settings than the model's own."""
    known = record.model in registry.MODELS and record.trials and not record.ledger.get("failed")
    if cap_of(record) is None or not known:
        return False
    defaults = told(registry.resolve(registry.MODELS, record.model, "model").Config())
    first = record.trials[0][0]
    compared = [name for name in defaults if name in first and name not in record.asked]
    return any(first[name] != value for name, value in as_json(defaults).items() if name in compared)


def tuned_models(study: Study) -> dict[str, RunRecord]:
    """Returns a record of each variant that has settings, by its name; floor and ceiling left out."""
    firsts = {name: runs[0].record for name, runs in study.runs.items()}
    return {name: one for name, one in firsts.items() if one.config and one.model not in (FLOOR, CEILING)}


def _told(kind: str, models: dict[str, int]) -> str:
    named = [f"{name} ({counted(count)})" if count else name for name, count in models.items()]
    return f"{kind}: {', '.join(named)}."
