"""Do records still match the code: what their flags ask for today, against what they hold.

A record keeps the flags behind it. Read again, they give today's protocol, settings, grid and seeds; where
these differ from the record's, its figures are no longer what the same command would give.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfrs_bench import registry
from tfrs_bench.data.audit import Audit
from tfrs_bench.errors import UserError
from tfrs_bench.models.oracle import Oracle
from tfrs_bench.options import told
from tfrs_bench.reporting.records import RECORD, RunRecord, disagreements
from tfrs_bench.reporting.study import Run, Study, command, shown
from tfrs_bench.requests import requests
from tfrs_bench.runner import Request
from tfrs_bench.settings import Settings, parse
from tfrs_bench.tuning.grid import grid_search


def stale_records(studies: Sequence[Study], folder: Path) -> list[str]:
    """Finds what to run again. Versions of packages are not compared, and neither is the code of models.

    Args:
      studies: what the folder's records make.
      folder: where they are kept, such as `results/runs`.

    Returns:
      A paragraph per record that today's code would not write, and per record that is missing; each ends in
      what to type.
    """
    found = []
    for study in studies:
        runs = [run for its in study.runs.values() for run in its]
        for run in runs:
            differences = list(_differences(run))
            if differences:
                where = run.folder.as_posix()
                again = f"rm -r {where} && {command(run.record)} --results_dir={folder}"
                found.append("\n  ".join([f"{where}/{RECORD}:", *differences, f"Type: {again}"]))
        found += _missing(study.name, runs, folder)
    return found


def _differences(run: Run) -> Iterator[str]:
    record = run.record
    try:
        settings = _settings(record)
    except UserError as error:
        yield f"asked for what no longer exists: {error}"
        return
    yield from _between("experiment", record.experiment, settings.experiment.identity())
    yield from _of_settings(record, settings)
    yield from _between("audit", dict.fromkeys(record.audit), dict.fromkeys(_fields(Audit)))
    yield from disagreements(record, run.evaluation)


def _of_settings(record: RunRecord, settings: Settings) -> Iterator[str]:
    asked = requests(settings, truth_is_known=record.model == Oracle.name)
    request = next((one for one in asked if (one.name, one.seed) == (record.model, record.seed)), None)
    if request is None:
        yield f"{record.model} with seed {record.seed}: in the record, and not what its flags ask for today"
        return
    try:
        config = _searched(record, request) if request.tune else request.config
    except LookupError as error:
        yield f"grid: today's also tries {error.args[0]}, which the record lacks"
        return
    yield from _between(record.model, record.config, config if isinstance(config, dict) else told(config))
    searched = "a grid's search" if request.tune else request.tuning
    if searched != ("a grid's search" if record.trials else record.tuning):
        yield f"settings: from {record.tuning} in the record, from {searched} today"


def _searched(record: RunRecord, request: Request) -> Any:
    """Repeats a search of the grid, with the qualities that the record's trials had.

    Of a search within a budget the best trial is taken: how many there are, minutes decide.

    Raises:
      LookupError: today's search tries what the record's did not.
    """
    if request.budget is not None:
        return max(record.trials, key=lambda trial: trial[1], default=({}, None))[0]
    qualities = {json.dumps(config, sort_keys=True): quality for config, quality in record.trials}

    def quality_of(config: Any) -> float:
        values = told(config)
        text = json.dumps(values, sort_keys=True)
        if text not in qualities:
            raise LookupError(" ".join(f"{name}={shown(value)}" for name, value in values.items()))
        return float(qualities[text])

    model = registry.resolve(registry.MODELS, request.name, "model")
    bounds = dict.fromkeys(model.ranks, record.data["items"])
    return grid_search(request.config, model.grid, quality_of, bounds=bounds).config


def _between(what: str, recorded: dict[str, Any], today: dict[str, Any]) -> Iterator[str]:
    """Names every field that is not the same on both sides."""
    recorded, today = _plain(recorded), _plain(today)
    for name in dict.fromkeys((*recorded, *today)):
        then, now = (str(side[name]) if name in side else "nothing" for side in (recorded, today))
        if name not in recorded or name not in today or recorded[name] != today[name]:
            yield f"{what}: {name} is {then} in the record and {now} in the code"


def _missing(study: str, runs: Sequence[Run], folder: Path) -> Iterator[str]:
    """Names the models and seeds that a study's flags ask for and that no record is of."""
    there = {(run.record.model, run.record.seed) for run in runs}
    for record in {command(run.record): run.record for run in runs}.values():
        try:
            asked = requests(_settings(record))
        except UserError:
            continue  # told already, by the record
        for one in asked:
            if (one.name, one.seed) not in there:
                yield (
                    f"{study}: no record of {one.name} with seed {one.seed}.\n"
                    f"  Type: {command(record)} --results_dir={folder}"
                )


def _settings(record: RunRecord) -> Settings:
    return parse(["main", *(f"--{name}={text}" for name, text in record.asked.items())])


def _fields(owner: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(owner)]


def _plain(value: Any) -> Any:
    """Returns what JSON keeps of a value: lists for tuples."""
    return json.loads(json.dumps(value))
