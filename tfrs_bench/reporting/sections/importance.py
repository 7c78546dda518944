"""Which settings mattered in the searches: importance from their trials."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.document import Block, Paragraph, Section, Table
from tfrs_bench.reporting.study import Study
from tfrs_bench.tuning.ledger import COMPLETE, FOLDER, STOPPED, read_searches

LEAST_TRIALS = 10
_TOLD_APART = 6  # digits of a share
_BEST, _LEAST_BEST = 0.1, 5  # share and number of trials that are called the best
_METHOD = (
    "PED-ANOVA (Watanabe et al. 2023) on the trials of each search: how much of what sets the best tenth of "
    f"the trials, at least {_LEAST_BEST}, apart lies in each setting, summing to 100 %. It speaks of the "
    "values "
    "that were tried and of validation, not of what a setting is worth: a setting whose whole range is good "
    "counts for nothing, and a grid tries few values. Searches with fewer than "
    f"{LEAST_TRIALS} different settings that ran to their end, often those of neural models, are not shown."
)


@dataclasses.dataclass(frozen=True)
class Searched:
    """The trials of one search.

    Attributes:
      title: data and split.
      model: registered name.
      trials: settings, the searched ones differing, and their quality on validation.
      records: where they are from.
    """

    title: str
    model: str
    trials: tuple[tuple[dict[str, Any], float], ...]
    records: tuple[Path, ...]


def importance(studies: Sequence[Study]) -> Section:
    """Returns the importance of each setting in the searches behind records, grids and others."""
    found = [(one, shares) for one in searches(studies) if (shares := importances(one.trials))]
    if not found:
        return Section("Importance of hyper-parameters")
    rows = tuple(
        (
            one.title,
            one.model,
            str(len(_different(one.trials))),
            ", ".join(f"{name} {share:.0%}" for name, share in shares.items()),
        )
        for one, shares in found
    )
    records = tuple(dict.fromkeys(folder for one, _ in found for folder in one.records))
    blocks: tuple[Block, ...] = (
        Paragraph(_METHOD),
        Table(
            "What set the best trials apart, by search.",
            ("data", "model", "trials", "importance"),
            rows,
            records,
        ),
    )
    return Section("Importance of hyper-parameters", blocks)


def searches(studies: Sequence[Study]) -> list[Searched]:
    """Collects searches from records, the same one once, and others from the ledger; main studies first."""
    found: dict[str, Searched] = {}
    for study in studies:
        for runs in study.runs.values():
            for run in runs:
                trials = tuple(
                    (settings, float(quality))
                    for settings, quality in run.record.trials
                    if quality is not None
                )
                if trials:
                    record = run.record
                    key = json.dumps([record.dataset, record.split, record.model, trials], sort_keys=True)
                    found.setdefault(key, Searched(study.name, run.record.model, trials, (run.folder,)))
    told = {(one.title, one.model) for one in found.values()}
    kept = (one for one in _kept(studies) if (one.title, one.model) not in told)
    places = {study.name: place for place, study in enumerate(main_studies(studies))}
    return sorted([*found.values(), *kept], key=lambda one: places.get(one.title, len(places)))


def _kept(studies: Sequence[Study]) -> Iterator[Searched]:
    """Yields the ledger's searches; runs lie in results/data/split/run, and it beside the data."""
    places = dict.fromkeys(
        folder.parents[2] for study in studies for folder in study.folders if len(folder.parents) > 3
    )
    for place in places:
        for one in read_searches(place):
            trials = tuple(
                (trial.settings, trial.quality)
                for trial in one.trials
                if trial.state in (COMPLETE, STOPPED) and trial.quality is not None and not trial.repeats
            )
            folder = place / FOLDER / one.dataset / one.split
            yield Searched(f"{one.dataset}, {one.split}", one.model, trials, (folder,))


def importances(trials: Sequence[tuple[dict[str, Any], float]]) -> dict[str, float]:
    """Returns the share of each setting that was varied, the largest first; nothing from few trials.

    Args:
      trials: settings and quality, higher is better.
    """
    kept = [one for one in _different(trials) if math.isfinite(one[1])]
    spaces = {name: space for name in _names(kept) if (space := _space([one[0].get(name) for one in kept]))}
    if len(kept) < LEAST_TRIALS or not spaces:
        return {}
    if len(spaces) == 1:
        return dict.fromkeys(spaces, 1.0)
    return _ped_anova(kept, spaces)


def _different(trials: Sequence[tuple[dict[str, Any], float]]) -> list[tuple[dict[str, Any], float]]:
    return [*{json.dumps(one[0], sort_keys=True): one for one in trials}.values()]


def _ped_anova(kept: Sequence[tuple[dict[str, Any], float]], spaces: dict[str, Any]) -> dict[str, float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    for settings, quality in kept:
        params = {name: settings.get(name) for name in spaces}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=spaces, value=quality))
    best = max(_BEST, _LEAST_BEST / len(kept))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=best)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return in_order({name: float(share) for name, share in found.items() if share > 0})


def in_order(shares: dict[str, float]) -> dict[str, float]:
    """Returns shares, the largest first; those that are equal but for the last bits stand by name."""
    return dict(sorted(shares.items(), key=lambda one: (-round(one[1], _TOLD_APART), one[0])))


def _names(kept: Sequence[tuple[dict[str, Any], float]]) -> list[str]:
    return [*dict.fromkeys(name for settings, _ in kept for name in settings)]


def _space(values: Sequence[Any]) -> Any:
    """Returns the range of a setting's values; None if it was not varied, or holds lists."""
    import optuna.distributions as known

    if any(isinstance(value, list | dict) for value in values) or len({*map(str, values)}) < 2:
        return None
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        low, high = float(min(values)), float(max(values))
        return known.FloatDistribution(low, high, log=low > 0 and high >= 4 * low)
    return known.CategoricalDistribution([*dict.fromkeys(values)])
