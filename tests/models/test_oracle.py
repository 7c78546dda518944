"""The oracle hands on the truth, and the truth knows more than popularity."""

from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.data.dataset import Dataset
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.data.simulated import simulate
from tfrs_bench.data.simulated_population import WorldConfig
from tfrs_bench.errors import UserError
from tfrs_bench.models.oracle import Oracle
from tfrs_bench.registry import MODELS


@pytest.fixture(scope="module")
def world() -> Dataset:
    return simulate(WorldConfig(seed=3, num_users=500, num_items=200))


@pytest.fixture(scope="module")
def last_row(world: Dataset) -> np.ndarray:
    rows = np.zeros(len(world.log), dtype=bool)
    rows[world.log.user_offsets[1:] - 1] = True
    return rows


@pytest.fixture(scope="module")
def queries(world: Dataset, last_row: np.ndarray) -> Queries:
    users = np.arange(world.log.num_users, dtype=np.int32)
    known = world.log.select(~last_row)
    return queries_at_end(known, users, known.rows_per_user > 0, times=world.log.timestamps[last_row])


def fitted(world: Dataset) -> Oracle:
    oracle = Oracle(world.truth)
    oracle.fit(world.log)
    return oracle


def test_scores_are_the_truth(world: Dataset, queries: Queries) -> None:
    np.testing.assert_array_equal(fitted(world).score(queries), world.truth.preference(queries))


def test_finds_the_next_item_far_more_often_than_popularity(
    world: Dataset, last_row: np.ndarray, queries: Queries
) -> None:
    log = world.log
    chosen = log.items[last_row]
    listed, _ = fitted(world).recommend(queries, 10)
    # Counted over the whole log, the rows to be guessed included: popularity is given more than its due.
    counts = np.tile(np.bincount(log.items, minlength=log.num_items).astype(np.float32), (len(queries), 1))
    counts[queries.histories.rows, queries.histories.items] = -1
    popular = np.argsort(-counts, axis=1, kind="stable")[:, :10]
    hits = [(lists == chosen[:, None]).any(axis=1).mean() for lists in (listed, popular)]
    assert hits[0] > 1.5 * hits[1]
    assert hits[1] > 10 / log.num_items


def test_lists_hold_nothing_seen(world: Dataset, queries: Queries) -> None:
    listed, _ = fitted(world).recommend(queries, 10)
    seen = np.zeros((len(queries), world.log.num_items), dtype=bool)
    seen[queries.histories.rows, queries.histories.items] = True
    assert not np.take_along_axis(seen, listed.astype(np.int64), axis=1).any()


def test_is_nothing_learned_nothing_stored_and_no_choice_of_the_user(world: Dataset) -> None:
    oracle = fitted(world)
    assert oracle.name == "oracle"
    assert oracle.state() == {}
    assert oracle.num_parameters == 0
    assert "oracle" not in MODELS
    with pytest.raises(UserError, match="truth"):
        oracle.restore({})
