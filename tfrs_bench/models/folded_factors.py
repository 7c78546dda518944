"""Factor models that answer every user from the history at hand, the item factors held fixed."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.queries import Queries
from tfrs_bench.models.base import FactorizedRecommender
from tfrs_bench.models.history_recommender import relative_popularity


class FoldInRecommender(FactorizedRecommender):
    """Keeps item factors alone, so that nobody, seen in training or not, is answered from a stale vector.

    A history without positives is answered by popularity, which is one more dimension of the inner product:
    popularity on the side of the items, 1 or 0 on the side of the query. A subclass implements `_fold_in`,
    and its `_fit` ends in `_take`.
    """

    @abstractmethod
    def _fold_in(self, positives: Any) -> NDArray[np.floating]:
        """Returns [n, d] vectors of queries from a csr_matrix [n, num_items] of ones at their positives."""

    def _take(self, item_factors: NDArray[np.floating], counts: NDArray[np.floating]) -> None:
        """Keeps [m, d] item factors and popularity, from [m] counts of users."""
        self._item_factors = np.asarray(item_factors, dtype=np.float32)
        self._popularity = relative_popularity(counts)

    def query_embeddings(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, d + 1] float32; the last coordinate is 1 for a history without positives."""
        positives = queries.histories.positive_matrix(len(self._item_factors))
        empty = np.diff(positives.indptr) == 0
        return np.column_stack([self._fold_in(positives), empty]).astype(np.float32)

    def item_embeddings(self) -> NDArray[np.float32]:
        """Returns [num_items, d + 1] float32; the last coordinate is popularity in [0, 1]."""
        return np.column_stack([self._item_factors, self._popularity])

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns item factors and popularity; users are folded in from their histories."""
        return {"item_factors": self._item_factors, "popularity": self._popularity}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes item factors and popularity."""
        self._item_factors, self._popularity = state["item_factors"], state["popularity"]
