from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.models.rating_levels import MOST_LEVELS, RatingLevels


def rated(ratings: list[float] | None) -> InteractionLog:
    rows = np.arange(3 if ratings is None else len(ratings))
    return build_log(rows, rows, rows, None if ratings is None else np.array(ratings, np.float32))


def levels_of(levels: RatingLevels, *ratings: float) -> list[int]:
    return levels.of_ratings(np.array(ratings, np.float32)).tolist()


def test_each_distinct_rating_is_a_level_in_ascending_order() -> None:
    levels = RatingLevels.of(rated([4, 0.5, 3, 4, 3]))
    assert len(levels) == 3
    assert levels_of(levels, 0.5, 3, 4) == [0, 1, 2]


def test_ratings_between_and_beyond_the_known_ones_take_the_level_below() -> None:
    levels = RatingLevels.of(rated([1, 3, 5]))
    assert levels_of(levels, 0, 1, 2.9, 3, 4, 5, 9) == [0, 0, 0, 1, 1, 2, 2]


def test_many_distinct_ratings_become_levels_of_equal_share() -> None:
    # 1,600 ratings 0 … 1,599 in any order: each of 16 levels has 100 of them.
    ratings = np.random.default_rng(0).permutation(1600).astype(float)
    log = rated(ratings.tolist())
    levels = RatingLevels.of(log)
    assert len(levels) == MOST_LEVELS == 16
    assert np.bincount(levels.of_log(log), minlength=16).tolist() == [100] * 16
    assert levels_of(levels, 0, 1599) == [0, 15]


def test_a_rating_that_fills_several_quantiles_is_one_level() -> None:
    # 1 has nine tenths of 1,000 rows; the 100 others are distinct, too many for a level each.
    ratings = [1.0] * 900 + [2.0 + one for one in range(100)]
    levels = RatingLevels.of(rated(ratings))
    assert 2 <= len(levels) <= MOST_LEVELS
    assert levels_of(levels, 1) == [0]
    assert levels_of(levels, 101) == [len(levels) - 1]


def test_implicit_data_have_one_level() -> None:
    log = rated(None)
    levels = RatingLevels.of(log)
    assert len(levels) == 1
    assert levels.of_log(log).tolist() == [0, 0, 0]
    assert levels.of_ratings(None, np.zeros((2, 3), np.int64)).tolist() == [[0, 0, 0]] * 2


def test_levels_of_positions_keep_their_shape() -> None:
    levels = RatingLevels.of(rated([1, 3, 5]))
    positions = np.array([[2, 0], [1, 1]])
    found = levels.of_ratings(np.array([1, 3, 5], np.float32), positions)
    assert found.tolist() == [[2, 0], [1, 1]]
    assert found.dtype == np.int32


def test_no_history_at_all_has_level_zero_everywhere() -> None:
    levels = RatingLevels.of(rated([1, 3, 5]))
    assert levels.of_ratings(np.zeros(0, np.float32), np.zeros((2, 3), np.int64)).tolist() == [[0, 0, 0]] * 2


@pytest.mark.parametrize("ratings", [[3.0], [3.0, 3.0]])
def test_one_rating_is_one_level(ratings: list[float]) -> None:
    levels = RatingLevels.of(rated(ratings))
    assert len(levels) == 1
    assert levels_of(levels, 1, 3, 5) == [0, 0, 0]
