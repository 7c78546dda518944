"""Towers: Keras layers that turn queries and items into embeddings. Loads TensorFlow when imported.

A query encoder is a layer that takes the dictionary of `data.pipeline` (`users`, `history_items`,
`history_levels`, maybe `profiles`) and returns [b, d]. Encoders differ in nothing else, so one training loop
serves them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.runtime import import_tensorflow

tf, _ = import_tensorflow()
Layer: Any = tf.keras.layers.Layer


def small_normal(seed: int) -> Any:
    """Returns the initializer of every embedding: a truncated normal of deviation 0.05."""
    return tf.keras.initializers.TruncatedNormal(stddev=0.05, seed=seed)


@tf.custom_gradient
def look_up(table: Any, indices: Any) -> Any:
    """Gathers rows of a table [m, d] for int32 indices of any shape; the gradient is a dense [m, d].

    Keras gives an embedding's gradient as pairs of index and row, which Adam sorts out and then spreads over
    the whole table all the same; a dense one it applies in a single pass.
    """

    def gradient(upstream: Any) -> tuple[Any, None]:
        rows = tf.reshape(upstream, [-1, table.shape[1]])
        return tf.scatter_nd(tf.reshape(indices, [-1, 1]), rows, table.shape), None

    return tf.gather(table, indices), gradient


class EmbeddingTable(Layer):
    """Embeddings [size, d] of the indices 0 … size − 1."""

    def __init__(self, size: int, dimension: int, seed: int, name: str) -> None:
        """Makes the table, its rows drawn by `small_normal`."""
        super().__init__(name=name)
        self.rows = self.add_weight(name="rows", shape=[size, dimension], initializer=small_normal(seed))

    def call(self, indices: Any) -> Any:
        """Returns [..., d] for int32 indices of any shape."""
        return look_up(tf.convert_to_tensor(self.rows), indices)


class ItemTower(Layer):
    """Item id embedding plus a projection of content features."""

    def __init__(
        self, dimension: int, trained: NDArray[np.bool_], content: NDArray[np.float32] | None, seed: int
    ) -> None:
        """Builds the tower.

        Args:
          dimension: d.
          trained: [m] bool, items with training rows; the others are told by their content alone.
          content: [m, f] float32 features, or None.
          seed: of the initial weights.
        """
        super().__init__(name="item_tower")
        self.num_items = len(trained)
        self._ids = EmbeddingTable(self.num_items, dimension, seed, "item_ids")
        self._trained = tf.constant(trained[:, None], tf.float32)
        self._content = None if content is None else tf.constant(content)
        self._project = tf.keras.layers.Dense(
            dimension, use_bias=False, kernel_initializer=small_normal(seed + 1), name="item_content"
        )

    def call(self, items: Any) -> Any:
        """Returns [..., d] for int32 item indices of any shape."""
        embedded = self._ids(items) * tf.gather(self._trained, items)
        if self._content is None:
            return embedded
        return embedded + self._project(tf.gather(self._content, items))

    def everything(self) -> Any:
        """Returns [m, d], all items in order; a table product instead of a gather."""
        ids = self._ids.rows * self._trained
        return ids if self._content is None else ids + self._project(self._content)


class PooledHistoryEncoder(Layer):
    """User id, weighted means of recent items, and profile, added up and optionally passed through an MLP.

    Each head pools the history with weights of its own, softmax(recency[position]) · level[rating], and turns
    the result by a matrix of its own: one head can follow the last item, another a user's taste, what was
    disliked may count against, and "A then B" need not mean "B then A". Heads start at decays spread from
    `history_decay` towards the present, with the identity as matrix.

    Source: Covington, Adams & Sargin 2016 (averaged watch embeddings); heads and learned weights are own.
    """

    def __init__(
        self,
        item_tower: ItemTower,
        *,
        dimension: int,
        num_users: int,
        num_levels: int,
        history_length: int,
        history_heads: int,
        history_decay: float,
        learn_recency: bool,
        use_user_id: bool,
        hidden: tuple[int, ...],
        seed: int,
    ) -> None:
        """Builds the tower; `item_tower` embeds the history too."""
        super().__init__(name="query_tower")
        self._item_tower = item_tower
        self._users = None
        if use_user_id:
            self._users = EmbeddingTable(num_users + 1, dimension, seed + 2, "user_ids")
        self._project = tf.keras.layers.Dense(
            dimension, use_bias=False, kernel_initializer=small_normal(seed + 3), name="profile"
        )
        glorot = tf.keras.initializers.GlorotUniform
        self._hidden = [
            tf.keras.layers.Dense(width, activation="relu", kernel_initializer=glorot(seed + 4 + depth))
            for depth, width in enumerate(hidden)
        ]
        self._residual = tf.keras.layers.Dense(dimension, kernel_initializer="zeros", name="residual")
        constant = tf.keras.initializers.Constant
        speeds = 4.0 ** np.arange(history_heads)[:, None]
        recency = np.log(history_decay) * speeds * np.arange(history_length)
        self._recency = self.add_weight(
            name="recency", shape=recency.shape, initializer=constant(recency), trainable=learn_recency
        )
        self._levels = self.add_weight(name="levels", shape=[history_heads, num_levels], initializer="ones")
        turns = np.repeat(np.eye(dimension)[None] / history_heads, history_heads, axis=0)
        self._turns = self.add_weight(name="turns", shape=turns.shape, initializer=constant(turns))
        self._empty = self.add_weight(name="empty_history", shape=[dimension], initializer="zeros")

    def call(self, inputs: dict[str, Any]) -> Any:
        """Returns [b, d]."""
        query = self._pooled(inputs["history_items"], inputs["history_levels"])
        if self._users is not None:
            query += self._users(inputs["users"] + 1)
        if "profiles" in inputs:
            query += self._project(inputs["profiles"])
        if not self._hidden:
            return query
        deep = query
        for layer in self._hidden:
            deep = layer(deep)
        return query + self._residual(deep)

    def _pooled(self, items: Any, levels: Any) -> Any:
        if items.shape[1] == 0:
            return tf.zeros([tf.shape(items)[0], 1]) + self._empty
        present = (items >= 0)[:, None, :]
        weights = tf.nn.softmax(tf.where(present, self._recency, self._recency.dtype.min / 2))
        signed = weights * tf.transpose(tf.gather(self._levels, levels, axis=1), [1, 0, 2])
        embedded = self._item_tower(tf.maximum(items, 0))
        pooled = tf.einsum("bhd,hde->be", tf.linalg.matmul(signed, embedded), self._turns)
        return tf.where(tf.reduce_any(present, axis=2), pooled, self._empty)
