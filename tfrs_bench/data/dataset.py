"""What a loader hands over: a log, where it came from, and what was done to it on the way in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries


class Truth(Protocol):
    """What a simulator knows and a real log does not."""

    def preference(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, num_items] float32, the expected preference of each item at the query's moment."""
        ...


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A loaded log and its story.

    Attributes:
      name: short name for tables and folders, such as `ml-1m`; safe as a folder name.
      log: the interactions.
      notes: what happened on the way in, one sentence each, such as `12 exact duplicates dropped`.
      truth: the simulator's expected preference; None on real data.
    """

    name: str
    log: InteractionLog
    notes: tuple[str, ...] = ()
    truth: Truth | None = None


Loader = Callable[[Any], Dataset]
