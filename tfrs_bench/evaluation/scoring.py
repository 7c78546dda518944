"""A model's scores, checked, in blocks small enough to be ranked before they leave the processor's cache."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.queries import Queries
from tfrs_bench.models.base import FactorizedRecommender, Recommender

_MOST_QUERIES = 4096  # a model's own temporaries grow with the queries it is given at once
_SCORE_BYTES = 8  # a score, and its copy if the model returned a read-only or transposed array
_LARGEST = float(np.finfo(np.float32).max) / 2

Blocks = Callable[[slice], NDArray[np.float32]]


class Scorer(Protocol):
    """Asks a model for scores, a chunk of queries at a time.

    Attributes:
      most_queries: the size of a chunk.
    """

    most_queries: int

    def blocks(self, queries: Queries) -> tuple[Blocks, float]:
        """Asks for a chunk.

        Args:
          queries: at most `most_queries`.

        Returns:
          A function of a slice of the chunk that returns its [b, m] float32 scores, and the seconds that
          asking took; the function's own time comes on top. Several threads may call it; its scores may be
          written to, and last until the same thread calls again.

        Raises:
          ValueError: the scores have the wrong shape or type, or are not finite; maybe from the function.
        """


def scorer(model: Recommender, num_items: int, memory_bytes: int) -> Scorer:
    """Returns the scorer of a model: an inner product is taken block by block, anything else chunk by chunk.

    Args:
      model: a fitted model.
      num_items: m.
      memory_bytes: for the scores of a chunk.
    """
    if isinstance(model, FactorizedRecommender):
        return _Products(model, num_items)
    most = max(memory_bytes // (_SCORE_BYTES * max(num_items, 1)), 1)
    return _Whole(model, num_items, min(most, _MOST_QUERIES))


class _Whole:
    """Scores of a whole chunk, cut."""

    def __init__(self, model: Recommender, num_items: int, most_queries: int) -> None:
        self._model, self._num_items, self.most_queries = model, num_items, most_queries

    def blocks(self, queries: Queries) -> tuple[Blocks, float]:
        began = time.perf_counter()
        scores = self._model.score(queries)
        seconds = time.perf_counter() - began
        _check_form(self._model, scores, (len(queries), self._num_items))
        _check_values(self._model, scores, 0, len(queries))
        return np.require(scores, requirements=["C", "W"]).__getitem__, seconds


class _Products:
    """Inner products, formed where they are needed; the items are embedded once."""

    most_queries = _MOST_QUERIES

    def __init__(self, model: FactorizedRecommender, num_items: int) -> None:
        self._model, self._num_items = model, num_items
        began = time.perf_counter()
        self._items = model.item_embeddings()
        self._seconds = time.perf_counter() - began
        self._longest = _longest(self._items)
        self._memory = threading.local()  # fresh memory for every block would cost as much as ranking it

    def blocks(self, queries: Queries) -> tuple[Blocks, float]:
        began = time.perf_counter()
        embedded = self._model.query_embeddings(queries)
        seconds, self._seconds = self._seconds + time.perf_counter() - began, 0.0
        n = len(queries)
        _check_form(self._model, embedded[:0] @ self._items[:0].T, (0, 0))
        if (len(embedded), len(self._items)) != (n, self._num_items):
            _refuse_form(self._model, f"[{len(embedded)}, {len(self._items)}]", (n, self._num_items))
        # Cauchy and Schwarz: no product exceeds that of the norms, so it need not be looked for.
        finite = _longest(embedded) * self._longest < _LARGEST

        def block(rows: slice) -> NDArray[np.float32]:
            some = embedded[rows]
            with np.errstate(over="ignore", invalid="ignore"):  # told below, by name
                scores = np.matmul(some, self._items.T, out=self._block_memory(len(some)))
            if not finite:
                _check_values(self._model, scores, rows.start, n)
            return scores

        return block, seconds

    def _block_memory(self, rows: int) -> NDArray[np.float32]:
        """Returns [rows, m] float32 of the calling thread's own."""
        kept: NDArray[np.float32] | None = getattr(self._memory, "scores", None)
        if kept is None or len(kept) < rows:
            kept = self._memory.scores = np.empty((rows, self._num_items), dtype=np.float32)
        return kept[:rows]


def _longest(vectors: NDArray[np.float32]) -> float:
    """Returns the largest norm of [n, d] vectors, NaN if one has a NaN."""
    return float(np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64).max(initial=0.0)))


def _check_form(model: Recommender, scores: NDArray[np.float32], shape: tuple[int, int]) -> None:
    if not isinstance(scores, np.ndarray) or scores.shape != shape or scores.dtype != np.float32:
        got = f"{type(scores).__name__} {getattr(scores, 'dtype', '')} {list(np.shape(scores))}"
        _refuse_form(model, got, shape)


def _refuse_form(model: Recommender, got: str, shape: tuple[int, int]) -> None:
    raise ValueError(f"{_name(model)}.score should return float32 of shape {list(shape)}. Received: {got}.")


def _check_values(model: Recommender, scores: NDArray[np.float32], start: int, n: int) -> None:
    # the extremes pass NaN on, and need no temporary as large as the scores
    if scores.size and not (np.isfinite(scores.min()) and np.isfinite(scores.max())):
        row = start + int(np.flatnonzero(~np.isfinite(scores).all(axis=1))[0])
        raise ValueError(
            f"{_name(model)}.score returned NaN or an infinity (first at row {row} of {n}), which has no "
            "rank. Its training may have diverged: try a smaller learning rate."
        )


def _name(model: Recommender) -> str:
    return getattr(model, "name", type(model).__name__)
