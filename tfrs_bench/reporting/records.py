"""Run records: one folder per run, whose `record.json` is written last and makes it whole."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.evaluation.popularity_thirds import COLUMNS
from tfrs_bench.reporting.json_types import misfits
from tfrs_bench.storage import PARTIAL, atomic, unwritable

SCHEMA = 1
_TOLERANCE = 1e-9
_T = TypeVar("_T")
RECORD, PER_USER, MODEL, TENSORBOARD = "record.json", "per_user.parquet", "model", "tensorboard"
UNFINISHED = "unfinished"  # what an interrupted run goes on from; not in a whole one


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """One model on one experiment with one seed.

    Attributes:
      model: its registered name.
      dataset: short name of the data set.
      split: the strategy.
      seed: of the model.
      experiment: data and protocol, see `Experiment.identity`.
      data: fingerprint, rows, users, items and candidates of the log.
      config: the settings the model was fitted with.
      tuning: how the settings were chosen, in words.
      trials: (settings, validation quality) of the search, if there was one here.
      tune_minutes: wall time of that search.
      epochs: epochs of the final fit, by part where a model has several; None for a model without.
      curve: scalars per epoch of the fit that validation watched.
      fit_s: seconds of training, both fits.
      score_us_per_user: microseconds of scoring a user.
      peak_memory_mb: the process's peak while fitting and evaluating.
      num_parameters: learned numbers.
      metrics: means by segment and metric.
      list_metrics: coverage, novelty and the like over all lists.
      audit: of the split.
      environment: where it ran.
      funnel: what each of a funnel's stages contributes, see `evaluation.stages`; empty for other models.
      ledger: the search behind the settings, see `tuning.ledger.Search.ledger`; empty without one, and in
        records of before there were ledgers.
      asked: the flags behind it that differed from their defaults, as texts by name.
      schema: version of this layout.
    """

    model: str
    dataset: str
    split: str
    seed: int
    experiment: dict[str, Any]
    data: dict[str, Any]
    config: dict[str, Any]
    tuning: str
    trials: list[Any]
    tune_minutes: float
    epochs: int | dict[str, int] | None
    curve: list[dict[str, float]]
    fit_s: float
    score_us_per_user: float
    peak_memory_mb: float
    num_parameters: int
    metrics: dict[str, dict[str, float]]
    list_metrics: dict[str, float]
    audit: dict[str, Any]
    environment: dict[str, Any]
    asked: dict[str, str] = dataclasses.field(default_factory=dict)
    funnel: dict[str, Any] = dataclasses.field(default_factory=dict)
    ledger: dict[str, Any] = dataclasses.field(default_factory=dict)
    schema: int = SCHEMA


def prepare_folder(folder: Path) -> None:
    """Makes a folder ready for a run; a whole run that is there goes to `<folder>.old` until this one is.

    What an interrupted run goes on from stays, and its curves with it; all else that it left is removed.

    Raises:
      UserError: the folder cannot be written.
    """
    try:
        if (folder / RECORD).exists():
            aside = _aside(folder)
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)
        folder.mkdir(parents=True, exist_ok=True)
        kept = (UNFINISHED, TENSORBOARD) if (folder / UNFINISHED).is_dir() else ()
        for left in [*folder.rglob(f"*{PARTIAL}"), *folder.glob("*")]:
            if left.name not in kept and left.exists():  # one half-written may be in both, or in one removed
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    except OSError as error:
        raise unwritable(folder, error, "another --results_dir=DIR") from error


def write_run(folder: Path, record: RunRecord, evaluation: Evaluation, user_ids: Any) -> RunRecord:
    """Writes the per-user metrics, then the record; the record's presence says that the run is whole.

    Args:
      folder: the run's folder, prepared.
      record: what to keep.
      evaluation: n users' metrics.
      user_ids: [num_users] raw ids.

    Returns:
      The record as `read_run` will read it: tuples are lists, and a number that JSON lacks is None.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {
        "user_id": [str(one) for one in user_ids[evaluation.users]],
        "user": evaluation.users,
        "cold": evaluation.cold,
        "num_relevant": evaluation.num_relevant,
    } | {name: column for name in ("known", "num_rated") if (column := getattr(evaluation, name)) is not None}
    try:
        with atomic(folder / PER_USER, durable=True) as file:
            pq.write_table(pa.table(columns | evaluation.metrics | evaluation.of_thirds), file)
    except OSError as error:
        raise unwritable(folder / PER_USER, error, "another --results_dir=DIR") from error
    plain = as_json(dataclasses.asdict(record))
    write_atomically(folder / RECORD, json.dumps(plain, indent=1, allow_nan=False) + "\n")
    tidy(folder)
    return RunRecord(**plain)


def tidy(folder: Path) -> None:
    """Removes what a whole run does not need: what it would go on from, and the run it replaces."""
    for done_with in _passing(folder):
        shutil.rmtree(done_with, ignore_errors=True)


def is_tidy(folder: Path) -> bool:
    """Tells whether `tidy` has nothing to do; it has if a process was killed right after its record."""
    return not any(one.exists() for one in _passing(folder))


def read_run(folder: Path) -> tuple[RunRecord, Evaluation] | None:
    """Reads a whole run, or returns None if there is none in the folder.

    Raises:
      UserError: the record was written by another version or is damaged.
    """
    if not (folder / RECORD).is_file():
        return None
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        schema = content["schema"]
        if schema == SCHEMA:
            wrong = misfits(content, RunRecord)
            if wrong:
                raise ValueError(f"{RECORD} has values of another kind for {', '.join(wrong)}")
            record = RunRecord(**content)
            return record, _read_evaluation(folder / PER_USER, record)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{folder} is damaged ({error}). Type --rerun to run it again.") from error
    newer = isinstance(schema, int) and schema > SCHEMA
    raise UserError(
        f"{folder / RECORD} has layout {schema}, and this version reads {SCHEMA}. "
        f"{'Update tfrs_bench' if newer else 'Use the version that wrote it'}, choose another "
        "--results_dir=DIR (of report: --runs=DIR), or make the run again: main with --rerun."
    )


def read_beside(path: Path, schema: int, build: Callable[[dict[str, Any]], _T], again: str) -> _T | None:
    """Reads a JSON that a command keeps beside a record, or returns None if there is none.

    Args:
      path: of the file.
      schema: the layout that this version reads.
      build: makes of the content what is wanted.
      again: the sentence that says what to type for the file to be made anew.

    Raises:
      UserError: it is damaged or of another version.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != schema:
            raise ValueError(f"it has layout {content['schema']}, and this version reads {schema}")
        return build(content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read ({error}). {again}") from error


def _read_evaluation(path: Path, record: RunRecord) -> Evaluation:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        columns = {name: table[name].to_numpy() for name in table.column_names if name != "user_id"}
    except pa.ArrowException as error:
        raise ValueError(f"{path.name}: {error}") from error
    return Evaluation(
        users=columns.pop("user").astype(np.int32),
        cold=columns.pop("cold").astype(bool),
        num_relevant=columns.pop("num_relevant").astype(np.int64),
        known=columns.pop("known", None),
        num_rated=columns.pop("num_rated", None),
        of_thirds={name: columns.pop(name) for name in COLUMNS if name in columns},
        metrics=columns,
        lists=np.zeros((len(table), 0), dtype=np.int32),
        list_metrics={name: np.nan if one is None else one for name, one in record.list_metrics.items()},
        score_us_per_user=record.score_us_per_user,
    )


def cores_told(cores: int | str) -> str:
    """Returns a number of cores in words.

    >>> cores_told(1), cores_told(2)
    ('1 core', '2 cores')
    """
    return f"{cores} core{'' if str(cores) == '1' else 's'}"


def disagreements(record: RunRecord, evaluation: Evaluation) -> Iterator[str]:
    """Says which means of a record are not those of its users' metrics: one of the files was edited."""
    for segment, metrics in record.metrics.items():
        for metric, mean in metrics.items():
            measured = _measured(evaluation, metric, segment)
            if mean != measured and not math.isclose(mean or 0, measured or 0, abs_tol=_TOLERANCE):
                yield f"{metric} of {segment} is {mean} in the record and {measured} from its users' metrics"


def _measured(evaluation: Evaluation, metric: str, segment: str) -> float | None:
    """Returns a mean as a record keeps it: None if it does not exist."""
    try:
        mean = evaluation.mean(metric, segment)
    except (KeyError, ValueError):
        return None
    return None if math.isnan(mean) else mean


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes a file that is either there whole or not at all; text as UTF-8.

    Raises:
      UserError: it cannot be written.
    """
    try:
        with atomic(path, durable=True) as file:
            file.write(content if isinstance(content, bytes) else content.encode())
    except OSError as error:
        raise unwritable(path, error) from error


def as_json(content: Any) -> Any:
    """Returns content as it is read back from JSON: lists for tuples, null for numbers that JSON lacks."""
    return without_nan(json.loads(json.dumps(content, default=_plain)))


def without_nan(value: Any) -> Any:
    """Returns JSON-able content with null for every number that JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _passing(folder: Path) -> tuple[Path, ...]:
    return folder / UNFINISHED, _aside(folder)


def _aside(folder: Path) -> Path:
    return folder.with_name(folder.name + ".old")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return value.tolist() if isinstance(value, np.ndarray) else str(value)
