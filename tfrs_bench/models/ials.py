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
from tfrs_bench.models.space import Range, Space
from tfrs_bench.options import option
from tfrs_bench.runtime import blas_single_thread

START = 0.1  # times 1/√d: the standard deviation of the first factors
_ROWS = 256  # solved by one thread before it takes the next


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
    # Rendle et al. 2022 end at λ = 0.002–0.003, α₀ = 0.1–1 and ν = 1, and at more factors than fit here.
    space: ClassVar[Space] = {
        "factors": Range(16, 256, log=True),
        "regularization": Range(1e-4, 0.3, log=True),
        "unobserved_weight": Range(0.01, 3.0, log=True),
        "frequency_exponent": Range(0.0, 1.0),
    }

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        by_user = positive_matrix(train)
        by_item = by_user.T.tocsr()
        random = np.random.default_rng(context.seed)
        deviation = START / np.sqrt(self.config.factors)
        items = random.normal(0, deviation, (train.num_items, self.config.factors)).astype(np.float32)
        num_users, num_items = (int((np.diff(one.indptr) > 0).sum()) for one in (by_user, by_item))
        items[np.diff(by_item.indptr) == 0] = 0  # nothing is known of them, and nobody is drawn to them
        for _ in range(self.config.iterations):
            users = self._solve(by_user, items, num_items)
            items = self._solve(by_item, users, num_users)
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
        # Turned into the eigenvectors of YᵀY, what all rows share is a diagonal.
        spectrum, turn = np.linalg.eigh(weight * (others.T @ others).astype(np.float64))
        turned = (others @ turn).astype(np.float32)
        ridge = config.regularization * (counts + weight * num_others) ** config.frequency_exponent
        diagonals = (spectrum.clip(0) + ridge[:, None]).astype(np.float32)
        solved = np.zeros((len(counts), config.factors), dtype=np.float32)

        def solve(rows: NDArray[np.int64]) -> None:
            for row in rows:
                its = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
                solved[row] = fit_ones(turned[its], diagonals[row])

        rows = np.flatnonzero(counts)
        blocks = [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]
        with blas_single_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(solve, blocks))
        turned_back: NDArray[np.float32] = (solved @ turn.T).astype(np.float32)
        return turned_back


def fit_ones(vectors: NDArray[np.float32], diagonal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the x [d] that minimizes Σ_k (x · v_k − 1)² + Σ_j diagonal_j x_j².

    (D + VᵀV) x = Vᵀ 1, or, with fewer vectors than dimensions, x = D⁻¹Vᵀ z and (I + V D⁻¹ Vᵀ) z = 1: the same
    x by the smaller of two systems (Woodbury's identity).

    Args:
      vectors: V, [k, d] float32.
      diagonal: of D, [d] float32, above 0.

    >>> fit_ones(np.array([[2.0, 0.0]], np.float32), np.array([1.0, 1.0], np.float32))
    array([0.4, 0. ], dtype=float32)
    """
    count, dimension = vectors.shape
    answer: NDArray[np.float32]
    if count < dimension:
        scaled = vectors / diagonal
        inner = scaled @ vectors.T
        inner.flat[:: count + 1] += 1
        answer = np.linalg.solve(inner, np.ones(count, np.float32)) @ scaled
    else:
        left = vectors.T @ vectors
        left.flat[:: dimension + 1] += diagonal
        answer = np.linalg.solve(left, vectors.sum(axis=0))
    return answer
