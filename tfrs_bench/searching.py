"""Searches on a prepared log: a model's settings by TPE within a budget, or by its grid.

Models learn from the train part and are judged by the validation part; the test part takes no part.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tfrs_bench import __version__, registry
from tfrs_bench.experiment import short_hash
from tfrs_bench.fitting import new_model
from tfrs_bench.models.base import Recommender
from tfrs_bench.models.space import Space, described
from tfrs_bench.options import told
from tfrs_bench.preparation import Prepared
from tfrs_bench.reporting.console import Console
from tfrs_bench.reporting.records import as_json
from tfrs_bench.reporting.run_lock import run_lock
from tfrs_bench.reporting.tensorboard_trials import write_trials
from tfrs_bench.tuning.grid import GridResult, grid_search
from tfrs_bench.tuning.kept_trials import KeptTrials
from tfrs_bench.tuning.ledger import FOLDER, PARTS, Search
from tfrs_bench.tuning.search import Budget, Judge, Task, reaching, search


@dataclasses.dataclass(frozen=True)
class Searched:
    """What a search within a budget found, in the terms of a grid's result.

    Attributes:
      config: the best settings.
      search: the search.
      trials: every (settings, quality) that may win.
      path: of the search's file.
    """

    config: Any
    search: Search
    trials: tuple[tuple[Any, float], ...]
    path: Path

    @property
    def quality(self) -> float:
        """Validation quality of the best settings, higher is better."""
        best = self.search.best
        assert best is not None
        assert best.quality is not None
        return best.quality

    @property
    def minutes(self) -> float:
        """Wall time of the search."""
        return self.search.minutes

    def summary(self) -> str:
        """Returns the search in a few words for a table."""
        return self.search.summary()

    def ledger(self) -> dict[str, Any]:
        """Returns what a run's record keeps of the search."""
        return self.search.ledger()


@dataclasses.dataclass(frozen=True)
class SearchedParts:
    """What searches for the parts of a model found, each within the same budget.

    Attributes:
      config: of the whole, its parts with their best settings.
      parts: by registered name.
    """

    config: Any
    parts: dict[str, Searched]

    @property
    def trials(self) -> tuple[tuple[Any, float], ...]:
        """The whole with the best of its parts, which were judged by themselves: its quality is not known."""
        return ((self.config, math.nan),)

    @property
    def minutes(self) -> float:
        """Wall time of the searches."""
        return sum(one.minutes for one in self.parts.values())

    def summary(self) -> str:
        """Returns the searches in a few words for a table."""
        return "parts: " + "; ".join(f"{name} {one.summary()}" for name, one in self.parts.items())

    def ledger(self) -> dict[str, Any]:
        """Returns what a run's record keeps of the searches."""
        parts = {name: one.ledger() for name, one in self.parts.items()}
        return {
            "method": PARTS,
            "trials": sum(one["trials"] for one in parts.values()),
            "minutes": self.minutes,
            "parts": parts,
        }


def space_of(prepared: Prepared, name: str, start: Any, held: frozenset[str] = frozenset()) -> Space:
    """Returns what is searched of a model on a log; empty where it has nothing to tune.

    Args:
      prepared: data and protocol.
      name: a registered model.
      start: its settings before the search.
      held: fields that stay as they are.
    """
    model = registry.resolve(registry.MODELS, name, "model")
    return reaching(model.space, start, held=held, timed=prepared.dataset.log.clock == "time")


def search_settings(
    prepared: Prepared,
    name: str,
    start: Any,
    budget: Budget,
    *,
    held: frozenset[str] = frozenset(),
    results_dir: Path,
    console: Console,
    afresh: bool = False,
) -> Searched:
    """Searches within a budget, or goes on with the search that was begun for the same.

    Args:
      prepared: data and protocol.
      name: a registered model.
      start: its settings in trial 0.
      budget: minutes and trials.
      held: fields that are not searched.
      results_dir: where the ledger is.
      console: shows what happens, in the stage under way.
      afresh: leave aside what an earlier search for the same found.

    Raises:
      UserError: every trial failed, or the ledger cannot be read or written.
    """
    space, seed = space_of(prepared, name, start, held), prepared.experiment.seed
    blank = Search(
        model=name,
        dataset=prepared.dataset.name,
        split=prepared.experiment.split,
        identity={
            "experiment": as_json(prepared.experiment.identity()),
            "fingerprint": prepared.dataset.log.fingerprint,
            "candidates": short_hash(np.flatnonzero(prepared.test.evaluation_set.candidates).tolist()),
            "version": __version__,
            "seed": seed,
        },
        metric=prepared.validation.metric,
        cap_minutes=budget.minutes,
        max_trials=budget.max_trials,
        space=described(space),
        start=as_json(told(start)),
    )
    path = search_file(results_dir, blank)
    task = Task(
        new=lambda config: new_model(prepared, name, config),
        fit=lambda model, judge: _fit(prepared, model, judge),
        judge=prepared.validation.primary,
        start=start,
        space=space,
    )
    console.begin(name, f"tuning on validation, {budget.minutes:g} min or {budget.max_trials} trials at most")
    with run_lock(path, lambda: console.waiting(name, path)):
        if afresh:
            _leave_aside(path)
        found = search(
            task,
            path,
            blank,
            seed=seed,
            say=lambda text: console.note(name, text),
            progress=console.progress("tuning"),
        )
    for edge in found.edges():
        console.note(name, f"{edge} is best and lies at the edge of its range: better may lie beyond")
    write_trials(path.with_suffix("") / "tensorboard", found)
    best = found.best
    assert best is not None
    counting = [
        (task.config(one.settings), one.quality) for one in found.trials if one.counts and not one.repeats
    ]
    trials = tuple((config, quality) for config, quality in counting if quality is not None)
    return Searched(task.config(best.settings), found, trials, path)


def search_file(results_dir: Path, blank: Search) -> Path:
    """Returns a search's file in the ledger; its name stands for all that the search depends on."""
    asked = dataclasses.asdict(dataclasses.replace(blank, trials=[], lost_s=0.0, finished=False))
    name = f"{blank.model}-{short_hash(asked)}.json"
    return results_dir / FOLDER / blank.dataset / blank.split / name


class Searches:
    """Searches on a prepared log, each made once for all seeds of a model and all that it is a part of."""

    def __init__(self, prepared: Prepared, results_dir: Path, console: Console, *, afresh: bool) -> None:
        """Takes what searches share, see `search_settings`."""
        self._search = functools.partial(
            search_settings, prepared, results_dir=results_dir, console=console, afresh=afresh
        )
        self._grid = functools.partial(search_grid, prepared, console=console)
        self._found: dict[tuple[Any, ...], Searched] = {}
        self._of_grid: dict[tuple[Any, ...], GridResult] = {}

    def within(self, budget: Budget, name: str, start: Any, held: frozenset[str]) -> Searched:
        """Searches for a model's settings within a budget, see `search_settings`."""
        key = name, start, budget, held
        if key not in self._found:
            self._found[key] = self._search(name, start, budget, held=held)
        return self._found[key]

    def of_grid(self, name: str, start: Any, checkpoint: Any) -> GridResult:
        """Searches a model's grid, see `search_grid`."""
        if (name, start) not in self._of_grid:
            self._of_grid[name, start] = self._grid(name, start, checkpoint=checkpoint)
        return self._of_grid[name, start]


def _leave_aside(path: Path) -> None:
    """Keeps what an earlier search found beside the new one's file; its curves are drawn from that."""
    if path.exists():
        path.replace(path.with_name(f"{path.name}.before"))
    shutil.rmtree(path.with_suffix("") / "tensorboard", ignore_errors=True)


def quality_of(prepared: Prepared, name: str, config: Any) -> float:
    """Returns the validation quality of settings, measured as a trial of a search is."""
    model, curve = new_model(prepared, name, config), []

    def judge(fitted: Recommender) -> float:
        curve.append(prepared.validation.primary(fitted))
        return curve[-1]

    _fit(prepared, model, judge)
    return max(curve) if curve else prepared.validation.primary(model)


def search_grid(
    prepared: Prepared, name: str, start: Any, *, checkpoint: Any, console: Console
) -> GridResult:
    """Searches a model's grid, going on after the trials that an earlier process left.

    Args:
      prepared: data and protocol.
      name: a registered model that has a grid.
      start: settings that the grid's are put into.
      checkpoint: where trials are kept.
      console: shows what happens, in the stage under way.
    """
    model_class = registry.resolve(registry.MODELS, name, "baselines")

    def judged(config: Any) -> float:
        model = model_class(config)
        model.fit(prepared.train, seed=prepared.experiment.seed)
        return prepared.validation.primary(model)

    kept = KeptTrials(judged, checkpoint)
    console.begin(name, "tuning on validation, by a grid")
    if kept.found:
        console.note(name, f"goes on after {kept.found} trials")
    found = grid_search(
        start,
        model_class.grid,
        kept,
        console.progress("tuning"),
        dict.fromkeys(model_class.ranks, prepared.dataset.log.num_items),
    )
    return dataclasses.replace(found, minutes=found.minutes + kept.earlier_s / 60)


def _fit(prepared: Prepared, model: Recommender, judge: Judge) -> None:
    """Fits as far as validation decides, or for as many epochs as the settings say."""
    stops = model.capabilities.early_stopping and model.stated_epochs is None
    model.fit(
        prepared.train,
        seed=prepared.experiment.seed,
        validate=judge if stops else None,
        epochs=model.stated_epochs,
        metric=prepared.validation.metric,
    )
    _forget_networks()


def _forget_networks() -> None:
    """Frees networks of earlier trials at once: they hold themselves, and a search builds many."""
    if "tensorflow" in sys.modules:
        gc.collect()
