"""Losses worked by hand: the queries are unit vectors, so an item's vector lists its score for each row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tfrs_bench.runtime import import_tensorflow

tf, _ = import_tensorflow()

from tfrs_bench.models.losses import catalogue_cross_entropy  # noqa: E402
from tfrs_bench.models.retrieval_model import RetrievalModel  # noqa: E402

# exp(score) of query row i for item j.
ODDS = np.array([[2, 1, 1, 7], [1, 3, 1, 7], [1, 4, 4, 7]], np.float32)


class GivenItems:
    """An item tower with fixed vectors [m, d]."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = tf.constant(vectors, tf.float32)

    def __call__(self, items: Any) -> Any:
        return tf.gather(self._vectors, items)

    def everything(self) -> Any:
        return self._vectors


def model(items: np.ndarray, **settings: Any) -> RetrievalModel:
    """A model whose query vectors are the inputs themselves and whose item vectors are given."""
    defaults = {
        "similarity": "dot",
        "loss": "softmax",
        "full_softmax": False,
        "temperature": 1.0,
        "learn_temperature": False,
        "catalogue": np.ones(len(items), bool),
        "target_share": np.full(len(items), 1 / len(items), np.float32),
    }
    return RetrievalModel(lambda inputs: inputs["vectors"], GivenItems(items), **(defaults | settings))


def loss_of(targets: list[int], **settings: Any) -> float:
    inputs = {"vectors": tf.eye(3), "targets": tf.reshape(tf.constant(targets), [3, -1])}
    return float(model(np.log(ODDS).T, **settings).compute_loss(inputs, training=True))


def test_in_batch_softmax_divides_by_each_items_share() -> None:
    # exp(s) / share over the batch's items 0, 1, 2, shares 1/2, 1/4, 1/4:
    # row 0: 4, 4, 4 → 1/3; row 1: 2, 12, 4 → 2/3; row 2: 2, 16, 16 → 8/17.
    share = np.array([1 / 2, 1 / 4, 1 / 4, 0.01], np.float32)
    expected = -np.log([1 / 3, 2 / 3, 8 / 17]).mean()
    assert loss_of([0, 1, 2], target_share=share) == pytest.approx(expected, rel=1e-5)


def test_another_row_with_the_same_target_is_no_negative() -> None:
    # Targets 0, 1, 1, equal shares. Row 0 faces item 1 twice: 2 / (2 + 1 + 1). Rows 1 and 2 face item 0
    # alone: 3 / (3 + 1) and 4 / (4 + 1).
    assert loss_of([0, 1, 1]) == pytest.approx(-np.log([1 / 2, 3 / 4, 4 / 5]).mean(), rel=1e-5)


def test_rows_with_several_targets_cost_the_mean_over_all_of_them() -> None:
    # Full softmax over the items' odds 2 1 1 7, 1 3 1 7, 1 4 4 7 (sums 11, 12, 16); two targets each.
    rows = [[2 / 11, 7 / 11], [3 / 12, 1 / 12], [4 / 16, 4 / 16]]
    assert loss_of([0, 3, 1, 2, 1, 2], full_softmax=True) == pytest.approx(-np.log(rows).mean(), rel=1e-5)


def test_in_batch_rows_with_several_targets_are_as_many_rows() -> None:
    # Targets 0 1, 1 2, 0 2 with equal shares: every candidate counts as often as it is a target, twice, but
    # once for its own row: 2 / (2 + 2·1 + 2·1) and 1 / (1 + 2·2 + 2·1), and so on.
    rows = [2 / 6, 1 / 7, 3 / 7, 1 / 9, 1 / 17, 4 / 14]
    assert loss_of([0, 1, 1, 2, 0, 2]) == pytest.approx(-np.log(rows).mean(), rel=1e-5)


def test_full_softmax_faces_every_item_of_the_catalogue_and_no_other() -> None:
    # Item 1 is outside: rows with targets 0, 2, 3 have 2 / 10, 1 / 9 and 7 / 12.
    catalogue = np.array([True, False, True, True])
    expected = -np.log([2 / 10, 1 / 9, 7 / 12]).mean()
    # Shares must not matter: nothing is sampled.
    share = np.array([0.7, 0.1, 0.1, 0.1], np.float32)
    loss = loss_of([0, 2, 3], full_softmax=True, catalogue=catalogue, target_share=share)
    assert loss == pytest.approx(expected, rel=1e-5)


def test_bpr_compares_pairs() -> None:
    # −log σ(log a − log b) = log(1 + b / a); the share of an item does not enter.
    rows = [np.log([1 + 1 / 2, 1 + 1 / 2]), np.log([1 + 1 / 3, 1 + 1 / 3]), np.log([1 + 1 / 4, 1 + 4 / 4])]
    share = np.array([0.7, 0.1, 0.1, 0.1], np.float32)
    assert loss_of([0, 1, 2], loss="bpr", target_share=share) == pytest.approx(np.mean(rows), rel=1e-5)


def test_hinge_asks_for_a_margin_of_one() -> None:
    # max(0, 1 − log(a / b)): row 0 twice 1 − log 2, row 1 twice 1 − log 3 < 0, row 2 has log 4 > 1 and a tie.
    rows = [[1 - np.log(2)] * 2, [0, 0], [0, 1]]
    assert loss_of([0, 1, 2], loss="hinge") == pytest.approx(np.mean(rows), rel=1e-5)


@pytest.mark.parametrize(("loss", "by_row"), [("bpr", np.log([3 / 2, 3 / 2, 4 / 3, 5 / 4])), ("hinge", None)])
def test_pairs_with_the_same_target_cost_nothing(loss: str, by_row: np.ndarray | None) -> None:
    # Targets 0, 1, 1: row 0 has two pairs, rows 1 and 2 one pair with item 0 and one that is no negative.
    pairs = [1 - np.log(2)] * 2 if by_row is None else by_row
    assert loss_of([0, 1, 1], loss=loss) == pytest.approx(np.sum(pairs) / 6, rel=1e-5)


@pytest.mark.parametrize("num_targets", [1, 3])
def test_catalogue_cross_entropy_is_tensorflows_in_value_and_gradients(num_targets: int) -> None:
    random = np.random.default_rng(0)
    queries = tf.Variable(random.normal(size=(7, 5)).astype(np.float32) * 3)
    items = tf.Variable(random.normal(size=(11, 5)).astype(np.float32) * 3)
    places = tf.constant(random.integers(11, size=(7, num_targets)).astype(np.int32))
    labels = tf.reduce_mean(tf.one_hot(places, 11), axis=1)
    weights = tf.constant(random.random(7, dtype=np.float32))  # an upstream gradient that differs by row
    found = []
    for ours in (True, False):
        with tf.GradientTape() as tape:
            logits = tf.matmul(queries, items, transpose_b=True)
            theirs = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            losses = catalogue_cross_entropy(queries, items, places) if ours else theirs
            total = tf.reduce_sum(losses * weights)
        gradients = [tf.convert_to_tensor(one).numpy() for one in tape.gradient(total, [queries, items])]
        found.append([losses.numpy(), *gradients])
    for ours, theirs in zip(*found, strict=True):
        assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    assert np.abs(found[1][1]).max() > 0.1


def test_catalogue_cross_entropy_of_huge_scores_is_finite() -> None:
    queries, items = tf.constant([[1000.0], [-1000.0]]), tf.constant([[1.0], [0.0]])
    # Row 0: log(e^1000 + 1) − 1000 = 0; row 1, target 0: log(e^−1000 + 1) + 1000 = 1000.
    assert catalogue_cross_entropy(queries, items, tf.constant([[0], [0]])).numpy().tolist() == [0, 1000]


def test_cosine_scores_are_cosines_over_the_temperature() -> None:
    built = model(np.array([[10.0, 0.0], [0.0, 0.1], [0.0, 0.0]]), similarity="cosine", temperature=0.2)
    queries = built.queries({"vectors": tf.constant([[3.0, 4.0]])})
    # cos = 3/5 and 4/5 whatever the lengths, over 0.2; a zero vector has no direction and scores 0.
    scores = tf.matmul(queries, built.all_items(), transpose_b=True)
    assert_allclose(scores, [[3.0, 4.0, 0.0]], rtol=1e-5, atol=1e-6)


def test_dot_scores_add_the_items_bias() -> None:
    built = model(np.array([[10.0, 0.0], [0.0, 0.5]]))
    built._bias.assign([0.25, -1.0])
    queries = built.queries({"vectors": tf.constant([[3.0, 4.0]])})
    assert_allclose(tf.matmul(queries, built.all_items(), transpose_b=True), [[30.25, 1.0]], rtol=1e-6)
    assert_allclose(built.all_items()[:, 2], [0.25, -1.0])
