"""Towers by hand: items are unit vectors, so a pooled history shows each row's weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.runtime import import_tensorflow

tf, _ = import_tensorflow()

from tfrs_bench.models.encoders import ItemTower  # noqa: E402
from tfrs_bench.models.two_tower import TwoTower, TwoTowerConfig  # noqa: E402


def unit_items(items: Any) -> Any:
    return tf.one_hot(items, 4)


def encoder(use_user_id: bool = False, **settings: Any) -> Any:
    """The query encoder of two users, three rating levels and histories of three rows, by its settings."""
    defaults = {"dimension": 4, "history_length": 3, "history_decay": 0.5, "history_heads": 1}
    config = TwoTowerConfig(use_user_id=use_user_id, **(defaults | settings))
    return TwoTower(config)._query_encoder(unit_items, num_users=2, num_levels=3, seed=0)


def asked(*histories: list[int], users: list[int] | None = None) -> dict[str, Any]:
    items = tf.constant(histories, tf.int32)
    return {
        "users": tf.constant(users or [-1] * len(histories)),
        "history_items": items,
        "history_levels": tf.zeros_like(items),
    }


def test_a_history_is_a_mean_weighted_by_recency() -> None:
    # Weights 1, 1/2, 1/4 from the latest on, over their sum.
    pooled = encoder()(asked([0, 1, 2], [3, 0, -1], [2, -1, -1], [1, 1, 1]))
    expected = np.array([[4, 2, 1, 0], [2.33333333, 0, 0, 4.66666667], [0, 0, 7, 0], [0, 7, 0, 0]]) / 7
    assert_allclose(pooled, expected, rtol=1e-5)


def test_a_second_head_looks_at_the_present_and_starts_beside_the_first() -> None:
    # Half of weights 1, 1/2 and half of weights 1, 1/2⁴: (2/3 + 16/17) / 2 and (1/3 + 1/17) / 2.
    assert_allclose(encoder(history_heads=2)(asked([3, 1, -1])), [[0, 10 / 51, 0, 41 / 51]], rtol=1e-5)


def test_heads_turn_what_they_pooled_by_their_own_matrices() -> None:
    built = encoder(history_heads=2, history_decay=1.0)
    # The first head moves item 0 to place 1; the second drops everything.
    built._turns.assign(np.stack([np.eye(4, k=1), np.zeros((4, 4))]))
    assert_allclose(built(asked([0, 0, -1], [0, 2, -1])), [[0, 1, 0, 0], [0, 0.5, 0, 0.5]], rtol=1e-5)


def test_gaps_left_by_dropout_weigh_nothing() -> None:
    assert_allclose(encoder()(asked([-1, 1, 3])), [[0, 2 / 3, 0, 1 / 3]], rtol=1e-5)


def test_a_level_can_make_a_row_count_against_its_item() -> None:
    built = encoder()
    built._levels.assign([[1.0, 0.0, -1.0]])
    inputs = asked([0, 1, 2]) | {"history_levels": tf.constant([[0, 1, 2]])}
    assert_allclose(built(inputs), [[4 / 7, 0, -1 / 7, 0]], rtol=1e-5, atol=1e-7)


def test_an_empty_history_is_a_vector_of_its_own() -> None:
    built = encoder()
    built._empty.assign([1.0, 2.0, 3.0, 4.0])
    assert_allclose(built(asked([-1, -1, -1], [0, -1, -1])), [[1, 2, 3, 4], [1, 0, 0, 0]], rtol=1e-6)


def test_unknown_users_share_a_vector_that_no_known_user_has() -> None:
    built = encoder(use_user_id=True)
    vectors = np.asarray(built(asked(*[[-1, -1, -1]] * 4, users=[-1, 0, 1, -1])))
    assert_array_equal(vectors[0], vectors[3])
    assert len(np.unique(vectors[:3], axis=0)) == 3


def test_recency_is_trained_only_if_learned() -> None:
    built = {recency: encoder(recency=recency) for recency in ("learned", "fixed")}
    names = {recency: {weight.name for weight in one.trainable_weights} for recency, one in built.items()}
    assert names["learned"] - names["fixed"] == {"recency:0"}
    assert names["fixed"] < names["learned"]


def test_hidden_layers_start_as_nothing_and_end_in_the_dimension() -> None:
    shallow, deep = encoder(), encoder(hidden=(8, 6))
    assert_allclose(deep(asked([0, 1, 2])), shallow(asked([0, 1, 2])), rtol=1e-6)
    kernels = [tuple(weight.shape) for weight in deep.trainable_weights if "kernel" in weight.name]
    assert sorted(kernels) == [(4, 8), (6, 4), (8, 6)]


def test_an_untrained_item_is_told_by_its_content_alone() -> None:
    content = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    tower = ItemTower(5, np.array([True, True, False]), content, seed=0)
    everything = np.asarray(tower.everything())
    projection = np.asarray(tower._project.kernel)
    assert_allclose(everything[2], projection[1], rtol=1e-6)
    assert np.abs(everything[1] - projection[1]).min() > 0


@pytest.mark.parametrize("content", [None, np.eye(3, dtype=np.float32)])
def test_gathered_items_equal_the_whole_table(content: np.ndarray | None) -> None:
    tower = ItemTower(5, np.array([True, True, False]), content, seed=0)
    everything = np.asarray(tower.everything())
    assert everything.shape == (3, 5)
    items = np.array([[2, 0], [1, 1]])
    assert_allclose(tower(tf.constant(items)), everything[items], rtol=1e-6)
    assert (content is None) == (not everything[2].any())
