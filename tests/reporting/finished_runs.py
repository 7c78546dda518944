"""Records and evaluations of four users, two of them cold, one without a relevant item."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.reporting.records import RunRecord

AUDIT: dict[str, Any] = {
    "strategy": "per_user",
    "rows": {"train": 80, "validation": 10, "test": 10},
    "users": {"train": 8, "validation": 5, "test": 10},
    "items": {"train": 20, "validation": 9, "test": 9},
    "times": None,
    "moments": None,
    "users_asked": 10,
    "cold_asked": 2,
    "cold_share": 0.2,
    "users_without_relevant": 1,
    "relevant": 9,
    "dropped": {},
    "order_holds": True,
    "temporal": True,
    "boundary_ties": None,
    "leaked_share": None,
    "later_share": None,
}
USER_IDS = np.array(["ann", "bob", "cem", "dee", "eve"], dtype=object)


def evaluation(ndcg: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0), **metrics: tuple[float, ...]) -> Evaluation:
    """Every metric of a table equals `ndcg` unless it is given; bob has no relevant item."""
    names = ("hr@10", "ndcg@10", "map@10", "map_full@10", "recall@10")
    columns = {name: np.array(metrics.get(name.split("@")[0], ndcg)) for name in names}
    for column in columns.values():
        column[1] = np.nan
    return Evaluation(
        users=np.array([0, 1, 3, 4], dtype=np.int32),
        cold=np.array([False, False, False, True]),
        num_relevant=np.array([1, 0, 2, 1], dtype=np.int64),
        metrics=columns,
        lists=np.zeros((4, 10), dtype=np.int32),
        list_metrics={"coverage@10": 0.5, "gini@10": float("nan")},
        score_us_per_user=12.5,
    )


def record(model: str = "als", **fields: Any) -> RunRecord:
    """A record with something in every field."""
    whole = RunRecord(
        model=model,
        dataset="log",
        split="per_user",
        seed=0,
        experiment={"ks": (5, 10)},
        data={"rows": np.int64(7)},
        config={"factors": 8, "hidden": (4, 2), "clip": None, "rate": 1 / 3, "wide": True},
        tuning="defaults",
        trials=[[{"factors": 8}, 0.5]],
        tune_minutes=0.0,
        epochs=None,
        curve=[],
        fit_s=1234.56,
        score_us_per_user=12.5,
        peak_memory_mb=100.0,
        num_parameters=64,
        metrics={"all": {"ndcg@10": 2 / 3}},
        list_metrics={"coverage@10": 0.5, "gini@10": float("nan")},
        audit={"temporal": True, "leaked_share": None},
        environment={"python": "3"},
    )
    return dataclasses.replace(whole, **fields)
