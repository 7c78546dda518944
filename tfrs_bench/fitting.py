"""The fits behind a tested model: validation chooses the epochs, then both parts are fitted afresh."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfrs_bench import registry
from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.errors import UserError
from tfrs_bench.experiment import RATING
from tfrs_bench.models.base import FitMonitor, FitReport, Recommender
from tfrs_bench.models.oracle import Oracle
from tfrs_bench.models.rating_recommender import RatingRecommender, check_rates
from tfrs_bench.options import told
from tfrs_bench.preparation import Prepared
from tfrs_bench.reporting.console import Console
from tfrs_bench.reporting.tensorboard import TensorBoardMonitor
from tfrs_bench.unfinished import Unfinished


@dataclasses.dataclass(frozen=True)
class Watch:
    """Who is shown a fit.

    Attributes:
      console: of the command.
      name: the run's name there.
      events: the run's TensorBoard folder.
    """

    console: Console
    name: str
    events: Path


def new_model(prepared: Prepared, name: str, config: Any) -> Recommender:
    """Makes a model, untrained, for a prepared log.

    Args:
      prepared: data and protocol.
      name: a registered model, or the oracle where truth is known.
      config: its `Config`.

    Raises:
      UserError: the model cannot work on such data, or cannot do the task.
    """
    if name == Oracle.name:
        assert prepared.dataset.truth is not None
        return Oracle(prepared.dataset.truth)
    model: Recommender = registry.resolve(registry.MODELS, name, "model")(config)
    if prepared.experiment.task == RATING:
        check_rates(model)
    rates = isinstance(model, RatingRecommender) and model.rates
    if (model.capabilities.needs_ratings or rates) and prepared.dataset.log.ratings is None:
        raise UserError(
            f"{name} needs ratings, and these data have none. Leave it out of --model and --baselines."
        )
    return model


def fit_for_test(
    new: Callable[[], Recommender], prepared: Prepared, seed: int, *, watch: Watch, unfinished: Unfinished
) -> tuple[Recommender, FitReport, float]:
    """Fits a model as the test part will see it, going on from where an earlier process was stopped.

    Args:
      new: makes the model, untrained.
      prepared: data and protocol.
      seed: of the model.
      watch: who is shown the fits.
      unfinished: where they keep their states.

    Returns:
      The model, the epochs kept with the curve that validation watched, and the seconds of all fits.
    """
    model, began = new(), time.perf_counter()
    if not model.capabilities.early_stopping:
        model.fit(prepared.refit, seed=seed)
        return model, FitReport(model.stated_epochs), time.perf_counter() - began
    report, earlier_s = FitReport(epochs=model.stated_epochs), 0.0

    def fit(log: InteractionLog, phase: str, **how: Any) -> FitReport:
        settings = {"config": told(model.config), "seed": seed, "epochs": how.get("epochs")}
        how["checkpoint"] = unfinished.checkpoint(phase, **settings)
        board = TensorBoardMonitor(watch.events, phase, lambda text: watch.console.note(watch.name, text))
        try:
            return model.fit(log, seed=seed, monitor=_Both(watch.console.training(phase), board), **how)
        finally:
            board.close()

    if report.epochs is None:
        report = fit(
            prepared.train, "search", validate=prepared.validation.primary, metric=prepared.validation.metric
        )
        earlier_s = report.earlier_s
        if not prepared.experiment.refit:
            return model, report, time.perf_counter() - began + earlier_s
        model = new()
    earlier_s += fit(prepared.refit, "refit", epochs=report.epochs).earlier_s
    return model, report, time.perf_counter() - began + earlier_s


class _Both:
    """Tells every monitor the same."""

    def __init__(self, *monitors: FitMonitor) -> None:
        self._monitors = monitors

    def resumed(self, epoch: int) -> None:
        for one in self._monitors:
            one.resumed(epoch)

    def step(self, epoch: int, epochs: int, step: int, steps: int, loss: float) -> None:
        for one in self._monitors:
            one.step(epoch, epochs, step, steps, loss)

    def epoch(self, epoch: int, scalars: dict[str, float]) -> None:
        for one in self._monitors:
            one.epoch(epoch, scalars)

    def part(self, name: str) -> FitMonitor:
        return _Both(*(one.part(name) for one in self._monitors))
