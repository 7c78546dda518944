"""EASE: a linear item-item model without self-similarity, in closed form.

Model: score(q, ·) = x_q B, with x_q ∈ {0, 1}^m the positives of the query and B [m, m] with a zero diagonal.
Objective: ‖X − X B‖² + λ ‖B‖² subject to diag(B) = 0, X the training positives.
Solver: B_ij = −P_ij / P_jj with P = (XᵀX + λ I)⁻¹, by Cholesky in float64, over the items with positives.
Source: Steck 2019, equations 2 and 8.
Deviations: repeated positives count once; a history without positives is answered by popularity.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries, positive_matrix
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import Capabilities, FitContext, FitReport
from tfrs_bench.models.history_recommender import HistoryRecommender, relative_popularity
from tfrs_bench.models.space import Range, Space
from tfrs_bench.options import option

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Of items, at the worst moment: the inverse and half of it in float64, that in float32, the counts before.
BYTES_PER_PAIR = 24


@dataclasses.dataclass(frozen=True)
class EASEConfig:
    """Settings of EASE."""

    regularization: float = option(400.0, "λ: weight of the squared norm of B.", low=1e-6)


class EASE(HistoryRecommender):
    """Embarrassingly shallow autoencoder."""

    name = "ease"
    Config = EASEConfig
    capabilities = Capabilities()
    grid: ClassVar = {"regularization": (50.0, 100.0, 200.0, 400.0, 800.0)}
    # Steck 2019 has 200–1000.
    space: ClassVar[Space] = {"regularization": Range(1.0, 10_000.0, log=True)}

    def check(self, train: InteractionLog) -> None:
        """Raises UserError if the items' inverse does not fit in this machine's memory."""
        num_items = len(np.unique(train.items[train.positives]))
        most = most_items()
        if num_items > most:
            raise UserError(
                f"ease inverts a matrix of {num_items:,} × {num_items:,} items, and this machine's memory "
                f"has room for {most:,}. Leave ease out of --model and --baselines, or drop the rarest items."
            )

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        from scipy.linalg.lapack import dpotrf, dpotri

        self.check(train)
        matrix = positive_matrix(train)
        counts = np.asarray(matrix.sum(axis=0)).ravel()
        self._items = np.flatnonzero(counts)
        self._popularity = relative_popularity(counts)
        known = matrix[:, self._items].astype(np.float64)
        gram = (known.T @ known).toarray(order="F")
        np.fill_diagonal(gram, gram.diagonal() + self.config.regularization)
        factor, _ = dpotrf(gram, lower=False, overwrite_a=True)
        inverse, _ = dpotri(factor, lower=False, overwrite_c=True)
        self._weights = _without_self(inverse)
        return FitReport()

    def _answer(self, positives: csr_matrix, queries: Queries) -> NDArray[np.float32]:
        scores = np.zeros(positives.shape, dtype=np.float32)  # an item without training positives stays at 0
        scores[:, self._items] = positives[:, self._items] @ self._weights
        return scores

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns B over the items that have positives, which items these are, and popularity."""
        return {"weights": self._weights, "items": self._items, "popularity": self._popularity}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes what `state` returned."""
        self._weights, self._items, self._popularity = state["weights"], state["items"], state["popularity"]


def most_items() -> int:
    """Returns how many items' inverse fits in four fifths of this machine's memory."""
    import psutil

    return math.isqrt(int(0.8 * psutil.virtual_memory().total / BYTES_PER_PAIR))


def _without_self(inverse: NDArray[np.float64]) -> NDArray[np.float32]:
    """Returns B [m, m] float32 from the upper triangle of P."""
    weights = np.triu(inverse).astype(np.float32)
    weights += np.triu(weights, 1).T
    weights /= -inverse.diagonal().astype(np.float32)
    np.fill_diagonal(weights, 0.0)
    return weights
