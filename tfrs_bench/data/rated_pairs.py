"""Rated pairs: the ratings of a part of a split that models are asked to predict."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.relevance import EvaluationSet
from tfrs_bench.data.split import TemporalSplit


@dataclasses.dataclass(frozen=True)
class RatedPairs:
    """Every row of a part by a user who is asked, whatever its rating and whether or not its item is known.

    Attributes:
      queries: [p] int64, ascending, the query of each pair among the n of an evaluation set.
      items: [p] int32.
      ratings: [p] float32.
    """

    queries: NDArray[np.int64]
    items: NDArray[np.int32]
    ratings: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.items)

    def between(self, start: int, end: int) -> RatedPairs:
        """Returns the pairs of the queries `start` … `end` − 1, with these numbered from 0."""
        first, last = np.searchsorted(self.queries, (start, end))
        return RatedPairs(self.queries[first:last] - start, self.items[first:last], self.ratings[first:last])


def rated_pairs(split: TemporalSplit, part: int, asked: EvaluationSet) -> RatedPairs:
    """Finds what the users of an evaluation set rated in a part.

    Args:
      split: of a log with ratings.
      part: the part that the evaluation set is of.
      asked: n queries.

    Raises:
      ValueError: the log has no ratings.
    """
    log = split.log
    if log.ratings is None:
        raise ValueError("pairs can only be rated in a log with ratings.")
    rows = np.flatnonzero(split.parts == part)
    starts, ends = (np.searchsorted(log.users[rows], asked.users, side) for side in ("left", "right"))
    sizes = ends - starts
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    chosen = rows[np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])]
    return RatedPairs(np.repeat(np.arange(len(asked)), sizes), log.items[chosen], log.ratings[chosen])
