"""Studies: every model and seed of one experiment side by side, derived from records and nothing else."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tfrs_bench import registry
from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.evaluator import PRIMARY, Evaluation
from tfrs_bench.evaluation.metrics import ERRORS
from tfrs_bench.evaluation.verdicts import Comparison, average_seeds, compare
from tfrs_bench.reporting.records import RECORD, RunRecord, read_run
from tfrs_bench.tuning.ledger import PARTS, Search

# What stands in tables as floor and ceiling, and takes no part in verdicts.
FLOOR, CEILING = "random", "oracle"
_SPLITS = ("per_user", "global", "leave_last", "predefined", "random")
_NEWCOMERS = "cold_start_fraction"
_T = TypeVar("_T")
_K = TypeVar("_K", bound=Hashable)


@dataclasses.dataclass(frozen=True)
class Run:
    """A run that is on disk.

    Attributes:
      record: what was kept.
      evaluation: per-user metrics.
      folder: where.
    """

    record: RunRecord
    evaluation: Evaluation
    folder: Path


@dataclasses.dataclass(frozen=True, eq=False)  # one is itself alone, so what is found of it can be kept
class Study:
    """One experiment: the same data, split, ties and protocol for every model and every seed.

    Attributes:
      name: data and split, such as `ml-1m, global`; further settings where two studies share these.
      experiment: data and protocol, see `Experiment.identity`.
      runs: by a model's name in tables, one run per seed, seeds ascending. Random comes first, then
        classical models, neural ones and the oracle.
      comparison: metrics and verdicts, each user's metrics averaged over a model's seeds first.
    """

    name: str
    experiment: dict[str, Any]
    runs: dict[str, list[Run]]
    comparison: Comparison

    @property
    def first(self) -> RunRecord:
        """Any record, for what all share: data set, split, audit."""
        return next(iter(self.runs.values()))[0].record

    @property
    def commands(self) -> list[str]:
        """The commands that made its runs: one, unless some were added later."""
        records = (run.record for runs in self.runs.values() for run in runs)
        return list(dict.fromkeys(command(record) for record in records))

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where its runs are kept."""
        return tuple(run.folder for runs in self.runs.values() for run in runs)

    @property
    def primary(self) -> str:
        """The metric of its verdicts."""
        return self.comparison.primary

    def primary_alone(self, name: str) -> Evaluation:
        """Returns a model's users, its seeds averaged, with the primary metric and NDCG@10 alone."""
        found = average_seeds([run.evaluation for run in self.runs[name]])
        kept = dict.fromkeys((self.primary, PRIMARY))
        return dataclasses.replace(found, metrics={metric: found.metrics[metric] for metric in kept})

    def seed_means(self, name: str) -> list[float]:
        """Returns the primary metric's mean over users for each seed of a model."""
        return [run.evaluation.mean(self.primary) for run in self.runs[name]]

    def seed_deviation(self, name: str) -> float | None:
        """Returns the standard deviation over seeds (n − 1) of that mean; None for a single seed."""
        means = self.seed_means(name)
        return float(np.std(means, ddof=1)) if len(means) > 1 else None

    def mean(self, name: str, field: str) -> float:
        """Returns the mean over a model's seeds of a number in its records, such as `fit_s`."""
        return float(np.mean([getattr(run.record, field) for run in self.runs[name]]))


def read_studies(
    folder: Path,
    ks: Collection[int] | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Study]:
    """Reads every run below a folder and puts those of one experiment together.

    Args:
      folder: such as `runs`; a run is a folder with a `record.json`.
      ks: lengths of lists whose metrics are compared; None for all that the runs have. Comparing is what
        takes the time.
      progress: told how many studies were weighed, and of how many.

    Returns:
      Studies by data set, split and name.

    Raises:
      UserError: there is no run; one is damaged; two are of the same model, settings, seed and experiment.
    """
    paths = sorted(path.parent for path in folder.rglob(RECORD) if not path.parent.name.endswith(".old"))
    runs = [Run(*found, path) for path in paths if (found := read_run(path)) is not None]
    if not runs:
        raise UserError(f"{folder} holds no run. Make one: python -m tfrs_bench.main --results_dir={folder}")
    together = list(_grouped(runs, lambda run: _experiment_of(run.record)).values())
    studies = []
    for its, name in zip(together, _names(together), strict=True):
        studies.append(study_of(its, name, ks))
        progress(len(studies), len(together))
    return sorted(studies, key=_place_of_study)


def labelled(studies: Iterable[Study], *endings: str) -> list[Study]:
    """Returns the studies whose data are labelled `…-ending`, to be shown on a page of their own."""
    wanted = tuple(f"-{ending}" for ending in endings)
    return [study for study in studies if study.first.dataset.endswith(wanted)]


def without_variants(studies: Iterable[Study]) -> list[Study]:
    """Returns the studies but those of variants of a model or of the protocol, under labels of their own."""
    found = list(studies)
    apart = {study.first.dataset for study in labelled(found, "ablation", "sensitivity", "varied")}
    return [study for study in found if study.first.dataset not in apart]


def study_of(runs: Sequence[Run], name: str | None = None, ks: Collection[int] | None = None) -> Study:
    """Weighs the runs of one experiment.

    Args:
      runs: of the same data and protocol, in any order.
      name: the study's; None for its data and split.
      ks: lengths of lists whose metrics are compared; None for all that the runs have.

    Raises:
      UserError: two runs are the same, or were not asked for the same users.
    """
    named = _by_display_name(runs)
    first = runs[0].record
    name = _plain_name(first) if name is None else name
    try:
        evaluations = {
            model: average_seeds([_compared(run.evaluation, ks) for run in its])
            for model, its in named.items()
        }
        models = {model: its[0].record.model for model, its in named.items()}
        neural = [model for model, registered in models.items() if is_neural(registered)]
        baselines = [
            model
            for model, registered in models.items()
            if model not in neural and registered not in (FLOOR, CEILING)
        ]
        comparison = compare(evaluations, neural, baselines)
    except ValueError as error:
        raise UserError(f"{name}: {error} Its runs: {runs[0].folder.parent}") from error
    return Study(name, first.experiment, named, comparison)


def command(record: RunRecord) -> str:
    """Returns what to type to make a run again; files and folders are told by their names alone."""
    flags = (f"--{name}={shlex.quote(text)}" for name, text in record.asked.items())
    return " ".join(["python -m tfrs_bench.main", *flags])


def is_neural(model: str) -> bool:
    """Tells whether a registered model stands on the neural side of verdicts."""
    return bool(capability(model, "neural"))


def capability(model: str, name: str) -> Any:
    """Returns what a registered model says of itself, see `Capabilities`; None of one that is not known."""
    if model not in registry.MODELS:
        return None
    return getattr(registry.resolve(registry.MODELS, model, "model").capabilities, name)


def shown(value: Any) -> str:
    """Returns a setting as a person reads it: 0.3333, true, 4,2."""
    if isinstance(value, list | tuple):
        return ",".join(map(shown, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _compared(evaluation: Evaluation, ks: Collection[int] | None) -> Evaluation:
    if ks is None:
        return evaluation
    kept = {
        name: column
        for name, column in evaluation.metrics.items()
        if name in ERRORS or int(name.partition("@")[2]) in ks
    }
    return dataclasses.replace(evaluation, metrics=kept)


def _grouped(things: Iterable[_T], key: Callable[[_T], _K]) -> dict[_K, list[_T]]:
    groups: dict[_K, list[_T]] = {}
    for one in things:
        groups.setdefault(key(one), []).append(one)
    return groups


def _experiment_of(record: RunRecord) -> str:
    """What runs of one study share, as text."""
    asked = (record.dataset, record.data["fingerprint"], record.data.get("candidates"), record.experiment)
    return json.dumps(asked, sort_keys=True)


def _by_display_name(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Names a model by what sets it apart too, if it was run with several settings.

    Settings that no flag changed have the plain name, of several those that a search within a budget found,
    and the others tell how they differ from these, or that they alone are those of a flagfile or the
    defaults. Where no one settings are left, all tell what varies.
    """
    models = _grouped(runs, lambda run: run.record.model)
    named = {}
    for model in sorted(models, key=_place_of_model):
        variants = _grouped(models[model], lambda run: json.dumps(_settings(run), sort_keys=True))
        settings = {key: _settings(its[0]) for key, its in variants.items()}
        unflagged = [key for key, its in variants.items() if not _by_flags(its[0].record)]
        searched = [key for key in unflagged if _was_searched(variants[key][0].record)]
        plain = next((one[0] for one in (unflagged, searched) if len(one) == 1), None)
        sources = {key: _source(its[0].record) for key, its in variants.items()}
        for key in sorted(variants, key=lambda one: (one != plain, one)):
            compared = settings.values() if plain is None else (settings[plain], settings[key])
            told = " ".join(f"{field}={shown(settings[key].get(field))}" for field in varied([*compared]))
            if told and plain not in (None, key) and [*sources.values()].count(sources[key]) == 1:
                told = sources[key] or told
            named[f"{model} ({told})" if told else model] = _by_seed(variants[key])
    return named


def of_flagfile(record: RunRecord) -> bool:
    """Tells whether a run took all its settings from a flagfile."""
    return record.tuning.startswith("flags/")


def _source(record: RunRecord) -> str:
    """Returns where all of a run's settings come from in a word; nothing where the settings tell more."""
    return "flagfile" if of_flagfile(record) else "defaults" if record.tuning == "defaults" else ""


def _by_flags(record: RunRecord) -> bool:
    held = _was_searched(record) and not {*record.config}.isdisjoint(record.asked)
    return held or record.tuning == "flags" or record.tuning.startswith("flags over ")


def _was_searched(record: RunRecord) -> bool:
    """Tells whether the run itself began with a search within a budget."""
    return record.ledger.get("method") in (Search.method, PARTS)


def _settings(run: Run) -> dict[str, Any]:
    return run.record.config | {"tuned": bool(run.record.trials)}


def varied(settings: Sequence[dict[str, Any]]) -> list[str]:
    """Returns the fields that are not the same everywhere."""
    fields = dict.fromkeys(field for one in settings for field in one)
    return [field for field in fields if len({str(one.get(field)) for one in settings}) > 1]


def _by_seed(runs: list[Run]) -> list[Run]:
    seeds = _grouped(runs, lambda run: run.record.seed)
    for same in seeds.values():
        if len(same) > 1:
            raise UserError(
                f"{same[0].folder} and {same[1].folder} hold the same model, settings, seed and experiment. "
                "Delete the older one."
            )
    return [seeds[seed][0] for seed in sorted(seeds)]


def _place_of_model(model: str) -> tuple[Any, ...]:
    known = list(registry.MODELS)
    place = known.index(model) if model in known else len(known)
    return model != FLOOR, model == CEILING, is_neural(model), place, model


def _place_of_study(study: Study) -> tuple[Any, ...]:
    split = study.first.split
    return study.first.dataset, _SPLITS.index(split) if split in _SPLITS else len(_SPLITS), study.name


def _names(studies: Sequence[list[Run]]) -> list[str]:
    """Names studies by data and split; newcomers' too, and where two share these, by what sets them apart."""
    firsts = [runs[0].record for runs in studies]
    plain = list(map(_plain_name, firsts))
    names = []
    for record, name in zip(firsts, plain, strict=True):
        same = [other for other, its in zip(firsts, plain, strict=True) if its == name]
        values = _asked_and_given(record)
        apart = varied([_asked_and_given(one) for one in same])
        if values.get(_NEWCOMERS):
            apart = [*dict.fromkeys((*apart, _NEWCOMERS))]
        told = [field for field in apart if field in record.asked or field == "data"]
        names.append(", ".join([name, *(f"{field}={shown(values[field])}" for field in told)]))
    return names


def _asked_and_given(record: RunRecord) -> dict[str, Any]:
    """Returns what sets studies of one name apart: the experiment, the log, and the items to choose from."""
    data = record.data
    return record.experiment | {"data": data["fingerprint"], "candidates": data.get("candidates")}


def _plain_name(record: RunRecord) -> str:
    """Returns data, split and, where it is not ranking, the task."""
    task = record.experiment.get("task")
    return f"{record.dataset}, {record.split}" + (f", {task}" if task else "")
