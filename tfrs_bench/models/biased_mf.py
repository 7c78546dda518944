"""Biased matrix factorization: ratings as means, biases, and an inner product of tastes.

Model: r̂(u, i) = μ + b_u + b_i + p_u · q_i.
Objective: Σ_{(u,i) rated} (r_ui − r̂(u, i))² + λ_b (Σ b_u² + Σ b_i²) + λ (Σ ‖p_u‖² + Σ ‖q_i‖²).
Solver: alternating least squares; every (b_u, p_u) is one ridge regression, and every (b_i, q_i) another.
Source: Koren, Bell & Volinsky 2009, equation 5; Zhou et al. 2008 (alternating least squares on ratings).
Deviations: two weights of regularization instead of one, neither multiplied by a row's number of ratings;
least squares instead of stochastic gradients; everybody, seen or not, is answered by the same regression on
the history at hand with the items fixed.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries
from tfrs_bench.models.base import Capabilities, FactorizedRecommender, FitContext, FitReport
from tfrs_bench.models.least_squares import SparseRows
from tfrs_bench.models.mean import shrunk_means
from tfrs_bench.models.rating_recommender import RatingRecommender
from tfrs_bench.models.space import Range, Space
from tfrs_bench.options import option
from tfrs_bench.runtime import blas_single_thread


@dataclasses.dataclass(frozen=True)
class BiasedMFConfig:
    """Settings of biased matrix factorization."""

    factors: int = option(32, "Dimensions of the factors.", low=1)
    regularization: float = option(12.0, "λ: weight of the squared norms of the factors.", low=1e-9)
    bias_regularization: float = option(4.0, "λ_b: weight of the squared biases.", low=1e-9)
    iterations: int = option(15, "Alternations of the user and the item step.", low=1)


class BiasedMF(FactorizedRecommender, RatingRecommender):
    """Matrix factorization of explicit ratings with fold-in of every query."""

    name = "biased_mf"
    Config = BiasedMFConfig
    capabilities = Capabilities(deterministic=False, needs_ratings=True)
    grid: ClassVar = {
        "factors": (8, 16, 32),
        "regularization": (6.0, 12.0, 24.0),
        "bias_regularization": (2.0, 4.0, 8.0),
    }
    ranks = ("factors",)
    space: ClassVar[Space] = {
        "factors": Range(4, 128, log=True),
        "regularization": Range(1.0, 100.0, log=True),
        "bias_regularization": Range(0.3, 30.0, log=True),
    }

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        assert train.ratings is not None
        self._mean = float(train.ratings.mean()) if len(train) else 0.0
        ratings = train.ratings - np.float32(self._mean)
        by_user = SparseRows.of(train.users, train.items, train.num_users)
        by_item = SparseRows.of(train.items, train.users, train.num_items)
        bias = shrunk_means(ratings, train.items, train.num_items, self.config.bias_regularization)
        factors = np.random.default_rng(context.seed).normal(0, 0.1, (len(bias), self.config.factors))
        factors[~train.catalogue] = 0.0
        items = np.column_stack([bias, factors]).astype(np.float32)
        with blas_single_thread():  # the matrices are small: a second thread costs more than it brings
            for _ in range(self.config.iterations):
                users = self._solved(by_user, items, ratings)
                items = self._solved(by_item, users, ratings)
        self._items = items
        return FitReport()

    def _solved(
        self, rows: SparseRows, others: NDArray[np.float32], ratings: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Returns [rows, 1 + d] biases and factors, given those of the other side."""
        ridge = np.append(
            self.config.bias_regularization, np.full(self.config.factors, self.config.regularization)
        )
        vectors = others.copy()
        vectors[:, 0] = 1.0  # meets the bias that is sought, the other side's is taken off the target
        return rows.solve(vectors, ratings - others[rows.columns, 0], ridge).astype(np.float32)

    def _folded_in(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, 1 + d] bias and factors of each query's user; zeros for an empty history."""
        past = queries.histories
        assert past.ratings is not None
        with blas_single_thread():
            rows = SparseRows.of(past.rows, past.items, len(queries))
            return self._solved(rows, self._items, past.ratings - np.float32(self._mean))

    def rate(
        self, queries: Queries, query_of_pair: NDArray[np.int64], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Returns [p] float32; an item without ratings has neither bias nor factors."""
        users = self._folded_in(queries)[query_of_pair]
        tastes = np.einsum("pd,pd->p", users[:, 1:], self._items[items, 1:])
        rated: NDArray[np.float32] = np.float32(self._mean) + users[:, 0] + self._items[items, 0] + tastes
        return rated

    def query_embeddings(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, factors + 2] float32: mean and bias of the user, 1, and the user's factors."""
        users = self._folded_in(queries)
        ones = np.ones(len(users), np.float32)
        return np.column_stack([np.float32(self._mean) + users[:, 0], ones, users[:, 1:]])

    def item_embeddings(self) -> NDArray[np.float32]:
        """Returns [num_items, factors + 2] float32: 1, and the item's bias and factors."""
        return np.column_stack([np.ones(len(self._items), np.float32), self._items])

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns the mean, and the items' biases and factors; users are folded in from their histories."""
        return {"mean": np.array(self._mean), "items": self._items}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes them."""
        self._mean, self._items = float(state["mean"]), state["items"]
