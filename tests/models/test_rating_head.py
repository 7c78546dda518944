"""The rating head: what it starts from, what it costs, and that ratings reach the batch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.pipeline import BatchOptions, training_dataset
from tfrs_bench.data.rated_examples import RatedExamples
from tfrs_bench.errors import UserError
from tfrs_bench.models.rating_head import RatingHead
from tfrs_bench.models.two_tower import TwoTower, TwoTowerConfig
from tfrs_bench.runtime import import_tensorflow

tf, _ = import_tensorflow()
OPTIONS = BatchOptions(batch_size=3, history_length=4, seed=5)


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """Ten users with eight rows each, of which the odd ones are positives; a rating is 1 + row % 5."""
    users, ratings = np.repeat(np.arange(10), 8), (1 + np.arange(80) % 5).astype(np.float32)
    built = build_log(users, np.arange(80) % 20, np.arange(80), ratings)
    return dataclasses.replace(built, positives=np.arange(80) % 2 == 1)


def batches(log: InteractionLog, rated: RatedExamples | None) -> list[dict]:
    levels = (log.ratings - 1).astype(np.int32)
    return list(training_dataset(log, levels, OPTIONS, range(2), rated).as_numpy_iterator())


@pytest.fixture(scope="module")
def rated(log: InteractionLog) -> RatedExamples:
    return RatedExamples(log.ratings, np.stack([np.arange(80), -np.arange(80)], axis=1).astype(np.float32))


def test_it_starts_from_the_means_and_costs_the_mean_squared_error() -> None:
    head = RatingHead(3, mean=3.5, seed=0)
    query = item = tf.ones([2, 3])
    biases = tf.constant([[0.5, 0.25], [-1.0, 0.0]])
    assert head(query, item, biases).numpy().tolist() == [4.25, 2.5]
    # Errors .75 and -.5.
    loss = head.loss({"ratings": tf.constant([5.0, 2.0]), "biases": biases}, query, item)
    assert float(loss) == pytest.approx((0.75**2 + 0.5**2) / 2)


def test_every_row_is_rated_at_most_once_an_epoch_with_what_belongs_to_it(
    log: InteractionLog, rated: RatedExamples
) -> None:
    epoch = batches(log, rated)[:13]  # 40 positives make 13 batches of 3, and 80 rows 13 of 6
    rows = np.concatenate([one["rated"]["biases"][:, 0] for one in epoch]).astype(int)
    assert len(rows) == len(set(rows.tolist())) == 78
    for name, column in (("items", log.items), ("ratings", log.ratings), ("users", log.users)):
        np.testing.assert_array_equal(np.concatenate([one["rated"][name] for one in epoch]), column[rows])


def test_a_rated_rows_history_is_what_its_user_did_before(log: InteractionLog, rated: RatedExamples) -> None:
    for batch in batches(log, rated):
        for row, history in zip(batch["rated"]["biases"][:, 0], batch["rated"]["history_items"], strict=True):
            before = log.items[int(row) // 8 * 8 : int(row)][::-1][:4].tolist()
            assert history.tolist() == before + [-1] * (4 - len(before))


def test_what_is_chosen_is_drawn_as_without_ratings(log: InteractionLog, rated: RatedExamples) -> None:
    for plain, with_ratings in zip(batches(log, None), batches(log, rated), strict=True):
        assert with_ratings.keys() == plain.keys() | {"rated"}
        for name, values in plain.items():
            np.testing.assert_array_equal(with_ratings[name], values)


def test_epochs_rate_in_another_order(log: InteractionLog, rated: RatedExamples) -> None:
    both = batches(log, rated)
    assert both[0]["rated"]["biases"].tolist() != both[13]["rated"]["biases"].tolist()


def test_the_weight_of_retrieval_may_be_none(log: InteractionLog) -> None:
    model = TwoTower(TwoTowerConfig(dimension=4, batch_size=8, rating_weight=1.0, retrieval_weight=0.0))
    report = model.fit(log, seed=0, epochs=2)
    assert report.curve[1]["train/loss"] < report.curve[0]["train/loss"] < 4  # the variance is 2


def test_ratings_of_a_log_without_any_are_refused(log: InteractionLog) -> None:
    bare = dataclasses.replace(log, ratings=None)
    with pytest.raises(UserError, match="--rating_weight needs ratings"):
        TwoTower(TwoTowerConfig(dimension=4, rating_weight=1.0)).fit(bare)


def test_a_curve_of_errors_goes_by_their_name_and_the_lowest_is_kept(log: InteractionLog) -> None:
    negated = iter([-1.5, -0.9, -1.2, -1.1])
    model = TwoTower(TwoTowerConfig(dimension=4, batch_size=8, rating_weight=1.0, max_epochs=4, patience=2))
    report = model.fit(log, seed=0, validate=lambda _: next(negated), metric="rmse")
    assert [one["validation/rmse"] for one in report.curve] == [1.5, 0.9, 1.2, 1.1]
    assert report.epochs == 2
