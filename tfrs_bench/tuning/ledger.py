"""The ledger: what every search tried, how long it took, and how good it had become by when.

One JSON file a search, written anew after every trial, is the search's memory too: who is stopped goes on
from it, and reports read the same file. Below `<results_dir>/tuning/<dataset>/<split>/` it is called
`<model>-<hash>.json`; the hash stands for everything a search depends on, its budget included:

    {"schema": 1, "model": "als", "dataset": "ml-100k", "split": "per_user",
     "identity": {"experiment": {…}, "fingerprint": "…", "version": "…", "seed": 0},
     "metric": "ndcg@10", "method": "tpe", "cap_minutes": 10.0, "max_trials": 60,
     "space": {"factors": {"low": 8, "high": 256, "log": true}, "loss": {"choices": ["bce", "bpr"]}},
     "start": {every setting of trial 0},
     "trials": [{"number": 0, "settings": {the searched ones}, "state": "complete", "quality": 0.14,
                 "seconds": 1.2, "epochs": null, "curve": [], "reason": "", "repeats": false}],
     "lost_s": 0.0, "finished": true}

Qualities are higher for better: NDCG@10, or minus the RMSE. `curve` is the quality after each epoch. States:
complete; pruned (worse than half of the trials before it at the same epoch, or no better than the best trial
after as long as that took); stopped (out of time at `epochs`, its best epoch counts); failed (`reason` says
why, and `quality` is null).
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfrs_bench.errors import UserError
from tfrs_bench.storage import atomic, unwritable

SCHEMA = 1
FOLDER = "tuning"  # below a results folder
COMPLETE, PRUNED, STOPPED, FAILED = "complete", "pruned", "stopped", "failed"
PARTS = "parts"  # the method where the parts of a model were searched for, and it was not
_COUNTS = (COMPLETE, STOPPED)
_NEAR = 0.02  # of a range, or of its logarithms: what lies nearer to an end is on the edge


@dataclasses.dataclass(frozen=True)
class Trial:
    """One setting that was tried.

    Attributes:
      number: from 0, the settings that were there before the search.
      settings: of the fields that are searched.
      state: complete, pruned, stopped or failed.
      quality: on validation, higher is better; None if it failed.
      seconds: it took.
      epochs: trained; None for a model without.
      curve: quality after each epoch.
      reason: why it failed.
      repeats: the settings were tried before, and not fitted again.
    """

    number: int
    settings: dict[str, Any]
    state: str
    quality: float | None
    seconds: float
    epochs: int | None = None
    curve: list[float] = dataclasses.field(default_factory=list)
    reason: str = ""
    repeats: bool = False

    @property
    def counts(self) -> bool:
        """Whether it may win."""
        return self.state in _COUNTS


@dataclasses.dataclass(frozen=True)
class Search:
    """A search for a model's settings, under way or done; the attributes are those of the file.

    Attributes:
      model: registered name.
      dataset: short name of the data, or their label.
      split: the strategy.
      identity: experiment, fingerprint of the log, version of the package, seed of search and models.
      metric: of the qualities; an error is negated there.
      cap_minutes: no trial starts after so many.
      max_trials: at most.
      space: what is searched, by field.
      start: every setting of trial 0.
      trials: in order.
      lost_s: seconds of trials that the end of a process cut short.
      finished: nothing is left to try.
      method: how settings are proposed.
      schema: version of this layout.
    """

    model: str
    dataset: str
    split: str
    identity: dict[str, Any]
    metric: str
    cap_minutes: float
    max_trials: int
    space: dict[str, Any]
    start: dict[str, Any]
    trials: list[Trial] = dataclasses.field(default_factory=list)
    lost_s: float = 0.0
    finished: bool = False
    method: str = "tpe"
    schema: int = SCHEMA

    @property
    def minutes(self) -> float:
        """Spent so far, trials that were cut short included."""
        return (self.lost_s + sum(trial.seconds for trial in self.trials)) / 60

    @property
    def best(self) -> Trial | None:
        """The trial that wins: the best, of equals the first; None if all failed."""
        counting = [trial for trial in self.trials if trial.counts]
        return max(
            counting, key=lambda trial: -math.inf if trial.quality is None else trial.quality, default=None
        )

    def best_so_far(self) -> list[list[float]]:
        """Returns [minutes, quality of the best until then] at each trial that was better than all before."""
        curve: list[list[float]] = []
        spent, best = 0.0, -math.inf
        for trial in self.trials:
            spent += trial.seconds / 60
            if trial.counts and trial.quality is not None and trial.quality > best:
                best = trial.quality
                curve.append([spent, best])
        return curve

    def edges(self) -> list[str]:
        """Returns the fields whose best value lies at an end of its range, such as `factors=256`."""
        best = self.best
        if best is None:
            return []
        return [
            f"{name}={value:g}"
            for name, value in best.settings.items()
            if isinstance(value, int | float)
            and not isinstance(value, bool)
            and (_at_an_end if "low" in self.space[name] else _is_last)(float(value), self.space[name])
        ]

    def ledger(self) -> dict[str, Any]:
        """Returns what a run's record keeps of its search; the trials stay in this file."""
        best, states = self.best, [trial.state for trial in self.trials if not trial.repeats]
        return {
            "method": self.method,
            "metric": self.metric,
            "trials": len(states),
            "pruned": states.count(PRUNED),
            "failed": states.count(FAILED),
            "minutes": self.minutes,
            "cap_minutes": self.cap_minutes,
            "max_trials": self.max_trials,
            "quality": None if best is None else best.quality,
            "best_so_far": self.best_so_far(),
            "edges": self.edges(),
        }

    def summary(self) -> str:
        """Returns the search in a few words for a table."""
        tried = sum(not trial.repeats for trial in self.trials)
        return f"{self.method}: {counted(tried)}, {self.minutes:.1f} of {self.cap_minutes:g} min"


def counted(trials: int) -> str:
    """Returns how many trials in words: 1 trial, 2 trials."""
    return f"{trials} trial{'s' * (trials != 1)}"


def write_search(path: Path, search: Search) -> None:
    """Writes a search's file, whole or not at all.

    Raises:
      UserError: it cannot be written.
    """
    text = json.dumps(dataclasses.asdict(search), indent=1, allow_nan=False) + "\n"
    try:
        with atomic(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise unwritable(path, error, "another --results_dir=DIR") from error


def read_search(path: Path) -> Search | None:
    """Reads a search's file; None if there is none.

    Raises:
      UserError: it was written by another version, or is damaged.
    """
    instead = "Delete it to search again, or choose another --results_dir=DIR (of report: --runs=DIR)."
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content["schema"]
        if schema == SCHEMA:
            return Search(**content | {"trials": [Trial(**one) for one in content["trials"]]})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is damaged ({error}). {instead}") from error
    raise UserError(
        f"{path} is a search of layout {schema}, and this version reads {SCHEMA}. Use the version of "
        f"tfrs_bench that wrote it. {instead}"
    )


def read_searches(results_dir: Path) -> list[Search]:
    """Returns every search below a results folder, by data, split, model and file.

    Raises:
      UserError: one was written by another version, or is damaged.
    """
    paths: Iterable[Path] = sorted((results_dir / FOLDER).glob("*/*/*-*.json"))
    return [found for path in paths if (found := read_search(path)) is not None]


def _is_last(value: float, space: dict[str, Any]) -> bool:
    """Tells whether a number is an end of the choices; none lies beyond the largest, nothing below zero."""
    numbers = [one for one in space["choices"] if isinstance(one, int | float)]
    largest = value == max(numbers) and None not in space["choices"]
    return largest or (value == min(numbers) and value > 0)


def _at_an_end(value: float, space: dict[str, Any]) -> bool:
    """Tells whether a value lies at an end of its range beyond which there may be more."""
    low, high = float(space["low"]), float(space["high"])
    ends = [] if low == 0 or (space["low"] == 1 and isinstance(space["low"], int)) else [low]
    ends += [] if high == 1 else [high]  # shares end at 0 and 1, and counts begin at 1
    measure = math.log if space["log"] else float
    width = measure(high) - measure(low)
    return any(abs(measure(value) - measure(end)) <= _NEAR * width for end in ends)
