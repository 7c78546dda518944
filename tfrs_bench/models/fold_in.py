"""Vectors of users that training has not seen, or not like this: solved for, everything else fixed.

For a history H, z minimizes the training loss of H's positives among expected negatives, plus
½ (z − μ)ᵀ Σ⁻¹ (z − μ), with μ and Σ the mean and covariance of the vectors of training users. So an empty
history is answered by the mean user, and a long one speaks for itself. A score is piecewise linear in z, so
a Gauss–Newton step is Newton's own between the kinks; steps are damped where they fail (Levenberg), for many
histories at once. Loads TensorFlow when imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.models.negative_losses import expected_loss, squared_error
from tfrs_bench.runtime import import_tensorflow

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from tfrs_bench.models.ncf_network import NCFNetwork

tf, _ = import_tensorflow()

STEPS = 10
ROUNDING = 1e-5
CHUNK_PAIRS = 32_768  # of histories and items at once


class Prior:
    """Where the vectors of training users lie: a normal distribution.

    Attributes:
      mean: [D] float32.
      spread: [D, D] float32, lower triangle; its product with its own transpose is the covariance.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        """Estimates it from the vectors [n, D] of n training users.

        The covariance of few users is drawn towards a ball, by D / (D + n).
        """
        n, dimension = vectors.shape
        self.mean = vectors.mean(axis=0)
        covariance = np.cov(vectors, rowvar=False, bias=True).reshape(dimension, dimension)
        share = dimension / (dimension + n)
        ball = np.eye(dimension) * (np.trace(covariance) / dimension + np.finfo(np.float32).tiny)
        shrunk = (1 - share) * covariance + share * ball
        self.spread = np.linalg.cholesky(shrunk).astype(np.float32)


class FoldIn:
    """Solves for user vectors of one network, whatever its weights are at the time."""

    def __init__(
        self,
        network: NCFNetwork,
        *,
        loss: str,
        num_negatives: int,
        sample: NDArray[np.int32],
        weight: NDArray[np.float32],
        reject_positives: bool,
        variance: float = 1.0,
    ) -> None:
        """Takes what is fixed.

        Args:
          network: scores pairs.
          loss: that it was trained by; with `mse` the sample is empty.
          num_negatives: K of it.
          sample: [S] items that stand for the negatives.
          weight: [S] float32, the probability that each stands for, with sum 1.
          reject_positives: whether a history's own items are none of its negatives.
          variance: of the noise of ratings, with `mse`.
        """
        self._network, self._loss, self._num_negatives = network, loss, num_negatives
        self._sample, self._weight, self._reject = tf.constant(sample), tf.constant(weight), reject_positives
        self._variance = variance
        shapes = *(([None, None], tf.float32),) * 2, ([None, None], tf.int32), ([None, None], tf.float32)
        self._solve = tf.function(self._newton, input_signature=[tf.TensorSpec(*one) for one in shapes])

    def __call__(
        self, base: NDArray[np.float32], spread: NDArray[np.float32], histories: csr_matrix
    ) -> NDArray[np.float32]:
        """Solves for many at once.

        Args:
          base: [n, D] where each user would be without a history: the mean, and what the profile adds.
          spread: [D, D], see `Prior`.
          histories: [n, num_items] the items of each, with `mse` their targets as values.

        Returns:
          [n, D] float32.
        """
        solved = base.copy()
        lengths = np.diff(histories.indptr)
        order = np.argsort(lengths, kind="stable")
        order = order[lengths[order] > 0]
        while len(order):
            # Neighbors in length share a chunk, the longest first, so that little is padded.
            most = int(lengths[order[-1]]) + len(self._sample)
            few, order = order[-max(CHUNK_PAIRS // most, 1) :], order[: -max(CHUNK_PAIRS // most, 1)]
            place = np.arange(lengths[few].max())
            inside = place < lengths[few][:, None]
            flat = np.where(inside, histories.indptr[few][:, None] + place, 0)
            items = np.where(inside, histories.indices[flat], -1).astype(np.int32)
            targets = histories.data[flat].astype(np.float32)
            solved[few] = self._solve(*map(tf.constant, (base[few], spread, items, targets)))
        return solved

    def _newton(self, base: Any, spread: Any, items: Any, targets: Any) -> Any:
        shape = tf.shape(items)
        weight = tf.repeat(self._weight[None], shape[0], axis=0)
        if self._reject:
            own = tf.reduce_any(items[:, :, None] == self._sample, axis=1)
            weight = tf.where(own, 0.0, weight)
            weight = tf.math.divide_no_nan(weight, tf.reduce_sum(weight, axis=1, keepdims=True))
        candidates = tf.concat(
            [tf.maximum(items, 0), tf.repeat(self._sample[None], shape[0], axis=0)], axis=1
        )
        parts = self._network.item_parts(self._network.items(tf.reshape(candidates, [-1])))
        offsets = tf.gather(self._network.bias, candidates)
        offsets += tf.pad(
            tf.repeat(tf.gather(self._network.log_rarity, self._sample)[None], shape[0], axis=0),
            [[0, 0], [shape[1], 0]],
        )
        identity = tf.eye(tf.shape(base)[1])
        step = best = tf.zeros_like(base)
        lowest = tf.fill([shape[0]], np.float32(np.inf))
        damping = tf.fill([shape[0]], 1e-3)
        slope, curve = tf.zeros_like(base), tf.repeat(identity[None], shape[0], axis=0)
        for _ in tf.range(STEPS):
            scores, by_vector = self._network.scores_and_slopes(
                base + tf.linalg.matmul(step, spread, transpose_b=True), parts, tf.shape(candidates)
            )
            scores += offsets
            value, slope_by_score, bend_by_score = self._loss_of(scores, items >= 0, targets, weight)
            value += 0.5 * tf.reduce_sum(step**2, axis=1)
            by_step = tf.linalg.matmul(by_vector, spread)
            found = tf.linalg.matvec(by_step, slope_by_score, transpose_a=True) + step
            bent = bend_by_score[:, :, None] * by_step
            bent = tf.linalg.matmul(by_step, bent, transpose_a=True) + identity
            # Near the minimum float32 tells a value no closer than this, but the slope still does.
            better = value <= lowest + ROUNDING * tf.abs(value)
            lowest = tf.where(better, value, lowest)
            best = tf.where(better[:, None], step, best)
            slope = tf.where(better[:, None], found, slope)
            curve = tf.where(better[:, None, None], bent, curve)
            damping = tf.where(better, damping / 10.0, tf.maximum(damping, 0.01) * 10.0)
            damped = curve + damping[:, None, None] * identity
            step = best - tf.squeeze(
                tf.linalg.cholesky_solve(tf.linalg.cholesky(damped), slope[:, :, None]), 2
            )
        return base + tf.linalg.matmul(best, spread, transpose_b=True)

    def _loss_of(self, scores: Any, present: Any, targets: Any, weight: Any) -> tuple[Any, Any, Any]:
        """Returns losses [c] of scores [c, L + S], their derivatives, and the diagonal of the second ones."""
        length, present = tf.shape(targets)[1], tf.cast(present, tf.float32)
        if self._loss == "mse":
            return squared_error(scores, present, targets, self._variance)
        value, slopes, bends = expected_loss(
            self._loss,
            scores[:, :length],
            present,
            scores[:, length:],
            weight,
            num_negatives=self._num_negatives,
        )
        return value, tf.concat(slopes, axis=1), tf.concat(bends, axis=1)
