"""Shuffled logs and histories: the same events of the same people, in an order that means nothing."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import everybody
from tfrs_bench.data.shuffling import shuffle_histories, shuffle_log

USERS, ROWS = 40, 12


def chains(first: int = 0) -> InteractionLog:
    """Every user takes items 0, 1, 2, … in this order, an hour apart, item i rated i; from row `first` on."""
    users, items = np.repeat(np.arange(USERS), ROWS), np.tile(np.arange(ROWS), USERS)
    ids, names = [f"u{user}" for user in range(USERS)], [f"i{item}" for item in range(ROWS)]
    kept = items >= first
    return build_log(
        users[kept],
        items[kept],
        3600 * items[kept].astype(np.int64),
        items[kept].astype(np.float32),
        user_names=np.array(ids, dtype=object),
        item_names=np.array(names, dtype=object),
    ).with_positives(6.0)


def rows_of(log: InteractionLog, user: int) -> slice:
    return slice(log.user_offsets[user], log.user_offsets[user + 1])


def raw(log: InteractionLog, rows: slice) -> list[str]:
    return list(log.item_ids.ids[log.items[rows]])


def test_items_change_places_with_their_ratings_and_moments_stay() -> None:
    log = chains()
    mixed = shuffle_log(log, seed=0)
    assert_array_equal(mixed.timestamps, log.timestamps)
    assert_array_equal(mixed.users, log.users)
    for user in range(USERS):
        rows = rows_of(log, user)
        assert sorted(mixed.items[rows]) == sorted(log.items[rows])
    assert mixed.ratings is not None
    numbers = np.array([float(one[1:]) for one in mixed.item_ids.ids])
    assert_array_equal(mixed.ratings, numbers[mixed.items])
    assert_array_equal(mixed.positives, mixed.ratings >= 6)


def test_nothing_of_the_order_is_left() -> None:
    log = chains()
    mixed = shuffle_log(log, seed=0)
    places = np.tile(np.arange(ROWS), USERS)
    order = np.array([float(one[1:]) for one in mixed.item_ids.ids])[mixed.items]
    assert abs(np.corrcoef(order, places)[0, 1]) < 0.15
    followers = np.mean(np.diff(order.reshape(USERS, ROWS), axis=1) == 1)
    assert followers < 2 / ROWS  # 1 / ROWS by chance, where it was 1


def test_orders_differ_between_users_and_seeds_and_not_between_numberings() -> None:
    log = chains()
    mixed, other = (shuffle_log(log, seed) for seed in (0, 1))
    assert (mixed.items != other.items).any()
    orders = {tuple(raw(mixed, rows_of(mixed, user))) for user in range(USERS)}
    assert len(orders) == USERS
    backwards = build_log(
        log.user_ids.ids[log.users][::-1], log.item_ids.ids[log.items][::-1], log.timestamps[::-1]
    )
    again = shuffle_log(backwards, seed=0)
    (user,) = again.user_ids.index(["u7"])
    (same,) = mixed.user_ids.index(["u7"])
    assert raw(again, rows_of(again, user)) == raw(mixed, rows_of(mixed, same))


def test_histories_have_the_order_of_the_shuffled_log() -> None:
    log = chains()
    mixed = shuffle_histories(everybody(log), log.item_ids.keys, seed=0)
    expected = everybody(shuffle_log(log, seed=0))
    for field in ("items", "timestamps", "ratings", "positives", "offsets"):
        assert_array_equal(getattr(mixed.histories, field), getattr(expected.histories, field))
    assert_array_equal(mixed.users, expected.users)


def test_rows_that_follow_do_not_change_the_order_of_those_before() -> None:
    whole = chains()
    later = shuffle_log(chains(first=4), seed=0)
    mixed = shuffle_log(whole, seed=0)
    for user in (0, 3, 9):
        among = [one for one in raw(mixed, rows_of(mixed, user)) if int(one[1:]) >= 4]
        assert raw(later, rows_of(later, user)) == among


def test_an_item_that_comes_back_is_not_put_beside_itself() -> None:
    users, items = np.repeat(np.arange(30), 20), np.tile(np.arange(10), 60)
    mixed = shuffle_log(build_log(users, items, np.arange(600)), seed=0)
    beside = (np.diff(mixed.items) == 0) & (np.diff(mixed.users) == 0)
    assert beside.mean() < 0.15  # 1 / 19 by chance, 1 / 2 if they were together


def test_an_empty_log_stays_empty() -> None:
    empty = chains().select(np.zeros(USERS * ROWS, dtype=bool))
    assert len(shuffle_log(empty, seed=0)) == 0
