"""A stated grid on validation: how a baseline is tuned when nobody has tuned it before."""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

MOST_STEPS_BEYOND = 4
WORTHWHILE = 1.005

Trial = tuple[Any, float]


@dataclasses.dataclass(frozen=True)
class GridResult:
    """What a search found.

    Attributes:
      config: the best settings.
      quality: their validation NDCG@10, or minus their RMSE.
      trials: every (settings, quality) tried, in order.
      minutes: wall time of the search.
    """

    config: Any
    quality: float
    trials: tuple[Trial, ...]
    minutes: float

    def summary(self) -> str:
        """Returns the search in a few words for a table."""
        return f"grid: {len(self.trials)} trials, {self.minutes:.1f} min"

    def ledger(self) -> dict[str, Any]:
        """Returns what a run's record keeps of the search, in the terms of `tuning.ledger`; it has no cap."""
        return {
            "method": "grid",
            "trials": len(self.trials),
            "minutes": self.minutes,
            "cap_minutes": None,
            "quality": self.quality,
        }


def grid_search(
    start: Any,
    grid: dict[str, tuple[Any, ...]],
    quality_of: Callable[[Any], float],
    progress: Callable[[int, int], None] | None = None,
    bounds: Mapping[str, float] | None = None,
) -> GridResult:
    """Tries every combination of a grid, then goes on past its edges as long as that helps.

    A dimension whose best value is the first or last of the grid is continued by the ratio of the two values
    at that edge, the other settings held at their best, until a step does not help by half a percent, at
    most `MOST_STEPS_BEYOND` steps from the edge; this repeats until no dimension gains. The best of all
    trials is taken, of equals the first.

    Args:
      start: a `Config`; what the grid does not name stays as it is.
      grid: per field at least two ascending positive values in geometric progression, or names to choose
        from, beyond which there is nothing.
      quality_of: validation quality of a model fitted with a `Config`, higher is better.
      progress: called after each trial with trials done and trials known to come.
      bounds: per field the value from which on nothing larger is tried beyond the grid.

    Returns:
      The best settings and every trial.
    """
    began = time.perf_counter()
    search = _Search(quality_of, progress)
    combinations = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    search.expected = len(combinations)
    for values in combinations:
        search.try_(dataclasses.replace(start, **values))
    lines = {name: _lines(values, (bounds or {}).get(name, math.inf)) for name, values in grid.items()}
    while sum(_beyond(search, name, its) for name, its in lines.items()):
        pass
    config, quality = search.best
    minutes = (time.perf_counter() - began) / 60
    return GridResult(config, quality, tuple(search.trials.items()), minutes)


class _Search:
    def __init__(
        self, quality_of: Callable[[Any], float], progress: Callable[[int, int], None] | None
    ) -> None:
        self.trials: dict[Any, float] = {}
        self.expected = 0
        self._quality_of, self._progress = quality_of, progress

    @property
    def best(self) -> Trial:
        return max(self.trials.items(), key=lambda trial: trial[1])

    def try_(self, config: Any) -> float:
        """Returns the quality of settings, which are fitted once."""
        if config not in self.trials:
            self.trials[config] = self._quality_of(config)
            if self._progress is not None:
                self._progress(len(self.trials), max(self.expected, len(self.trials)))
        return self.trials[config]


def _lines(values: tuple[Any, ...], bound: float) -> list[list[float]]:
    """Returns both edges of a dimension, each with the values beyond it; none of a choice of names."""
    if isinstance(values[0], str):
        return []
    down = _continued(values[0], values[0] / values[1])
    return [down, _continued(values[-1], values[-1] / values[-2], bound)]


def _beyond(search: _Search, name: str, lines: list[list[float]]) -> bool:
    """Continues one dimension in both directions; tells whether that found something better."""
    before = search.best[1]
    for line in lines:
        for here, step in itertools.pairwise(line):
            config, quality = search.best
            if getattr(config, name) != here:
                continue
            if not _is_worthwhile(search.try_(dataclasses.replace(config, **{name: step})), quality):
                break
    return _is_worthwhile(search.best[1], before)


def _continued(edge: float, ratio: float, bound: float = math.inf) -> list[float]:
    """Returns an edge of the grid and the values beyond it, of the edge's type, positive and distinct."""
    line = [edge]
    for _ in range(MOST_STEPS_BEYOND):
        step = type(edge)(line[-1] * ratio)
        if line[-1] >= bound or step in (line[-1], 0):
            break
        line.append(step)
    return line


def _is_worthwhile(quality: float, before: float) -> bool:
    return quality > before and quality >= before + (WORTHWHILE - 1) * abs(before)
