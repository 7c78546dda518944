"""The classical models that a list is shown beside: as recorded on the same data, else fitted now."""

from __future__ import annotations

import dataclasses
import json

import numpy as np

from tfrs_bench import registry
from tfrs_bench.errors import UserError
from tfrs_bench.experiment import Plan
from tfrs_bench.models.base import Recommender
from tfrs_bench.opened_run import OpenedRun
from tfrs_bench.reporting.records import MODEL, RECORD
from tfrs_bench.requests import request
from tfrs_bench.settings import Settings

NAMES = ("als", "popularity")


@dataclasses.dataclass(frozen=True)
class Opponent:
    """A model beside the one that is shown.

    Attributes:
      model: fitted on what the other one was fitted on.
      source: where it comes from, in a clause.
    """

    model: Recommender
    source: str


def opponents(run: OpenedRun) -> list[Opponent]:
    """Returns ALS and popularity, without the one that the run is of."""
    return [_recorded(name, run) or _fitted(name, run) for name in NAMES if name != run.record.model]


def _recorded(name: str, run: OpenedRun) -> Opponent | None:
    """Looks beside the run for one of the same experiment and data; the first seed, if there are several."""
    kind = registry.resolve(registry.MODELS, name, "model")
    for folder in sorted(run.folder.resolve().parent.glob(f"{name}-seed*")):
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            same = (record["experiment"], record["data"]) == (run.record.experiment, run.record.data)
            model = kind.load(folder / MODEL) if same else None
        except (OSError, ValueError, KeyError, TypeError, UserError):
            continue  # half a run, or an edited one: as good as none
        if model is not None and np.array_equal(model.item_keys, run.model.item_keys):
            return Opponent(model, f"run {folder.name}")
    return None


def _fitted(name: str, run: OpenedRun) -> Opponent:
    asked = request(name, Settings(run.prepared.experiment, Plan(), {}))
    model = registry.resolve(registry.MODELS, name, "model")(asked.config)
    model.fit(run.prepared.refit, seed=run.prepared.experiment.seed)
    return Opponent(model, f"fitted now, {'defaults' if asked.tune else asked.tuning}")
