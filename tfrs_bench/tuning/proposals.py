"""What to try next: Optuna's TPE, made to propose the same after every stop.

A sampler's own random state would be lost with the process. So every trial gets a fresh one, seeded by the
search's seed and the trial's number, and a study that is filled again from the ledger: what is proposed
depends on what was tried, and on nothing else.
Source: Bergstra et al. 2011 (TPE); Akiba et al. 2019 (Optuna); Golovin et al. 2017 (median stopping).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tfrs_bench.models.space import Choice, Range, Space
from tfrs_bench.tuning.ledger import FAILED, PRUNED, Trial

if TYPE_CHECKING:
    import optuna

_AT_RANDOM = 10  # trials before TPE has seen enough
_KEPT = 0.6  # share of the start's settings that a trial near the start keeps
_UNPRUNED = 5  # trials that are never pruned: a median needs a few
_WARM_UP = 3  # the first epoch after which a trial may be pruned: small steps begin slowly


class Proposals:
    """Proposes settings, and tells whether a trial under way is worth going on with."""

    def __init__(self, space: Space, start: dict[str, Any], seed: int) -> None:
        """Takes what is searched.

        Args:
          space: by field.
          start: the first proposal, a value in every field of the space.
          seed: of the search.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space, self._seed = space, seed
        self._distributions = {name: _distribution(one) for name, one in space.items()}
        self._trials: list[optuna.trial.FrozenTrial] = []
        self._start = self._coded(start)

    def add(self, trial: Trial) -> None:
        """Takes in what a trial found."""
        import optuna

        states = {FAILED: optuna.trial.TrialState.FAIL, PRUNED: optuna.trial.TrialState.PRUNED}
        self._trials.append(
            optuna.trial.create_trial(
                state=states.get(trial.state, optuna.trial.TrialState.COMPLETE),
                value=None if trial.state == FAILED else trial.quality,
                params=self._coded(trial.settings),
                distributions=self._distributions,
                intermediate_values=dict(enumerate(trial.curve, start=1)),
            )
        )

    def next(self, *, near: bool = False) -> Proposal:
        """Returns what to try as the next trial; it must be added before the one after it is asked for.

        Args:
          near: what is drawn at random keeps most settings of the start. With few trials to come, one far
            away is a trial lost: of many settings drawn at once, some are bad.
        """
        import optuna

        number = len(self._trials)
        seeds = np.random.SeedSequence([self._seed, number]).generate_state(2)
        study = optuna.create_study(
            direction="maximize",
            # Each setting by itself: of neighborhoods on ml-100k that found better ones in 60 trials, by 1 %.
            sampler=optuna.samplers.TPESampler(
                seed=int(seeds[0]), n_startup_trials=_AT_RANDOM, multivariate=False
            ),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED, n_warmup_steps=_WARM_UP),
        )
        study.add_trials(self._trials)
        if number == 0:
            study.enqueue_trial(self._start)
        elif near and number < _AT_RANDOM:
            study.enqueue_trial(self._some_of_start(np.random.default_rng(seeds[1])))
        trial = study.ask(self._distributions)
        return Proposal(trial, {name: self._decoded(name, value) for name, value in trial.params.items()})

    def _some_of_start(self, random: np.random.Generator) -> dict[str, Any]:
        """Returns a part of the start's settings, never all; the sampler draws the others."""
        names = list(self._start)
        kept = random.random(len(names)) < _KEPT
        kept[random.integers(len(names))] = False
        return {name: self._start[name] for name, keep in zip(names, kept, strict=True) if keep}

    def _coded(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Returns settings as Optuna takes them: a choice by its place, because it may be any value."""
        return {name: self._code(name, settings[name]) for name in self._space}

    def _code(self, name: str, value: Any) -> Any:
        one = self._space[name]
        return _as_read(one.values).index(_as_read(value)) if isinstance(one, Choice) else value

    def _decoded(self, name: str, value: Any) -> Any:
        one = self._space[name]
        if isinstance(one, Choice):
            return one.values[value]
        if one.integer or value in (one.low, one.high, self._start[name]):
            return value
        return min(max(float(f"{value:.3g}"), one.low), one.high)  # no model cares for the fourth digit


class Proposal:
    """Settings to try, and the curve of the trial that tries them.

    Attributes:
      settings: by field.
    """

    def __init__(self, trial: optuna.Trial, settings: dict[str, Any]) -> None:
        """Belongs to a trial of Optuna's."""
        self._trial, self.settings = trial, settings

    def is_hopeless(self, epoch: int, quality: float) -> bool:
        """Takes the quality after an epoch; tells whether most trials were better by then."""
        self._trial.report(quality, epoch)
        return bool(self._trial.should_prune())


def size_of(space: Space) -> float:
    """Returns how many settings a space has; infinite if a fraction is among them."""
    size = 1.0
    for one in space.values():
        if isinstance(one, Range):
            size *= one.high - one.low + 1 if one.integer else float("inf")
        else:
            size *= len(one.values)
    return size


def _distribution(one: Range | Choice) -> optuna.distributions.BaseDistribution:
    import optuna

    if isinstance(one, Choice):
        return optuna.distributions.CategoricalDistribution(tuple(range(len(one.values))))
    if one.integer:
        return optuna.distributions.IntDistribution(int(one.low), int(one.high), log=one.log)
    return optuna.distributions.FloatDistribution(one.low, one.high, log=one.log)


def _as_read(value: Any) -> Any:
    """Returns a value as JSON gives it back: lists for tuples."""
    return [_as_read(one) for one in value] if isinstance(value, tuple | list) else value
