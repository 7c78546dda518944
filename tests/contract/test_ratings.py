"""What every registered model that predicts ratings owes the evaluator of ratings."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from contract_models import KINDS, SEED, build, halves
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.errors import UserError
from tfrs_bench.models.rating_recommender import RatingRecommender, check_rates
from tfrs_bench.settings import parse

RATING = [name for name, kind in KINDS.items() if issubclass(kind, RatingRecommender)]
ONLY_WITH_FLAGS = [name for name in RATING if KINDS[name].rates_with]


def flags_of(name: str) -> dict[str, Any]:
    return parse(["main", f"--model={name}", *KINDS[name].rates_with.split()]).hyper_parameters


@pytest.fixture(scope="module")
def rater(rated_blocks: InteractionLog) -> Callable[[str], RatingRecommender]:
    @functools.cache
    def fit(name: str) -> RatingRecommender:
        model = build(name, **flags_of(name))
        model.fit(rated_blocks, seed=SEED, epochs=15)
        return model

    return fit


@pytest.fixture(scope="module")
def everyone(rated_blocks: InteractionLog) -> Queries:
    users = np.arange(rated_blocks.num_users, dtype=np.int32)
    return queries_at_end(rated_blocks, users, np.ones(len(users), bool))


def every_pair(num_users: int, num_items: int) -> tuple[np.ndarray, np.ndarray]:
    queries, items = np.indices((num_users, num_items)).reshape(2, -1)
    return queries, items.astype(np.int32)


@pytest.fixture(scope="module")
def pairs(rated_blocks: InteractionLog) -> tuple[np.ndarray, np.ndarray]:
    """Every user with every item."""
    return every_pair(rated_blocks.num_users, rated_blocks.num_items)


@pytest.fixture(scope="module")
def own(rated_blocks: InteractionLog) -> np.ndarray:
    """[num_users, num_items] whether the item is of the user's half."""
    return halves(rated_blocks.user_ids.ids)[:, None] == halves(rated_blocks.item_ids.ids)


@pytest.mark.parametrize("name", RATING)
def test_ratings_are_finite_float32_one_per_pair(
    name: str, rater: Callable[[str], RatingRecommender], everyone: Queries, pairs: Any
) -> None:
    rated = rater(name).rate(everyone, *pairs)
    assert (rated.shape, rated.dtype) == (pairs[0].shape, np.float32)
    assert np.isfinite(rated).all()
    assert rater(name).rate(everyone, pairs[0][:0], pairs[1][:0]).shape == (0,)


@pytest.mark.parametrize("name", [name for name in RATING if name != "mean"])
@pytest.mark.parametrize("known", [True, False])
def test_the_own_half_is_rated_higher_by_users_seen_and_unseen(
    name: str,
    known: bool,
    rater: Callable[[str], RatingRecommender],
    everyone: Queries,
    own: np.ndarray,
) -> None:
    # Of their own half users give 4 or 5, of the other 1 or 2.
    users = everyone.users if known else np.full_like(everyone.users, -1)
    pairs = every_pair(*own.shape)
    rated = rater(name).rate(dataclasses.replace(everyone, users=users), *pairs).reshape(own.shape)
    assert rated[own].mean() - rated[~own].mean() > 1


@pytest.mark.parametrize("name", RATING)
def test_a_pair_is_rated_alike_alone_and_in_company(
    name: str, rater: Callable[[str], RatingRecommender], everyone: Queries, pairs: Any
) -> None:
    together = rater(name).rate(everyone, *pairs)
    one = everyone.take(slice(3, 4))
    mine = pairs[0] == 3
    alone = rater(name).rate(one, np.zeros(mine.sum(), np.int64), pairs[1][mine])
    assert_allclose(alone, together[mine], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", RATING)
def test_the_same_seed_gives_the_same_ratings(
    name: str,
    rater: Callable[[str], RatingRecommender],
    rated_blocks: InteractionLog,
    everyone: Queries,
    pairs: Any,
) -> None:
    again = build(name, **flags_of(name))
    again.fit(rated_blocks, seed=SEED, epochs=15)
    assert isinstance(again, RatingRecommender)
    assert_array_equal(again.rate(everyone, *pairs), rater(name).rate(everyone, *pairs))


@pytest.mark.parametrize("name", RATING)
def test_ratings_survive_saving(
    name: str, rater: Callable[[str], RatingRecommender], everyone: Queries, pairs: Any, tmp_path: Any
) -> None:
    rater(name).save(tmp_path)
    loaded = KINDS[name].load(tmp_path)
    assert isinstance(loaded, RatingRecommender)
    assert_allclose(loaded.rate(everyone, *pairs), rater(name).rate(everyone, *pairs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", RATING)
def test_a_model_that_rates_is_let_through(name: str) -> None:
    check_rates(build(name, **flags_of(name)))


@pytest.mark.parametrize("name", ONLY_WITH_FLAGS)
def test_a_model_that_rates_only_with_flags_names_them(name: str) -> None:
    with pytest.raises(UserError, match=f"{name} predicts no ratings as it is set.*{KINDS[name].rates_with}"):
        check_rates(build(name))


@pytest.mark.parametrize("name", [name for name in KINDS if name not in RATING])
def test_a_model_that_does_not_rate_is_refused_with_those_that_do(name: str) -> None:
    with pytest.raises(UserError, match=f"^{name} predicts no ratings.*mean, biased_mf"):
        check_rates(build(name))
