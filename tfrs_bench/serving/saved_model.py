"""A neural retrieval model as a TensorFlow graph from raw ids to raw ids. Loads TensorFlow when imported.

Everything that a list needs is inside: vocabularies, profiles of the log's users, content of its items, the
catalogue. So whoever loads it needs TensorFlow, and not this package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.models.keras_recommender import KerasRecommender
from tfrs_bench.runtime import import_tensorflow

tf, tfrs = import_tensorflow()
Module: Any = tf.Module

DEFAULT, RATED = "serving_default", "with_ratings"


class ServedModel(Module):
    """Answers user ids and histories of raw item ids with the raw ids and scores of the best items.

    `serving_default` takes `user_id` [b] and `history` [b, h], both strings; a history is oldest first and
    filled up with "" anywhere, and ids that training did not see are passed over. `with_ratings` takes
    `ratings` [b, h] float32 too; without them every item counts as liked, which is the highest rating. Both
    return `item_ids` [b, k], best first and "" where candidates ran out, and `scores` [b, k].
    """

    def __init__(
        self,
        model: KerasRecommender,
        log: InteractionLog,
        *,
        in_training: NDArray[np.bool_],
        candidates: NDArray[np.bool_],
        mask_seen: bool,
        k: int,
    ) -> None:
        """Takes a fitted model and what its queries were made of.

        Args:
          model: exported as it is.
          log: vocabularies and profiles.
          in_training: [num_users] bool, the users whose rows the model was fitted on.
          candidates: [num_items] bool, the catalogue.
          mask_seen: leave out what is in the history.
          k: list length.
        """
        super().__init__(name="served_model")
        self.catalogue = np.flatnonzero(candidates)
        self.k = min(k, len(self.catalogue))
        self._mask_seen = mask_seen
        self._users, self._items = _table(log.user_ids.ids), _table(log.item_ids.ids)
        # Another row for whoever is in no table.
        self._user_numbers = _constant(np.append(np.where(in_training, np.arange(log.num_users), -1), -1))
        self._profiles = (
            None
            if log.user_features is None
            else _constant(np.vstack([log.user_features.values, np.zeros_like(log.user_features.values[:1])]))
        )
        places = np.full(log.num_items + 1, len(self.catalogue))
        places[self.catalogue] = np.arange(len(self.catalogue))
        self._places = _constant(places)
        self._ids = tf.constant([str(one) for one in log.item_ids.ids[self.catalogue]])
        self.vectors = tf.Variable(model.item_embeddings()[self.catalogue], trainable=False, name="items")
        self._bounds = tf.constant(model.rating_bounds)
        self._liked = 0.0 if log.ratings is None else float(log.ratings.max())
        self._length = model.config.history_length
        # Keras objects would be saved as such; of the network only its weights are needed beside the graph.
        self.weights = list(model.network.variables)
        self._signatures(model.network)

    def save(self, folder: Path) -> None:
        """Writes a SavedModel."""
        tf.saved_model.save(self, str(folder), signatures={DEFAULT: self.answer, RATED: self.answer_rated})

    def _signatures(self, network: Any) -> None:
        """Makes the functions that are called, around a network that is not part of the module."""
        user_id = tf.TensorSpec([None], tf.string, "user_id")
        history = tf.TensorSpec([None, None], tf.string, "history")
        ratings = tf.TensorSpec([None, None], tf.float32, "ratings")

        def answer_rated(user_id: Any, history: Any, ratings: Any) -> dict[str, Any]:
            items = tf.cast(self._items.lookup(history), tf.int32)
            queries = network.queries(self._inputs(user_id, items, ratings))
            places, scores = self._best(queries, items)
            item_ids = tf.where(tf.math.is_inf(scores), "", tf.gather(self._ids, places))
            return {"item_ids": item_ids, "scores": scores}

        def answer(user_id: Any, history: Any) -> dict[str, Any]:
            return answer_rated(user_id, history, tf.fill(tf.shape(history), self._liked))

        self.answer = tf.function(answer, input_signature=[user_id, history])
        self.answer_rated = tf.function(answer_rated, input_signature=[user_id, history, ratings])

    def _inputs(self, user_id: Any, items: Any, ratings: Any) -> dict[str, Any]:
        """Returns what the query tower reads: the last known items of the history, most recent first."""
        rows = tf.cast(self._users.lookup(user_id), tf.int32)
        rows = tf.where(rows < 0, tf.shape(self._user_numbers)[0] - 1, rows)
        left = [[0, 0], [self._length, 0]]  # so that even an empty history fills the window
        items, ratings = tf.pad(items, left, constant_values=-1), tf.pad(ratings, left)
        order = tf.where(items >= 0, tf.range(tf.shape(items)[1])[None], -1)
        latest, columns = tf.math.top_k(order, self._length)
        present = latest >= 0
        window = tf.where(present, tf.gather(items, columns, batch_dims=1), -1)
        rated = tf.reshape(tf.gather(ratings, columns, batch_dims=1), [-1])
        levels = tf.reshape(tf.searchsorted(self._bounds, rated, side="right"), tf.shape(window))
        inputs = {
            "users": tf.gather(self._user_numbers, rows),
            "history_items": tf.ensure_shape(window, [None, self._length]),
            "history_levels": tf.where(present, levels, 0),
        }
        if self._profiles is not None:
            inputs["profiles"] = tf.gather(self._profiles, rows)
        return inputs

    def _best(self, queries: Any, items: Any) -> tuple[Any, Any]:
        """Returns places in the catalogue [b, k] and scores, −inf where nothing is left."""
        scores = tf.linalg.matmul(queries, self.vectors, transpose_b=True)
        if self._mask_seen:
            scores = tf.where(self._seen(items), -np.inf, scores)
        best = tf.math.top_k(scores, self.k)
        return best.indices, best.values

    def _seen(self, items: Any) -> Any:
        """Returns the [b, c] bool mask of the catalogue's items that are in histories [b, h]."""
        count = len(self.catalogue)
        places = tf.where(items >= 0, tf.gather(self._places, tf.maximum(items, 0)), count)
        rows = tf.repeat(tf.range(tf.shape(items)[0])[:, None], tf.shape(items)[1], axis=1)
        cells = tf.reshape(tf.stack([rows, places], axis=-1), [-1, 2])
        times = tf.scatter_nd(cells, tf.ones_like(cells[:, 0]), [tf.shape(items)[0], count + 1])
        return times[:, :count] > 0


class ScannServedModel(ServedModel):
    """Finds candidates by TFRS's ScaNN layer; whoever loads it must have imported ScaNN's operations."""

    def __init__(
        self,
        model: KerasRecommender,
        log: InteractionLog,
        *,
        leaves: int,
        leaves_to_search: int,
        reorder: int,
        dimensions_per_block: int,
        **rules: Any,
    ) -> None:
        """Builds the index; the other arguments are of `ServedModel`, those of ScaNN as in `IndexConfig`."""
        super().__init__(model, log, **rules)
        vectors = self.vectors.numpy()
        # A dimension in which all items agree, such as no bias, orders nothing and would be quantized.
        varies = (vectors != vectors[0]).any(axis=0)
        varies[0] |= not varies.any()
        self._varies = _constant(np.flatnonzero(varies))
        self._constants = tf.constant(np.where(varies, 0, vectors[0]).astype(np.float32))
        index = tfrs.layers.factorized_top_k.ScaNN(
            k=self.k,
            num_leaves=leaves,
            num_leaves_to_search=leaves_to_search,
            dimensions_per_block=dimensions_per_block,
            num_reordering_candidates=reorder,
        )
        index.index(tf.constant(vectors[:, varies]))
        self.searcher = index._serialized_searcher
        self._index = _untracked(index)

    def _best(self, queries: Any, items: Any) -> tuple[Any, Any]:
        count = len(self.catalogue)
        more = tf.shape(items)[1] if self._mask_seen else 0
        scores, places = self._index()(
            tf.gather(queries, self._varies, axis=1), k=tf.minimum(self.k + more, count)
        )
        scores += tf.linalg.matvec(queries, self._constants)[:, None]
        nothing = tf.math.is_nan(scores)
        places = tf.where(nothing, 0, places)
        if self._mask_seen:
            theirs = tf.where(items >= 0, tf.gather(self._places, tf.maximum(items, 0)), -1)
            nothing |= tf.reduce_any(places[:, :, None] == theirs[:, None, :], axis=2)
        best = tf.math.top_k(tf.where(nothing, -np.inf, scores), self.k)
        return tf.gather(places, best.indices, batch_dims=1), best.values


def _table(ids: NDArray[Any]) -> Any:
    """Returns a lookup from raw ids to their numbers, −1 for others and for the empty id."""
    keys = tf.constant([str(one) for one in ids])
    numbers = tf.range(len(ids), dtype=tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, numbers), -1)


def _constant(values: NDArray[Any]) -> Any:
    return tf.constant(values.astype(np.float32 if values.dtype.kind == "f" else np.int32))


def _untracked(layer: Any) -> Any:
    """Wraps a Keras layer so that the module does not save it as one."""
    return lambda: layer
