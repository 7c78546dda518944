"""ALS is held to Hu et al.'s equations, solved by NumPy; items 0 … 5, written as their numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import InteractionLog, Vocabulary, build_log
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.models.als import ALS, ALSConfig

EVERYBODY = np.arange(5, dtype=np.int32)


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """Five users; item 0 has four positive rows of three users, 5 has none; d has only a low rating."""
    users, items = np.array(list("aaaabbccceed")), np.array([0, 1, 2, 0, 0, 3, 1, 2, 5, 4, 0, 1])
    ratings = np.array([5, 5, 4, 5, 4, 5, 5, 5, 1, 4, 5, 2], np.float32)
    built = build_log(users, np.arange(12), np.arange(12), ratings).with_positives(4.0)
    names = [str(item) for item in range(6)]
    return dataclasses.replace(built, items=items.astype(np.int32), item_ids=Vocabulary(names))


POSITIVES = {"a": [0, 1, 2], "b": [0, 3], "c": [1, 2], "e": [0, 4], "d": []}


def ask(log: InteractionLog) -> Queries:
    return queries_at_end(log, EVERYBODY, np.ones(5, bool))


def fit(log: InteractionLog, **settings: float) -> ALS:
    model = ALS(ALSConfig(**({"factors": 3, "regularization": 0.5, "confidence": 4.0} | settings)))
    model.fit(log, seed=1)
    return model


def equation_4(items: np.ndarray, liked: list[int], confidence: float, regularization: float) -> np.ndarray:
    """x = (Yᵀ C Y + λ I)⁻¹ Yᵀ C p of Hu et al. 2008, with C = diag(c), c = confidence where p = 1, else 1."""
    p = np.isin(np.arange(len(items)), liked).astype(float)
    c = np.where(p == 1, confidence, 1.0)
    left = items.T @ np.diag(c) @ items + regularization * np.eye(items.shape[1])
    return np.linalg.solve(left, items.T @ (c * p))


@pytest.mark.parametrize("confidence", [1.0, 4.0, 25.0])
@pytest.mark.parametrize("regularization", [0.01, 0.5])
def test_every_query_is_the_closed_form_solution(
    log: InteractionLog, confidence: float, regularization: float
) -> None:
    model = fit(log, confidence=confidence, regularization=regularization)
    items = model.item_embeddings()[:, :3].astype(float)
    asked = model.query_embeddings(ask(log))
    for user, name in enumerate(log.user_ids.ids):
        expected = equation_4(items, POSITIVES[name], confidence, regularization)
        assert_allclose(asked[user, :3], expected, rtol=1e-4, atol=1e-4, err_msg=name)


def test_items_solve_the_same_equation_for_the_users(log: InteractionLog) -> None:
    # Enough alternations to converge: then item factors answer user factors as these answer them.
    model = fit(log, iterations=300)
    items, users = model.item_embeddings()[:, :3].astype(float), model.query_embeddings(ask(log))[:, :3]
    for item in range(6):
        fans = [user for user, name in enumerate(log.user_ids.ids) if item in POSITIVES[name]]
        assert_allclose(items[item], equation_4(users.astype(float), fans, 4.0, 0.5), rtol=1e-2, atol=1e-3)


def test_an_unseen_user_is_answered_as_a_training_user_with_the_same_history(log: InteractionLog) -> None:
    model, asked = fit(log), ask(log)
    strangers = dataclasses.replace(asked, users=np.full(5, -1, np.int32))
    assert_array_equal(model.score(strangers), model.score(asked))


def test_repeated_positives_count_once_and_low_ratings_not_at_all(log: InteractionLog) -> None:
    # a's second 0 (row 3), c's 5 and d's 1, both rated low, are left out: nothing changes.
    keep = np.ones(12, bool)
    keep[3] = False
    keep &= log.positives
    lean = log.select(keep)
    assert_array_equal(fit(lean).score(ask(lean)), fit(log).score(ask(log)))


def test_a_history_without_positives_is_ranked_by_popularity(log: InteractionLog) -> None:
    model = fit(log)
    nobody = list(log.user_ids.ids).index("d")
    # Users with a positive row: 0 has a, b, e; 1 and 2 have a, c; 3 has b; 4 has e; 5 has none.
    assert_allclose(model.score(ask(log))[nobody], np.array([3, 2, 2, 1, 1, 0]) / 3, rtol=1e-6)


def test_popularity_does_not_touch_a_history_with_positives(log: InteractionLog) -> None:
    model = fit(log)
    asked = model.query_embeddings(ask(log))
    assert asked[:, 3].tolist() == [1.0 if name == "d" else 0.0 for name in log.user_ids.ids]


def test_regularization_shrinks(log: InteractionLog) -> None:
    norms = [np.linalg.norm(fit(log, regularization=one).score(ask(log))[:3]) for one in (0.01, 1.0, 5.0)]
    assert norms[0] > norms[1] > norms[2] > 0
    # Far beyond the size of the data, λ leaves nothing.
    assert np.abs(fit(log, regularization=1e4).score(ask(log))[:3]).max() < 1e-3


def test_confidence_draws_the_score_of_a_positive_to_one(log: InteractionLog) -> None:
    def of_positives(confidence: float) -> np.ndarray:
        scores = fit(log, confidence=confidence).score(ask(log))
        return np.concatenate([scores[user, POSITIVES[name]] for user, name in enumerate(log.user_ids.ids)])

    far, near = (np.abs(1 - of_positives(confidence)).mean() for confidence in (1.0, 100.0))
    assert near < far / 2
    assert near < 0.1


def test_an_item_nobody_liked_scores_zero_for_who_has_positives(log: InteractionLog) -> None:
    scores = fit(log).score(ask(log))
    has_positives = [len(POSITIVES[name]) > 0 for name in log.user_ids.ids]
    assert_allclose(scores[has_positives, 5], 0.0, atol=1e-6)


def test_every_factor_and_popularity_is_a_parameter(log: InteractionLog) -> None:
    assert fit(log).num_parameters == 6 * 3 + 6
