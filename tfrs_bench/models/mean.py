"""Means: what everybody gives, corrected for who rates and for what is rated.

Model: r̂(u, i) = μ + b_u + b_i, with b_i = Σ_u (r_ui − μ) / (n_i + λ_i) and then
b_u = Σ_i (r_ui − μ − b_i) / (n_u + λ_u).
Objective and solver: none; two passes of counting.
Source: Koren 2010, Factor in the neighbors, section 2.1.
Deviations: b_u is taken from the query's history, so a grown history and a stranger are answered alike.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries
from tfrs_bench.models.base import Capabilities, FactorizedRecommender, FitContext, FitReport
from tfrs_bench.models.rating_recommender import RatingRecommender
from tfrs_bench.models.space import Range, Space
from tfrs_bench.options import option


@dataclasses.dataclass(frozen=True)
class MeanConfig:
    """Settings of the means."""

    item_shrinkage: float = option(5.0, "Ratings at the mean that every item starts with.", low=0)
    user_shrinkage: float = option(5.0, "Ratings at the mean that every user starts with.", low=0)


class Mean(FactorizedRecommender, RatingRecommender):
    """Global mean, item biases, and the query's own bias."""

    name = "mean"
    Config = MeanConfig
    capabilities = Capabilities(needs_ratings=True)
    grid: ClassVar = {
        "item_shrinkage": (1.0, 3.0, 9.0, 27.0),
        "user_shrinkage": (1.0, 3.0, 9.0, 27.0),
    }
    # Koren 2010 has 25 and 10.
    space: ClassVar[Space] = {
        "item_shrinkage": Range(0.1, 100.0, log=True),
        "user_shrinkage": Range(0.1, 100.0, log=True),
    }

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        assert train.ratings is not None
        ratings = train.ratings.astype(np.float64)
        self._mean = float(ratings.mean()) if len(ratings) else 0.0
        self._item_bias = shrunk_means(
            ratings - self._mean, train.items, train.num_items, self.config.item_shrinkage
        )
        return FitReport()

    def user_bias(self, queries: Queries) -> NDArray[np.float64]:
        """Returns [n] float64, the shrunk mean of what the history's ratings have beyond the items' means."""
        past = queries.histories
        assert past.ratings is not None
        beyond = past.ratings - self._mean - self._item_bias[past.items]
        return shrunk_means(beyond, past.rows, len(queries), self.config.user_shrinkage)

    def rate(
        self, queries: Queries, query_of_pair: NDArray[np.int64], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Returns [p] float32; an item without ratings has no bias."""
        rated = self._mean + self.user_bias(queries)[query_of_pair] + self._item_bias[items]
        return rated.astype(np.float32)

    def query_embeddings(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, 2] float32: mean and bias of the user, and a 1 that meets the item's bias."""
        own = self._mean + self.user_bias(queries)
        return np.column_stack([own, np.ones(len(own))]).astype(np.float32)

    def item_embeddings(self) -> NDArray[np.float32]:
        """Returns [num_items, 2] float32: 1 and the item's bias."""
        return np.column_stack([np.ones(len(self._item_bias)), self._item_bias]).astype(np.float32)

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns the global mean and the items' biases."""
        return {"mean": np.array(self._mean), "item_bias": self._item_bias}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes them."""
        self._mean, self._item_bias = float(state["mean"]), state["item_bias"]


def shrunk_means(
    values: NDArray[np.floating], groups: NDArray[np.integer], num_groups: int, shrinkage: float
) -> NDArray[np.float64]:
    """Returns [num_groups] float64 Σ value / (count + shrinkage), 0 for a group without values.

    >>> shrunk_means(np.array([1.0, 3.0, 2.0]), np.array([0, 0, 2]), 3, shrinkage=2.0).round(3).tolist()
    [1.0, 0.0, 0.667]
    """
    counts = np.bincount(groups, minlength=num_groups) + shrinkage
    sums = np.bincount(groups, values, minlength=num_groups)
    means: NDArray[np.float64] = np.divide(sums, counts, out=np.zeros(num_groups), where=counts > 0)
    return means
