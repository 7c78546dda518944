"""Models that answer from the positives of a history, whoever's it is."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.queries import Queries
from tfrs_bench.models.base import Recommender

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class HistoryRecommender(Recommender):
    """Scores by positives, and by popularity where a history has none.

    A subclass implements `_answer`, and its `_fit` and `restore` set `_popularity`, [m] float32.
    """

    _popularity: NDArray[np.float32]

    @abstractmethod
    def _answer(self, positives: csr_matrix, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, num_items] float32 scores, given the queries' positives [n, num_items] as ones."""

    @final
    def score(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, num_items] float32."""
        positives = queries.histories.positive_matrix(len(self._popularity))
        scores = self._answer(positives, queries)
        scores[np.diff(positives.indptr) == 0] = self._popularity
        return scores


def relative_popularity(counts: NDArray[np.number]) -> NDArray[np.float32]:
    """Returns [m] float32 counts divided by the largest.

    >>> relative_popularity(np.array([2, 0, 4]))
    array([0.5, 0. , 1. ], dtype=float32)
    """
    counts = np.asarray(counts, dtype=np.float32).ravel()
    popularity: NDArray[np.float32] = counts / max(float(counts.max(initial=0)), 1.0)
    return popularity
