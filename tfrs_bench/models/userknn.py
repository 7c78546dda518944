"""User kNN: what people have who have the same items.

Model: score(q, i) = Σ_{v ∈ N(q)} s_qv x_vi, N(q) the training users most similar to the query by their
positives, the one who asks left out.
Solver: none; the training positives are the model, compared with a block of queries at a time.
Source: Herlocker, Konstan, Borchers & Riedl 1999; Ferrari Dacrema, Cremonesi & Jannach 2019.
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


class UserKNN(HistoryRecommender):
    """Neighborhoods of users."""

    name = "userknn"
    Config = NeighborConfig
    capabilities = Capabilities()
    grid: ClassVar = GRID
    space: ClassVar[Space] = SPACE

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        self._take(positive_matrix(train))
        return FitReport()

    def _take(self, users: Any) -> None:
        self._users, self._similarity = users, Similarity(users, self.config)
        self._popularity = relative_popularity(np.asarray(users.sum(axis=0)))

    def _answer(self, positives: csr_matrix, queries: Queries) -> NDArray[np.float32]:
        scores = np.empty(positives.shape, dtype=np.float32)
        for block, similarities in self._similarity.blocks(positives):
            own = queries.users[block]
            known = np.flatnonzero(own >= 0)
            similarities[known, own[known]] = 0
            nearest = keep_nearest(similarities, self.config.neighbors)
            scores[block] = (nearest @ self._users).toarray()
        return scores

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns the training positives as a sparse matrix's arrays, and its number of columns."""
        return {
            "items": self._users.indices,
            "offsets": self._users.indptr,
            "num_items": np.array(self._users.shape[1]),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes what `state` returned."""
        from scipy.sparse import csr_matrix

        items, offsets = state["items"], state["offsets"]
        shape = (len(offsets) - 1, int(state["num_items"]))
        self._take(csr_matrix((np.ones(len(items), dtype=np.float32), items, offsets), shape=shape))
