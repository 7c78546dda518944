"""ScaNN: a tree of leaves over vectors quantized for inner products, the roughly best scored exactly.

Source: Guo et al. 2020 (anisotropic quantization), and ScaNN's own guidance on when to use which part.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.retrieval.approximate_index import ApproximateIndex
from tfrs_bench.runtime import REINSTALL, scann_problem, usable_cores

FEWEST_FOR_TREE = 100_000  # items
_REORDERS = (20, 50, 100, 200, 500)
_FEWEST_IN_PARALLEL = 8  # queries for which threads are worth their start
_TRAINING_SAMPLE = 100_000
_FOLDER, _DOCUMENT_IDS = "scann", "scann_docids.pkl"


class ScannIndex(ApproximateIndex):
    """Hashes alone up to `FEWEST_FOR_TREE` items or a number of leaves that is asked for, else a tree."""

    name = "scann"
    effort = ("leaves_to_search", "reorder")
    replaceable = True

    @classmethod
    def problem(cls) -> str | None:
        """Returns why ScaNN cannot be used; loads TensorFlow."""
        found = scann_problem()
        cure = f" Type: {REINSTALL}" if sys.platform == "linux" else ""
        return None if found is None else f"{found}; exact search serves.{cure}"

    @property
    def has_tree(self) -> bool:
        """Whether vectors lie in leaves, of which a search looks into some."""
        return self.config.leaves is not None or len(self) > FEWEST_FOR_TREE

    def efforts(self) -> list[dict[str, Any]]:
        """Returns numbers of leaves and of items to score exactly."""
        reorders = sorted({*_REORDERS, self.config.reorder})
        return self._leaf_efforts(reorders) if self.has_tree else [{"reorder": one} for one in reorders]

    def _learn(self, vectors: NDArray[np.float32]) -> None:
        scann_problem()
        from scann.scann_ops.py import scann_ops_pybind

        # The threshold is meant for norms of about 1; scaling all items alike orders nothing anew.
        self._scale = float(np.linalg.norm(vectors, axis=1).mean()) or 1.0
        builder = scann_ops_pybind.builder(vectors / self._scale, 10, "dot_product")
        builder.set_n_training_threads(usable_cores())
        if self.has_tree:
            builder.tree(self._leaves, self._leaves_to_search(1), training_sample_size=_TRAINING_SAMPLE)
        builder.score_ah(
            self.config.dimensions_per_block,
            anisotropic_quantization_threshold=self.config.anisotropic_threshold or math.nan,
            training_sample_size=_TRAINING_SAMPLE,
        )
        with _without_chatter():
            self._take(builder.reorder(self.config.reorder).build())

    def _take(self, searcher: Any) -> None:
        searcher.set_num_threads(usable_cores())
        self._searcher = searcher

    def _nearest(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        how = {
            "final_num_neighbors": k,
            "pre_reorder_num_neighbors": max(self.config.reorder, k),
            "leaves_to_search": self._leaves_to_search(k) if self.has_tree else None,
        }
        if len(queries) >= _FEWEST_IN_PARALLEL:
            batch = min(math.ceil(len(queries) / usable_cores()), 256)
            found, products = self._searcher.search_batched_parallel(queries, batch_size=batch, **how)
        else:
            found, products = self._searcher.search_batched(queries, **how)
        nothing = np.isnan(products)
        rows = np.full((len(queries), k), -1, dtype=np.int64)
        rows[:, : found.shape[1]] = np.where(nothing, -1, found.astype(np.int64))
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        scores[:, : found.shape[1]] = np.where(nothing, -np.inf, products * self._scale)
        return rows, scores

    def _write_learned(self, folder: Path) -> None:
        # ScaNN would pickle document ids; ours are the rows, so it has none.
        (folder / _FOLDER).mkdir()
        self._searcher.serialize(str(folder / _FOLDER), relative_path=True)
        (folder / _FOLDER / "scale.txt").write_text(repr(self._scale))

    def _read_learned(self, folder: Path) -> None:
        scann_problem()
        from scann.scann_ops.py import scann_ops_pybind

        if (folder / _FOLDER / _DOCUMENT_IDS).exists():
            raise ValueError(f"{_DOCUMENT_IDS} is a pickle, which nothing here writes or reads")
        self._scale = float((folder / _FOLDER / "scale.txt").read_text())
        try:
            with _without_chatter():
                searcher = scann_ops_pybind.load_searcher(str(folder / _FOLDER), assets_backcompat_shim=False)
            self._take(searcher)
        except (RuntimeError, TypeError) as error:
            raise ValueError(f"ScaNN cannot read it: {error}") from error


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Keeps what ScaNN's own code logs, which no setting silences, from the terminal; errors are raised."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as aside:
            os.dup2(aside.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
