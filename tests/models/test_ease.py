"""EASE is held to Steck's constrained least squares, solved column by column."""

from __future__ import annotations

import dataclasses
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import positive_matrix, queries_at_end
from tfrs_bench.errors import UserError
from tfrs_bench.models import ease
from tfrs_bench.models.ease import EASE, EASEConfig

LAMBDA = 2.0


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """40 users and 9 items, of which i8 has a low rating only; the last user likes nothing."""
    random = np.random.default_rng(0)
    users, items = np.nonzero(random.random((39, 8)) < 0.4)
    users, items = np.append(users, [39, 0]), np.append(items, [8, 8])
    ratings = np.where(items == 8, 1, 5).astype(np.float32)
    names = np.array([f"i{item}" for item in items]), np.array([f"u{user:02}" for user in users])
    return build_log(names[1], names[0], np.arange(len(users)), ratings).with_positives(4.0)


def fitted(log: InteractionLog) -> EASE:
    model = EASE(EASEConfig(regularization=LAMBDA))
    model.fit(log)
    return model


def best_weights(x: np.ndarray) -> np.ndarray:
    """argmin ‖X − X B‖² + λ ‖B‖² with diag(B) = 0: every column's own ridge regression."""
    weights = np.zeros((x.shape[1],) * 2)
    for column in range(x.shape[1]):
        others = np.delete(np.arange(x.shape[1]), column)
        known = x[:, others]
        left = known.T @ known + LAMBDA * np.eye(len(others))
        weights[others, column] = np.linalg.solve(left, known.T @ x[:, column])
    return weights


def test_scores_are_those_of_the_constrained_regressions(log: InteractionLog) -> None:
    x = positive_matrix(log).toarray().astype(float)
    queries = queries_at_end(log, np.arange(log.num_users, dtype=np.int32), np.ones(log.num_users, bool))
    liking = x.sum(axis=1) > 0
    assert_allclose(fitted(log).score(queries)[liking], (x @ best_weights(x))[liking], atol=1e-5)


def test_a_history_without_positives_is_answered_by_popularity(log: InteractionLog) -> None:
    user = np.flatnonzero(log.user_ids.ids == "u39").astype(np.int32)
    scores = fitted(log).score(queries_at_end(log, user, np.ones(log.num_users, bool)))[0]
    counts = np.asarray(positive_matrix(log).sum(axis=0)).ravel()
    assert_array_equal(np.argsort(-scores, kind="stable"), np.argsort(-counts, kind="stable"))


def test_a_catalogue_beyond_memory_is_refused_with_what_fits(
    log: InteractionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ease, "most_items", lambda: 7)
    with pytest.raises(UserError, match="matrix of 8 × 8 items, and this machine's memory has room for 7"):
        EASE().check(log)
    few = dataclasses.replace(log, positives=log.positives & (log.items != log.items[0]))
    EASE().check(few)


def test_what_fits_is_four_fifths_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = SimpleNamespace(total=ease.BYTES_PER_PAIR * 1_000_000 * 5 // 4)
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    assert ease.most_items() == 1_000


def test_a_fit_takes_no_more_than_it_says() -> None:
    items, users = 600, 900
    rows = np.argwhere(np.random.default_rng(0).random((users, items)) < 0.5)
    log = build_log(rows[:, 0], rows[:, 1], np.arange(len(rows))).with_positives(-np.inf)
    of_the_log = 32 * len(rows)
    tracemalloc.start()
    EASE().fit(log)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < ease.BYTES_PER_PAIR * items**2 + of_the_log
