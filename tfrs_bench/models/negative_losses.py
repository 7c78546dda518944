"""Losses of a positive among drawn negatives, for `tfrs.tasks.Ranking`. Loads TensorFlow when imported."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfrs_bench.runtime import import_tensorflow

tf, tfrs = import_tensorflow()
Loss: Any = tf.keras.losses.Loss

POSITIVE, NEGATIVE, LEFT_OUT = 1.0, 0.0, -1.0


class NegativeSamplingLoss(Loss):
    """A positive's score s⁺ against those of its K negatives s_k.

    - bce: [−log σ(s⁺) − Σ_k log(1 − σ(s_k))] / (1 + K); He et al. 2017, equation 7.
    - bpr: Σ_k −log σ(s⁺ − s_k) / K; Rendle et al. 2009, section 4.1.
    - sampled_softmax: −s⁺ + log(exp s⁺ + Σ_k exp s_k / K), where s_k already has − log(share of its draws)
      added, which makes the mean an unbiased estimate of the sum over all items; Bengio & Senécal 2008.

    A negative that is left out adds nothing.
    """

    def __init__(self, kind: str) -> None:
        """Takes `bce`, `bpr` or `sampled_softmax`."""
        super().__init__(name=kind)
        self._kind = kind

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns [b] losses.

        Args:
          y_true: [b, 1 + K] labels: `POSITIVE` first, then `NEGATIVE` or `LEFT_OUT`.
          y_pred: [b, 1 + K] scores.
        """
        positive = y_pred[:, :1]
        negative = tf.where(y_true[:, 1:] == NEGATIVE, y_pred[:, 1:], -np.inf)
        count = tf.cast(tf.shape(negative)[1], tf.float32)
        if self._kind == "bce":
            total = tf.nn.softplus(-positive[:, 0]) + tf.reduce_sum(tf.nn.softplus(negative), axis=1)
            return total / (1.0 + count)
        if self._kind == "bpr":
            return tf.reduce_sum(tf.nn.softplus(negative - positive), axis=1) / count
        logits = tf.concat([positive, negative - tf.math.log(count)], axis=1)
        return tf.reduce_logsumexp(logits, axis=1) - positive[:, 0]


def expected_loss(
    kind: str, positive: Any, present: Any, negative: Any, weight: Any, *, num_negatives: int
) -> tuple[Any, tuple[Any, Any], tuple[Any, Any]]:
    """The `NegativeSamplingLoss` of whole histories, in expectation over the draws of negatives.

    Summed over a history's positives and, with bce, not divided by 1 + K: minus the log-likelihood of all
    that was observed and drawn.

    Args:
      kind: as `NegativeSamplingLoss` takes.
      positive: [c, L] scores of the items of c histories.
      present: [c, L] float32, 1 where there is an item and 0 where padded.
      negative: [c, S] scores, corrected as in training.
      weight: [c, S] probability that a draw is this item.
      num_negatives: K.

    Returns:
      Values [c]; derivatives by `positive` [c, L] and `negative` [c, S]; and, in these shapes, the diagonal
      of the second ones, of which the softmax's negatives have an upper bound.
    """
    if kind == "bce":
        count = num_negatives * tf.reduce_sum(present, axis=1, keepdims=True) * weight
        value = _sum(present * tf.nn.softplus(-positive)) + _sum(count * tf.nn.softplus(negative))
        likely, drawn = tf.sigmoid(positive), tf.sigmoid(negative)
        slopes = present * (likely - 1.0), count * drawn
        return value, slopes, (present * likely * (1.0 - likely), count * drawn * (1.0 - drawn))
    if kind == "bpr":
        gaps = negative[:, None, :] - positive[:, :, None]
        pairs = present[:, :, None] * weight[:, None, :]
        wrong = tf.sigmoid(gaps)
        bent = pairs * wrong * (1.0 - wrong)
        slopes = -tf.reduce_sum(pairs * wrong, axis=2), tf.reduce_sum(pairs * wrong, axis=1)
        bounds = tf.reduce_sum(bent, axis=2), tf.reduce_sum(bent, axis=1)
        return _sum(tf.reduce_sum(pairs * tf.nn.softplus(gaps), axis=2)), slopes, bounds
    others = tf.reduce_logsumexp(negative + tf.math.log(weight), axis=1, keepdims=True)
    total = positive + tf.nn.softplus(others - positive)
    likely = tf.exp(positive - total)
    share = tf.math.multiply_no_nan(tf.exp(negative - others), weight)
    drawn = share * tf.reduce_sum(present * (1.0 - likely), axis=1, keepdims=True)
    slopes = present * (likely - 1.0), drawn
    return _sum(present * (total - positive)), slopes, (present * likely * (1.0 - likely), drawn)


def squared_error(positive: Any, present: Any, target: Any, variance: float) -> tuple[Any, Any, Any]:
    """Minus the log-likelihood of whole histories of ratings, noise of a known variance around the scores.

    Args:
      positive: [c, L] scores of the items of c histories.
      present: [c, L] float32, 1 where there is an item and 0 where padded.
      target: [c, L] what the scores should be.
      variance: of the noise.

    Returns:
      Values [c], and the first and second derivatives by `positive` [c, L].
    """
    off = present * (positive - target) / variance
    return _sum(0.5 * off * (positive - target)), off, present / variance


def _sum(values: Any) -> Any:
    return tf.reduce_sum(values, axis=1)
