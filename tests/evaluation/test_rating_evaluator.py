"""Errors of predicted ratings: by hand, pooled over ratings, with users as what is drawn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from evaluation_sets import Fake, constant, evaluation, evaluation_set, keys

from tfrs_bench.data.rated_pairs import RatedPairs
from tfrs_bench.evaluation.evaluator import Evaluator
from tfrs_bench.evaluation.rating_evaluator import RatingEvaluator
from tfrs_bench.evaluation.verdicts import average_seeds, compare
from tfrs_bench.models.rating_recommender import RatingRecommender

# Three users, the last of them cold, rate items 0 and 1, item 2, and item 3.
PAIRS = RatedPairs(np.array([0, 0, 1, 2]), np.arange(4, dtype=np.int32), np.array([5, 3, 1, 2], np.float32))
ASKED = evaluation_set([[0], [4], []], m=5, cold=[False, False, True])


class Rates(Fake, RatingRecommender):
    """Predicts the same for an item whoever asks, from a list of one prediction per item."""

    def __init__(self, predictions, kind=np.float32):
        super().__init__(lambda queries: np.zeros((len(queries), 5), np.float32))
        self._predictions = np.array(predictions, dtype=kind)
        self.asked = []

    def rate(self, queries, query_of_pair, items):
        self.asked.append((len(queries), query_of_pair.tolist()))
        return self._predictions[items]


def evaluator(pairs=PAIRS, asked=ASKED, scale=(1.0, 5.0)):
    return RatingEvaluator(asked, keys(5), np.ones(5, int), pairs, scale)


def test_errors_by_hand():
    # Errors 1, 0, 0 and 2.
    read = evaluator().evaluate(Rates([4, 3, 1, 4, 0]))
    assert read.metrics["rmse"].tolist() == pytest.approx([np.sqrt(1 / 2), 0, 2])
    assert read.metrics["mae"].tolist() == pytest.approx([1 / 2, 0, 2])
    assert read.num_rated.tolist() == [2, 1, 1]
    # Over ratings, not over users: √(5 / 4) and 3 / 4; without the cold user √(1 / 3) and 1 / 3.
    assert read.mean("rmse") == pytest.approx(np.sqrt(5 / 4))
    assert read.mean("mae") == pytest.approx(3 / 4)
    assert read.mean("rmse", "regular") == pytest.approx(np.sqrt(1 / 3))
    assert read.mean("mae", "regular") == pytest.approx(1 / 3)
    assert read.mean("rmse", "cold") == pytest.approx(2)
    assert read.primary == "rmse"


def test_lists_are_those_of_the_ranking_evaluator():
    model = Rates([4, 3, 1, 4, 0])
    both = evaluator().evaluate(model)
    ranked = Evaluator(ASKED, keys(5), np.ones(5, int)).evaluate(model)
    for metric, values in ranked.metrics.items():
        np.testing.assert_array_equal(both.metrics[metric], values)
    assert both.mean("ndcg@10") == ranked.mean("ndcg@10")
    assert ranked.primary == "ndcg@10"


def test_predictions_outside_the_scale_are_clipped_and_counted():
    # 9 and -7 become 5 and 1: errors 0, 0, 0, 0.
    read = evaluator().evaluate(Rates([9, 3, -7, 2, 0]))
    assert read.mean("rmse") == 0
    assert read.list_metrics["clipped"] == 2
    assert evaluator(scale=(-10.0, 10.0)).evaluate(Rates([9, 3, 1, 2, 0])).mean("mae") == pytest.approx(1)


def test_a_user_without_ratings_counts_nowhere():
    few = RatedPairs(PAIRS.queries[:2], PAIRS.items[:2], PAIRS.ratings[:2])
    read = evaluator(few).evaluate(Rates([4, 3, 1, 4, 0]))
    assert np.isnan(read.metrics["rmse"][1:]).all()
    assert read.counted("all", "rmse").tolist() == [True, False, False]
    assert read.mean("rmse") == pytest.approx(np.sqrt(1 / 2))
    assert np.isnan(read.mean("rmse", "cold"))


def test_what_stopping_and_tuning_read_is_minus_the_error_of_regular_users():
    model = Rates([4, 3, 1, 4, 0])
    assert evaluator().primary(model) == pytest.approx(-np.sqrt(1 / 3))
    assert evaluator().metric == "rmse" and Evaluator.metric == "ndcg@10"


def test_many_queries_are_asked_in_chunks():
    n = 5000
    pairs = RatedPairs(np.arange(n), np.zeros(n, np.int32), np.full(n, 3, np.float32))
    model = Rates([1, 0, 0, 0, 0])
    read = evaluator(pairs, evaluation_set([[0]] * n, m=5)).evaluate(model)
    assert [queries for queries, _ in model.asked] == [4096, 904]
    assert model.asked[1][1] == list(range(904))
    assert read.mean("rmse") == 2


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (constant(5), "fake predicts no ratings"),
        (Rates([4, np.nan, 1, 4, 0]), "returned NaN or an infinity"),
        (
            Rates([4, 3, 1, 4, 0], np.float64),
            r"should return float32 of shape \[4\]. Received: float64 \[4\]",
        ),
    ],
)
def test_what_is_no_prediction_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        evaluator().evaluate(model)


def rated(sizes, squared, cold=None):
    """An evaluation of users with given numbers of ratings and mean squared errors."""
    plain = evaluation(
        {"rmse": np.sqrt(squared), "mae": np.sqrt(squared) / 2, "ndcg@10": np.full(len(sizes), 0.5)}, cold
    )
    return dataclasses.replace(plain, num_rated=np.asarray(sizes, dtype=np.int64))


def planted(shift, n=400, seed=0):
    """Users with 1 to 40 ratings and mean squared errors around 1 + shift."""
    random = np.random.default_rng(seed)
    return rated(random.integers(1, 41, n), 1 + shift + 0.3 * random.random(n))


def test_a_lower_error_is_better():
    models = {"mf": planted(0), "low": planted(-0.2), "high": planted(0.2), "same": planted(0)}
    result = compare(models, ["low", "high", "same"], ["mf"], draws=500)
    words = {
        one.model: one.verdict for one in result.verdicts if (one.metric, one.segment) == ("rmse", "all")
    }
    assert words == {"low": "better", "high": "worse", "same": "cannot tell"}
    assert result.primary == "rmse"
    assert [line.split(":")[1].split()[0] for line in result.sentences()] == ["RMSE"] * 3
    assert {one.metric for one in result.verdicts} == {"rmse", "mae", "ndcg@10"}


def test_means_of_rows_are_pooled_over_ratings():
    # √((1 · 4 + 3 · 1) / 4) and (1 · 1 + 3 · 0.5) / 4
    rows = compare({"mf": rated([1, 3], np.array([4.0, 1.0]))}, [], [], draws=100).rows
    found = {row.metric: row.mean for row in rows if row.segment == "all"}
    assert found["rmse"] == pytest.approx(np.sqrt(7 / 4))
    assert found["mae"] == pytest.approx(5 / 8)
    assert found["ndcg@10"] == 0.5


def test_the_interval_of_a_pooled_error_is_that_of_a_ratio_of_sums():
    model = planted(0, n=2000)
    (row,) = (
        one for one in compare({"mf": model}, [], []).rows if (one.metric, one.segment) == ("rmse", "all")
    )
    counts, squares = model.num_rated, model.num_rated * model.metrics["rmse"] ** 2
    # The delta method: the ratio's standard error, and half of it over the root for the root.
    ratio = squares.sum() / counts.sum()
    spread = np.sqrt(np.sum((squares - ratio * counts) ** 2)) / counts.sum() / (2 * np.sqrt(ratio))
    assert row.low < row.mean < row.high
    assert row.high - row.low == pytest.approx(2 * 1.96 * spread, rel=0.05)


def test_segments_of_errors_are_those_with_ratings():
    model = dataclasses.replace(
        rated([2, 0, 1], np.array([1.0, np.nan, 4.0]), cold=[False, True, False]),
        num_relevant=np.array([1, 1, 0]),
    )
    rows = {(row.metric, row.segment): row for row in compare({"mf": model}, [], [], draws=100).rows}
    assert ("rmse", "cold") not in rows and rows["ndcg@10", "cold"].num_users == 1
    assert rows["rmse", "regular"].num_users == 2


def test_squares_are_averaged_over_seeds():
    both = average_seeds([rated([1], np.array([1.0])), rated([1], np.array([9.0]))])
    assert both.metrics["rmse"][0] == pytest.approx(np.sqrt(5))  # not 2
    assert both.metrics["mae"][0] == pytest.approx(1)


def test_evaluations_of_other_ratings_are_not_compared():
    with pytest.raises(ValueError, match="items and ratings"):
        compare({"a": rated([1], np.ones(1)), "b": rated([2], np.ones(1))}, ["a"], ["b"])
