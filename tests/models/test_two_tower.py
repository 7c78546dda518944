"""Every way to train two towers finds planted blocks; content and profiles stand in for what is not known."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tfrs_bench.data.interactions import FeatureTable, InteractionLog, build_log
from tfrs_bench.data.queries import everybody
from tfrs_bench.models.two_tower import TwoTower

QUICK = {"dimension": 8, "history_length": 6, "batch_size": 40, "learning_rate": 0.02, "epochs": 12}


def fit(kind: type[TwoTower], log: InteractionLog, **settings: Any) -> TwoTower:
    model = kind(kind.Config(**(QUICK | settings)))
    model.fit(log, seed=0, epochs=model.config.epochs)
    return model


def halves(ids: np.ndarray) -> np.ndarray:
    return np.array([int(one[1:]) % 2 for one in ids])


def own_share(log: InteractionLog, listed: np.ndarray) -> float:
    return float((halves(log.item_ids.ids)[listed] == halves(log.user_ids.ids)[:, None]).mean())


WAYS: dict[str, dict[str, Any]] = {
    "softmax over the catalogue": {"negatives": "full"},
    "softmax over the batch": {"negatives": "in_batch"},
    "bpr": {"loss": "bpr"},
    "hinge": {"loss": "hinge", "temperature": 0.05},
    "dot product": {"similarity": "dot", "epochs": 25},
    "dot product over the batch": {"similarity": "dot", "negatives": "in_batch", "epochs": 25},
    "no user id": {"use_user_id": False},
    "hidden layers": {"hidden": (16, 8)},
    "fixed recency": {"recency": "fixed", "history_decay": 1.0},
    "learned temperature": {"learn_temperature": True, "user_dropout": 0.5},
    "future targets": {"horizon": "future", "horizon_items": 3, "history_dropout": 0.2},
}

Trained = Callable[[str], TwoTower]


@pytest.fixture(scope="module")
def trained(planted_blocks: InteractionLog) -> Trained:
    """Returns trained(way): the model trained on planted blocks in one of `WAYS`."""
    return functools.cache(lambda way: fit(TwoTower, planted_blocks, **WAYS[way]))


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_training_beats_chance(
    way: str, trained: Trained, planted_blocks: InteractionLog
) -> None:
    # 4 items of the own half and 10 of the other are unseen: by chance 2 / 7.
    listed, _ = trained(way).recommend(everybody(planted_blocks), 4)
    assert own_share(planted_blocks, listed) > 0.8


def test_a_user_id_costs_a_vector_per_user_and_one_for_unknown_users(trained: Trained) -> None:
    sizes = [trained(way).num_parameters for way in ("softmax over the catalogue", "no user id")]
    assert sizes[0] - sizes[1] == (40 + 1) * 8


def test_without_a_user_id_only_the_history_counts(trained: Trained, planted_blocks: InteractionLog) -> None:
    asked = everybody(planted_blocks)
    strangers = dataclasses.replace(asked, users=np.full(len(asked), -1, np.int32))
    blind, knowing = trained("no user id"), trained("softmax over the catalogue")
    assert_allclose(blind.score(strangers), blind.score(asked), rtol=1e-6)
    assert np.abs(knowing.score(strangers) - knowing.score(asked)).max() > 0.1


def test_cosine_scores_stay_within_one_over_the_temperature(
    trained: Trained, planted_blocks: InteractionLog
) -> None:
    scores = trained("hinge").score(everybody(planted_blocks))
    assert 0.5 / 0.05 < np.abs(scores).max() <= 1 / 0.05 + 1e-4


@pytest.fixture(scope="module")
def told_by_content(planted_blocks: InteractionLog) -> tuple[TwoTower, InteractionLog]:
    """Users' profiles and items' content tell their halves; items i18 and i19 have no training row."""
    log = dataclasses.replace(
        planted_blocks,
        user_features=FeatureTable(
            ("even", "odd"), np.eye(2, dtype=np.float32)[halves(planted_blocks.user_ids.ids)]
        ),
        item_features=FeatureTable(
            ("even", "odd"), np.eye(2, dtype=np.float32)[halves(planted_blocks.item_ids.ids)]
        ),
    )
    new = np.isin(log.item_ids.ids[log.items], ["i18", "i19"])
    assert new.any()
    train = log.select(~new)
    return fit(TwoTower, train, user_dropout=0.5), train


def test_a_cold_user_is_answered_from_their_profile(told_by_content: tuple[TwoTower, InteractionLog]) -> None:
    model, log = told_by_content
    asked = everybody(log.select(np.zeros(len(log), bool)))
    assert len(asked.histories.items) == 0
    strangers = dataclasses.replace(asked, users=np.full(len(asked), -1, np.int32))
    # 10 of 20 items are of the own half: by chance 1 / 2.
    assert own_share(log, model.recommend(strangers, 5)[0]) > 0.9


def test_an_item_without_training_rows_is_scored_by_its_content(
    told_by_content: tuple[TwoTower, InteractionLog],
) -> None:
    model, log = told_by_content
    scores = model.score(everybody(log))
    even, odd = (scores[:, log.item_ids.index([name])[0]] for name in ("i18", "i19"))
    odd_user = halves(log.user_ids.ids) == 1
    assert (np.where(odd_user, odd - even, even - odd) > 0).mean() > 0.95
    # The content alone: another item of the same content and no id would score the same.
    projected = model.item_embeddings()[log.item_ids.index(["i18", "i19"])]
    assert np.abs(projected[0] - projected[1]).max() > 0.1


def test_profiles_that_the_model_was_trained_with_must_be_given(
    told_by_content: tuple[TwoTower, InteractionLog],
) -> None:
    model, log = told_by_content
    with pytest.raises(ValueError, match="trained with profiles"):
        model.score(dataclasses.replace(everybody(log), profiles=None))


def test_in_batch_softmax_learns_popularity_only_if_corrected_for_sampling() -> None:
    # Everybody takes item j of 40 with probability ∝ 1 / (j + 2), whatever they took before.
    random = np.random.default_rng(0)
    chance = 1 / (np.arange(40) + 2.0)
    items = random.choice(40, size=1200, p=chance / chance.sum())
    log = build_log(np.repeat(np.arange(200), 6), items, np.arange(1200))
    log_counts = np.log(np.bincount(log.items, minlength=40))
    settings = {"similarity": "dot", "use_user_id": False, "dimension": 2, "batch_size": 20, "epochs": 4}
    slopes = []
    for negatives in ("in_batch", "in_batch_uncorrected"):
        model = fit(TwoTower, log, negatives=negatives, learning_rate=0.05, **settings)
        slopes.append(np.polyfit(log_counts, model.score(everybody(log)).mean(axis=0), 1)[0])
    # Corrected, the best score is log popularity plus a constant; uncorrected, popularity cancels out.
    assert slopes[0] == pytest.approx(1.0, abs=0.2)
    assert slopes[1] == pytest.approx(0.0, abs=0.2)
