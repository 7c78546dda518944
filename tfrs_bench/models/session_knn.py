"""Session kNN: what the sessions most like the query's last items also held (V-SKNN).

Model: score(q, j) = Σ_{s ∈ N(q)} sim(q, s) · w(q, s) · [j ∈ s] · (1 + λ log(|S| / |S_j|)), where
sim(q, s) = Σ_{i ∈ q ∩ s} w_i / (‖w‖ √|s|), w_i falls with the steps back to item i in the query, w(q, s) is
the largest w_i of q ∩ s, N(q) are the nearest of the latest sessions that share an item with q, and S_j ⊂ S
are the sessions with j.
Objective and solver: none, sessions are kept as they are.
Source: Ludewig & Jannach 2018 (V-SKNN); Jannach & Ludewig 2017 (sampling the latest sessions).
Deviations: sessions are users' positive rows, cut where they are long; a user's own are no neighbors; cosine,
where V-SKNN has the bare dot product; popularity orders what no neighbor has.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Histories, Queries
from tfrs_bench.models.base import Capabilities, FitContext, FitReport, Recommender
from tfrs_bench.models.space import Choice, Range, Space
from tfrs_bench.options import option

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_PAIRS = 1 << 22  # of query and session that are weighed at once
_LEAST = 1e-9  # of popularity, beside anything that a neighbor says

_WEIGHTINGS = ("linear", "harmonic", "equal")


@dataclasses.dataclass(frozen=True)
class SessionKNNConfig:
    """Settings of session kNN."""

    neighbors: int = option(100, "Sessions that answer a query, the most similar ones.", low=1)
    sample_size: int = option(
        5_000, "The latest sessions sharing an item with the query, among which neighbors are sought.", low=1
    )
    session_length: int = option(
        50, "A user's positive rows are cut, from the latest back, into sessions of so many.", low=1
    )
    history_length: int = option(  # high: powers of 4 down to 4^-500 are float64s
        10, "How many of a user's last interactions the query reads.", low=1, high=500
    )
    weighting: str = option(
        "linear",
        "How an item of the query counts, by its step back: 1 − (step − 1) / length, 1 / step, or 1.",
        choices=_WEIGHTINGS,
    )
    idf: float = option(1.0, "λ: how much more a rare item counts; 0 counts all items alike.", low=0)


class SessionKNN(Recommender):
    """V-SKNN over users' histories."""

    name = "session_knn"
    Config = SessionKNNConfig
    capabilities = Capabilities(reads_order=True)
    grid: ClassVar = {
        "neighbors": (100, 300),
        "session_length": (20, 60),
        "history_length": (5, 10, 20),
        "idf": (0.1, 1.0),
    }
    # Neighbors, sample and weightings as Ludewig & Jannach 2018 search them; whole histories are longer than
    # their sessions.
    space: ClassVar[Space] = {
        "neighbors": Range(20, 1500, log=True),
        "sample_size": Range(500, 10_000, log=True),
        "session_length": Range(5, 400, log=True),
        "history_length": Range(1, 100, log=True),
        "weighting": Choice(_WEIGHTINGS),
        "idf": Range(0.0, 10.0),
    }

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        rows = np.flatnonzero(train.positives)
        counts = np.bincount(train.items[rows], minlength=train.num_items)
        popularity = (counts / max(counts.sum(), 1)).astype(np.float32)
        self._take(*_sessions(train, rows, self.config.session_length), popularity)
        return FitReport()

    def _take(self, sessions: csr_matrix, owners: NDArray[np.int32], popularity: NDArray[np.float32]) -> None:
        self._sessions, self._owners, self._popularity = sessions, owners, popularity
        self._by_item = sessions.T.tocsr()
        holding = np.diff(self._by_item.indptr)  # sessions of each item
        rarity = np.log(max(len(owners), 1) / np.maximum(holding, 1))
        self._item_weights = 1 + self.config.idf * rarity
        self._lengths = np.sqrt(np.diff(sessions.indptr))

    def score(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, num_items] float32."""
        steps = _steps(queries.histories, len(self._popularity), self.config.history_length)
        scores = np.empty((len(queries), len(self._popularity)), dtype=np.float32)
        block = max(1, _PAIRS // max(len(self._owners), 1))
        for start in range(0, len(queries), block):
            rows = slice(start, start + block)
            neighbors = self._neighbors(steps[rows], queries.users[rows])
            scores[rows] = (neighbors @ self._sessions).toarray() * self._item_weights
        scores += _LEAST * self._popularity
        return scores

    def _neighbors(self, steps: csr_matrix, users: NDArray[np.int32]) -> csr_matrix:
        """Returns [b, sessions] the weight of each query's neighbors."""
        queries = _with_data(steps, self._weights(steps.data))
        similar = queries @ self._by_item
        # In a sum of powers of 4 all but the first, the latest item in common, are less than a third of it.
        latest = _with_data(steps, 4.0**-steps.data) @ self._by_item
        for matrix in (similar, latest):
            matrix.sort_indices()  # sessions are numbered from the latest
        rows = np.repeat(np.arange(len(users)), np.diff(similar.indptr))
        norms = np.sqrt(np.asarray(queries.power(2).sum(axis=1)).ravel())
        similarity = similar.data / (self._lengths[similar.indices] * norms[rows])
        others = self._owners[similar.indices] != users[rows]
        chosen = others & (_place(others, rows, similar.indptr) < self.config.sample_size)
        chosen[chosen] = _nearest(similarity[chosen], rows[chosen], len(users), self.config.neighbors)
        step = (1 - np.frexp(latest.data[chosen])[1]) // 2
        weights = similarity[chosen] * self._weights(step)
        return _csr(weights, rows[chosen], similar.indices[chosen], similar.shape)

    def _weights(self, steps: NDArray[Any]) -> NDArray[np.float64]:
        """Returns w of items so many steps back."""
        if self.config.weighting == "equal":
            return np.ones(len(steps))
        linear = self.config.weighting == "linear"
        return np.asarray(1 - (steps - 1) / self.config.history_length if linear else 1 / steps)

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns the items of every session, the latest session first, its user, and popularity."""
        return {
            "items": self._sessions.indices,
            "offsets": self._sessions.indptr,
            "owners": self._owners,
            "popularity": self._popularity,
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes sessions, users and popularity."""
        from scipy.sparse import csr_matrix

        items, owners, popularity = state["items"], state["owners"], state["popularity"]
        arrays = (np.ones(len(items)), items, state["offsets"])
        self._take(csr_matrix(arrays, shape=(len(owners), len(popularity))), owners, popularity)


def _sessions(
    train: InteractionLog, rows: NDArray[np.int64], length: int
) -> tuple[csr_matrix, NDArray[np.int32]]:
    """Cuts users' rows into sessions, counted from each user's latest row back.

    Args:
      train: the log.
      rows: [r] the rows that sessions hold, ascending.
      length: of a session.

    Returns:
      The binary [sessions, num_items] matrix, the session with the latest last row first, and each session's
      user.
    """
    users = train.users[rows]
    ends = np.searchsorted(users, users, side="right")
    age = (ends - 1 - np.arange(len(rows))) // length  # in sessions
    last = np.append((users[1:] != users[:-1]) | (age[1:] != age[:-1]), True)[: len(rows)]
    number = np.cumsum(last) - last
    newest = np.argsort(-train.timestamps[rows[last]], kind="stable")
    matrix = _csr(np.ones(len(rows)), number, train.items[rows], (len(newest), train.num_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix[newest], users[last][newest]


def _steps(histories: Histories, num_items: int, length: int) -> csr_matrix:
    """Returns [n, num_items] how many positives back, from 1 up to `length`, each item was last taken.

    A row's entries are from the oldest to the latest: sums over them are then the same however items are
    numbered.
    """
    kept = np.flatnonzero(histories.positives)
    rows, items = histories.rows[kept], histories.items[kept]
    steps = np.searchsorted(rows, rows, side="right") - np.arange(len(rows))
    recent = np.flatnonzero(steps <= length)
    # np.unique keeps the first of equals, so it is shown the latest first.
    pairs = (rows[recent] * np.int64(num_items) + items[recent])[::-1]
    latest = recent[np.sort(len(recent) - 1 - np.unique(pairs, return_index=True)[1])]
    return _csr(steps[latest].astype(float), rows[latest], items[latest], (len(histories), num_items))


def _nearest(
    similarity: NDArray[np.float64], rows: NDArray[np.int64], num_rows: int, count: int
) -> NDArray[np.bool_]:
    """Marks the `count` largest of each row, of equals the first; `rows` ascend."""
    offsets = np.searchsorted(rows, np.arange(num_rows + 1))
    width = int(np.diff(offsets).max(initial=0))
    if width <= count:
        return np.ones(len(rows), dtype=bool)
    table = np.full((num_rows, width), -1.0)
    table[rows, np.arange(len(rows)) - offsets[rows]] = similarity
    bound = np.partition(table, width - count, axis=1)[:, width - count]
    above, equal = similarity > bound[rows], similarity == bound[rows]
    room = count - np.bincount(rows[above], minlength=num_rows)
    kept: NDArray[np.bool_] = above | (equal & (_place(equal, rows, offsets) < room[rows]))
    return kept


def _place(
    marked: NDArray[np.bool_], rows: NDArray[np.int64], offsets: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Returns how many entries of the same row are marked before each entry."""
    before: NDArray[np.int64] = np.cumsum(marked) - marked
    places: NDArray[np.int64] = before - np.append(before, 0)[offsets[:-1]][rows]
    return places


def _csr(
    data: NDArray[Any], rows: NDArray[np.int64], columns: NDArray[np.int32], shape: tuple[int, int]
) -> csr_matrix:
    """Returns a sparse matrix that keeps the order of its entries, whose rows must ascend."""
    from scipy.sparse import csr_matrix

    offsets = np.searchsorted(rows, np.arange(shape[0] + 1))
    return csr_matrix((data, columns, offsets), shape=shape)


def _with_data(matrix: csr_matrix, data: NDArray[np.float64]) -> csr_matrix:
    """Returns a sparse matrix with other values in the same places."""
    from scipy.sparse import csr_matrix

    return csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)
