"""The TFRS retrieval model: two towers, a similarity, and a loss. Loads TensorFlow when imported."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.models.encoders import ItemTower
from tfrs_bench.runtime import import_tensorflow

tf, tfrs = import_tensorflow()
Loss: Any = tf.keras.losses.Loss
Retrieval: Any = tfrs.tasks.Retrieval
Model: Any = tfrs.Model


@tf.custom_gradient
def catalogue_cross_entropy(queries: Any, candidates: Any, places: Any) -> Any:
    """Cross-entropy of each query's target among all candidates, at half the cost of TensorFlow's own.

    The derivative with respect to the logits, softmax − label, is never formed: its products with the
    embeddings are taken from exp(logits), and the division by their sum is done on the small side.

    Args:
      queries: [b, d] float32.
      candidates: [c, d] float32.
      places: [b] int32, each target's row in `candidates`.

    Returns:
      [b] float32 losses.
    """
    logits = tf.linalg.matmul(queries, candidates, transpose_b=True)
    largest = tf.reduce_max(logits, axis=1, keepdims=True)
    exponentials = tf.exp(logits - largest)
    total = tf.reduce_sum(exponentials, axis=1, keepdims=True)
    target = tf.gather(candidates, places)
    losses = tf.squeeze(tf.math.log(total) + largest, 1) - tf.reduce_sum(queries * target, axis=1)

    def gradient(upstream: Any) -> tuple[Any, Any, None]:
        upstream = upstream[:, None]
        scale = upstream / total
        for_queries = tf.linalg.matmul(exponentials, candidates) * scale - upstream * target
        for_candidates = tf.linalg.matmul(exponentials, queries * scale, transpose_a=True)
        for_candidates = tf.tensor_scatter_nd_sub(for_candidates, places[:, None], upstream * queries)
        return for_queries, for_candidates, None

    return losses, gradient


class CatalogueSoftmax(Retrieval):
    """Retrieval against the whole training catalogue.

    The parent labels row i of a batch with candidate i, by a dense identity matrix; here the candidates are
    all items and the label is the target's place among them. No sampling, so nothing to correct.
    """

    def call(self, query_embeddings: Any, candidate_embeddings: Any, places: Any) -> Any:
        """Returns the mean loss of queries [b, d] against candidates [c, d], labels `places` [b] int32."""
        return tf.reduce_mean(catalogue_cross_entropy(query_embeddings, candidate_embeddings, places))


class PairwiseLoss(Loss):
    """BPR or hinge over the in-batch negatives of a `tfrs.tasks.Retrieval`.

    BPR: mean of −log σ(s⁺ − s⁻); hinge: mean of max(0, 1 − s⁺ + s⁻), over the pairs of a batch.
    Source: Rendle et al. 2009, section 4.1; Weston, Bengio & Usunier 2011 (WSABIE), equation 2 without
    its rank weights.
    """

    def __init__(self, kind: str) -> None:
        """Takes `bpr` or `hinge`."""
        super().__init__(name=kind)
        self._kind = kind

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns [b] losses for labels [b, c] with one 1 a row, and scores [b, c]."""
        positive = tf.reduce_sum(y_true * y_pred, axis=1, keepdims=True)
        gap = y_pred - positive
        pairs = tf.nn.softplus(gap) if self._kind == "bpr" else tf.nn.relu(1.0 + gap)
        return tf.reduce_sum(pairs * (1.0 - y_true), axis=1) / tf.cast(tf.shape(y_true)[1] - 1, tf.float32)


class RetrievalModel(Model):
    """Query tower, item tower and their similarity, trained by a TFRS retrieval task."""

    def __init__(
        self,
        query_tower: Any,
        item_tower: ItemTower,
        *,
        similarity: str,
        loss: str,
        full_softmax: bool,
        temperature: float,
        learn_temperature: bool,
        catalogue: NDArray[np.bool_],
        target_share: NDArray[np.float32],
    ) -> None:
        """Builds the model.

        Args:
          query_tower: a query encoder, see `encoders`.
          item_tower: embeds items.
          similarity: `cosine` (normalized, divided by the temperature) or `dot` (plus an item bias).
          loss: `softmax`, `bpr` or `hinge`.
          full_softmax: softmax over the catalogue instead of the batch.
          temperature: of the cosine similarity.
          learn_temperature: whether the temperature is a weight.
          catalogue: [m] bool, items with training rows.
          target_share: [m] float32, how often each item is a target; corrects in-batch sampling.
        """
        super().__init__()
        self.query_tower, self.item_tower = query_tower, item_tower
        self._cosine, self._full = similarity == "cosine", full_softmax
        self._log_temperature = tf.Variable(
            np.log(temperature),
            trainable=learn_temperature and self._cosine,
            dtype=tf.float32,
            name="log_temperature",
        )
        self._bias = tf.Variable(tf.zeros(len(catalogue)), trainable=not self._cosine, name="item_bias")
        self._catalogue = tf.constant(np.flatnonzero(catalogue), tf.int32)
        self._place = tf.constant(np.cumsum(catalogue) - 1, tf.int32)
        self._target_share = tf.constant(target_share)
        if full_softmax:
            self.task = CatalogueSoftmax()
        else:
            reduction = tf.keras.losses.Reduction.SUM_OVER_BATCH_SIZE
            softmax = tf.keras.losses.CategoricalCrossentropy(from_logits=True, reduction=reduction)
            self.task = tfrs.tasks.Retrieval(
                loss=softmax if loss == "softmax" else PairwiseLoss(loss), remove_accidental_hits=True
            )
        self._correct_sampling = loss == "softmax"

    def queries(self, inputs: dict[str, Any]) -> Any:
        """Returns [b, d + 1]: the scaled query, and a 1 that meets the item's bias."""
        query = self.query_tower(inputs)
        if self._cosine:
            query = tf.math.l2_normalize(query, axis=1) * tf.exp(-self._log_temperature)
        return tf.concat([query, tf.ones_like(query[:, :1])], axis=1)

    def items(self, embedded: Any, bias: Any) -> Any:
        """Returns [c, d + 1] from tower outputs [c, d] and biases [c]."""
        if self._cosine:
            embedded = tf.math.l2_normalize(embedded, axis=1)
        return tf.concat([embedded, bias[:, None]], axis=1)

    def all_items(self) -> Any:
        """Returns [m, d + 1], every item of the vocabulary."""
        return self.items(self.item_tower.everything(), self._bias)

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Returns the scalar mean loss of a batch of `data.pipeline`.

        In-batch softmax is corrected for the share of each target (Yi et al. 2019, "logQ"), and candidates
        equal to a row's target are not its negatives.
        """
        targets = inputs["targets"]
        queries = self.queries(inputs)
        if self._full:
            candidates = tf.gather(self.all_items(), self._catalogue)
            return self.task(queries, candidates, tf.gather(self._place, targets))
        candidates = self.items(self.item_tower(targets), tf.gather(self._bias, targets))
        share = tf.gather(self._target_share, targets) if self._correct_sampling else None
        return self.task(
            queries,
            candidates,
            candidate_sampling_probability=share,
            candidate_ids=targets,
            compute_metrics=False,
        )
