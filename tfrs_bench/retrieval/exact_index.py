"""Exact search: every inner product is formed, block by block, and the best are taken."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.models.ranking import top_k
from tfrs_bench.retrieval.index import ItemIndex
from tfrs_bench.runtime import blas_single_thread, usable_cores
from tfrs_bench.storage import read_arrays, write_arrays

_BLOCK_BYTES = 24_000_000  # of scores that are ranked while the cache still holds them
_LEAST_ROWS, _MOST_ROWS = 32, 512  # fewer read the items over and over; more leave threads without work


class ExactIndex(ItemIndex):
    """Searches everything, on every core; equal scores are ordered by a hash of the item's number."""

    name = "exact"

    @property
    def is_exact(self) -> bool:
        """It is."""
        return True

    def _build(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = vectors

    def _search(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        rows = min(max(_BLOCK_BYTES // (4 * len(self)), _LEAST_ROWS), _MOST_ROWS)
        nobody, keys = np.zeros(rows, np.uint64), self.items.astype(np.uint64)

        def search(start: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
            scores = queries[start : start + rows] @ self._vectors.T
            return top_k(scores, k, nobody[: len(scores)], keys, 0)

        starts = range(0, len(queries), rows)
        if len(starts) == 1:
            return search(0)
        threads = usable_cores()
        with (
            ThreadPoolExecutor(threads) as pool,
            contextlib.nullcontext() if threads == 1 else blas_single_thread(),
        ):
            found = list(pool.map(search, starts))
        return np.concatenate([one for one, _ in found]), np.concatenate([one for _, one in found])

    def write(self, folder: Path) -> None:
        """Writes the vectors."""
        write_arrays(folder / "vectors.npz", {"vectors": self._vectors})

    def read(self, folder: Path) -> None:
        """Takes what `write` wrote."""
        self._vectors = read_arrays(folder / "vectors.npz")["vectors"]
