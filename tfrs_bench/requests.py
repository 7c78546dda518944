"""Which runs a command asks for: every model's settings, where they come from, and its seeds."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tfrs_bench import registry
from tfrs_bench.data.tabular import safe_name
from tfrs_bench.experiment import RANKING, Experiment
from tfrs_bench.models.oracle import Oracle
from tfrs_bench.models.random_order import RandomOrder
from tfrs_bench.reporting.comparison import UNTUNED
from tfrs_bench.runner import Request
from tfrs_bench.settings import Settings
from tfrs_bench.tuning.search import Budget
from tfrs_bench.tuning.shipped import (
    PLACES,
    PROTOCOL_FLAGS,
    Shipped,
    shipped_config,
    split_config,
    tuned_name,
)


def requests(settings: Settings, *, truth_is_known: bool = False) -> list[Request]:
    """Returns what to run: random first, the baselines, the models, and the oracle where truth is known.

    A stochastic model is asked for once per seed of `--seeds`, random order once:
    it is a floor, and its spread over seeds tells nothing.

    Args:
      settings: what the command line said.
      truth_is_known: the data are simulated.
    """
    asked = []
    ranking = settings.experiment.task == RANKING
    floor = (RandomOrder.name,) if ranking else ()
    for name in dict.fromkeys((*floor, *settings.baselines, *settings.plan.model)):
        first = request(name, settings)
        stochastic = not _model(name).capabilities.deterministic and name != RandomOrder.name
        seeds = range(first.seed, first.seed + (settings.plan.seeds if stochastic else 1))
        asked += [dataclasses.replace(first, seed=seed) for seed in seeds]
    if truth_is_known and ranking:
        truth = "the simulator's truth"
        asked.append(Request(Oracle.name, Oracle.Config(), truth, seed=settings.experiment.seed))
    return asked


def request(name: str, settings: Settings) -> Request:
    """Takes a model's settings from flags, else shipped for this data and protocol, else (baselines) a grid.

    Args:
      name: a registered model.
      settings: what the command line said.
    """
    plan, model, seed = settings.plan, _model(name), settings.experiment.seed
    if plan.tune_minutes is not None and (model.space or model.parts(settings.config(name))):
        return searched_request(name, settings, Budget(plan.tune_minutes, plan.tune_trials))
    asked_for = name in plan.model
    shipped = _shipped(name, model, settings) if asked_for or plan.tune_baselines else None
    config = settings.config(name, None if shipped is None else shipped.config)
    config = model.with_settings_of_parts(config, lambda part: _of_part(part, settings))
    if asked_for and settings.stated(name):
        return Request(name, config, "flags" if shipped is None else f"flags over {shipped.name}", seed=seed)
    if shipped is not None:
        return Request(name, config, shipped.name, seed=seed, ledger=shipped.ledger)
    if not model.grid:
        parts = [one.name for part in model.parts(config) if (one := _shipped(part, _model(part), settings))]
        untuned = "defaults" if dataclasses.fields(model.Config) else "no settings"
        return Request(name, config, f"{' and '.join(parts)} of parts" if parts else untuned, seed=seed)
    if not plan.tune_baselines:
        return Request(name, config, UNTUNED, seed=seed)
    return Request(name, config, tune=True, seed=seed)


def searched_request(name: str, settings: Settings, budget: Budget, *, of: str | None = None) -> Request:
    """Asks for a search from the settings that the model has where nobody tuned it; those of flags stay.

    What consists of parts, such as a funnel, has each of them searched for, within the same budget.

    Args:
      name: a registered model that has a space, or parts.
      settings: what the command line said.
      budget: of the search.
      of: the model that it is a part of; flags given for that one are for its parts too.
    """
    experiment, model = settings.experiment, _model(name)
    suited = split_config(model.Config, name, experiment.split, task=experiment.task)
    stated = settings.stated(name) if {name, of} & {*settings.plan.model} else {}
    config = dataclasses.replace(model.Config() if suited is None else suited.config, **stated)
    parts = {one: searched_request(one, settings, budget, of=name) for one in model.parts(config)}
    config = model.with_settings_of_parts(config, lambda part: parts[part].config)
    return Request(
        name,
        config,
        tune=bool(model.space) or any(part.tune for part in parts.values()),
        seed=experiment.seed,
        budget=budget,
        held=frozenset(stated),
        parts=tuple(parts.values()),
    )


def _of_part(name: str, settings: Settings) -> Any:
    """Takes the settings of a part of a model as if it stood in `--model` by itself."""
    model = _model(name)
    shipped = _shipped(name, model, settings)
    start = model.Config() if shipped is None else shipped.config
    return dataclasses.replace(start, **settings.stated(name))


def _model(name: str) -> Any:
    return registry.resolve(registry.MODELS, name, "model")


def _shipped(name: str, model: Any, settings: Settings) -> Shipped | None:
    """Looks for settings tuned for this data set and protocol, then for those that suit the split."""
    experiment = settings.experiment
    return tuned_settings(name, settings) or split_config(
        model.Config, name, experiment.split, task=experiment.task
    )


def tuned_settings(name: str, settings: Settings, *, places: tuple[Path, ...] = PLACES) -> Shipped | None:
    """Looks for settings tuned for exactly these data and this protocol.

    A log of one's own is known by its `--label`, or else by its file.

    Args:
      name: a registered model.
      settings: what the command line said.
      places: folders to look in.

    Returns:
      The settings, or None.
    """
    own = settings.experiment.interactions
    asked, defaults = (
        {flag: getattr(experiment, flag) for flag in PROTOCOL_FLAGS}
        for experiment in (settings.experiment, Experiment(dataset=settings.experiment.dataset))
    )
    if own is not None:
        del asked["dataset"]
        label = settings.plan.label
        asked |= {"interactions": own} if label is None else {"label": label}
        defaults |= {"interactions": None, "label": None}
    return shipped_config(
        _model(name).Config, name, data_name(settings), asked=asked, defaults=defaults, places=places
    )


def data_name(settings: Settings) -> str:
    """Returns what folders of settings call the data."""
    own, label = settings.experiment.interactions, settings.plan.label
    if own is None:
        return registry.short_name(settings.experiment.dataset)
    return safe_name(Path(own if label is None else label))


def flagfile_name(name: str, settings: Settings) -> str:
    """Returns the name, within a folder of flagfiles, of what is tuned for these data and this split."""
    experiment = settings.experiment
    return tuned_name(name, data_name(settings), experiment.split, experiment.task)
