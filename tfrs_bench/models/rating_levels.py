"""Ratings as a few levels, so that a network can learn what each of them means."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog

MOST_LEVELS = 16


@dataclasses.dataclass(frozen=True)
class RatingLevels:
    """Cuts ratings at fixed bounds; implicit data has one level.

    Attributes:
      bounds: [levels − 1] float32 ascending; a rating's level is how many bounds it reaches.

    >>> RatingLevels(np.array([3.0, 5.0], np.float32)).of_ratings(np.array([1.0, 3.0, 5.0], np.float32))
    array([0, 1, 2], dtype=int32)
    """

    bounds: NDArray[np.float32]

    @classmethod
    def of(cls, train: InteractionLog) -> RatingLevels:
        """Returns one level per distinct rating, or quantiles where there are more than `MOST_LEVELS`."""
        if train.ratings is None:
            return cls(np.zeros(0, np.float32))
        values = np.unique(train.ratings)
        if len(values) > MOST_LEVELS:
            values = np.unique(np.quantile(train.ratings, np.linspace(0, 1, MOST_LEVELS, endpoint=False)))
        return cls(values[1:].astype(np.float32))

    def __len__(self) -> int:
        return len(self.bounds) + 1

    def of_ratings(
        self, ratings: NDArray[np.float32] | None, positions: NDArray[np.int64] | None = None
    ) -> NDArray[np.int32]:
        """Returns int32 levels of ratings, or of `ratings[positions]`; 0 where there are no ratings."""
        if ratings is None or len(ratings) == 0:
            return np.zeros(() if positions is None else positions.shape, np.int32)
        chosen = ratings if positions is None else ratings[positions]
        return np.searchsorted(self.bounds, chosen, side="right").astype(np.int32)

    def of_log(self, log: InteractionLog) -> NDArray[np.int32]:
        """Returns the [r] int32 level of every row of a log."""
        if log.ratings is None:
            return np.zeros(len(log), np.int32)
        return self.of_ratings(log.ratings)
