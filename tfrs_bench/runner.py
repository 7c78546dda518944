"""Runs an experiment: load, split, prove, fit, evaluate, record, compare."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench import __version__, registry
from tfrs_bench.data.audit import Audit, audit_split
from tfrs_bench.data.dataset import Dataset
from tfrs_bench.data.relevance import EvaluationSet, evaluation_set
from tfrs_bench.data.split import TEST, VALIDATION, split_log
from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.evaluator import SEGMENTS, Evaluation, Evaluator
from tfrs_bench.evaluation.self_check import self_check
from tfrs_bench.experiment import Experiment, short_hash
from tfrs_bench.models.base import FitMonitor, FitReport, Recommender
from tfrs_bench.models.oracle import Oracle
from tfrs_bench.models.popularity import Popularity
from tfrs_bench.reporting.console import Console
from tfrs_bench.reporting.records import MODEL, TENSORBOARD, RunRecord, prepare_folder, read_run, write_run
from tfrs_bench.reporting.tensorboard import (
    TensorBoardMonitor,
    write_projector,
    write_results,
    write_settings,
)
from tfrs_bench.runtime import environment, peak_memory_mb, restart_peak_memory
from tfrs_bench.tuning.grid import GridResult, grid_search


@dataclasses.dataclass(frozen=True)
class Request:
    """One model to run.

    Attributes:
      name: its name in the table.
      config: settings to start from, or to use as they are.
      tuning: where they come from, in words: `defaults`, a flagfile's name, `given`.
      tune: search the model's grid on validation first.
    """

    name: str
    config: Any
    tuning: str = "defaults"
    tune: bool = False


@dataclasses.dataclass(frozen=True)
class Finished:
    """A run that is on disk.

    Attributes:
      record: what was kept.
      evaluation: per-user metrics.
      folder: where.
      reused: it had been run before.
    """

    record: RunRecord
    evaluation: Evaluation
    folder: Path
    reused: bool


class Bench:
    """A loaded, split and audited log on which models are run one after the other."""

    def __init__(
        self,
        experiment: Experiment,
        results_dir: Path,
        console: Console,
        *,
        memory_mb: int = 512,
        rerun: bool = False,
    ) -> None:
        """Loads and splits the data and proves the evaluator on it.

        Args:
          experiment: data and protocol.
          results_dir: where runs are kept.
          console: shows what happens.
          memory_mb: for a chunk of evaluation.
          rerun: never reuse a run.

        Raises:
          UserError: the data cannot be read or split as asked.
        """
        self.experiment, self.results_dir, self.console, self._rerun = experiment, results_dir, console, rerun
        with console.stage("load") as stage:
            self.dataset = load_dataset(experiment)
            log = self.dataset.log
            stage.say(
                f"{self.dataset.name}: {len(log):,} rows, {log.num_users:,} users, {log.num_items:,} items"
            )
        console.notes(self.dataset.notes)
        with console.stage("split") as stage:
            self.split = split_log(
                log, experiment.split, cold_start_below=experiment.cold_start_below, seed=experiment.seed
            )
            allowed = read_candidates(experiment.candidates, self.dataset)
            self.validation_set, self.test_set = (
                self._evaluation_set(part, allowed) for part in (VALIDATION, TEST)
            )
            self.audit: Audit = audit_split(self.split, self.test_set)
            stage.say(*self.audit.lines())
        self._train, self._refit = self.split.fit_log(refit=False), self.split.fit_log(refit=True)
        if not experiment.refit:
            self._refit = self._train
        self.validation = self._evaluator(self.validation_set, self._train, memory_mb)
        self.test = self._evaluator(self.test_set, self._refit, memory_mb)
        with console.stage("self-test") as stage:
            popularity = Popularity()
            popularity.fit(self._refit)
            checks = self_check(
                self.test_set,
                log.item_ids.keys,
                self.test.item_counts,
                popularity,
                seed=experiment.seed,
                memory_mb=memory_mb,
            )
            stage.say(f"{len(checks)} checks hold: chance scores what chance must, the answers score 1")

    def _evaluation_set(self, part: int, allowed: NDArray[np.bool_] | None) -> EvaluationSet:
        experiment = self.experiment
        return evaluation_set(
            self.split,
            part,
            relevance_threshold=experiment.relevance_threshold,
            mask_seen=experiment.mask_seen,
            candidates=allowed,
        )

    def _evaluator(self, asked: EvaluationSet, train: Any, memory_mb: int) -> Evaluator:
        counts = np.bincount(train.items, minlength=train.num_items)
        return Evaluator(
            asked,
            train.item_ids.keys,
            counts,
            ks=self.experiment.ks,
            seed=self.experiment.seed,
            memory_mb=memory_mb,
        )

    def folder(self, request: Request) -> Path:
        """Returns the folder of a run, named by what it is."""
        identity = {
            "experiment": self.experiment.identity(),
            "data": self.dataset.log.fingerprint,
            "candidates": np.packbits(self.test_set.candidates).tobytes().hex(),
            "request": [request.name, dataclasses.asdict(request.config), request.tune],
            "version": __version__,
        }
        name = f"{request.name}-seed{self.experiment.seed}-{short_hash(identity)}"
        return self.results_dir / self.dataset.name / self.experiment.split / name

    def run(self, request: Request) -> Finished:
        """Runs one model, or reuses its run if the same was asked before.

        Raises:
          UserError: the model cannot work on this data, its loss diverged, or its folder cannot be written.
        """
        folder = self.folder(request)
        found = None if self._rerun else read_run(folder)
        if found is not None:
            self.console.reused(request.name, folder)
            return Finished(*found, folder, reused=True)
        prepare_folder(folder)
        restart_peak_memory()
        with self.console.stage(request.name) as stage:
            tuned = self._tune(request) if request.tune else None
            config = request.config if tuned is None else tuned.config
            model, report, fit_s = self._fit(request.name, config, folder / TENSORBOARD)
            evaluation = self.test.evaluate(model, stage.progress("evaluating"))
            record = self._record(
                request,
                config,
                tuned=tuned,
                model=model,
                report=report,
                fit_s=fit_s,
                evaluation=evaluation,
            )
            stage.say(f"NDCG@10 {evaluation.mean('ndcg@10'):.4f}, training {fit_s:.1f} s")
        if not isinstance(model, Oracle):
            model.save(folder / MODEL)
        self._write_tensorboard(folder / TENSORBOARD, record, model)
        write_run(folder, record, evaluation, self.dataset.log.user_ids.ids)
        return Finished(record, evaluation, folder, reused=False)

    def _new(self, name: str, config: Any) -> Recommender:
        if name == Oracle.name:
            assert self.dataset.truth is not None
            return Oracle(self.dataset.truth)
        model: Recommender = registry.resolve(registry.MODELS, name, "model")(config)
        if model.capabilities.needs_ratings and self.dataset.log.ratings is None:
            raise UserError(
                f"{name} needs ratings, and these data have none. Leave it out of --model and --baselines."
            )
        return model

    def _tune(self, request: Request) -> GridResult:
        model_class = registry.resolve(registry.MODELS, request.name, "baselines")

        def quality_of(config: Any) -> float:
            model = model_class(config)
            model.fit(self._train, seed=self.experiment.seed)
            return self.validation.primary(model)

        return grid_search(request.config, model_class.grid, quality_of, self.console.progress("tuning"))

    def _fit(self, name: str, config: Any, events: Path) -> tuple[Recommender, FitReport, float]:
        """Lets validation choose the epochs, then fits train + validation afresh."""
        model = self._new(name, config)
        began = time.perf_counter()
        stops = model.capabilities.early_stopping
        report = FitReport(epochs=getattr(config, "epochs", None))
        if stops and report.epochs is None:
            report = self._watched(model, events, "search", validate=self.validation.primary, log=self._train)
            if not self.experiment.refit:
                return model, report, time.perf_counter() - began
            model = self._new(name, config)
        if stops:
            self._watched(model, events, "refit", epochs=report.epochs, log=self._refit)
        else:
            model.fit(self._refit, seed=self.experiment.seed)
        return model, report, time.perf_counter() - began

    def _watched(
        self,
        model: Recommender,
        events: Path,
        phase: str,
        *,
        log: Any,
        validate: Callable[[Recommender], float] | None = None,
        epochs: int | None = None,
    ) -> FitReport:
        board = TensorBoardMonitor(events, phase)
        try:
            monitor: FitMonitor = _Both(self.console.training(phase), board)
            return model.fit(
                log, seed=self.experiment.seed, validate=validate, epochs=epochs, monitor=monitor
            )
        finally:
            board.close()

    def _record(
        self,
        request: Request,
        config: Any,
        *,
        tuned: GridResult | None,
        model: Recommender,
        report: FitReport,
        fit_s: float,
        evaluation: Evaluation,
    ) -> RunRecord:
        log = self.dataset.log
        return RunRecord(
            model=request.name,
            dataset=self.dataset.name,
            split=self.experiment.split,
            seed=self.experiment.seed,
            experiment=self.experiment.identity(),
            data={
                "fingerprint": log.fingerprint,
                "rows": len(log),
                "users": log.num_users,
                "items": log.num_items,
                "clock": log.clock,
                "notes": list(self.dataset.notes),
            },
            config=dataclasses.asdict(config),
            tuning=request.tuning if tuned is None else tuned.summary(),
            trials=[]
            if tuned is None
            else [[dataclasses.asdict(one), quality] for one, quality in tuned.trials],
            tune_minutes=0.0 if tuned is None else tuned.minutes,
            epochs=report.epochs,
            curve=list(report.curve),
            fit_s=fit_s,
            score_us_per_user=evaluation.score_us_per_user,
            peak_memory_mb=peak_memory_mb(),
            num_parameters=model.num_parameters,
            metrics={
                segment: {metric: evaluation.mean(metric, segment) for metric in evaluation.metrics}
                for segment in SEGMENTS
                if evaluation.counted(segment).any()
            },
            list_metrics=evaluation.list_metrics,
            audit=dataclasses.asdict(self.audit),
            environment=environment(),
        )

    def _write_tensorboard(self, events: Path, record: RunRecord, model: Recommender) -> None:
        """Flags, results and item embeddings of the models that wrote training curves."""
        if not model.capabilities.early_stopping:
            return
        log = self.dataset.log
        write_settings(events, record.experiment | record.config)
        write_results(events, record.metrics["all"])
        titles = log.item_ids.ids if log.item_titles is None else log.item_titles
        counts = self.test.item_counts
        listed = np.flatnonzero(counts)
        embedded = model.item_embeddings()[listed]  # type: ignore[attr-defined]
        write_projector(events, embedded, list(titles[listed]), counts[listed])


class _Both:
    """Tells every monitor the same."""

    def __init__(self, *monitors: FitMonitor) -> None:
        self._monitors = monitors

    def step(self, epoch: int, epochs: int, step: int, steps: int, loss: float) -> None:
        for one in self._monitors:
            one.step(epoch, epochs, step, steps, loss)

    def epoch(self, epoch: int, scalars: dict[str, float]) -> None:
        for one in self._monitors:
            one.epoch(epoch, scalars)


def load_dataset(experiment: Experiment) -> Dataset:
    """Loads what an experiment names and marks its positives."""
    if experiment.interactions is not None:
        from tfrs_bench.data.tabular import load
    else:
        load = registry.resolve(registry.DATASETS, experiment.dataset, "dataset")
    dataset = load(experiment)
    everything = experiment.train_on == "all"
    threshold = -np.inf if everything else experiment.relevance_threshold
    return dataclasses.replace(dataset, log=dataset.log.with_positives(threshold))


def read_candidates(path: str | None, dataset: Dataset) -> NDArray[np.bool_] | None:
    """Reads a candidates file, one raw item id a line.

    Returns:
      [num_items] bool, or None without a file.

    Raises:
      UserError: the file cannot be read, or names no item of the log.
    """
    if path is None:
        return None
    try:
        ids = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"--candidates={path} cannot be read ({error}). Give a text file, one item id a line."
        ) from error
    items = dataset.log.item_ids.index(ids)
    if not (items >= 0).any():
        raise UserError(f"--candidates={path}: none of its {len(ids)} ids is an item of {dataset.name}.")
    allowed = np.zeros(dataset.log.num_items, dtype=bool)
    allowed[items[items >= 0]] = True
    return allowed
