"""Every registered model, fitted once on planted data, and the queries it is asked."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
from contract_models import KINDS, SEED, ShortFit, build, fingerprint, rated_blocks_log

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.data.split import TemporalSplit, split_log
from tfrs_bench.models.base import Recommender


@pytest.fixture(scope="session", params=KINDS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def rated_blocks() -> InteractionLog:
    return rated_blocks_log()


@pytest.fixture(scope="session")
def blocks(name: str, planted_blocks: InteractionLog, rated_blocks: InteractionLog) -> InteractionLog:
    """The planted log that the model can read."""
    return rated_blocks if KINDS[name].capabilities.needs_ratings else planted_blocks


@pytest.fixture(scope="session")
def queries(blocks: InteractionLog) -> Queries:
    """Every user, after everything they did."""
    users = np.arange(blocks.num_users, dtype=np.int32)
    return queries_at_end(blocks, users, np.ones(blocks.num_users, bool))


@pytest.fixture(scope="session")
def fitted(name: str, blocks: InteractionLog) -> Recommender:
    """The model, fitted on `blocks`; tests must leave it as it is."""
    model = build(name)
    model.fit(blocks, seed=SEED)
    return model


@pytest.fixture(scope="session")
def split(rated_blocks: InteractionLog) -> TemporalSplit:
    return split_log(rated_blocks, "per_user")


@pytest.fixture(scope="session")
def split_queries(split: TemporalSplit) -> Queries:
    """Every user after the train part, with profiles."""
    users = np.arange(split.log.num_users, dtype=np.int32)
    return queries_at_end(split.fit_log(refit=False), users, ~split.cold)


@pytest.fixture(scope="session")
def short_fit(split: TemporalSplit) -> Callable[[str], ShortFit]:
    """Returns short_fit(name): the model on the train part of a log with ratings, content and profiles."""

    @functools.cache
    def fit(name: str) -> ShortFit:
        train, model, calls = split.fit_log(refit=False), build(name), []
        before = fingerprint(train)
        report = model.fit(train, seed=SEED, epochs=2, validate=lambda one: calls.append(one) or 0.0)
        return ShortFit(model, report, len(calls), fingerprint(train) == before)

    return fit


@pytest.fixture(scope="session")
def fitted_on_split(name: str, short_fit: Callable[[str], ShortFit]) -> Recommender:
    return short_fit(name).model
