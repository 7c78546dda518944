"""BPR: matrix factorization that ranks what a user has above what they do not have.

Model: score(u, i) = x_u · y_i + b_i.
Objective: Σ softplus(s_uj − s_ui) + λ/2 (‖x_u‖² + ‖y_i‖² + ‖y_j‖² + b_i² + b_j²), over training positives
(u, i) and items j that are no positives of u, drawn in proportion to their positives.
Solver: stochastic gradient descent from nearly zero, one pair at a time, on one thread, implicit 0.7.
Source: Rendle, Freudenthaler, Gantner & Schmidt-Thieme 2009, sections 4.1 and 5.
Deviations: negatives by popularity, as implicit draws them; repeated positives count once; every user, seen
or not, is folded in from the history at hand; a history without positives is answered by popularity.
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
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import Capabilities, FitContext, FitReport
from tfrs_bench.models.folded_factors import FoldInRecommender
from tfrs_bench.models.pairwise import Pairs
from tfrs_bench.models.space import Range, Space
from tfrs_bench.options import option
from tfrs_bench.runtime import blas_single_thread

_NEGATIVES = 256  # items that stand for all in a fold-in, at even steps of popularity
_ROWS = 64  # folded in by one thread before it takes the next


@dataclasses.dataclass(frozen=True)
class BPRConfig:
    """Settings of BPR."""

    factors: int = option(64, "Dimensions of the factors.", low=1)
    learning_rate: float = option(0.005, "η: size of a step.", low=1e-6, high=1.0)
    regularization: float = option(0.01, "λ: weight of the squared norms, at every step.", low=0.0, high=1.0)
    iterations: int = option(160, "T: each has as many steps as there are positives.", low=1)


class BPR(FoldInRecommender):
    """implicit's BPR with fold-in of every query."""

    name = "bpr"
    Config = BPRConfig
    capabilities = Capabilities(deterministic=False)
    # η is not searched: beside the noise of its steps, it changes how far T of them go.
    grid: ClassVar = {
        "factors": (32, 64, 128),
        "regularization": (0.003, 0.01, 0.03),
        "iterations": (40, 80, 160),
    }
    ranks = ("factors",)
    # Rendle et al. 2009 have 8–128 factors; η matters where T is small.
    space: ClassVar[Space] = {
        "factors": Range(8, 256, log=True),
        "learning_rate": Range(0.001, 0.1, log=True),
        "regularization": Range(1e-4, 0.1, log=True),
        "iterations": Range(20, 320, log=True),
    }

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        from implicit.cpu.bpr import BayesianPersonalizedRanking
        from implicit.recommender_base import ModelFitError

        matrix, config = positive_matrix(train), self.config
        solver = BayesianPersonalizedRanking(
            factors=config.factors,
            learning_rate=config.learning_rate,
            regularization=config.regularization,
            iterations=config.iterations,
            num_threads=1,  # several would race for the same factors: no two fits would be the same
            random_state=context.seed,
        )
        try:
            solver.fit(matrix, show_progress=False)
        except ModelFitError as error:
            raise UserError("bpr's training diverged. Try a smaller --learning_rate.") from error
        self._take(solver.item_factors, np.asarray(matrix.sum(axis=0)))
        return FitReport()

    def _fold_in(self, positives: Any) -> NDArray[np.floating]:
        config, factors, biases = self.config, self._item_factors[:, :-1], self._item_factors[:, -1]
        negatives, shares = _spread_out(self._popularity)
        settled = 1 / (config.learning_rate * config.iterations)
        folded_in = np.zeros((positives.shape[0], config.factors + 1), dtype=np.float32)

        def solve(rows: NDArray[np.int64]) -> None:
            for row in rows:
                own = positives.indices[positives.indptr[row] : positives.indptr[row + 1]]
                drawn = np.where(np.isin(negatives, own), np.float32(0), shares)
                ridge = config.regularization * len(own) * float(drawn.sum()) + settled
                pairs = Pairs(factors[own], biases[own], factors[negatives], biases[negatives], drawn, ridge)
                folded_in[row, :-1] = pairs.solve()
                folded_in[row, -1] = 1  # the items' biases

        rows = np.flatnonzero(np.diff(positives.indptr))
        blocks = [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]
        with blas_single_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(solve, blocks))
        return folded_in


def _spread_out(popularity: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Returns items that stand for draws by popularity, and the share of the draws each stands for."""
    known = np.flatnonzero(popularity)
    shares = popularity[known].astype(np.float64)
    shares /= max(float(shares.sum()), 1.0)  # less than 1 only if there are none
    if len(known) > _NEGATIVES:
        steps = (np.arange(_NEGATIVES) + 0.5) / _NEGATIVES
        places = np.searchsorted(np.cumsum(shares), steps)
        chosen, counts = np.unique(places, return_counts=True)
        known, shares = known[chosen], counts / _NEGATIVES
    return known, shares.astype(np.float32)
