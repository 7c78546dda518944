"""Popularity: the same list for everybody, the first thing every recommender must beat.

Model: an item's score is the number of positive training rows it has, optionally each row weighted by
2^(−age / half-life), its age taken at the last training row.
Source: Cremonesi, Koren & Turrin 2010 ("TopPop"); the half-life is own.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries
from tfrs_bench.data.recency import recency_weights
from tfrs_bench.models.base import Capabilities, FitContext, FitReport, Recommender
from tfrs_bench.models.space import Choice, Space
from tfrs_bench.options import option


@dataclasses.dataclass(frozen=True)
class PopularityConfig:
    """Settings of popularity."""

    half_life_days: float | None = option(
        None, "Days after which an interaction counts half; without it, all count alike.", low=1e-6
    )


class Popularity(Recommender):
    """Counts of positive interactions."""

    name = "popularity"
    Config = PopularityConfig
    capabilities = Capabilities()
    space: ClassVar[Space] = {
        "half_life_days": Choice((None, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0), needs_times=True)
    }

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        weights = recency_weights(train, self.config.half_life_days)
        counts = np.bincount(train.items, weights * train.positives, minlength=train.num_items)
        self._counts = counts.astype(np.float32)
        return FitReport()

    def score(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, num_items] float32, every row the same."""
        return np.tile(self._counts, (len(queries), 1))

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns the counts."""
        return {"counts": self._counts}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes the counts."""
        self._counts = state["counts"]
