"""Which runs a command asks for: every model's settings, where they come from, and its seeds."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrs_bench import registry
from tfrs_bench.experiment import RANKING, Experiment
from tfrs_bench.models.oracle import Oracle
from tfrs_bench.models.random_order import RandomOrder
from tfrs_bench.reporting.comparison import UNTUNED
from tfrs_bench.runner import Request
from tfrs_bench.settings import Settings
from tfrs_bench.tuning.shipped import PROTOCOL_FLAGS, shipped_config, split_config


def requests(settings: Settings, *, truth_is_known: bool = False) -> list[Request]:
    """Returns what to run: random first, the baselines, the models, and the oracle where truth is known.

    A stochastic model is asked for once per seed of `--seeds`. Random order is too, in principle; but it is

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
    asked_for = name in plan.model
    shipped = _shipped(name, model, settings) if asked_for or plan.tune_baselines else None
    start, source = shipped or (None, "defaults" if dataclasses.fields(model.Config) else "no settings")
    config = settings.config(name, start)
    config = model.with_settings_of_parts(config, lambda part: _of_part(part, settings))
    if asked_for and settings.stated(name):
        return Request(name, config, "flags" if shipped is None else f"flags over {source}", seed=seed)
    if shipped is not None or not model.grid:
        return Request(name, config, source, seed=seed)
    if not plan.tune_baselines:
        return Request(name, config, UNTUNED, seed=seed)
    return Request(name, config, tune=True, seed=seed)


def _of_part(name: str, settings: Settings) -> Any:
    """Takes the settings of a part of a model as if it stood in `--model` by itself."""
    model = _model(name)
    shipped = _shipped(name, model, settings)
    start = model.Config() if shipped is None else shipped[0]
    return dataclasses.replace(start, **settings.stated(name))


def _model(name: str) -> Any:
    return registry.resolve(registry.MODELS, name, "model")


def _shipped(name: str, model: Any, settings: Settings) -> tuple[Any, str] | None:
    """Looks for settings tuned for this data set and protocol, then for those that suit the split."""
    tuned = None if settings.experiment.interactions else _tuned(name, model, settings)
    return tuned or split_config(model.Config, name, settings.experiment.split, task=settings.experiment.task)


def _tuned(name: str, model: Any, settings: Settings) -> tuple[Any, str] | None:
    asked, defaults = (
        {flag: getattr(experiment, flag) for flag in PROTOCOL_FLAGS}
        for experiment in (settings.experiment, Experiment(dataset=settings.experiment.dataset))
    )
    dataset = registry.short_name(settings.experiment.dataset)
    return shipped_config(model.Config, name, dataset, asked=asked, defaults=defaults)
