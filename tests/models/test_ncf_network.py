"""The NCF network against the formulas of its paper, written down with plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tfrs_bench.models.encoders import ItemTower
from tfrs_bench.models.ncf_network import NCFNetwork
from tfrs_bench.runtime import import_tensorflow

tf, _ = import_tensorflow()

USERS, ITEMS, DIMENSION = 5, 7, 3
BRANCHES: dict[str, tuple[str, ...]] = {"gmf": ("gmf",), "mlp": ("mlp",), "both": ("gmf", "mlp")}


def network(branches: tuple[str, ...], **settings: Any) -> NCFNetwork:
    """A network with item 6 untrained, two content features, and weights away from their start."""
    content = np.random.default_rng(1).random((ITEMS, 2), dtype=np.float32)
    width = DIMENSION * len(branches)
    plain = {
        "num_users": USERS,
        "branches": branches,
        "dimension": DIMENSION,
        "hidden": (8, 4),
        "dropout": 0.0,
        "loss": "bce",
        "regularization": 0.0,
        "log_rarity": np.zeros(ITEMS, np.float32),
        "has_profiles": False,
        "seed": 0,
    }
    built = NCFNetwork(ItemTower(width, np.arange(ITEMS) < 6, content, seed=0), **(plain | settings))
    built.make_weights(0)
    random = np.random.default_rng(2)
    built.set_weights([random.normal(scale=0.7, size=one.shape) for one in built.get_weights()])
    return built


def by_the_paper(built: NCFNetwork, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Equations 9 and 10 with ReLU, [p, q] as one vector, and equation 11 behind them."""
    scores = np.tile(np.asarray(built.bias), (len(users), 1)).astype(float)
    if "gmf" in built._branches:
        gmf = users[:, None, :DIMENSION] * items[None, :, :DIMENSION]
        scores += gmf @ np.asarray(built._gmf_output)
    if "mlp" in built._branches:
        shape = len(users), len(items), DIMENSION
        pairs = (users[:, None, -DIMENSION:], items[None, :, -DIMENSION:])
        both = np.concatenate([np.broadcast_to(one, shape) for one in pairs], axis=2)
        first = np.concatenate([built._user_half, built._item_half])
        hidden = np.maximum(both @ first + np.asarray(built._first_bias), 0)
        for layer in built._deep_layers:
            kernel, bias = layer.get_weights()
            hidden = np.maximum(hidden @ kernel + bias, 0)
        scores += (hidden @ built._mlp_output.get_weights()[0])[:, :, 0]
    return scores


@pytest.mark.parametrize("branches", BRANCHES.values(), ids=BRANCHES)
def test_all_scores_are_those_of_the_paper(
    branches: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tfrs_bench.models.ncf_network.TILE_PAIRS", 2 * ITEMS
    )  # three tiles, the last not full
    built = network(branches)
    vectors = np.asarray(built.users.rows)
    expected = by_the_paper(built, vectors, np.asarray(built.items.everything()))
    assert_allclose(built.score_everything(vectors), expected, rtol=1e-5, atol=1e-5)
    assert np.abs(expected - expected.mean()).max() > 0.5


@pytest.mark.parametrize("branches", BRANCHES.values(), ids=BRANCHES)
def test_pairs_are_scored_as_everything_is_and_slopes_are_derivatives(branches: tuple[str, ...]) -> None:
    built = network(branches)
    vectors = tf.constant(np.asarray(built.users.rows)[:2])
    items = tf.constant([[0, 6, 3], [5, 5, 1]])
    parts = built.item_parts(built.items(tf.reshape(items, [-1])))
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        scores = built.pair_scores(built.user_parts(vectors), parts, [2, 3])
    same, slopes = built.scores_and_slopes(vectors, parts, [2, 3])
    everything = tf.gather(built.score_everything(vectors) - built.bias, items, batch_dims=1)
    assert_allclose(scores, everything, rtol=1e-5, atol=1e-5)
    assert_allclose(same, scores, rtol=1e-5, atol=1e-5)
    assert_allclose(tf.reduce_sum(slopes, axis=1), tape.gradient(scores, vectors), rtol=1e-5, atol=1e-5)


def loss_of(built: NCFNetwork, negatives: list[list[int]]) -> float:
    inputs = {
        "users": tf.constant([0, 4]),
        "targets": tf.constant([[1], [2]]),
        "negatives": tf.constant(negatives),
    }
    return float(built.compute_loss(inputs, training=True))


def test_the_loss_is_that_of_the_scores() -> None:
    built = network(("gmf", "mlp"))
    scores = np.asarray(built.score_everything(np.asarray(built.users.rows)))
    # Row 0: positive 1, negatives 3 and 3; row 1: positive 2, negative 0, and a place left out.
    rows = np.logaddexp(0, [-scores[0, 1], scores[0, 3], scores[0, 3], -scores[4, 2], scores[4, 0]])
    assert loss_of(built, [[3, 3], [0, -1]]) == pytest.approx(rows.sum() / 3 / 2, rel=1e-4)


def test_sampled_softmax_is_corrected_for_how_negatives_are_drawn() -> None:
    rarity = np.log(np.arange(1, ITEMS + 1)).astype(np.float32)
    built = network(("gmf",), loss="sampled_softmax", log_rarity=rarity)
    odds = np.exp(np.asarray(built.score_everything(np.asarray(built.users.rows)), float))
    # Item j stands for 1 / share = j + 1; two draws, so their mean.
    rows = [
        odds[0, 1] / (odds[0, 1] + (4 * odds[0, 3] + 6 * odds[0, 5]) / 2),
        odds[4, 2] / (odds[4, 2] + 1 * odds[4, 0] / 2),
    ]
    assert loss_of(built, [[3, 5], [0, -1]]) == pytest.approx(-np.log(rows).mean(), rel=1e-4)


def test_regularization_adds_the_mean_squared_norms_of_the_batch() -> None:
    free, held = network(("gmf",)), network(("gmf",), regularization=0.2)
    items, users = np.asarray(free.items.everything()), np.asarray(free.users.rows)
    norms = (users[[0, 4]] ** 2).sum(axis=1).mean() + (items[[1, 3, 3, 2, 0, 0]] ** 2).sum(axis=1).mean()
    more = loss_of(held, [[3, 3], [0, 0]]) - loss_of(free, [[3, 3], [0, 0]])
    assert more == pytest.approx(0.5 * 0.2 * norms, rel=1e-4)
