"""The index of a finished run: over what its model may list, tuned without anything of its test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.opened_run import OpenedRun
from tfrs_bench.retrieval.building import factorized, index_of
from tfrs_bench.retrieval.config import IndexConfig
from tfrs_bench.retrieval.index import ItemIndex

FOLDER = "index"  # in the run's own
_HELD_BACK = 1000  # queries


def index_of_run(opened: OpenedRun, config: IndexConfig) -> ItemIndex:
    """Builds the index of what a run's model may list.

    Args:
      opened: a run with a factorized model.
      config: settings; a target recall is reached on `held_back_queries`.

    Raises:
      UserError: the model is not factorized, or the index is not installed.
    """
    model, held_back = factorized(opened.model), None
    if config.target_recall is not None:
        held_back = model.query_embeddings(held_back_queries(opened))
    return index_of(model, config, items=catalogue(opened), held_back=held_back)


def catalogue(opened: OpenedRun) -> NDArray[Any]:
    """Returns the [c] items that lists may hold."""
    return np.flatnonzero(opened.prepared.test.evaluation_set.candidates)


def held_back_queries(opened: OpenedRun) -> Queries:
    """Returns up to 1,000 users, drawn at random, at the end of their train rows."""
    train = opened.prepared.train
    users = np.flatnonzero(np.diff(train.user_offsets)).astype(np.int32)
    some = np.sort(np.random.default_rng(0).permutation(users)[:_HELD_BACK])
    return queries_at_end(train, some, np.ones(train.num_users, dtype=bool))
