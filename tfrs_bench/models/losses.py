"""Losses of retrieval and the TFRS tasks that carry them. Loads TensorFlow when imported."""

from __future__ import annotations

from typing import Any

from tfrs_bench.runtime import import_tensorflow

tf, tfrs = import_tensorflow()
Loss: Any = tf.keras.losses.Loss
Retrieval: Any = tfrs.tasks.Retrieval


@tf.custom_gradient
def catalogue_cross_entropy(queries: Any, candidates: Any, places: Any) -> Any:
    """Mean cross-entropy of each query's targets among all candidates, at half the cost of TensorFlow's own.

    The derivative with respect to the logits, softmax − label, is never formed: its products with the
    embeddings are taken from exp(logits), and the division by their sum is done on the small side.

    Args:
      queries: [b, d] float32.
      candidates: [c, d] float32.
      places: [b, T] int32, each target's row in `candidates`.

    Returns:
      [b] float32 losses.
    """
    logits = tf.linalg.matmul(queries, candidates, transpose_b=True)
    largest = tf.reduce_max(logits, axis=1, keepdims=True)
    exponentials = tf.exp(logits - largest)
    total = tf.reduce_sum(exponentials, axis=1, keepdims=True)
    target = tf.reduce_mean(tf.gather(candidates, places), axis=1)
    losses = tf.squeeze(tf.math.log(total) + largest, 1) - tf.reduce_sum(queries * target, axis=1)

    def gradient(upstream: Any) -> tuple[Any, Any, None]:
        upstream = upstream[:, None]
        scale = upstream / total
        for_queries = tf.linalg.matmul(exponentials, candidates) * scale - upstream * target
        for_candidates = tf.linalg.matmul(exponentials, queries * scale, transpose_a=True)
        share = tf.repeat(upstream * queries / places.shape[1], places.shape[1], axis=0)
        for_candidates = tf.tensor_scatter_nd_sub(for_candidates, tf.reshape(places, [-1, 1]), share)
        return for_queries, for_candidates, None

    return losses, gradient


@tf.custom_gradient
def batch_cross_entropy(queries: Any, candidates: Any, log_shares: Any, places: Any, counts: Any) -> Any:
    """Cross-entropy of each query's target among the distinct targets of its batch, logQ-corrected.

    An item that is the target of c rows stands in the batch as c equal candidates: here as one of weight c,
    but of weight 1 for its own rows, whose other copies are accidental hits and no negatives. The product is
    only as wide as there are distinct targets, and no mask of its size is made.

    Args:
      queries: [b, d] float32.
      candidates: [u, d] float32, the distinct targets.
      log_shares: [u] float32, log of the probability that a target is this item.
      places: [b] int32, each target's row in `candidates`.
      counts: [u] float32, rows of the batch with this target.

    Returns:
      [b] float32 losses.

    Source: Yi et al. 2019, section 4 (logQ); Bengio & Senécal 2008 (the correction); the weights are own.
    """
    logits = tf.linalg.matmul(queries, candidates, transpose_b=True) + (tf.math.log(counts) - log_shares)
    largest = tf.reduce_max(logits, axis=1, keepdims=True)
    exponentials = tf.exp(logits - largest)
    target = tf.gather(candidates, places)
    own = tf.reduce_sum(queries * target, axis=1) - tf.gather(log_shares, places) - largest[:, 0]
    others = tf.exp(own) * (tf.gather(counts, places) - 1.0)
    total = tf.reduce_sum(exponentials, axis=1) - others
    losses = tf.math.log(total) - own

    def gradient(upstream: Any) -> tuple[Any, Any, None, None, None]:
        scale = (upstream / total)[:, None]
        on_target = (upstream * (1.0 + others / total))[:, None]
        for_queries = tf.linalg.matmul(exponentials, candidates) * scale - on_target * target
        for_candidates = tf.linalg.matmul(exponentials, queries * scale, transpose_a=True)
        for_candidates = tf.tensor_scatter_nd_sub(for_candidates, places[:, None], on_target * queries)
        return for_queries, for_candidates, None, None, None

    return losses, gradient


class BatchSoftmax(Retrieval):
    """Retrieval among the batch, as the parent with logQ and without accidental hits, at half the cost."""

    def call(
        self, query_embeddings: Any, candidate_embeddings: Any, log_shares: Any, places: Any, counts: Any
    ) -> Any:
        """Returns the mean of `batch_cross_entropy`; queries [b, d], distinct candidates [u, d]."""
        counts = tf.cast(counts, tf.float32)
        return tf.reduce_mean(
            batch_cross_entropy(query_embeddings, candidate_embeddings, log_shares, places, counts)
        )


class CatalogueSoftmax(Retrieval):
    """Retrieval against the whole training catalogue.

    The parent labels row i of a batch with candidate i, by a dense identity matrix; here the candidates are
    all items and the label is the target's place among them. No sampling, so nothing to correct.
    """

    def call(self, query_embeddings: Any, candidate_embeddings: Any, places: Any) -> Any:
        """Returns the mean loss of queries [b, d] against candidates [c, d], labels `places` [b, T] int32."""
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
