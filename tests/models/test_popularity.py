from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import queries_at_end
from tfrs_bench.errors import UserError
from tfrs_bench.models.popularity import Popularity, PopularityConfig

DAY = 86_400


def scores(log: InteractionLog, half_life_days: float | None = None) -> list[list[float]]:
    """Scores for the log's first two users."""
    model = Popularity(PopularityConfig(half_life_days))
    model.fit(log)
    return model.score(queries_at_end(log, np.array([0, 1], np.int32), np.ones(2, bool))).tolist()


@pytest.fixture
def log() -> InteractionLog:
    """w on days 0, 2 and 4, x on day 3, y on day 4 rated low. Items: w = 0, x = 1, y = 2."""
    days, ratings = np.array([0, 3, 2, 4, 4]), np.array([5, 4, 4, 1, 5], np.float32)
    return build_log(np.array(list("aabab")), np.array(list("wxwyw")), DAY * days, ratings)


def test_counts_positive_rows_for_everybody_alike(log: InteractionLog) -> None:
    assert scores(log.with_positives(4.0)) == [[3, 1, 0]] * 2


def test_every_row_counts_where_every_row_is_positive(log: InteractionLog) -> None:
    assert scores(log) == [[3, 1, 1]] * 2


def test_a_row_counts_half_after_each_half_life(log: InteractionLog) -> None:
    # The last row is of day 4. Half-life 2 days: w is 4, 2 and 0 days old, x one day.
    expected = [1 / 4 + 1 / 2 + 1, pytest.approx(0.5**0.5), 0]
    assert scores(log.with_positives(4.0), half_life_days=2.0) == [expected] * 2


def test_a_short_half_life_prefers_what_is_new() -> None:
    old_favourite = build_log(
        np.array(list("abcd")), np.array(list("wwwx")), DAY * np.array([0, 0, 0, 10], dtype=np.int64)
    )
    assert scores(old_favourite)[0] == [3, 1]
    assert scores(old_favourite, half_life_days=1.0)[0] == [3 / 1024, 1]


@pytest.mark.parametrize("clock", ["file", "none"])
def test_a_half_life_needs_times(clock: str) -> None:
    timeless = build_log(np.array(["a"]), np.array(["w"]), clock=clock)
    with pytest.raises(UserError, match=r"^--half_life_days needs times.*Drop the flag"):
        Popularity(PopularityConfig(half_life_days=1.0)).fit(timeless)
    Popularity(PopularityConfig()).fit(timeless)


def test_items_that_are_only_names_score_zero(log: InteractionLog) -> None:
    first_two = log.select(np.array([True, True, False, False, False]))
    assert scores(first_two) == [[1, 1, 0]] * 2
