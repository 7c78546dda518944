"""iALS: implicit-feedback matrix factorization with frequency-scaled regularization.

Model: score(u, i) = x_u · y_i.
Objective: Σ_{(u,i) ∈ S} (x_u · y_i − 1)² + α₀ Σ_{u,i} (x_u · y_i)²
+ λ (Σ_u (|S_u| + α₀ |I|)^ν ‖x_u‖² + Σ_i (|S_i| + α₀ |U|)^ν ‖y_i‖²), S the training positives.
Solver: alternating least squares, every row by its own equations, exactly.
Source: Rendle, Krichene, Zhang & Koren 2022, equations 1–4; factors start from N(0, 0.1² / d) as there.
Deviations: repeated positives count once; every user, seen or not, is folded in from the history at hand; a
history without positives is answered by popularity.
"""

from __future__ import annotations

import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import positive_matrix
from tfrs_bench.models.base import Capabilities, FitContext, FitReport
from tfrs_bench.models.folded_factors import FoldInRecommender
from tfrs_bench.options import option
from tfrs_bench.runtime import blas_single_thread

START = 0.1  # times 1/√d: the standard deviation of the first factors
_CELLS = 2**21  # numbers in the equations that are solved at once: 8 MB


@dataclasses.dataclass(frozen=True)
class IALSConfig:
    """Settings of iALS."""

    factors: int = option(64, "Dimensions of the factors.", low=1)
    regularization: float = option(0.01, "λ: weight of the squared norms of the factors.", low=1e-9)
    unobserved_weight: float = option(0.3, "α₀: weight of every pair's squared score.", low=1e-9)
    frequency_exponent: float = option(
        1.0, "ν: 0 regularizes every row alike, 1 in proportion to its weights.", low=0.0, high=1.0
    )
    iterations: int = option(16, "Alternations of the user and the item step.", low=1)


class IALS(FoldInRecommender):
    """Alternating least squares as its authors tune it today."""

    name = "ials"
    Config = IALSConfig
    capabilities = Capabilities(deterministic=False)
    grid: ClassVar = {
        "factors": (64, 128),
        "regularization": (0.003, 0.01, 0.03),
        "unobserved_weight": (0.1, 0.3, 0.9),
    }
    ranks = ("factors",)

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        by_user = positive_matrix(train)
        by_item = by_user.T.tocsr()
        random = np.random.default_rng(context.seed)
        deviation = START / np.sqrt(self.config.factors)
        items = random.normal(0, deviation, (train.num_items, self.config.factors)).astype(np.float32)
        self._num_users = int((np.diff(by_user.indptr) > 0).sum())
        self._num_items = int((np.diff(by_item.indptr) > 0).sum())
        items[np.diff(by_item.indptr) == 0] = 0  # nothing is known of them, and nobody is drawn to them
        for _ in range(self.config.iterations):
            users = self._solve(by_user, items, self._num_items)
            items = self._solve(by_item, users, self._num_users)
        self._take(items, np.diff(by_item.indptr))
        return FitReport()

    def _fold_in(self, positives: Any) -> NDArray[np.floating]:
        return self._solve(positives, self._item_factors, int((self._popularity > 0).sum()))

    def _solve(self, matrix: Any, others: NDArray[np.float32], num_others: int) -> NDArray[np.float32]:
        """Returns [n, d] float32, the best factors of a csr_matrix's rows [n, c] for its columns' [c, d].

        A row's x solves (α₀ YᵀY + Σ_{i ∈ row} y_i y_iᵀ + λ (|row| + α₀ |I|)^ν I) x = Σ_{i ∈ row} y_i.
        """
        config, counts = self.config, np.diff(matrix.indptr)
        weight = config.unobserved_weight
        everything = weight * (others.T @ others)
        ridge = config.regularization * (counts + weight * num_others) ** config.frequency_exponent
        solved = np.zeros((len(counts), config.factors), dtype=np.float32)
        rows = np.flatnonzero(counts)
        size = max(_CELLS // config.factors**2, 1)

        def solve(some: NDArray[np.int64]) -> None:
            left = np.empty((len(some), config.factors, config.factors), dtype=np.float32)
            right = np.empty((len(some), config.factors, 1), dtype=np.float32)
            for place, row in enumerate(some):
                its = others[matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]]
                np.matmul(its.T, its, out=left[place])
                right[place, :, 0] = its.sum(axis=0)
            left += everything
            diagonal = np.arange(config.factors)
            left[:, diagonal, diagonal] += ridge[some, None].astype(np.float32)
            solved[some] = np.linalg.solve(left, right)[:, :, 0]

        blocks = [rows[start : start + size] for start in range(0, len(rows), size)]
        with blas_single_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(solve, blocks))
        return solved
