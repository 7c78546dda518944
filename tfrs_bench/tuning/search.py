"""A search for a model's settings within a budget, on validation and nothing else.

Trial 0 is what the model has without a search. Every trial is judged by the validation part; a model with
epochs is judged after each of them, stopped when most trials before it were better by then, and stopped at
its next epoch when time is up, its best epoch so far counting. It is given up, too, when it is not better
after as long as the best trial took: minutes are what is shared out, and slow settings must not use up those
of many others.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfrs_bench.errors import UserError
from tfrs_bench.models.base import Recommender
from tfrs_bench.models.space import Choice, Range, Space
from tfrs_bench.runtime import stop_if_interrupted
from tfrs_bench.tuning.ledger import (
    COMPLETE,
    FAILED,
    PRUNED,
    STOPPED,
    Search,
    Trial,
    read_search,
    write_search,
)
from tfrs_bench.tuning.proposals import Proposal, Proposals, size_of

Judge = Callable[[Recommender], float]
_FEW = 20  # trials; where the first says that there will not be more, the next stay near it
_SHARE = 0.1  # of the budget that any trial may use, however long the best one took
_FAILURES = (UserError, MemoryError, FloatingPointError, ZeroDivisionError, np.linalg.LinAlgError)
_MEMORY = "Memory ran out."
_NO_MEMORY = "ResourceExhaustedError"  # of TensorFlow, which is not loaded here


@dataclasses.dataclass(frozen=True)
class Budget:
    """What every model of a comparison gets alike.

    Attributes:
      minutes: no trial starts after so many.
      max_trials: at most.
    """

    minutes: float
    max_trials: int


@dataclasses.dataclass(frozen=True)
class Task:
    """What is searched for.

    Attributes:
      new: makes an untrained model of a `Config`.
      fit: fits it as far as validation decides, judged by the function it is handed.
      judge: quality of a fitted model on validation, higher is better.
      start: the `Config` of trial 0; what is not in the space stays as it is there.
      space: what is searched; `start` lies in it, see `reaching`.
    """

    new: Callable[[Any], Recommender]
    fit: Callable[[Recommender, Judge], Any]
    judge: Judge
    start: Any
    space: Space

    def config(self, settings: dict[str, Any]) -> Any:
        """Returns the start with some of its settings replaced."""
        return dataclasses.replace(self.start, **{name: _frozen(value) for name, value in settings.items()})


def reaching(space: Space, start: Any, *, held: frozenset[str] = frozenset(), timed: bool = True) -> Space:
    """Returns the part of a space that is searched from a start, wide enough to hold it.

    A choice that lacks the start's value is left out: the start has chosen another kind of model.

    Args:
      space: of the model.
      start: a `Config`.
      held: fields that stay as they are.
      timed: the log has times.
    """
    reached: Space = {}
    for name, one in space.items():
        value = getattr(start, name)
        if name in held or (isinstance(one, Choice) and one.needs_times and not timed):
            continue
        if isinstance(one, Range):
            reached[name] = dataclasses.replace(one, low=min(one.low, value), high=max(one.high, value))
        elif one.holds(value):
            reached[name] = one
    return reached


def search(
    task: Task,
    path: Path,
    blank: Search,
    *,
    seed: int,
    say: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> Search:
    """Searches until the budget is spent or everything was tried; goes on from what is in the file.

    Args:
      task: what to search for.
      path: the search's file in the ledger.
      blank: the search without a trial; it holds the budget.
      seed: of the proposals.
      say: is told what a reader should know.
      progress: told trials done and trials at most.

    Returns:
      The finished search.

    Raises:
      UserError: every trial failed, or the file cannot be read or written.
    """
    kept = read_search(path)
    if kept is not None and kept.trials:
        say(
            f"was searched: {kept.summary()}" if kept.finished else f"goes on after {len(kept.trials)} trials"
        )
    under_way = _UnderWay(task, path, blank if kept is None else kept, seed)
    while not under_way.is_over():
        stop_if_interrupted()
        trial = under_way.run_next()
        progress(len(under_way.search.trials), blank.max_trials)
        _tell(trial, under_way.search, say)
    if under_way.search.best is None:
        reason = next((trial.reason for trial in under_way.search.trials), "the budget has room for none")
        raise UserError(
            f"No trial of {blank.model} succeeded, the first because: {reason} All are in {path}. To search "
            "again, delete that file; or leave the model out."
        )
    return under_way.search


class _UnderWay:
    """A search in this process; what is on disk is never behind by more than an epoch."""

    def __init__(self, task: Task, path: Path, search: Search, seed: int) -> None:
        self.search = search
        self._task, self._path = task, path
        start = {name: getattr(task.start, name) for name in task.space}
        self._proposals = Proposals(task.space, start, seed)
        for trial in search.trials:
            self._proposals.add(trial)

    def is_over(self) -> bool:
        search = self.search
        tried = {str(_plain(trial.settings)) for trial in search.trials}
        over = (
            search.finished
            or len(search.trials) >= search.max_trials
            # The first is made whatever stops took, or there would be nothing to tell.
            or (bool(search.trials) and search.minutes >= search.cap_minutes)
            or len(tried) >= size_of(self._task.space)
        )
        if over and not search.finished:
            self._keep(finished=True)
        return over

    def run_next(self) -> Trial:
        """Runs one trial and keeps it."""
        began, before = time.perf_counter(), self.search.lost_s
        proposal = self._proposals.next(near=self._has_time_for_few())
        settings = _plain(proposal.settings)
        known = next((one for one in self.search.trials if one.settings == settings), None)
        if known is not None:  # a few choices are soon tried, and fitting again would tell nothing
            trial = dataclasses.replace(known, number=len(self.search.trials), seconds=0.0, repeats=True)
        else:
            left_s = 60 * (self.search.cap_minutes - self.search.minutes)
            watch = _Watch(
                proposal,
                self._task.judge,
                deadline=began + left_s,
                bar=self._bar(began),
                beat=lambda: self._lose(before, began),
            )
            state, quality, reason = self._judged(proposal, watch)
            trial = Trial(
                number=len(self.search.trials),
                settings=settings,
                state=state,
                quality=quality,
                seconds=time.perf_counter() - began,
                epochs=len(watch.curve) or None,
                curve=watch.curve,
                reason=reason,
            )
        self._proposals.add(trial)
        self._keep(trials=[*self.search.trials, trial], lost_s=before)
        return trial

    def _has_time_for_few(self) -> bool:
        """Tells by trial 0 whether the minutes are those of a few trials."""
        first = self.search.trials[:1]
        return any(_FEW * trial.seconds > 60 * self.search.cap_minutes for trial in first)

    def _bar(self, began: float) -> tuple[float, float]:
        """Returns from when on a trial must be better than what, to be worth its time."""
        best = self.search.best
        if best is None or best.quality is None:
            return math.inf, math.inf
        return began + max(best.seconds, _SHARE * 60 * self.search.cap_minutes), best.quality

    def _judged(self, proposal: Proposal, watch: _Watch) -> tuple[str, float | None, str]:
        """Returns state, quality and reason of failure."""
        try:
            model = self._task.new(self._task.config(proposal.settings))
            self._task.fit(model, watch)
            quality = max(watch.curve) if watch.curve else float(self._task.judge(model))
        except _EnoughError as enough:
            return enough.state, max(watch.curve), ""
        except (KeyboardInterrupt, SystemExit):
            watch.beat()
            raise
        except _UnkeptError as unkept:  # says nothing of the settings
            raise unkept.error from unkept
        except _FAILURES as error:
            return FAILED, None, _MEMORY if isinstance(error, MemoryError) else str(error)
        except Exception as error:
            if type(error).__name__ != _NO_MEMORY:
                raise
            return FAILED, None, _MEMORY
        if not math.isfinite(quality):
            return FAILED, None, f"Its quality on validation is {quality}."
        return COMPLETE, quality, ""

    def _lose(self, before: float, began: float) -> None:
        """Counts the seconds of the trial under way as lost, until it ends: a killed process cannot."""
        self._keep(lost_s=before + time.perf_counter() - began)

    def _keep(self, **changed: Any) -> None:
        self.search = dataclasses.replace(self.search, **changed)
        write_search(self._path, self.search)


class _Watch:
    """Stands before the judge of a fit with epochs; stops it when it is hopeless or time is up."""

    def __init__(
        self,
        proposal: Proposal,
        judge: Judge,
        *,
        deadline: float,
        bar: tuple[float, float],
        beat: Callable[[], None],
    ) -> None:
        self.curve: list[float] = []
        self._proposal, self._judge, self._deadline, self._bar = proposal, judge, deadline, bar
        self.beat = beat

    def __call__(self, model: Recommender) -> float:
        quality = self._judge(model)
        if not math.isfinite(quality):
            raise UserError(f"Its quality on validation is {quality} after epoch {len(self.curve) + 1}.")
        self.curve.append(float(quality))
        try:
            self.beat()
        except UserError as error:
            raise _UnkeptError(error) from error
        if time.perf_counter() >= self._deadline:
            raise _EnoughError(STOPPED)
        due, least = self._bar
        late = time.perf_counter() >= due and max(self.curve) <= least
        if self._proposal.is_hopeless(len(self.curve), quality) or late:
            raise _EnoughError(PRUNED)
        return quality


class _EnoughError(Exception):
    """Ends a fit from within."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class _UnkeptError(Exception):
    """Carries an error of writing through a fit, where it must not count as the settings'."""

    def __init__(self, error: UserError) -> None:
        super().__init__(str(error))
        self.error = error


def _tell(trial: Trial, search: Search, say: Callable[[str], None]) -> None:
    if trial.state == FAILED:
        say(f"trial {trial.number} failed: {trial.reason}")
    elif search.best is trial:
        assert trial.quality is not None
        say(f"trial {trial.number}: {search.metric.upper()} {abs(trial.quality):.4f}, the best so far")


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Returns settings as JSON gives them back."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
