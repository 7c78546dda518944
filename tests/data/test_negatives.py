"""Negatives: by which chances they come, what is refused, and that only training rows decide."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.negatives import PADDING, NegativeOptions, NegativeSampler, negative_shares
from tfrs_bench.data.pipeline import BatchOptions, training_dataset

# Items 0 to 4 have 4, 1, 1, 0 and 0 positives; item 3 has one low rating, and item 4 loses its row.
ROWS = [
    ("a", 0, 5),
    ("b", 0, 5),
    ("c", 0, 5),
    ("d", 0, 5),
    ("a", 1, 5),
    ("b", 2, 5),
    ("c", 3, 1),
    ("d", 4, 5),
]


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    users, items, ratings = zip(*ROWS, strict=True)
    whole = build_log(np.array(users), np.array(items), np.arange(8), np.array(ratings, np.float32))
    whole = whole.with_positives(4.0)
    return whole.select(whole.item_ids.ids[whole.items] != "4")


def item(log: InteractionLog, name: str) -> int:
    return int(log.item_ids.index([name])[0])


def draw(
    log: InteractionLog, users: list[str], batch: int = 0, seed: int = 0, **options: object
) -> np.ndarray:
    sampler = NegativeSampler(log, NegativeOptions(**({"count": 4000} | options)), seed)
    return np.asarray(sampler(log.user_ids.index(users), np.int64(batch)))


def test_uniform_draws_every_item_with_training_rows_alike(log: InteractionLog) -> None:
    shares = negative_shares(log, NegativeOptions(1))
    assert_allclose(shares[log.item_ids.index(["0", "1", "2", "3", "4"])], [1 / 4, 1 / 4, 1 / 4, 1 / 4, 0])


def test_popularity_draws_by_a_power_of_the_positives(log: InteractionLog) -> None:
    # 4, 1, 1 positives to the power of one half: 2, 1, 1.
    shares = negative_shares(log, NegativeOptions(1, "popularity", 0.5))
    assert_allclose(shares[log.item_ids.index(["0", "1", "2", "3", "4"])], [1 / 2, 1 / 4, 1 / 4, 0, 0])


def test_draws_follow_the_shares(log: InteractionLog) -> None:
    options = {"sampling": "popularity", "exponent": 0.5, "reject_positives": False}
    drawn = draw(log, ["a"], **options)[0]
    shares = np.bincount(drawn, minlength=5) / 4000
    expected = negative_shares(log, NegativeOptions(1, "popularity", 0.5))
    assert np.abs(shares - expected).max() < 5 * np.sqrt(0.25 / 4000)


def test_a_users_own_positives_are_refused_and_their_low_ratings_are_not(log: InteractionLog) -> None:
    drawn = draw(log, ["a", "c"])
    a, c = (set(row[row != PADDING].tolist()) for row in drawn)
    assert a == {item(log, "2"), item(log, "3")}
    assert c == {item(log, "1"), item(log, "2"), item(log, "3")}


def test_where_every_try_was_a_positive_the_place_is_left_out(log: InteractionLog) -> None:
    # With counts to the power of 9, item 0 has all but 2 in 262,146 of the chance, and everybody likes it.
    drawn = draw(log, ["a", "b"], sampling="popularity", exponent=9.0)
    assert (drawn == PADDING).mean() > 0.99
    # Half of the draws are positives of a's: one in 2³ places stays empty after three tries.
    assert (draw(log, ["a"]) == PADDING).mean() == pytest.approx(1 / 8, abs=5 * np.sqrt(0.11 / 4000))


def test_refusing_can_be_switched_off(log: InteractionLog) -> None:
    assert set(draw(log, ["a"], reject_positives=False)[0].tolist()) == {
        item(log, name) for name in ("0", "1", "2", "3")
    }


def test_draws_differ_by_seed_batch_and_user_and_repeat_otherwise(log: InteractionLog) -> None:
    first = draw(log, ["a", "a"])
    assert_array_equal(draw(log, ["a", "a"]), first)
    for other in (draw(log, ["a", "a"], batch=1), draw(log, ["a", "a"], seed=1)):
        assert (other != first).mean() > 0.3
    assert (first[0] != first[1]).mean() > 0.3


def test_every_epoch_draws_anew_and_a_resumed_one_draws_the_same(planted_blocks: InteractionLog) -> None:
    options = BatchOptions(batch_size=60, history_length=0, negatives=NegativeOptions(5))
    levels = np.zeros(len(planted_blocks), np.int32)
    epochs = [
        [np.asarray(batch["negatives"]) for batch in training_dataset(planted_blocks, levels, options, which)]
        for which in (range(2), range(1, 2))
    ]
    whole, resumed = (np.concatenate(some) for some in epochs)
    assert whole.shape == (480, 5)
    assert_array_equal(whole[240:], resumed)
    assert (whole[:240] != whole[240:]).mean() > 0.5


def test_negatives_among_given_items_come_alike_from_the_users_own(log: InteractionLog) -> None:
    among = np.full((log.num_users, 3), PADDING, np.int32)
    among[log.user_ids.index(["a"])[0]] = log.item_ids.index(["0", "2", "3"])  # 0 is a positive of a's
    among[log.user_ids.index(["b"])[0], :1] = log.item_ids.index(["3"])
    a, b, nothing = draw(log, ["a", "b", "c"], sampling="popularity", among=among)
    # An item of three is refused, at most three times: 1 in 27 finds nothing.
    shares = [np.mean(a == one) for one in (item(log, "2"), item(log, "3"), PADDING)]
    assert_allclose(shares, [13 / 27, 13 / 27, 1 / 27], atol=0.03)
    assert (b == item(log, "3")).all()
    assert (nothing == PADDING).all()
    shares = negative_shares(log, NegativeOptions(1, among=among))
    assert_allclose(shares[log.item_ids.index(["0", "1", "2", "3"])], [1 / 4, 0, 1 / 4, 1 / 2])
