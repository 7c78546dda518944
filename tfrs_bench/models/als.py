"""ALS: implicit-feedback matrix factorization, the classical opponent.

Model: score(u, i) = x_u · y_i.
Objective: Σ_{u,i} c_ui (p_ui − x_u · y_i)² + λ (Σ ‖x_u‖² + Σ ‖y_i‖²), with p_ui = 1 and confidence c_ui = α
on positive rows, p_ui = 0 and c_ui = 1 elsewhere.
Solver: alternating least squares by conjugate gradients (Takács, Pilászy & Tikk 2011), implicit 0.7.
Source: Hu, Koren & Volinsky 2008, equations 3–5.
Deviations: repeated positives count once; every user, seen or not, is answered by solving equation 4 for
the history at hand with the item factors fixed, so that nobody is answered from a stale vector; a history
without positives is answered by popularity, which is one more dimension of the inner product.
"""

from __future__ import annotations

import dataclasses
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


@dataclasses.dataclass(frozen=True)
class ALSConfig:
    """Settings of ALS."""

    factors: int = option(64, "Dimensions of the factors.", low=1)
    regularization: float = option(30.0, "λ: weight of the squared norms of the factors.", low=1e-9)
    confidence: float = option(3.0, "α: confidence of a positive, where a missing entry has 1.", low=1e-6)
    iterations: int = option(15, "Alternations of the user and the item step.", low=1)


class ALS(FoldInRecommender):
    """implicit's ALS with fold-in of every query."""

    name = "als"
    Config = ALSConfig
    capabilities = Capabilities(deterministic=False)
    # Good settings lie along a ridge, λ growing with α, so the grid reaches far in both.
    grid: ClassVar = {
        "factors": (32, 64, 128),
        "regularization": (3.0, 10.0, 30.0, 100.0),
        "confidence": (1.0, 3.0, 9.0),
    }
    ranks = ("factors",)
    # Hu, Koren & Volinsky 2008 have 10–200 factors and α = 40.
    space: ClassVar[Space] = {
        "factors": Range(8, 256, log=True),
        "regularization": Range(0.1, 1000.0, log=True),
        "confidence": Range(0.3, 100.0, log=True),
    }

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        matrix = positive_matrix(train)
        solver = self._solver(context.seed)
        with blas_single_thread():
            solver.fit(matrix, show_progress=False)
        self._take(solver.item_factors, np.asarray(matrix.sum(axis=0)))
        return FitReport()

    def _solver(self, seed: int = 0) -> Any:
        from implicit.cpu.als import AlternatingLeastSquares

        with blas_single_thread():  # or the constructor warns of BLAS threads
            return AlternatingLeastSquares(
                factors=self.config.factors,
                regularization=self.config.regularization,
                alpha=self.config.confidence,
                iterations=self.config.iterations,
                random_state=seed,
            )

    def _fold_in(self, positives: Any) -> NDArray[np.floating]:
        solver = self._solver()
        solver.item_factors = self._item_factors
        with blas_single_thread():
            folded_in: NDArray[np.floating] = solver.recalculate_user(
                np.arange(positives.shape[0]), positives
            )
        return folded_in
