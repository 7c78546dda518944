"""A head on two towers that predicts ratings. Loads TensorFlow when imported."""

from __future__ import annotations

from typing import Any

from tfrs_bench.runtime import import_tensorflow

tf, tfrs = import_tensorflow()
Layer: Any = tf.keras.layers.Layer


class RatingHead(Layer):
    """What a query would give an item beyond the means: a small network over both towers' outputs.

    r̂ = μ + b_u + b_i + w · relu(W [Q, I, Q ∘ I, b_u, b_i] + c) + v. It starts with w = v = 0, as the means.
    Trained by `tfrs.tasks.Ranking` on squared errors.

    Source: the multitask model of TensorFlow Recommenders; Q ∘ I as in He et al. 2017; the start is own.
    """

    def __init__(self, dimension: int, mean: float, seed: int) -> None:
        """Builds the head on towers of this dimension; `mean` is μ."""
        super().__init__(name="rating_head")
        self._mean = mean
        self._hidden = tf.keras.layers.Dense(
            dimension, activation="relu", kernel_initializer=tf.keras.initializers.GlorotUniform(seed)
        )
        self._out = tf.keras.layers.Dense(1, kernel_initializer="zeros")
        self.task = tfrs.tasks.Ranking(loss=tf.keras.losses.MeanSquaredError())

    def call(self, query: Any, item: Any, biases: Any) -> Any:
        """Returns [b] ratings from tower outputs [b, d] and biases [b, 2] of users and items."""
        features = tf.concat([query, item, query * item, biases], axis=1)
        beyond = tf.squeeze(self._out(self._hidden(features)), 1)
        return self._mean + tf.reduce_sum(biases, axis=1) + beyond

    def loss(self, rated: dict[str, Any], query: Any, item: Any) -> Any:
        """Returns the mean squared error of a batch of `data.rated_examples`."""
        predicted = self(query, item, rated["biases"])
        return self.task(labels=rated["ratings"], predictions=predicted, compute_metrics=False)
