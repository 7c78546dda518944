"""How alike two rows of a binary matrix are: two users by their items, or two items by their users."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.models.space import Choice, Range, Space
from tfrs_bench.options import option

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

KINDS = ("cosine", "jaccard", "bm25")
BM25_SATURATION, BM25_LENGTH = 1.2, 0.75
GRID = {"similarity": KINDS, "neighbors": (25, 100, 400), "shrinkage": (1.0, 10.0, 100.0)}
# The ranges of Ferrari Dacrema, Cremonesi & Jannach 2019.
SPACE: Space = {
    "similarity": Choice(KINDS),
    "neighbors": Range(5, 1000, log=True),
    "shrinkage": Range(0.1, 1000.0, log=True),
}
BLOCK_CELLS = 2**23  # similarities held at once: 32 MB


@dataclasses.dataclass(frozen=True)
class NeighborConfig:
    """Settings of neighborhood models."""

    similarity: str = option("cosine", "How alike two rows are.", choices=KINDS)
    neighbors: int = option(
        100, "How many of the most similar speak; those tied with the last do too.", low=1
    )
    shrinkage: float = option(
        10.0, "Added to the similarity's denominator, so that few common entries count for less.", low=0.0
    )


class Similarity:
    """Similarities of given rows to the rows of a fixed matrix.

    With A and B the columns of two rows, s the shrinkage: cosine |A ∩ B| / (√(|A| |B|) + s), Jaccard
    |A ∩ B| / (|A ∪ B| + s), and bm25 a · b / (‖a‖ ‖b‖ + s) of rows weighted by BM25 (Robertson & Zaragoza
    2009), where a column counts the more the fewer rows have it, and less in a long row.
    """

    def __init__(self, rows: csr_matrix, config: NeighborConfig) -> None:
        """Takes the fixed matrix [r, c] of ones."""
        self._config = config
        counts = np.diff(rows.indptr)
        in_column = np.bincount(rows.indices, minlength=rows.shape[1])
        self._rarity = np.log1p((len(counts) - in_column + 0.5) / (in_column + 0.5)).astype(np.float32)
        self._mean_count = max(float(counts.mean()), 1.0) if len(counts) else 1.0
        self._rows = self._weighted(rows)
        self._turned = self._rows.T.tocsr()
        self._sizes = self._size(self._rows)

    def blocks(self, rows: csr_matrix) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yields [b, r] float32 similarities of rows [n, c] of ones, a block at a time."""
        step = max(BLOCK_CELLS // max(self._rows.shape[0], 1), 1)
        for start in range(0, rows.shape[0], step):
            block = slice(start, start + step)
            weighted = self._weighted(rows[block])
            yield block, self._relative((weighted @ self._turned).toarray(), self._size(weighted))

    def _weighted(self, rows: csr_matrix) -> csr_matrix:
        if self._config.similarity != "bm25":
            return rows
        weighted, counts = rows.copy(), np.diff(rows.indptr)
        length = 1 - BM25_LENGTH + BM25_LENGTH * counts / self._mean_count
        weights = (BM25_SATURATION + 1) / (BM25_SATURATION * length + 1)
        weighted.data = (np.repeat(weights, counts) * self._rarity[rows.indices]).astype(np.float32)
        return weighted

    def _size(self, rows: csr_matrix) -> NDArray[np.float32]:
        squares = np.asarray(rows.multiply(rows).sum(axis=1), dtype=np.float32).ravel()
        return squares if self._config.similarity == "jaccard" else np.sqrt(squares)

    def _relative(self, common: NDArray[np.float32], sizes: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._config.similarity == "jaccard":
            whole = sizes[:, None] + self._sizes - common
        else:
            whole = sizes[:, None] * self._sizes
        whole += self._config.shrinkage
        np.divide(common, whole, out=common, where=common > 0)
        return common


def keep_nearest(similarities: NDArray[np.float32], count: int) -> csr_matrix:
    """Returns the largest positive similarities of each row, and those tied with the last of them.

    Ties are not broken, so that no order of users or items decides who is a neighbor.

    Args:
      similarities: [b, r] float32, at least 0.
      count: how many to keep of each row.

    >>> keep_nearest(np.array([[0.1, 0.5, 0.5, 0.2], [0.0, 0.0, 0.0, 0.3]], np.float32), 1).toarray()
    array([[0. , 0.5, 0.5, 0. ],
           [0. , 0. , 0. , 0.3]], dtype=float32)
    """
    from scipy.sparse import csr_matrix

    if count < similarities.shape[1]:
        place = similarities.shape[1] - count
        least = np.partition(similarities, place, axis=1)[:, place]
        similarities = np.where(similarities >= least[:, None], similarities, np.float32(0))
    return csr_matrix(similarities)
