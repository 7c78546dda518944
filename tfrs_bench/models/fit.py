"""What a fit is told and what it tells, and what a model says of itself beforehand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.models.checkpoint import Checkpoint

if TYPE_CHECKING:
    from tfrs_bench.models.base import Recommender


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """What a model can do; the contract tests and the runner go by it.

    Attributes:
      deterministic: the same data gives the same scores whatever the seed.
      neural: it stands on the neural side of a verdict.
      early_stopping: it trains in epochs and its first fit decides how many.
      reads_order: it reads the order of the history.
      reads_content: it reads item or user features.
      needs_ratings: it cannot work on implicit data.
      draws_negatives: it learns from negatives, which can be drawn among given items.
    """

    deterministic: bool = True
    neural: bool = False
    early_stopping: bool = False
    reads_order: bool = False
    reads_content: bool = False
    needs_ratings: bool = False
    draws_negatives: bool = False


class FitMonitor(Protocol):
    """Watches a fit: progress bars, TensorBoard, logs."""

    def resumed(self, epoch: int) -> None:
        """The fit goes on after this many epochs of an earlier process; told before anything else."""

    def step(self, epoch: int, epochs: int, step: int, steps: int, loss: float) -> None:
        """One batch is done; `epoch` and `step` count from 1."""

    def epoch(self, epoch: int, scalars: dict[str, float]) -> None:
        """One epoch is done; tags such as `train/loss`, `validation/ndcg@10`."""

    def part(self, name: str) -> FitMonitor:
        """Returns what watches the fit of one part of the model; its epochs count from 1 too."""


@dataclasses.dataclass(frozen=True)
class FitReport:
    """What a fit tells.

    Attributes:
      epochs: epochs of the weights that were kept, by part where a model is made of several; None for a
        model without epochs.
      curve: one dictionary of scalars per epoch trained.
      earlier_s: seconds of training in processes that were stopped, whose work this fit went on from.
    """

    epochs: int | dict[str, int] | None = None
    curve: tuple[dict[str, float], ...] = ()
    earlier_s: float = 0.0


@dataclasses.dataclass(frozen=True)
class FitContext:
    """How a fit runs; the arguments of `Recommender.fit` beside the log.

    Of `epochs` and `epochs_by_part` the one is given that the caller knew; neither where validation decides.
    """

    seed: int
    validate: Callable[[Recommender], float] | None
    epochs: int | None
    monitor: FitMonitor | None
    checkpoint: Checkpoint | None = None
    metric: str = "ndcg@10"
    epochs_by_part: Mapping[str, int] | None = None
    negatives_among: NDArray[np.int32] | None = None
