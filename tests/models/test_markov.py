"""Markov's counts and probabilities by hand; items are w = 0, x = 1, y = 2, z = 3."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.models.markov import Markov, MarkovConfig


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """ann: w x y, bob: w x z (z rated low), cem: x w x, dee: x; times rise row by row."""
    users, items = list("aaabbbcccd"), list("wxywxzxwxx")
    ratings = np.array([5, 5, 5, 1, 5, 1, 5, 5, 5, 2], np.float32)
    log = build_log(np.array(users), np.array(items), np.arange(10), ratings).with_positives(4.0)
    assert list(log.item_ids.ids) == list("wxyz")
    return log


def fitted(log: InteractionLog, **settings: float) -> Markov:
    model = Markov(MarkovConfig(**settings))
    model.fit(log)
    return model


def ask(log: InteractionLog, users: str) -> Queries:
    indices = log.user_ids.index(list(users))
    return queries_at_end(log, indices, np.ones(log.num_users, bool))


# Positive rows: w twice, x four times, y once.
SHARES = np.array([2, 4, 1, 0]) / 7


def test_counts_what_follows_and_smooths_it_by_popularity(log: InteractionLog) -> None:
    # After x came y (ann) and w (cem); that z followed (bob) was no positive. dee's last row is x, rated low.
    expected = (np.array([1, 0, 1, 0]) + 3 * SHARES) / (2 + 3)
    assert_allclose(fitted(log, smoothing=3.0).score(ask(log, "d"))[0], expected, rtol=1e-6)


def test_a_row_rated_low_is_read_and_never_a_target(log: InteractionLog) -> None:
    # w, rated 1 by bob, is followed by his x: w → x three times.
    state = fitted(log).state()
    first = slice(*state["offsets"][:2])
    assert state["successors"][first].tolist() == [1]
    assert state["counts"][first].tolist() == [3]


def test_an_item_that_nothing_followed_and_an_empty_history_are_answered_by_popularity(
    log: InteractionLog,
) -> None:
    nobody = queries_at_end(log.select(log.users != 3), log.user_ids.index(["d"]), np.zeros(4, bool))
    assert np.diff(nobody.histories.offsets).tolist() == [0]
    model = fitted(log)
    for asked in (ask(log, "a"), ask(log, "b"), nobody):  # ann ends with y, bob with z
        assert_allclose(model.score(asked)[0], SHARES, rtol=1e-6)


def test_a_window_counts_pairs_that_are_further_apart(log: InteractionLog) -> None:
    # Within two rows: w → x three times, w → y (ann); x → y, x → w, x → x (cem).
    model = fitted(log, window=2)
    counts = np.zeros((4, 4))
    counts[0, [1, 2]], counts[1, [0, 1, 2]] = [3, 1], 1
    assert_array_equal(model._transitions.toarray(), counts)
    assert_array_equal(fitted(log, window=99)._transitions.toarray(), counts)  # histories end


def test_memory_weighs_each_row_by_a_fixed_share_of_the_one_after_it(log: InteractionLog) -> None:
    # cem, latest first: x, w, x. With memory 2, weights 1, 1/2, 1/4 of a sum of 7/4.
    after_w = (np.array([0, 3, 0, 0]) + SHARES) / (3 + 1)
    after_x = (np.array([1, 0, 1, 0]) + SHARES) / (2 + 1)
    expected = (after_x + after_w / 2 + after_x / 4) / (7 / 4)
    assert_allclose(fitted(log, memory=2, smoothing=1.0).score(ask(log, "c"))[0], expected, rtol=1e-6)


def test_rows_that_weigh_too_little_are_not_read() -> None:
    # With memory 2, row k weighs 2^(1 − k): the tenth 1/512 and the eleventh less than a thousandth.
    chain = [f"i{number}" for number in range(12)]
    log = build_log(np.array(["a"] * 12), np.array(chain), np.arange(12))
    read = fitted(log, memory=2)._weighted_history(ask(log, "a").histories)
    assert sorted(read.indices.tolist()) == list(range(2, 12))


def test_a_long_block_of_queries_is_answered_as_short_ones(log: InteractionLog) -> None:
    model = fitted(log)
    many = ask(log, "abcd" * 300)
    assert_array_equal(model.score(many), np.tile(model.score(ask(log, "abcd")), (300, 1)))
