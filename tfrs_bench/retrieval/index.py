"""The contract of an index: the items with the largest inner products, found exactly or nearly so."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.models.ranking import NO_ITEM
from tfrs_bench.retrieval.config import IndexConfig


class ItemIndex(ABC):
    """Finds the best of c items for any query.

    Made by `retrieval.building`. A subclass sets `name` and implements `_build`, `_search`, `write` and
    `read` over the rows 0 … c − 1 of its vectors; numbers of items, cosine and padding are dealt with here.

    Attributes:
      items: [c] int32, the item of each row.
      config: how it was built and is searched.
      reason: why it is this kind of index, in a sentence; empty if it was asked for.
      build_s: seconds that building took.
    """

    name: ClassVar[str]
    effort: ClassVar[tuple[str, ...]] = ()  # the settings that a search reads, which a built index can change
    replaceable: ClassVar[bool] = False  # by exact search, where it cannot be used

    @final
    def __init__(self, items: NDArray[np.int32], config: IndexConfig, similarity: str = "dot") -> None:
        """Takes what is known before there are vectors.

        Args:
          items: [c] int32, the item of each row.
          config: settings.
          similarity: `dot`, or `cosine` to normalize vectors and queries.
        """
        self.items, self.config, self.similarity, self.reason = items, config, similarity, ""
        self.dimension, self.build_s = 0, 0.0

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def problem(cls) -> str | None:
        """Returns why this index cannot be used here and what mends that, or None if it can."""
        return None

    @property
    def is_exact(self) -> bool:
        """Whether no better item than those found exists."""
        return False

    @abstractmethod
    def _build(self, vectors: NDArray[np.float32]) -> None:
        """Takes [c, d] float32 vectors, contiguous; c is at least 1."""

    @abstractmethod
    def _search(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        """Returns rows [n, k] of the vectors, −1 where nothing was found, and their inner products [n, k].

        Best first; k is at most c.
        """

    @abstractmethod
    def write(self, folder: Path) -> None:
        """Writes to an existing folder what `read` needs, without absolute paths."""

    @abstractmethod
    def read(self, folder: Path) -> None:
        """Takes what `write` wrote.

        Raises:
          OSError: it is not there.
          ValueError: it is damaged.
        """

    @final
    def build(self, vectors: NDArray[np.float32]) -> Self:
        """Learns from [c, d] float32 vectors, in the order of `items`.

        Raises:
          ValueError: their number is not that of `items`, or one is not finite.
        """
        if len(vectors) != len(self.items) or not np.isfinite(vectors).all():
            raise ValueError(f"an index of {len(self)} items needs as many finite vectors.")
        began = time.perf_counter()
        self.dimension = vectors.shape[1]
        if len(self):
            self._build(self._prepared(vectors))
        self.build_s = time.perf_counter() - began
        return self

    @final
    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Finds the best k items of every query.

        Args:
          queries: [n, d] float32.
          k: how many, may exceed c.

        Returns:
          items [n, k] int32, best first, `NO_ITEM` where nothing was found, and their inner products, or
          cosines, [n, k] float32, −inf there.

        Raises:
          ValueError: `k` is below 1, or the queries have another dimension than the items.
        """
        if k < 1 or queries.ndim != 2 or queries.shape[1] != self.dimension:
            raise ValueError(
                f"search takes k ≥ 1 and queries [n, {self.dimension}]. Received: k = {k}, "
                f"queries {list(queries.shape)}."
            )
        items = np.full((len(queries), k), NO_ITEM, dtype=np.int32)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        found = min(k, len(self))
        if found and len(queries):
            rows, products = self._search(self._prepared(queries), found)
            items[:, :found] = np.where(rows >= 0, self.items[rows], NO_ITEM)
            scores[:, :found] = np.where(rows >= 0, products, -np.inf)
        return items, scores

    @final
    def with_effort(self, **settings: Any) -> Self:
        """Returns this index, searched with other values of settings that `effort` names; nothing is copied.

        Raises:
          ValueError: a setting is not among them.
        """
        if not set(settings) <= set(self.effort):
            raise ValueError(f"{self.name} is searched with {', '.join(self.effort) or 'no settings'}.")
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.config = dataclasses.replace(self.config, **settings)
        return other

    @final
    def saved_mb(self) -> float:
        """Returns the size of all that a search needs, as written to a disk, in MB of 2**20 bytes."""
        with tempfile.TemporaryDirectory() as folder:
            if len(self):
                self.write(Path(folder))
            return sum(one.stat().st_size for one in Path(folder).rglob("*") if one.is_file()) / 2**20

    def efforts(self) -> list[dict[str, Any]]:
        """Returns values of the settings in `effort` worth trying, for `with_effort`, cheapest first."""
        return [{}]

    def _prepared(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns vectors contiguous, and under cosine with norm 1; those of norm 0 stay what they are."""
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if self.similarity != "cosine":
            return vectors
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        normalized: NDArray[np.float32] = vectors / np.where(norms > 0, norms, 1)
        return normalized
