"""Many small ridge regressions at once: one for every row of a sparse matrix, over its columns' vectors."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

_CELLS = 60_000  # entries padded to one length and solved at once: a few MB of vectors


@dataclasses.dataclass(frozen=True)
class SparseRows:
    """Entries of a sparse matrix, laid out row by row in batches of rows of similar length.

    Attributes:
      num_rows: n, rows, some perhaps without entries.
      columns: [e] int, the column of each entry.
      batches: pairs of rows [b] and of their entries [b, L] int64, −1 where a row is shorter.
    """

    num_rows: int
    columns: NDArray[np.integer]
    batches: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]

    @classmethod
    def of(cls, rows: NDArray[np.integer], columns: NDArray[np.integer], num_rows: int) -> SparseRows:
        """Lays out entries given by [e] rows and [e] columns."""
        order = np.append(np.argsort(rows, kind="stable"), -1)
        counts = np.bincount(rows, minlength=num_rows)
        starts = np.cumsum(counts) - counts
        by_length = np.argsort(counts, kind="stable")
        batches, first = [], 0
        while first < num_rows:
            lengths = np.maximum(counts[by_length[first:]], 1)
            fit = np.arange(1, len(lengths) + 1) * lengths <= _CELLS  # true, then false: lengths ascend
            chosen = by_length[first : first + max(int(fit.sum()), 1)]
            place = np.arange(counts[chosen].max())
            inside = place < counts[chosen][:, None]
            batches.append((chosen, order[np.where(inside, starts[chosen][:, None] + place, -1)]))
            first += len(chosen)
        return cls(num_rows, columns, tuple(batches))

    def solve(
        self, vectors: NDArray[np.float32], targets: NDArray[np.float32], ridge: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Finds for every row the x that minimizes Σ (target − x · vector)² + Σ_k ridge_k x_k².

        Args:
          vectors: [m, d] float32, one for each column.
          targets: [e] float32, one for each entry.
          ridge: [d] float64, above 0.

        Returns:
          [n, d] float64; zeros for a row without entries.
        """
        padded = np.append(vectors, np.zeros_like(vectors[:1], shape=(1, vectors.shape[1])), axis=0)
        columns, targets = np.append(self.columns, -1), np.append(targets, np.float32(0))
        solved = np.zeros((self.num_rows, vectors.shape[1]))
        for rows, entries in self.batches:
            seen = padded[columns[entries]]
            turned = seen.transpose(0, 2, 1)
            left = (turned @ seen).astype(np.float64) + np.diag(ridge)
            right = turned @ targets[entries][:, :, None]
            solved[rows] = np.linalg.solve(left, right.astype(np.float64))[:, :, 0]
        return solved
