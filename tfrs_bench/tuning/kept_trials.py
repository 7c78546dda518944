"""Trials that survive the process: a search that was stopped does not fit them again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tfrs_bench.models.checkpoint import Checkpoint
from tfrs_bench.options import told


class KeptTrials:
    """Stands before the function that judges settings, and answers what it has answered before.

    Attributes:
      found: how many trials an earlier process left.
      earlier_s: seconds that the trials answered from there had taken.
    """

    def __init__(self, quality_of: Callable[[Any], float], checkpoint: Checkpoint) -> None:
        """Takes up the trials of the checkpoint.

        Args:
          quality_of: fits and judges a `Config`.
          checkpoint: where trials are kept.
        """
        self._quality_of, self._checkpoint = quality_of, checkpoint
        kept = checkpoint.load()
        self._trials: dict[str, list[float]] = {} if kept is None else kept[0]["trials"]
        self.found, self.earlier_s = len(self._trials), 0.0

    def __call__(self, config: Any) -> float:
        """Returns the quality of settings, which are fitted once in all processes."""
        key = json.dumps(told(config), sort_keys=True)
        if key in self._trials:
            quality, seconds = self._trials[key]
            self.earlier_s += seconds
            return quality
        began = time.perf_counter()
        quality = self._quality_of(config)
        self._trials[key] = [quality, time.perf_counter() - began]
        self._checkpoint.save({"trials": self._trials}, {})
        return quality
