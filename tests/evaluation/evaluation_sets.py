"""Small evaluation sets and scorers whose quality is known beforehand."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfrs_bench.data.queries import Histories, Queries
from tfrs_bench.data.relevance import EvaluationSet
from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.models.base import FactorizedRecommender, FitReport, Recommender


@dataclasses.dataclass(frozen=True)
class NoSettings:
    pass


class Fake(Recommender):
    """Scores whatever a function of the queries returns, and remembers how many it was given at once."""

    name = "fake"
    Config = NoSettings

    def __init__(self, score):
        super().__init__()
        self._score = score
        self.chunks = []

    def _fit(self, train, context):
        return FitReport()

    def score(self, queries):
        self.chunks.append(len(queries))
        return self._score(queries)

    def state(self):
        return {}

    def restore(self, state):
        pass


class Vectors(FactorizedRecommender):
    """Inner products of [num_users, d] and [m, d] vectors; remembers what it was asked for."""

    name = "vectors"
    Config = NoSettings

    def __init__(self, queries, items):
        super().__init__()
        self._queries, self._items = queries, items
        self.calls = []

    def _fit(self, train, context):
        return FitReport()

    def query_embeddings(self, queries):
        self.calls.append(len(queries))
        return self._queries[queries.users]

    def item_embeddings(self):
        self.calls.append("items")
        return self._items

    def state(self):
        return {}

    def restore(self, state):
        pass


def by_user(scores):
    """A model that looks its scores up in a [num_users, m] table."""
    table = np.asarray(scores, dtype=np.float32)
    return Fake(lambda queries: table[queries.users])


def constant(m, value=0.0):
    return Fake(lambda queries: np.full((len(queries), m), value, dtype=np.float32))


def keys(n, seed=0):
    return np.random.default_rng(seed).integers(2**63, size=n).astype(np.uint64)


def flat(lists):
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int64)
    return np.array([item for one in lists for item in one], dtype=np.int32), offsets


def evaluation_set(
    relevant, histories=None, m=10, *, cold=None, candidates=None, mask_seen=True, query_keys=None
):
    """Queries of users 0 … n−1 from lists of relevant and of past items."""
    n = len(relevant)
    items, offsets = flat(histories or [[]] * n)
    past = Histories(items, np.arange(len(items)), None, np.ones(len(items), dtype=bool), offsets)
    users = np.arange(n, dtype=np.int32)
    answers, answer_offsets = flat(relevant)
    return EvaluationSet(
        queries=Queries(users, keys(n, seed=1) if query_keys is None else query_keys, past),
        users=users,
        cold=np.zeros(n, dtype=bool) if cold is None else np.array(cold),
        relevant_items=answers,
        relevant_offsets=answer_offsets,
        candidates=np.ones(m, dtype=bool) if candidates is None else np.array(candidates),
        mask_seen=mask_seen,
        dropped={},
    )


def random_set(n=300, m=60, history=15, relevant=5, seed=0):
    """n users with distinct random past and relevant items."""
    rng = np.random.default_rng(seed)
    rows = [rng.choice(m, history + relevant, replace=False) for _ in range(n)]
    return evaluation_set([row[history:] for row in rows], [row[:history] for row in rows], m)


def evaluation(metrics, cold=None, num_relevant=None):
    """An evaluation of given per-user metrics."""
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in metrics.items()}
    n = len(next(iter(columns.values())))
    return Evaluation(
        users=np.arange(n, dtype=np.int32),
        cold=np.zeros(n, dtype=bool) if cold is None else np.asarray(cold),
        num_relevant=np.ones(n, dtype=np.int64) if num_relevant is None else np.asarray(num_relevant),
        metrics=columns,
        lists=np.zeros((n, 1), dtype=np.int32),
        list_metrics={"coverage@10": 0.5},
        score_us_per_user=1.0,
    )
