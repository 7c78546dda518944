"""Item kNN: what is like the items one has.

Model: score(q, i) = Σ_{j ∈ N(i) ∩ H} s_ij, H the positives of the query, N(i) the items most similar to i.
Solver: counting common users, a block of items at a time; only neighbors are kept.
Source: Sarwar et al. 2001; Deshpande & Karypis 2004; Ferrari Dacrema, Cremonesi & Jannach 2019.
Deviations: neighbors tied with the last are kept too; a history without positives is answered by popularity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries, positive_matrix
from tfrs_bench.models.base import Capabilities, FitContext, FitReport
from tfrs_bench.models.history_recommender import HistoryRecommender, relative_popularity
from tfrs_bench.models.similarity import GRID, SPACE, NeighborConfig, Similarity, keep_nearest
from tfrs_bench.models.space import Space

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_BLOCK = 512  # queries whose sparse scores are held at once


class ItemKNN(HistoryRecommender):
    """Neighborhoods of items."""

    name = "itemknn"
    Config = NeighborConfig
    capabilities = Capabilities()
    grid: ClassVar = GRID
    space: ClassVar[Space] = SPACE

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        from scipy.sparse import csr_matrix, vstack

        items = positive_matrix(train).T.tocsr()
        self._popularity = relative_popularity(np.diff(items.indptr))
        parts = [csr_matrix((0, train.num_items), dtype=np.float32)]
        for block, similarities in Similarity(items, self.config).blocks(items):
            own = np.arange(len(similarities))
            similarities[own, own + block.start] = 0
            parts.append(keep_nearest(similarities, self.config.neighbors))
        self._take(vstack(parts, format="csr"))
        return FitReport()

    def _take(self, similar: csr_matrix) -> None:
        """Keeps [m, m] the neighbors of each item, and the same by neighbor, as scoring reads it."""
        self._similar, self._turned = similar, similar.T.tocsr()

    def _answer(self, positives: csr_matrix, queries: Queries) -> NDArray[np.float32]:
        scores = np.empty(positives.shape, dtype=np.float32)
        for start in range(0, len(queries), _BLOCK):
            scores[start : start + _BLOCK] = (positives[start : start + _BLOCK] @ self._turned).toarray()
        return scores

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns the similarities as a sparse matrix's three arrays, and popularity."""
        similar = self._similar
        return {
            "similarities": similar.data,
            "neighbors": similar.indices,
            "offsets": similar.indptr,
            "popularity": self._popularity,
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes similarities and popularity."""
        from scipy.sparse import csr_matrix

        self._popularity = state["popularity"]
        arrays = (state["similarities"], state["neighbors"], state["offsets"])
        self._take(csr_matrix(arrays, shape=(len(self._popularity),) * 2))
