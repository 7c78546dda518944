"""What approximate indexes share: dimensions that order nothing are left out, and leaves follow the size."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.retrieval.index import ItemIndex
from tfrs_bench.storage import read_arrays, write_arrays

_VISITED_SHARE = 40  # one leaf in as many is looked into, if nothing else is asked for
_SPARE = 3  # a list is looked for among leaves that hold on average as many times its length


class ApproximateIndex(ItemIndex):
    """Hands a subclass vectors without constant dimensions, such as an item bias that is 0 everywhere.

    Such a dimension adds the same to every item's product with a query, but would be quantized like any
    other. What it adds is put back into the scores.
    """

    @abstractmethod
    def _learn(self, vectors: NDArray[np.float32]) -> None:
        """Takes [c, d'] float32 vectors; c and d' are at least 1."""

    @abstractmethod
    def _nearest(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        """Does for queries [n, d'] what `_search` does."""

    @abstractmethod
    def _write_learned(self, folder: Path) -> None:
        """Writes what `_learn` learned."""

    @abstractmethod
    def _read_learned(self, folder: Path) -> None:
        """Takes what `_write_learned` wrote; OSError and ValueError as of `read`."""

    @final
    def _build(self, vectors: NDArray[np.float32]) -> None:
        constant = (vectors == vectors[0]).all(axis=0)
        if constant.all():
            constant[0] = False
        self._varies = np.flatnonzero(~constant)
        self._constants = np.where(constant, vectors[0], 0).astype(np.float32)
        self._learn(np.ascontiguousarray(vectors[:, self._varies]))

    @final
    def _search(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        rows, products = self._nearest(np.ascontiguousarray(queries[:, self._varies]), k)
        return rows, products + (queries @ self._constants)[:, None]

    @final
    def write(self, folder: Path) -> None:
        """Writes the dimensions that are left, and what was learned of them."""
        write_arrays(folder / "dimensions.npz", {"varies": self._varies, "constants": self._constants})
        self._write_learned(folder)

    @final
    def read(self, folder: Path) -> None:
        """Takes what `write` wrote."""
        dimensions = read_arrays(folder / "dimensions.npz")
        self._varies, self._constants = dimensions["varies"], dimensions["constants"]
        self._read_learned(folder)

    @property
    def _leaves(self) -> int:
        """As many as asked for, or √c; never more than items."""
        return min(self.config.leaves or round(math.sqrt(len(self))), len(self))

    def _leaves_to_search(self, k: int) -> int:
        """As many as asked for, and enough to hold a list of k."""
        asked = self.config.leaves_to_search or math.ceil(self._leaves / _VISITED_SHARE)
        return min(max(asked, math.ceil(_SPARE * k * self._leaves / len(self))), self._leaves)

    def _leaf_efforts(self, reorders: Sequence[int]) -> list[dict[str, Any]]:
        """Returns growing numbers of leaves, up to all, and of roughly best items to score exactly."""
        counts = sorted({math.ceil(self._leaves / 2**step) for step in range(12)})
        return [{"leaves_to_search": leaves, "reorder": reorder} for leaves in counts for reorder in reorders]
