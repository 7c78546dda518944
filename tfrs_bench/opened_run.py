"""A finished run, opened again: its record, the data and protocol it was made on, and its model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfrs_bench import registry
from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.experiment import FILES, Experiment, Plan, short_hash
from tfrs_bench.models.base import Recommender
from tfrs_bench.models.oracle import Oracle
from tfrs_bench.options import option
from tfrs_bench.preparation import Prepared, prepare
from tfrs_bench.reporting.console import Console
from tfrs_bench.reporting.records import MODEL, RECORD, RunRecord, as_json, read_run
from tfrs_bench.reporting.study import command

RUN = "Run"


@dataclasses.dataclass(frozen=True)
class OpenedRun:
    """A run at hand.

    What its model was asked when it was tested, and what would have been right, is
    `prepared.test.evaluation_set`; what it was fitted on is `prepared.refit`.

    Attributes:
      record: what was measured.
      evaluation: of every user.
      prepared: the same data, split and evaluator as then.
      model: as it was tested.
      folder: of the run.
    """

    record: RunRecord
    evaluation: Evaluation
    prepared: Prepared
    model: Recommender
    folder: Path


def _like(owner: type[Any], name: str) -> Any:
    """Declares the flag that another dataclass has."""
    field = owner.__dataclass_fields__[name]
    return dataclasses.field(default=field.default, metadata=field.metadata)


@dataclasses.dataclass(frozen=True)
class WhichRun:
    """Flags of a command about one finished run; where data lie is asked again, as no record says it."""

    run: str | None = option(
        None, "Folder of the run; without it, the newest one below --results_dir.", group=RUN
    )
    results_dir: str = option("runs", "Folder of the runs, as main was given it.", group=RUN)
    data_dir: str | None = _like(Experiment, "data_dir")
    interactions: str | None = option(None, "The log of the run, if it is one of your own.", group="Data")
    items: str | None = _like(Experiment, "items")
    test_interactions: str | None = _like(Experiment, "test_interactions")
    validation_interactions: str | None = _like(Experiment, "validation_interactions")
    candidates: str | None = _like(Experiment, "candidates")
    debug: bool = _like(Plan, "debug")

    def open(self, console: Console) -> OpenedRun:
        """Opens the run that the flags name; raises as `open_run` and `newest_run` do."""
        folder = newest_run(Path(self.results_dir)) if self.run is None else Path(self.run)
        places = {name: place for name in FILES if (place := getattr(self, name)) is not None}
        return open_run(folder, console, places)


def newest_run(results_dir: Path) -> Path:
    """Returns the folder of the last run that was finished and kept its model.

    Raises:
      UserError: there is none.
    """
    runs = _runs_below(results_dir)
    if not runs:
        raise UserError(
            f"{results_dir} holds no finished run with a model. Make one: python -m tfrs_bench.main "
            f"--model=two_tower --results_dir={results_dir}, or name another folder with --results_dir=DIR."
        )
    return max(runs, key=lambda folder: (folder / RECORD).stat().st_mtime_ns)


def open_run(folder: Path, console: Console, places: Mapping[str, str] | None = None) -> OpenedRun:
    """Makes a run's data ready as they were and loads its model.

    Args:
      folder: of the run.
      console: shows what happens.
      places: where the data lie now, by flag such as `data_dir`; a file that is not named is looked for
        in the working directory under its old name.

    Raises:
      UserError: the folder holds no run, or none with a model; it was made by another version; the data are
        not there, or are not the same.
    """
    record, evaluation = _whole_run(folder)
    prepared = prepare(_experiment(record, folder, places or {}), console)
    named = dataclasses.replace(prepared.dataset, name=record.dataset)
    prepared = dataclasses.replace(prepared, dataset=named)
    _check_same_data(record, prepared, folder)
    model = registry.resolve(registry.MODELS, record.model, "model").load(folder / MODEL)
    if not np.array_equal(model.item_keys, prepared.dataset.log.item_ids.keys):
        raise UserError(
            f"{folder / MODEL} was fitted on other items than the run's: it was copied from elsewhere. "
            f"{_make(record)}"
        )
    return OpenedRun(record, evaluation, prepared, model, folder)


def _whole_run(folder: Path) -> tuple[RunRecord, Evaluation]:
    found = read_run(folder)
    if found is None:
        below = _runs_below(folder)
        hint = f"Name one of the {len(below)} below it, such as --run={below[0]}" if below else "Name another"
        raise UserError(f"--run={folder} is no finished run: it has no {RECORD}. {hint}.")
    record, _ = found
    if record.model == Oracle.name:
        raise UserError(
            f"{folder} is the simulator's own truth, which is no model. Name the run of a model in "
            f"{folder.parent}."
        )
    if not (folder / MODEL).is_dir():
        raise UserError(f"{folder} holds no model, only what was measured. {_make(record)}")
    return found


def _runs_below(folder: Path) -> list[Path]:
    """Finds the whole runs with a model, oldest first in name."""
    found = sorted(path.parent for path in folder.rglob(RECORD))
    return [one for one in found if (one / MODEL / "model.json").is_file() and one.suffix != ".old"]


def _make(record: RunRecord) -> str:
    return f"Make it again: {command(record)} --rerun"


def _experiment(record: RunRecord, folder: Path, places: Mapping[str, str]) -> Experiment:
    """Returns the run's data and protocol, with the places where the data lie now.

    Raises:
      UserError: a file of the run is nowhere, or one is named that the run did not have; the record's
        protocol is another version's.
    """
    asked = {name: text for name, text in record.asked.items() if name in FILES}
    for name in places:
        if name not in asked and name != "data_dir":
            raise UserError(f"--{name}={places[name]}: {folder} was made without --{name}. Leave it out.")
    # `data_dir` is not needed where the download is kept.
    there = {name: text for name, text in asked.items() if name != "data_dir"} | dict(places)
    for name, place in there.items():
        if not Path(place).exists():
            verb = "does not exist" if name in places else "is not in this folder"
            raise UserError(
                f"{folder} was made from {asked.get(name, place)}, and {place} {verb}. Say where it lies: "
                f"--{name}={'DIR' if name == 'data_dir' else 'FILE'}"
            )
    stated: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in record.experiment.items()
        if value is not None
    } | there
    try:
        experiment = Experiment(**stated)
    except TypeError as error:
        raise UserError(_of_another_version(folder, record)) from error
    if as_json(experiment.identity()) != record.experiment:
        raise UserError(_of_another_version(folder, record))
    return experiment


def _of_another_version(folder: Path, record: RunRecord) -> str:
    return f"{folder} was made by another version, whose protocol had other settings. {_make(record)}"


def _check_same_data(record: RunRecord, prepared: Prepared, folder: Path) -> None:
    log, then = prepared.dataset.log, record.data
    candidates = short_hash(np.flatnonzero(prepared.test.evaluation_set.candidates).tolist())
    if log.fingerprint != then["fingerprint"]:
        counts = [f"{len(log):,} rows, {log.num_users:,} users and {log.num_items:,} items"]
        counts.append(f"{then['rows']:,}, {then['users']:,} and {then['items']:,}")
        detail = f": {counts[0]} now, {counts[1]} then" if len(log) != then["rows"] else ""
        raise UserError(
            f"These are not the data that {folder} was made on{detail}. Name those with --data_dir=DIR or "
            f"--interactions=FILE, or make a run on these: {command(record)}"
        )
    if candidates != then["candidates"]:
        raise UserError(
            f"The candidates are not those that {folder} was tested with. Name their file with "
            "--candidates=FILE."
        )
