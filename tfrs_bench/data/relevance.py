"""Evaluation sets: whom to ask, what they may be shown, and what would have been right."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.queries import Queries


@dataclasses.dataclass(frozen=True)
class EvaluationSet:
    """The questions of one part of a split and their answers.

    Attributes:
      queries: every user with rows in the part, asked once.
      users: [n] int32 the log's index of each query's user, cold or not.
      cold: [n] bool.
      relevant_items: [t] int32 flat, distinct within a query.
      relevant_offsets: [n + 1] int64; may leave a query with none.
      candidates: [num_items] bool, the catalogue.
      mask_seen: whether items of the history are left out of lists and of `relevant_items`.
      dropped: rows of the part that are not relevant items, by reason.
    """

    queries: Queries
    users: NDArray[np.int32]
    cold: NDArray[np.bool_]
    relevant_items: NDArray[np.int32]
    relevant_offsets: NDArray[np.int64]
    candidates: NDArray[np.bool_]
    mask_seen: bool
    dropped: dict[str, int]

    def __len__(self) -> int:
        return len(self.users)

    @property
    def num_relevant(self) -> NDArray[np.int64]:
        """[n] int64."""
        return np.diff(self.relevant_offsets)
