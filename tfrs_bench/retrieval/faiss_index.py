"""FAISS's graph (HNSW) and inverted lists over product codes (IVF-PQ), for comparison.

Source: Malkov & Yashunin 2018; Jégou, Douze & Schmid 2011; Douze et al. 2024 (the library).
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.retrieval.approximate_index import ApproximateIndex
from tfrs_bench.runtime import usable_cores

_FILE = "faiss.index"
_CODE_BITS = 8
_FEWEST_TO_TRAIN = 2**_CODE_BITS  # vectors, one for each code
_CURE = "./run python -m pip install faiss-cpu==1.15.1"


class _FaissIndex(ApproximateIndex):
    """An index that FAISS builds, reads and writes."""

    @classmethod
    def problem(cls) -> str | None:
        """Returns how to install FAISS, if it is not."""
        if importlib.util.find_spec("faiss") is None:
            return f"--index={cls.name} needs FAISS, which is not installed. Type: {_CURE}"
        return None

    def _write_learned(self, folder: Path) -> None:
        self._faiss().write_index(self._learned, str(folder / _FILE))

    def _read_learned(self, folder: Path) -> None:
        try:
            self._learned = self._faiss().read_index(str(folder / _FILE))
        except RuntimeError as error:
            raise ValueError(f"FAISS cannot read it: {error}") from error

    @staticmethod
    def _faiss() -> Any:
        faiss = importlib.import_module("faiss")
        faiss.omp_set_num_threads(usable_cores())
        return faiss


class HNSWIndex(_FaissIndex):
    """A graph of neighbors over exact vectors; a search walks from node to nearer node."""

    name = "faiss_hnsw"
    effort = ("links_to_follow",)

    def efforts(self) -> list[dict[str, Any]]:
        """Returns numbers of nodes kept while searching."""
        return [{"links_to_follow": 2**power} for power in range(4, 11)]

    def _learn(self, vectors: NDArray[np.float32]) -> None:
        faiss = self._faiss()
        self._learned = faiss.IndexHNSWFlat(vectors.shape[1], self.config.links, faiss.METRIC_INNER_PRODUCT)
        self._learned.add(vectors)

    def _nearest(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        faiss = self._faiss()
        how = faiss.SearchParametersHNSW(efSearch=max(self.config.links_to_follow, k))
        products, rows = self._learned.search(queries, k, params=how)
        return rows, products


class IVFPQIndex(_FaissIndex):
    """Lists of vectors by nearest centroid, kept as product codes; the roughly best are scored exactly."""

    name = "faiss_ivfpq"
    effort = ("leaves_to_search", "reorder")

    def efforts(self) -> list[dict[str, Any]]:
        """Returns numbers of lists and of items to score exactly."""
        return self._leaf_efforts(sorted({50, 200, 500, self.config.reorder}))

    def _learn(self, vectors: NDArray[np.float32]) -> None:
        faiss, (count, dimension) = self._faiss(), vectors.shape
        if count < _FEWEST_TO_TRAIN:
            coarse = faiss.IndexFlatIP(dimension)
        else:
            # Codes have 8 bits where ScaNN's have 4, so blocks of twice the dimensions make them as large.
            blocks = max(dimension // (2 * self.config.dimensions_per_block), 1)
            blocks = next(one for one in range(blocks, 0, -1) if dimension % one == 0)  # as FAISS asks
            lists = faiss.IndexFlatIP(dimension)
            coarse = faiss.IndexIVFPQ(
                lists, dimension, self._leaves, blocks, _CODE_BITS, faiss.METRIC_INNER_PRODUCT
            )
            coarse.cp.min_points_per_centroid = coarse.pq.cp.min_points_per_centroid = 1  # no warnings
            self._lists = lists  # FAISS keeps no reference of its own
        self._learned = faiss.IndexRefineFlat(coarse)
        self._learned.train(vectors)
        self._learned.add(vectors)

    def _nearest(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        faiss = self._faiss()
        how = None
        if len(self) >= _FEWEST_TO_TRAIN:
            inside = faiss.SearchParametersIVF(nprobe=self._leaves_to_search(k))
            factor = max(math.ceil(self.config.reorder / k), 1)
            how = faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=inside)
        products, rows = self._learned.search(queries, k, params=how)
        return rows, products
