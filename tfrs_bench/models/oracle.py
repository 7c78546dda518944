"""The oracle: scores with a simulator's truth, so that a table shows how much there was to find.

Model: the truth of a simulated data set. Objective and solver: none, nothing is learned. Source: own.
It is no contestant: it knows what no log tells, takes no part in verdicts and cannot be named with
`--model`; the runner adds its row where `Dataset.truth` is given.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.dataset import Truth
from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import Capabilities, FitContext, FitReport, Recommender


@dataclasses.dataclass(frozen=True)
class OracleConfig:
    """The oracle has no settings."""


class Oracle(Recommender):
    """Scores every item by the expected preference that the simulator states."""

    name = "oracle"
    Config = OracleConfig
    capabilities = Capabilities(reads_order=True, reads_content=True)

    def __init__(self, truth: Truth) -> None:
        """Takes the truth of the data set at hand."""
        super().__init__()
        self._truth = truth

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        return FitReport()

    def score(self, queries: Queries) -> NDArray[np.float32]:
        """Returns the [n, num_items] float32 expected preferences."""
        return self._truth.preference(queries)

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns nothing: nothing was learned."""
        return {}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Refuses: the truth comes from the simulator.

        Raises:
          UserError: always.
        """
        raise UserError("The oracle cannot be loaded from a folder: it needs the simulated data set's truth.")
