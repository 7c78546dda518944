"""Models that remember how they were used; `registered` puts them into the registry for a test."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from tfrs_bench.data.queries import positive_matrix
from tfrs_bench.models.base import Capabilities, FitReport, Recommender
from tfrs_bench.options import option

MODELS = {name: f"fake_models:{kind}" for name, kind in (("stops", "Stops"), ("grid", "Grid"))}


@dataclasses.dataclass(frozen=True)
class StopsConfig:
    epochs: int | None = option(None, "Epochs.", low=1)


@dataclasses.dataclass(frozen=True)
class GridConfig:
    peak: int = option(16, "Where validation is best.", low=1)
    width: int = option(4, "What the grid is over.", low=1)


@dataclasses.dataclass(frozen=True)
class Fit:
    """What a model was handed, and itself."""

    model: Recommender
    log: Any
    seed: int
    validated: bool
    epochs: int | None


class Remembers(Recommender):
    """Scores items by their counts, the more epochs the more clearly; keeps every call in `fits`."""

    fits: ClassVar[list[Fit]] = []

    def _fit(self, train, context):
        self.fits.append(Fit(self, train, context.seed, context.validate is not None, context.epochs))
        self._counts = np.bincount(train.items, train.positives, minlength=train.num_items)
        self._counts = self._counts.astype(np.float32)
        self._taken = positive_matrix(train)
        return self._learn(context.validate, context.epochs, context.monitor)

    def _learn(self, validate, epochs, monitor):
        return FitReport()

    def score(self, queries):
        return np.tile(self._counts, (len(queries), 1))

    def state(self):
        return {"counts": self._counts}

    def restore(self, state):
        self._counts = state["counts"]


class Stops(Remembers):
    """Has epochs: is validated three times and says that the second was the best."""

    name = "stops"
    Config = StopsConfig
    capabilities = Capabilities(neural=True, early_stopping=True)

    def _learn(self, validate, epochs, monitor):
        done = 3 if epochs is None else epochs
        curve = []
        for epoch in range(1, done + 1):
            scalars = {"train/loss": 1 / epoch, "train/examples_per_second": 9.0}
            if validate is not None:
                scalars["validation/ndcg@10"] = validate(self)
            monitor.step(epoch, done, 1, 1, 1 / epoch)
            monitor.epoch(epoch, scalars)
            curve.append(scalars)
        return FitReport(2 if validate is not None else done, tuple(curve))


class Grid(Remembers):
    """Scores items by how often they went with those of the history; all alike unless its width is right."""

    name = "grid"
    Config = GridConfig
    grid: ClassVar = {"width": (4, 8)}

    def _learn(self, validate, epochs, monitor):
        return FitReport()

    def score(self, queries):
        together = self._taken.T @ self._taken * float(self.config.width == self.config.peak)
        return (queries.histories.positive_matrix(len(self._counts)) @ together).toarray()
