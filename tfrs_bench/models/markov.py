"""Markov: what usually follows the last item; the simplest model that reads order.

Model: score(q, j) = Σ_k w_k P(j | i_k) over the query's rows i_1 (latest), i_2, …, with
P(j | i) = (C_ij + μ p_j) / (C_i· + μ) and w_k ∝ (1 − 1 / memory)^(k − 1).
Objective and solver: counting. C_ij is how often a positive row of j comes at most `window` rows after a row
of i in one user's history, p_j the share of j among positive rows.
Source: Ludewig & Jannach 2018 (MC, and SR, which counts over a window); Zhai & Lafferty 2004 (smoothing by a
background distribution, "Dirichlet priors").
Deviations: pairs count alike whatever their distance, where SR weighs them by its inverse; MC and SR answer
from the last item alone, as the defaults do here.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Histories, Queries
from tfrs_bench.models.base import Capabilities, FitContext, FitReport, Recommender
from tfrs_bench.models.space import Range, Space
from tfrs_bench.options import option

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_LIGHTEST = 1e-3  # rows of the history that weigh less, compared to the latest, are not read
_BLOCK = 512  # queries whose sparse answers are held at once


@dataclasses.dataclass(frozen=True)
class MarkovConfig:
    """Settings of Markov; the defaults are a first-order chain."""

    window: int = option(1, "A pair of rows counts if it is at most this many rows apart.", low=1)
    memory: int = option(
        1,
        "Rows of the history that speak, on average: 1 is the last alone; with n, each weighs 1 − 1/n of the "
        "one after it.",
        low=1,
    )
    smoothing: float = option(
        10.0, "μ: after how many counted pairs an item's own successors outweigh popularity.", low=1e-6
    )


class Markov(Recommender):
    """Transition counts with popularity as back-off."""

    name = "markov"
    Config = MarkovConfig
    capabilities = Capabilities(reads_order=True)
    grid: ClassVar = {"window": (1, 2, 4, 8), "memory": (1, 2, 4, 8, 16), "smoothing": (10.0, 100.0)}
    space: ClassVar[Space] = {
        "window": Range(1, 16, log=True),
        "memory": Range(1, 32, log=True),
        "smoothing": Range(0.3, 1000.0, log=True),
    }

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        counts = np.bincount(train.items[train.positives], minlength=train.num_items)
        popularity = (counts / max(counts.sum(), 1)).astype(np.float32)
        self._take(_transitions(train, self.config.window), popularity)
        return FitReport()

    def _take(self, transitions: csr_matrix, popularity: NDArray[np.float32]) -> None:
        self._transitions, self._popularity = transitions, popularity
        self._leaving = np.asarray(transitions.sum(axis=1, dtype=np.float64)).ravel()

    def score(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, num_items] float32 probabilities of what comes next."""
        read = self._weighted_history(queries.histories)
        back_off = self.config.smoothing * np.asarray(read.sum(axis=1)).ravel()
        back_off[np.diff(queries.histories.offsets) == 0] = 1.0
        scores = np.empty((len(queries), len(self._popularity)), dtype=np.float32)
        for start in range(0, len(queries), _BLOCK):
            rows = slice(start, start + _BLOCK)
            followed = (read[rows] @ self._transitions).toarray()
            scores[rows] = followed + back_off[rows, None] * self._popularity
        return scores

    def _weighted_history(self, histories: Histories) -> csr_matrix:
        """Returns [n, num_items] float64 w_k / (C_i· + μ) of the items i that each query reads."""
        from scipy.sparse import csr_matrix

        decay = 1 - 1 / self.config.memory
        longest = int(np.diff(histories.offsets).max(initial=0))
        length = 1 if decay == 0 else math.ceil(math.log(_LIGHTEST) / math.log(decay))
        items, _ = histories.window(min(length, longest))
        inside = items >= 0
        weights = decay ** np.arange(items.shape[1]) * inside
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1.0)  # the latest weighs 1
        weights /= self._leaving[items] + self.config.smoothing
        rows = np.nonzero(inside)[0]
        shape = (len(histories), len(self._popularity))
        return csr_matrix((weights[inside], (rows, items[inside])), shape=shape)

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns the counts as a sparse matrix's three arrays, and popularity."""
        counts = self._transitions
        return {
            "counts": counts.data,
            "successors": counts.indices,
            "offsets": counts.indptr,
            "popularity": self._popularity,
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes counts and popularity."""
        from scipy.sparse import csr_matrix

        popularity = state["popularity"]
        arrays = (state["counts"], state["successors"], state["offsets"])
        self._take(csr_matrix(arrays, shape=(len(popularity),) * 2), popularity)


def _transitions(train: InteractionLog, window: int) -> csr_matrix:
    """Returns [m, m] float32 counts of a positive row of j at most `window` rows after a row of i."""
    from scipy.sparse import csr_matrix

    counts = csr_matrix((train.num_items, train.num_items), dtype=np.float32)
    for distance in range(1, min(window, len(train) - 1) + 1):
        earlier, later = slice(None, -distance), slice(distance, None)
        same = train.users[earlier] == train.users[later]
        if not same.any():
            break
        pairs = same & train.positives[later]
        found = train.items[earlier][pairs], train.items[later][pairs]
        counts += csr_matrix((np.ones(len(found[0]), np.float32), found), shape=counts.shape)
    counts.sort_indices()
    return counts
