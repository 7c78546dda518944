"""PureSVD: the best low-rank approximation of the binary matrix, missing entries taken as zeros.

Model: score(q, ·) = x_q V Vᵀ, V [m, d] the right singular vectors of the training positives X.
Objective: ‖X − U Σ Vᵀ‖² over rank d.
Solver: Lanczos iterations (ARPACK, through SciPy), from a fixed start.
Source: Cremonesi, Koren & Turrin 2010, equations 8–10.
Deviations: repeated positives count once; a history without positives is answered by popularity.
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


@dataclasses.dataclass(frozen=True)
class PureSVDConfig:
    """Settings of PureSVD."""

    factors: int = option(40, "Singular vectors kept.", low=1)


class PureSVD(FoldInRecommender):
    """Truncated singular value decomposition."""

    name = "pure_svd"
    Config = PureSVDConfig
    capabilities = Capabilities()
    grid: ClassVar = {"factors": (10, 20, 40, 80, 160)}
    ranks = ("factors",)
    # Cremonesi, Koren & Turrin 2010 have 50 and 150.
    space: ClassVar[Space] = {"factors": Range(5, 400, log=True)}

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        from scipy.sparse.linalg import svds

        matrix = positive_matrix(train).astype(np.float64)
        if self.config.factors < min(matrix.shape) - 1:
            start = np.ones(min(matrix.shape))
            _, _, right = svds(matrix, k=self.config.factors, v0=start, return_singular_vectors="vh")
        else:  # ARPACK leaves out the last
            _, _, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
            right = right[: self.config.factors]
        self._take(right.T, np.asarray(matrix.sum(axis=0)))
        return FitReport()

    def _fold_in(self, positives: Any) -> NDArray[np.floating]:
        folded_in: NDArray[np.floating] = positives @ self._item_factors
        return folded_in
