"""The page of ratings: errors beside lists, models that only rank below, and who leads by which."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import finished_runs as finished
import numpy as np
import pytest

from tfrs_bench.reporting.rating_table import rating_columns, rating_footnote
from tfrs_bench.reporting.ratings import ratings_page
from tfrs_bench.reporting.study import Run, Study, study_of

DATA = {"rows": 7, "fingerprint": "f", "scale": [1.0, 5.0]}


def rated(model: str, rmse: float, ndcg: float, clipped: float = 0.0, seed: int = 0) -> Run:
    """A run whose every user has this RMSE, half of it as MAE, and this NDCG@10."""
    plain = finished.evaluation((ndcg,) * 4)
    errors = {"rmse": np.full(4, rmse), "mae": np.full(4, rmse / 2)}
    evaluation = dataclasses.replace(
        plain,
        metrics=errors | plain.metrics,
        list_metrics={"clipped": clipped},
        num_rated=np.array([2, 1, 3, 4]),
    )
    record = finished.record(
        model, experiment={"task": "rating"}, data=DATA, seed=seed, config={}, audit=finished.AUDIT
    )
    return Run(record, evaluation, Path(model))


def listed(model: str, ndcg: float) -> Run:
    record = finished.record(model, experiment={}, data=DATA, config={}, audit=finished.AUDIT)
    return Run(record, finished.evaluation((ndcg,) * 4), Path(model))


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of([rated("mean", 1.0, 0.1), rated("biased_mf", 0.9, 0.2, 3), rated("two_tower", 0.95, 0.4)])


def test_errors_stand_beside_lists_and_models_that_only_rank_below(study: Study) -> None:
    page = ratings_page(
        [study, study_of([listed("als", 0.3), listed("random", 0.05), listed("oracle", 0.9)])]
    )
    assert page is not None
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    assert rows == [
        "| mean | 1.0000 | 0.5000 | 0.1000 |",
        "| biased_mf | 0.9000 | 0.4500 | 0.2000 |",
        "| two_tower | 0.9500 | 0.4750 | 0.4000 |",
        "| random | – | – | 0.0500 |",
        "| als | – | – | 0.3000 |",
    ]
    assert page.startswith("### log, per_user\n")


def test_who_leads_by_which_is_said(study: Study) -> None:
    page = ratings_page([study])
    assert page is not None
    leaders = (
        "Lowest RMSE: biased_mf, with NDCG@10 0.2000. Highest NDCG@10: two_tower, 0.4000, with RMSE 0.9500."
    )
    assert f"- {leaders}\n" in page
    assert "- two_tower vs biased_mf: RMSE +0.050 [+0.050, +0.050] (+6 %)" in page
    one = ratings_page([study_of([rated("mean", 1.0, 0.1), rated("biased_mf", 0.9, 0.2)])])
    assert one is not None and "- Lowest RMSE and highest NDCG@10: biased_mf.\n" in one + "\n"


def test_studies_of_lists_have_no_such_page() -> None:
    assert ratings_page([study_of([listed("als", 0.3)])]) is None


def test_columns_have_intervals_and_cold_users(study: Study) -> None:
    figures = rating_columns(study, "mean")
    assert figures["RMSE (95 % interval)"] == "1.0000 (1.000–1.000)"
    assert figures["MAE (95 % interval)"] == "0.5000 (0.500–0.500)"
    assert (figures["cold"], figures["NDCG@10"]) == ("1.0000", "0.1000")


def test_the_footnote_counts_ratings_users_and_what_was_clipped(study: Study) -> None:
    text = rating_footnote(study)
    assert "RMSE and MAE over 10 ratings by 4 users" in text
    assert "Predictions outside 1 to 5 are clipped: mean 0, biased_mf 3, two_tower 0." in text
    assert "lists, for 3 users with relevant test items. cold: RMSE of 1 cold users." in text


def test_seeds_are_spread_by_their_rmse() -> None:
    seeds = study_of([rated("two_tower", 0.9, 0.1), rated("two_tower", 1.1, 0.1, seed=1)])
    assert seeds.seed_means("two_tower") == pytest.approx([0.9, 1.1])
    assert seeds.name == "log, per_user, rating"


def test_newcomers_ratings_are_counted_once_and_their_levels_explained() -> None:
    run = rated("mean", 1.0, 0.1)
    asked = dataclasses.replace(
        finished.evaluation((0.1,) * 4),
        num_relevant=np.ones(4, np.int64),
        metrics={name: np.ones(4) for name in run.evaluation.metrics},
        list_metrics={"clipped": 0.0},
        num_rated=np.array([3, 4, 3, 4]),
        known=np.array([0, 0, 1, 1], np.int8),
    )
    text = rating_footnote(study_of([dataclasses.replace(run, evaluation=asked)]))
    assert "over 7 ratings by 2 users" in text and "0 to 4: RMSE of newcomers" in text
