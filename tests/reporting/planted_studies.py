"""Studies of planted runs: 400 users whose metrics are drawn around a mean that each model is given."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from finished_runs import AUDIT, evaluation, record

from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.reporting.study import Run, Study, study_of

USERS = 400


def planted(mean: float, **list_metrics: float) -> Evaluation:
    """An evaluation whose users differ in the same way whatever the mean, so that differences are exact."""
    spread = np.random.default_rng(0).uniform(-0.1, 0.1, USERS)
    values = mean + spread - spread.mean()
    return dataclasses.replace(
        evaluation(),
        users=np.arange(USERS, dtype=np.int32),
        cold=np.zeros(USERS, dtype=bool),
        num_relevant=np.ones(USERS, dtype=np.int64),
        metrics=dict.fromkeys(("hr@10", "ndcg@10", "map@10", "recall@10"), values),
        lists=np.zeros((USERS, 10), dtype=np.int32),
        list_metrics=list_metrics,
    )


def noisy(mean: float, seed: int) -> Evaluation:
    """An evaluation whose users differ by chance alone."""
    values = mean + np.random.default_rng(seed).normal(0, 0.3, USERS)
    whole = planted(mean)
    return dataclasses.replace(whole, metrics=dict.fromkeys(whole.metrics, values))


def run(model: str, result: Evaluation, **fields: Any) -> Run:
    """A run on data `log` whose record agrees with its result."""
    fields = {"data": {"fingerprint": "f"}, "experiment": {"split": "per_user"}, "audit": AUDIT} | fields
    fields |= {"list_metrics": result.list_metrics, "split": fields["experiment"]["split"]}
    folder = Path("runs") / str(fields.get("dataset", "log")) / f"{model}-{fields.get('seed', 0)}"
    return Run(record(model, **{"config": {}, "trials": []} | fields), result, folder)


def study(models: dict[str, float], name: str | None = None, **fields: Any) -> Study:
    """A study of models whose mean NDCG@10 is given; a model takes ten times its mean in seconds."""
    return study_of(
        [run(model, planted(mean), **{"fit_s": 10 * mean} | fields) for model, mean in models.items()], name
    )
