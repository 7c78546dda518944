"""The NCF network: GMF and MLP branches over one pair of embeddings. Loads TensorFlow when imported."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.models.encoders import EmbeddingTable, ItemTower, look_up, small_normal
from tfrs_bench.models.negative_losses import LEFT_OUT, NEGATIVE, POSITIVE, NegativeSamplingLoss
from tfrs_bench.runtime import import_tensorflow

tf, tfrs = import_tensorflow()
Model: Any = tfrs.Model

TILE_PAIRS = 16_384


class NCFNetwork(Model):
    """Scores pairs of a user vector and an item, trained by `tfrs.tasks.Ranking`.

    A vector holds the dimensions of every branch, GMF's first, so an id or a feature feeds both. The first
    layer of the MLP is linear in [user, item]: it is kept as two halves, each computed once per user and once
    per item and added for a pair.
    """

    def __init__(
        self,
        items: ItemTower,
        *,
        num_users: int,
        branches: tuple[str, ...],
        dimension: int,
        hidden: tuple[int, ...],
        dropout: float,
        loss: str,
        regularization: float,
        log_rarity: NDArray[np.float32],
        has_profiles: bool,
        seed: int,
        mean_rating: float = 0.0,
    ) -> None:
        """Builds the network.

        Args:
          items: embeds items in `len(branches) · dimension` dimensions.
          num_users: rows of the user table.
          branches: `gmf`, `mlp` or both.
          dimension: d of each branch.
          hidden: widths of the MLP's layers.
          dropout: share of the MLP's activations left out in training.
          loss: see `NegativeSamplingLoss`; or `mse`, of ratings.
          regularization: λ, weight of the squared norms of the vectors of a batch.
          log_rarity: [m] float32, added to a drawn negative's score: minus the log of its share, or zeros.
          has_profiles: whether user vectors read profile features.
          seed: of the initial weights and of dropout.
          mean_rating: μ of the ratings, with `mse`.
        """
        super().__init__()
        self.items, self._branches, self._dimension = items, branches, dimension
        self._mean = mean_rating
        self._dropout, self._regularization, self._seed = dropout, regularization, seed
        width = len(branches) * dimension
        self.users = EmbeddingTable(num_users, width, seed + 2, "user_ids")
        self._profile = None
        if has_profiles:
            self._profile = tf.keras.layers.Dense(
                width, use_bias=False, kernel_initializer=small_normal(seed + 3), name="profile"
            )
        self.bias = self.add_weight(name="item_bias", shape=[items.num_items], initializer="zeros")
        if "gmf" in branches:
            self._gmf_output = self.add_weight(name="gmf_output", shape=[dimension], initializer="ones")
        if "mlp" in branches:
            glorot = tf.keras.initializers.GlorotUniform
            first = glorot(seed + 4)([2 * dimension, hidden[0]])
            halves = {"user_half": first[:dimension], "item_half": first[dimension:]}
            self._user_half, self._item_half = (
                self.add_weight(
                    name=name, shape=half.shape, initializer=tf.constant_initializer(half.numpy())
                )
                for name, half in halves.items()
            )
            self._first_bias = self.add_weight(name="first_bias", shape=[hidden[0]], initializer="zeros")
            self._deep_layers = [
                tf.keras.layers.Dense(width, activation="relu", kernel_initializer=glorot(seed + 5 + depth))
                for depth, width in enumerate(hidden[1:])
            ]
            self._mlp_output = tf.keras.layers.Dense(
                1, use_bias=False, kernel_initializer=glorot(seed + 4 + len(hidden)), name="mlp_output"
            )
        self.log_rarity = tf.constant(log_rarity)
        self._rates = loss == "mse"
        of_pairs = tf.keras.losses.MeanSquaredError() if self._rates else NegativeSamplingLoss(loss)
        self.task = tfrs.tasks.Ranking(loss=of_pairs)

    def make_weights(self, num_profile_features: int) -> None:
        """Makes the weights that layers make when they are first called."""
        users = self.user_vectors(self.users(tf.constant([0])), tf.zeros([1, num_profile_features]))
        self.pair_scores(self.user_parts(users), self.item_parts(self.items(tf.constant([0]))), [1, 1])

    def user_vectors(self, ids: Any, profiles: Any | None) -> Any:
        """Returns [b, D] from id vectors [b, D] and profiles [b, f] or None."""
        return ids if self._profile is None else ids + self._profile(profiles)

    def user_parts(self, vectors: Any) -> tuple[Any, Any]:
        """Returns what a user brings to a pair: for GMF [b, d], for the MLP's first layer [b, h]."""
        gmf, mlp = self._by_branch(vectors)
        if gmf is not None:
            gmf *= self._gmf_output
        if mlp is not None:
            mlp = tf.linalg.matmul(mlp, self._user_half) + self._first_bias
        return gmf, mlp

    def item_parts(self, vectors: Any) -> tuple[Any, Any]:
        """Returns what an item brings to a pair: for GMF [c, d], for the MLP's first layer [c, h]."""
        gmf, mlp = self._by_branch(vectors)
        return gmf, None if mlp is None else tf.linalg.matmul(mlp, self._item_half)

    def _by_branch(self, vectors: Any) -> tuple[Any, Any]:
        if len(self._branches) == 1:
            return (vectors, None) if self._branches == ("gmf",) else (None, vectors)
        gmf, mlp = tf.split(vectors, 2, axis=1)  # slices would have a slower gradient
        return gmf, mlp

    def deep(self, first: Any, training: bool = False) -> Any:
        """Returns the MLP's [p] part of the score from its first layer's sums [p, h]."""
        hidden = self._drop(tf.nn.relu(first), 0, training)
        for depth, layer in enumerate(self._deep_layers):
            hidden = self._drop(layer(hidden), depth + 1, training)
        return tf.squeeze(self._mlp_output(hidden), 1)

    def _drop(self, hidden: Any, depth: int, training: bool) -> Any:
        if not training or self._dropout == 0.0:
            return hidden
        # The optimizer's count of steps is in every checkpoint, so a resumed fit drops the same.
        step = tf.cast(self.optimizer.iterations, tf.int32)
        seed = [self._seed * 16 + depth, step]
        return tf.nn.experimental.stateless_dropout(hidden, self._dropout, seed=seed)

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Returns the scalar mean loss of a batch of `data.pipeline`, and the regularization."""
        if self._rates:
            return self._rating_loss(inputs["rated"], training)
        return self._ranking_loss(inputs, training)

    def _rating_loss(self, rated: dict[str, Any], training: bool) -> Any:
        users = self.user_vectors(self.users(rated["users"]), rated.get("profiles"))
        vectors, shape = self.items(rated["items"]), [tf.size(rated["items"]), 1]
        scores = self.pair_scores(self.user_parts(users), self.item_parts(vectors), shape, training)
        scores += look_up(self.bias[:, None], rated["items"])
        targets = rated["ratings"] - tf.reduce_sum(rated["biases"], axis=1) - self._mean
        loss = self.task(targets[:, None], scores, compute_metrics=False)
        return loss + self._penalty(users, vectors)

    def _ranking_loss(self, inputs: dict[str, Any], training: bool) -> Any:
        """Sets each target among its negatives."""
        negatives = inputs["negatives"]
        items = tf.concat([inputs["targets"], tf.maximum(negatives, 0)], axis=1)
        users = self.user_vectors(self.users(inputs["users"]), inputs.get("profiles"))
        vectors = self.items(tf.reshape(items, [-1]))
        parts = self.user_parts(users), self.item_parts(vectors)
        scores = self.pair_scores(*parts, tf.shape(items), training)
        scores += tf.squeeze(look_up(self.bias[:, None], items), 2)
        drawn = tf.where(negatives >= 0, NEGATIVE, LEFT_OUT)
        labels = tf.concat([tf.fill(tf.shape(inputs["targets"]), POSITIVE), drawn], axis=1)
        corrected = scores[:, 1:] + tf.gather(self.log_rarity, items[:, 1:])
        loss = self.task(labels, tf.concat([scores[:, :1], corrected], axis=1), compute_metrics=False)
        return loss + self._penalty(users, vectors)

    def _penalty(self, users: Any, items: Any) -> Any:
        """Returns λ/2 times the mean squared norms of user vectors [b, D] and of item vectors [c, D]."""
        if not self._regularization:
            return 0.0
        squares = tf.reduce_mean(users**2) + tf.reduce_mean(items**2)
        return 0.5 * self._regularization * users.shape[1] * squares

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
    def score_everything(self, vectors: Any) -> Any:
        """Returns [n, m] scores of user vectors [n, D] and all items.

        Users go through a few at a time, so that the activations of their pairs stay in the cache.
        """
        users, items = self.user_parts(vectors), self.item_parts(self.items.everything())
        few = max(TILE_PAIRS // self.items.num_items, 1)
        starts = tf.range(0, tf.shape(vectors)[0], few)
        parts = tf.TensorArray(tf.float32, tf.size(starts), element_shape=[None, self.items.num_items])
        for number in tf.range(tf.size(starts)):
            rows = slice(starts[number], starts[number] + few)
            scores = self.bias[None]
            if users[0] is not None:
                scores += tf.linalg.matmul(users[0][rows], items[0], transpose_b=True)
            if users[1] is not None:
                scores += self._deep_of_all(users[1][rows], items[1])
            parts = parts.write(number, scores)
        return parts.concat()

    def _deep_of_all(self, users: Any, items: Any) -> Any:
        """Returns the MLP's [b, m] part of the scores from the halves of its first layer, [b, h] and [m, h].

        relu(a + c) = max(a, −c) + c, and what c adds behind the next layer's matrix is the same for all
        items: so each layer takes one pass over the pairs instead of an addition and a maximum.
        """
        own, pairs = users, items[None]
        for layer in self._deep_layers:
            kernel = tf.convert_to_tensor(layer.kernel)
            pairs = tf.reshape(tf.maximum(pairs, -own[:, None, :]), [-1, kernel.shape[0]])
            pairs = tf.reshape(tf.linalg.matmul(pairs, kernel), [-1, self.items.num_items, kernel.shape[1]])
            own = tf.linalg.matmul(own, kernel) + layer.bias
        output = tf.convert_to_tensor(self._mlp_output.kernel)
        pairs = tf.reshape(tf.maximum(pairs, -own[:, None, :]), [-1, output.shape[0]])
        scores = tf.reshape(tf.linalg.matmul(pairs, output), [-1, self.items.num_items])
        return scores + tf.linalg.matmul(own, output)

    def pair_scores(self, users: Any, items: Any, shape: Any, training: bool = False) -> Any:
        """Returns [b, c] scores without bias, of b users each with c items of their own.

        Args:
          users: `user_parts` of b vectors.
          items: `item_parts` of b · c vectors.
          shape: b and c.
          training: whether activations are left out.
        """
        scores = tf.zeros(shape)
        if users[0] is not None:
            own = tf.reshape(items[0], [shape[0], shape[1], self._dimension])
            scores += tf.reduce_sum(own * users[0][:, None, :], axis=2)
        if users[1] is not None:
            first = tf.repeat(users[1], shape[1], axis=0) + items[1]
            scores += tf.reshape(self.deep(first, training), shape)
        return scores

    def scores_and_slopes(self, vectors: Any, items: Any, shape: Any) -> tuple[Any, Any]:
        """Returns `pair_scores` [b, c] of user vectors [b, D], and their derivatives [b, c, D] by these."""
        users, slopes = self.user_parts(vectors), []
        scores = self.pair_scores((users[0], None), items, shape)
        if users[0] is not None:
            slopes.append(items[0] * self._gmf_output)
        if users[1] is not None:
            first = tf.repeat(users[1], shape[1], axis=0) + items[1]
            with tf.GradientTape() as tape:
                tape.watch(first)
                deep = self.deep(first)
            scores += tf.reshape(deep, shape)
            slopes.append(tf.linalg.matmul(tape.gradient(deep, first), self._user_half, transpose_b=True))
        return scores, tf.reshape(tf.concat(slopes, axis=1), [shape[0], shape[1], -1])
