"""What every registered model owes its callers: the shape, the meaning and the harmlessness of scores."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from contract_models import KINDS, SAME_FOR_EVERYONE, halves
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Histories, Queries
from tfrs_bench.models.base import FactorizedRecommender, Recommender

PERSONAL = [name for name in KINDS if name not in SAME_FOR_EVERYONE]
FACTORIZED = [name for name, kind in KINDS.items() if issubclass(kind, FactorizedRecommender)]


def array_fields(thing: Queries | Histories) -> dict[str, np.ndarray]:
    values = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
    return {name: value.copy() for name, value in values.items() if isinstance(value, np.ndarray)}


def without_history(queries: Queries) -> Queries:
    none = queries.histories.take(np.zeros(0, np.int64))
    return dataclasses.replace(
        queries, histories=dataclasses.replace(none, offsets=np.zeros(len(queries) + 1, np.int64))
    )


def own_share(model: Recommender, queries: Queries, log: InteractionLog, k: int) -> float:
    """The share of all k-item lists that lies in the half the queries' histories are from."""
    listed, _ = model.recommend(queries, k)
    by_key = dict(zip(log.user_ids.keys.tolist(), halves(log.user_ids.ids), strict=True))
    own = np.array([by_key[key] for key in queries.keys.tolist()])
    return float((halves(log.item_ids.ids)[listed] == own[:, None]).mean())


def test_scores_are_finite_float32_one_per_query_and_item(
    fitted: Recommender, queries: Queries, blocks: InteractionLog
) -> None:
    scores = fitted.score(queries)
    assert scores.shape == (len(queries), blocks.num_items)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", PERSONAL, indirect=True)
def test_beats_chance_on_planted_blocks(
    fitted: Recommender, queries: Queries, blocks: InteractionLog
) -> None:
    # A user has 3 or 4 unseen items in their own half and 7 to 10 in the other: by chance at most 4 / 14.
    assert own_share(fitted, queries, blocks, 3) > 0.8


@pytest.mark.parametrize("name", PERSONAL, indirect=True)
def test_answers_an_unseen_user_from_their_history(
    fitted: Recommender, queries: Queries, blocks: InteractionLog
) -> None:
    strangers = dataclasses.replace(queries, users=np.full(len(queries), -1, np.int32))
    assert own_share(fitted, strangers, blocks, 3) > 0.8


def test_answers_an_empty_history(fitted: Recommender, queries: Queries, blocks: InteractionLog) -> None:
    nobody = without_history(dataclasses.replace(queries, users=np.full(len(queries), -1, np.int32)))
    listed, scores = fitted.recommend(nobody, blocks.num_items)
    assert (np.sort(listed, axis=1) == np.arange(blocks.num_items)).all()
    assert np.isfinite(scores).all()


def test_a_batch_is_answered_as_its_queries_one_by_one(fitted: Recommender, queries: Queries) -> None:
    together = fitted.score(queries)
    alone = np.concatenate([fitted.score(queries.take(slice(one, one + 1))) for one in range(len(queries))])
    assert_allclose(alone, together, rtol=1e-5, atol=1e-5)


def test_queries_in_another_order_are_answered_in_that_order(fitted: Recommender, queries: Queries) -> None:
    order = np.random.default_rng(0).permutation(len(queries))
    assert_allclose(fitted.score(queries.take(order)), fitted.score(queries)[order], rtol=1e-5, atol=1e-5)


def test_no_query_is_no_answer(fitted: Recommender, queries: Queries, blocks: InteractionLog) -> None:
    assert fitted.score(queries.take(slice(0, 0))).shape == (0, blocks.num_items)


def test_lists_longer_than_the_catalogue_are_padded(
    fitted: Recommender, queries: Queries, blocks: InteractionLog
) -> None:
    listed, scores = fitted.recommend(queries, blocks.num_items + 5)
    unseen = blocks.num_items - blocks.rows_per_user
    place = np.arange(blocks.num_items + 5)
    assert_array_equal(listed == -1, place >= unseen[:, None])
    assert_array_equal(scores == -np.inf, place >= unseen[:, None])


def test_seen_items_are_listed_only_when_asked_for(
    fitted: Recommender, queries: Queries, blocks: InteractionLog
) -> None:
    seen = [set(blocks.items[blocks.users == user].tolist()) for user in range(blocks.num_users)]
    masked, _ = fitted.recommend(queries, blocks.num_items)
    everything, _ = fitted.recommend(queries, blocks.num_items, mask_seen=False)
    for own, without, whole in zip(seen, masked.tolist(), everything.tolist(), strict=True):
        assert own.isdisjoint(without)
        assert own <= set(whole)


def test_only_candidates_are_listed(fitted: Recommender, queries: Queries, blocks: InteractionLog) -> None:
    candidates = np.arange(blocks.num_items) % 3 == 0
    listed, _ = fitted.recommend(queries, blocks.num_items, candidates=candidates)
    assert candidates[listed[listed >= 0]].all()
    assert (listed >= 0).any()


def test_scores_are_the_callers_to_overwrite(fitted: Recommender, queries: Queries) -> None:
    first = fitted.score(queries)
    kept = first.copy()
    first[:] = -np.inf
    assert_array_equal(fitted.score(queries), kept)


def test_scoring_leaves_the_queries_as_they_were(fitted: Recommender, queries: Queries) -> None:
    before = array_fields(queries), array_fields(queries.histories)
    fitted.recommend(queries, 5)
    for old, now in zip(before, (array_fields(queries), array_fields(queries.histories)), strict=True):
        assert old.keys() == now.keys()
        for field, value in old.items():
            assert_array_equal(now[field], value, err_msg=field)


@pytest.mark.parametrize("name", FACTORIZED, indirect=True)
def test_a_factorized_score_is_the_inner_product_of_embeddings(
    fitted: FactorizedRecommender, queries: Queries, blocks: InteractionLog
) -> None:
    asked, items = fitted.query_embeddings(queries), fitted.item_embeddings()
    assert asked.dtype == items.dtype == np.float32
    assert items.shape == (blocks.num_items, asked.shape[1])
    assert_allclose(asked @ items.T, fitted.score(queries), rtol=1e-5, atol=1e-5)
