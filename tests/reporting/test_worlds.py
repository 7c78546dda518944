"""The matrix of worlds shows shares of the oracle, and whom each world was made for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finished_runs import evaluation, record

from tfrs_bench.reporting.study import Run, Study, study_of
from tfrs_bench.reporting.worlds import worlds


def study(dataset: str, *runs: Run) -> Study:
    return study_of(runs, f"{dataset}, per_user")


def run(model: str, ndcg: float, **fields: Any) -> Run:
    return Run(record(model, **fields), evaluation((ndcg,) * 4), Path("runs") / model)


def test_a_cell_is_the_share_of_the_oracle_and_the_model_made_for_the_world_is_bold() -> None:
    low_rank = study("simulated-lowrank", run("random", 0.1), run("als", 0.375), run("oracle", 0.5))
    popular = study("simulated-popularity", run("popularity", 0.25), run("oracle", 0.25))
    assert worlds([low_rank, popular]) == "\n".join(
        [
            "| world | random | popularity | als | oracle's NDCG@10 |",
            "|---|---:|---:|---:|---:|",
            "| simulated-popularity | – | **100%** | – | 0.2500 |",
            "| simulated-lowrank | 20% | – | **75%** | 0.5000 |",
        ]
    )


def test_the_model_set_up_for_its_world_stands_beside_its_defaults() -> None:
    deep = {"hidden": (128, 64), "use_user_id": False}
    text = worlds(
        [
            study(
                "simulated-nonlinear",
                run("two_tower", 0.1, config={"hidden": (), "use_user_id": True}),
                run("two_tower", 0.2, config=deep),
                run("oracle", 0.4),
            )
        ]
    )
    assert text is not None
    header, _, row = text.splitlines()
    assert header == "| world | two_tower | two_tower, as made | oracle's NDCG@10 |"
    assert row == "| simulated-nonlinear | 25% | **50%** | 0.4000 |"


def test_without_a_world_there_is_no_matrix() -> None:
    assert worlds([study("log", run("als", 0.5))]) is None
