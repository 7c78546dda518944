"""The TFRS retrieval model: two towers, a similarity, and a loss. Loads TensorFlow when imported."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.models.encoders import ItemTower, look_up
from tfrs_bench.models.losses import BatchSoftmax, CatalogueSoftmax, PairwiseLoss
from tfrs_bench.runtime import import_tensorflow

tf, tfrs = import_tensorflow()
Model: Any = tfrs.Model


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
        rating_head: Any = None,
        weights: tuple[float, float] = (1.0, 0.0),
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
          rating_head: a `RatingHead`, or None to predict no ratings.
          weights: of the retrieval loss and, with a head, of the squared error of ratings.
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
        self._is_partial = not catalogue.all()
        self._place = tf.constant(np.cumsum(catalogue) - 1, tf.int32)
        self._log_share = tf.math.log(tf.maximum(target_share, np.finfo(np.float32).tiny))
        self._softmax = loss == "softmax"
        if full_softmax:
            self.task = CatalogueSoftmax()
        elif self._softmax:
            self.task = BatchSoftmax()
        else:
            self.task = tfrs.tasks.Retrieval(loss=PairwiseLoss(loss), remove_accidental_hits=True)
        self._weights = weights
        if rating_head is not None:  # a network without one has the weights it had before there were any
            self.rating_head = rating_head
        self._rates = rating_head is not None

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

    def rate(self, inputs: dict[str, Any], query_of_pair: Any, items: Any, biases: Any) -> Any:
        """Returns [p] ratings of `items` [p] by queries, given `biases` [p, 2] of users and items."""
        query = tf.gather(self.query_tower(inputs), query_of_pair)
        return self.rating_head(query, self.item_tower(items), biases)

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Returns the scalar loss of a batch of `data.pipeline`, that of ratings included."""
        if not self._rates:
            return self._retrieval_loss(inputs)
        rated = inputs["rated"]
        error = self.rating_head.loss(rated, self.query_tower(rated), self.item_tower(rated["items"]))
        return self._weights[0] * self._retrieval_loss(inputs) + self._weights[1] * error

    def _retrieval_loss(self, inputs: dict[str, Any]) -> Any:
        """Returns the scalar mean loss over a batch's targets [b, T].

        In-batch softmax is corrected for the share of each target (Yi et al. 2019, "logQ"), and candidates
        equal to a row's target are not its negatives.
        """
        targets = inputs["targets"]
        queries = self.queries(inputs)
        if self._full:
            candidates = self.all_items()
            if self._is_partial:
                candidates, targets = look_up(candidates, self._catalogue), tf.gather(self._place, targets)
            return self.task(queries, candidates, targets)
        queries, targets = tf.repeat(queries, targets.shape[1], axis=0), tf.reshape(targets, [-1])
        if self._softmax:
            distinct, places, counts = tf.unique_with_counts(targets)
            return self.task(
                queries, self._candidates(distinct), tf.gather(self._log_share, distinct), places, counts
            )
        return self.task(queries, self._candidates(targets), candidate_ids=targets, compute_metrics=False)

    def _candidates(self, items: Any) -> Any:
        return self.items(self.item_tower(items), tf.gather(self._bias, items))
