"""Random order: the floor of every table, and a check that the evaluator gives chance its due."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries
from tfrs_bench.models.base import Capabilities, FitContext, FitReport, Recommender
from tfrs_bench.models.ranking import tie_hash


@dataclasses.dataclass(frozen=True)
class RandomOrderConfig:
    """Random order has no settings."""


class RandomOrder(Recommender):
    """Scores that are uniform in [0, 1), fixed for a (seed, user, item)."""

    name = "random"
    Config = RandomOrderConfig
    capabilities = Capabilities(deterministic=False)

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        self._seed = context.seed
        return FitReport()

    def score(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, num_items] float32 in [0, 1)."""
        # A seed of its own, or the scores would repeat the tie hash of the ranking.
        bits = tie_hash(queries.keys[:, None], self.item_keys[None, :], self._seed + 0x5EED)
        return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns the seed."""
        return {"seed": np.array(self._seed)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes the seed."""
        self._seed = int(state["seed"])
