"""Training examples of ratings: every row with its rating, and what was known of user and item without it."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog


@dataclasses.dataclass(frozen=True)
class RatedExamples:
    """One example per row of a log.

    Attributes:
      ratings: [r] float32.
      biases: [r, 2] float32, of the user by the rows before this one, and of the item by the other rows.
    """

    ratings: NDArray[np.float32]
    biases: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ratings)


def rated_examples(
    train: InteractionLog,
    mean: float,
    item_bias: NDArray[np.float64],
    item_shrinkage: float,
    user_shrinkage: float,
) -> RatedExamples:
    """Takes each row's rating out of the biases that go with it, or it would be known before it is predicted.

    Args:
      train: rows with ratings.
      mean: μ.
      item_bias: [num_items] b_i = Σ (r − μ) / (n_i + item_shrinkage) over all rows of an item.
      item_shrinkage: what b_i was shrunk with; above 0.
      user_shrinkage: of the user's bias, Σ (r − μ − b_i) / (rows before + user_shrinkage); above 0.
    """
    assert train.ratings is not None
    beyond = train.ratings.astype(np.float64) - mean
    counts = np.bincount(train.items, minlength=train.num_items)[train.items] + item_shrinkage
    others = (item_bias[train.items] * counts - beyond) / (counts - 1)
    residual = beyond - item_bias[train.items]
    starts = train.user_offsets[train.users]
    cumulative = np.append(0.0, np.cumsum(residual))
    before = np.arange(len(train)) - starts
    own = (cumulative[np.arange(len(train))] - cumulative[starts]) / (before + user_shrinkage)
    return RatedExamples(train.ratings, np.column_stack([own, others]).astype(np.float32))
