"""Runs models on a prepared log: tune, fit, evaluate, record, or reuse what was recorded."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfrs_bench import __version__, registry
from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.evaluation.metrics import ERRORS
from tfrs_bench.evaluation.rating_evaluator import RatingEvaluator
from tfrs_bench.evaluation.stages import funnel_figures
from tfrs_bench.experiment import short_hash
from tfrs_bench.fitting import Watch, fit_for_test, new_model
from tfrs_bench.models.base import FactorizedRecommender, FitReport, Recommender
from tfrs_bench.models.oracle import Oracle
from tfrs_bench.models.space import described
from tfrs_bench.options import told
from tfrs_bench.preparation import Prepared
from tfrs_bench.reporting.console import Console
from tfrs_bench.reporting.records import (
    MODEL,
    RECORD,
    TENSORBOARD,
    RunRecord,
    as_json,
    disagreements,
    is_tidy,
    prepare_folder,
    read_run,
    tidy,
    write_run,
)
from tfrs_bench.reporting.run_lock import lock_file, run_lock
from tfrs_bench.reporting.study import Run
from tfrs_bench.reporting.tensorboard import write_projector, write_results, write_settings
from tfrs_bench.retrieval.funnel import Funnel
from tfrs_bench.runtime import environment, peak_memory_mb, restart_peak_memory, stop_if_interrupted
from tfrs_bench.searching import Searched, SearchedParts, Searches, space_of
from tfrs_bench.tuning.grid import GridResult
from tfrs_bench.tuning.search import Budget
from tfrs_bench.unfinished import Unfinished


@dataclasses.dataclass(frozen=True)
class Request:
    """One model to run.

    Attributes:
      name: its name in the table.
      config: settings to start from, or to use as they are.
      tuning: where they come from, in words: `defaults`, a flagfile's name, `given`.
      tune: search on validation first: the model's grid, or its space where there is a budget.
      seed: of the model; data, split and ties have the experiment's.
      budget: of that search.
      held: fields that it leaves as they are.
      ledger: what is known of a search that was made before.
      parts: of what is made of several models, one each; they are searched for in place of the whole.
    """

    name: str
    config: Any
    tuning: str = "defaults"
    tune: bool = False
    seed: int = 0
    budget: Budget | None = None
    held: frozenset[str] = frozenset()
    ledger: dict[str, Any] = dataclasses.field(default_factory=dict)
    parts: tuple[Request, ...] = ()

    @property
    def searches(self) -> tuple[Request, ...]:
        """What is searched for: the model, or those of its parts that have something to tune."""
        return tuple(one for one in self.parts or (self,) if one.tune)


@dataclasses.dataclass(frozen=True)
class Finished(Run):
    """A run that was made, or found where it `reused` an earlier one."""

    reused: bool


class Runner:
    """Runs models one after the other on a prepared log, each into a folder of its own."""

    def __init__(
        self,
        prepared: Prepared,
        results_dir: Path,
        console: Console,
        *,
        rerun: bool = False,
        asked: dict[str, str] | None = None,
    ) -> None:
        """Takes what models share.

        Args:
          prepared: data, split and evaluators.
          results_dir: where runs are kept.
          console: shows what happens.
          rerun: never reuse a run.
          asked: the flags behind the runs, for their records.
        """
        self.prepared, self.results_dir, self.console, self._rerun = prepared, results_dir, console, rerun
        self._asked = asked or {}
        self._searches = Searches(prepared, results_dir, console, afresh=rerun)

    def folder(self, request: Request) -> Path:
        """Returns the folder of a run, named by what it is."""
        identity = {
            "experiment": self.prepared.experiment.identity(),
            "data": self.prepared.dataset.log.fingerprint,
            "candidates": np.packbits(self.prepared.test.evaluation_set.candidates).tobytes().hex(),
            "request": [request.name, told(request.config), self._grid(request), request.seed],
            "version": __version__,
        }
        name = f"{request.name}-seed{request.seed}-{short_hash(identity)}"
        return self.results_dir / self.prepared.dataset.name / self.prepared.experiment.split / name

    def check(self, requests: Sequence[Request]) -> None:
        """Finds out, before anything is fitted, what would stop one of the runs.

        Raises:
          UserError: a model cannot work on these data, or needs a validation part that measures nothing.
        """
        for request in requests:
            model = self._new(request.name, request.config)
            model.check(self.prepared.train)
            stops = model.capabilities.early_stopping and model.stated_epochs is None
            if request.tune or stops:
                _ = self.prepared.validation

    def will_search(self, request: Request) -> bool:
        """Tells whether a run will search within a budget: it has one, and is not there yet."""
        return request.budget is not None and (self._rerun or not (self.folder(request) / RECORD).is_file())

    def run(self, request: Request) -> Finished:
        """Runs one model, or reuses its run if the same was asked before.

        Raises:
          UserError: the model cannot work on this data, its loss diverged, or its folder cannot be written.
        """
        stop_if_interrupted()
        folder = self.folder(request)
        if is_tidy(folder) and not lock_file(folder).exists():
            found = self._found(request, folder)
            if found is not None:
                return found
        with run_lock(folder, lambda: self.console.waiting(request.name, folder)):
            # Another process may have made it while this one waited.
            found = self._found(request, folder)
            if found is None:
                return self._run(request, folder)
            tidy(folder)
            return found

    def _found(self, request: Request, folder: Path) -> Finished | None:
        found = None if self._rerun else read_run(folder)
        if found is None:
            return None
        record, evaluation = found
        self._check_belongs(record, evaluation, request, folder)
        self.console.reused(request.name, folder)
        if not request.tune:  # then, the same settings may have come from flags, a file or the defaults
            record = dataclasses.replace(record, tuning=request.tuning, ledger=request.ledger)
        record = dataclasses.replace(record, asked=self._asked)
        return Finished(record, evaluation, folder, reused=True)

    def _check_belongs(
        self, record: RunRecord, evaluation: Evaluation, request: Request, folder: Path
    ) -> None:
        """Refuses a run that was copied or edited: its numbers are not of what was asked."""
        asked = {
            "model": request.name,
            "seed": request.seed,
            "experiment": self.prepared.experiment.identity(),
            "data": {**record.data, "fingerprint": self.prepared.dataset.log.fingerprint},
            "config": record.config if request.tune else told(request.config),
        }
        differ = [
            f"another {name}" for name, value in as_json(asked).items() if getattr(record, name) != value
        ]
        differ += disagreements(record, evaluation)
        if differ:
            raise UserError(
                f"{folder} is not the run that was asked for ({'; '.join(differ[:3])}): it was edited or "
                "copied. Type --rerun to run it again, or choose another --results_dir=DIR."
            )

    def _run(self, request: Request, folder: Path) -> Finished:
        prepare_folder(folder)
        unfinished = Unfinished(folder, lambda text: self.console.note(request.name, text))
        with self.console.stage(request.name) as stage:
            tuned = self._searched(request, unfinished) if request.tune else None
            restart_peak_memory()  # trials may have been larger
            config = request.config if tuned is None else tuned.config
            model, report, fit_s = fit_for_test(
                lambda: self._new(request.name, config),
                self.prepared,
                request.seed,
                watch=Watch(self.console, request.name, folder / TENSORBOARD),
                unfinished=unfinished,
            )
            evaluation = self.prepared.test.evaluate(model, stage.progress("evaluating"))
            figures: dict[str, Any] = {}
            if isinstance(model, Funnel):
                figures = dataclasses.asdict(
                    funnel_figures(model, self.prepared.test, self.prepared.dataset.log.item_features)
                )
            record = self._record(
                request,
                config,
                tuned=tuned,
                model=model,
                report=report,
                fit_s=fit_s,
                evaluation=evaluation,
                funnel=figures,
            )
            which = "" if request.seed == self.prepared.experiment.seed else f"seed {request.seed}: "
            stage.say(f"{which}{evaluation.primary.upper()} {evaluation.mean(evaluation.primary):.4f}")
        if not isinstance(model, Oracle):
            model.save(folder / MODEL)
        self._write_tensorboard(folder / TENSORBOARD, record, model)
        record = write_run(folder, record, evaluation, self.prepared.dataset.log.user_ids.ids)
        return Finished(record, evaluation, folder, reused=False)

    def _grid(self, request: Request) -> dict[str, Any]:
        """Returns what is searched, as a part of what the run is."""
        if not request.tune:
            return {}
        if request.parts:
            return {part.name: self._grid(part) for part in request.parts}
        if request.budget is not None:
            space = space_of(self.prepared, request.name, request.config, request.held)
            return {"space": described(space), "budget": dataclasses.astuple(request.budget)}
        grid: dict[str, Any] = registry.resolve(registry.MODELS, request.name, "model").grid
        return grid

    def _new(self, name: str, config: Any) -> Recommender:
        return new_model(self.prepared, name, config)

    def _searched(self, request: Request, unfinished: Unfinished) -> GridResult | Searched | SearchedParts:
        """Searches once for all seeds of a model, with the experiment's own."""
        if request.budget is None:
            return self._searches.of_grid(request.name, request.config, unfinished.checkpoint("trials"))
        within = functools.partial(self._searches.within, request.budget)
        if not request.parts:
            return within(request.name, request.config, request.held)
        found = {part.name: within(part.name, part.config, part.held) for part in request.searches}
        configs = {part.name: found.get(part.name, part).config for part in request.parts}
        kind = registry.resolve(registry.MODELS, request.name, "model")
        return SearchedParts(kind.with_settings_of_parts(request.config, configs.__getitem__), found)

    def _record(
        self,
        request: Request,
        config: Any,
        *,
        tuned: GridResult | Searched | SearchedParts | None,
        model: Recommender,
        report: FitReport,
        fit_s: float,
        evaluation: Evaluation,
        funnel: dict[str, Any],
    ) -> RunRecord:
        log, test = self.prepared.dataset.log, self.prepared.test
        return RunRecord(
            model=request.name,
            dataset=self.prepared.dataset.name,
            split=self.prepared.experiment.split,
            seed=request.seed,
            experiment=self.prepared.experiment.identity(),
            data={
                "fingerprint": log.fingerprint,
                "rows": len(log),
                "users": log.num_users,
                "items": log.num_items,
                "clock": log.clock,
                "candidates": short_hash(np.flatnonzero(test.evaluation_set.candidates).tolist()),
                "notes": list(self.prepared.dataset.notes),
                **({"scale": list(test.scale)} if isinstance(test, RatingEvaluator) else {}),
            },
            config=told(config),
            tuning=request.tuning if tuned is None else tuned.summary(),
            trials=[] if tuned is None else [[told(one), quality] for one, quality in tuned.trials],
            tune_minutes=0.0 if tuned is None else tuned.minutes,
            epochs=report.epochs or None,
            curve=list(report.curve),
            fit_s=fit_s,
            score_us_per_user=evaluation.score_us_per_user,
            peak_memory_mb=peak_memory_mb(),
            num_parameters=model.num_parameters,
            metrics={
                segment: {metric: evaluation.mean(metric, segment) for metric in evaluation.metrics}
                for segment in evaluation.segments
                if evaluation.counted(segment, evaluation.primary).any()
            },
            list_metrics=evaluation.list_metrics,
            audit=dataclasses.asdict(self.prepared.audit),
            environment=environment(),
            asked=self._asked,
            funnel=funnel,
            ledger=request.ledger if tuned is None else tuned.ledger(),
        )

    def _write_tensorboard(self, events: Path, record: RunRecord, model: Recommender) -> None:
        """Flags and results of every model, and the item embeddings of those that wrote training curves."""
        log = self.prepared.dataset.log
        given = {
            name: value for name, value in (record.experiment | record.config).items() if value is not None
        }
        write_settings(events, given)
        write_results(
            events,
            {
                name: mean
                for name, mean in record.metrics["all"].items()
                if name.endswith("@10") or name in ERRORS
            },
        )
        if not (model.capabilities.early_stopping and isinstance(model, FactorizedRecommender)):
            return
        titles = log.item_ids.ids if log.item_titles is None else log.item_titles
        counts = self.prepared.test.item_counts
        listed = np.flatnonzero(counts)
        embedded = model.item_embeddings()[listed]
        columns = {"item_id": list(log.item_ids.ids[listed])}
        write_projector(events, embedded, list(titles[listed]), counts[listed], columns)
