"""Items that a user is not known to like, drawn inside tf.data: a batch at once, no Python in the loop."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.runtime import import_tensorflow

PADDING = -1
TRIES = 3  # a user with half of the catalogue then misses one negative in eight, and all others hardly any


@dataclasses.dataclass(frozen=True)
class NegativeOptions:
    """How negatives are drawn.

    Attributes:
      count: K, negatives of an example, drawn with replacement.
      sampling: `uniform` over the items that have training rows, or by `popularity`.
      exponent: of the number of an item's positive training rows, with `popularity`.
      reject_positives: draw again what is a positive of the user's own, at most `TRIES` times in all.
      among: [num_users, c] int32 items, `PADDING` after the last of each user: draws are alike among the
        user's own, whatever `sampling` says; None for all items.
    """

    count: int
    sampling: str = "uniform"
    exponent: float = 0.75
    reject_positives: bool = True
    among: NDArray[np.int32] | None = None


def negative_shares(train: InteractionLog, options: NegativeOptions) -> NDArray[np.float64]:
    """Returns [num_items] float64, the probability that a draw, for whichever user, is each item.

    Training rows alone decide: an item without any is never drawn.

    Source: Mikolov et al. 2013, section 2.2 (powers of counts).
    """
    if options.among is not None and (options.among != PADDING).any():
        weights = np.bincount(options.among[options.among != PADDING], minlength=train.num_items)
    elif options.sampling == "uniform":
        weights = train.catalogue.astype(np.float64)
    else:
        counts = np.bincount(train.items[train.positives], minlength=train.num_items)
        weights = np.where(counts > 0, np.maximum(counts, 1.0) ** options.exponent, 0.0)
    return np.asarray(weights / weights.sum())


def positive_keys(train: InteractionLog) -> NDArray[np.int64]:
    """Returns the sorted distinct `user * num_items + item` of a log's positive rows."""
    users, items = train.users[train.positives], train.items[train.positives]
    return np.unique(users.astype(np.int64) * train.num_items + items)


class NegativeSampler:
    """Draws the negatives of a batch; randomness derives from (seed, batch)."""

    def __init__(self, train: InteractionLog, options: NegativeOptions, seed: int) -> None:
        """Takes what is drawn from.

        Args:
          train: the rows to learn from, at least one of them positive.
          options: how many, and by which distribution.
          seed: of the draws.
        """
        tf, _ = import_tensorflow()
        self._options, self._seed, self._num_items = options, seed, train.num_items
        self._cumulative = tf.constant(np.cumsum(negative_shares(train, options)))
        self._among = None
        if options.among is not None:
            self._among = tf.constant(options.among)
            self._counts = tf.constant((options.among != PADDING).sum(axis=1))
        # An end that no key reaches, so that every lookup lands inside.
        self._keys = tf.constant(np.append(positive_keys(train), np.iinfo(np.int64).max))

    def __call__(self, users: Any, batch_number: Any) -> Any:
        """Draws for a batch.

        Args:
          users: [b] int32, known users.
          batch_number: int64 scalar.

        Returns:
          [b, K] int32 items, `PADDING` where every try was a positive of the user's.
        """
        tf, _ = import_tensorflow()
        shape = [tf.size(users), self._options.count]
        drawn = self._draw(users, shape, batch_number, 0)
        if not self._options.reject_positives:
            return drawn
        for attempt in range(1, TRIES):
            drawn = tf.where(
                self._is_positive(users, drawn), self._draw(users, shape, batch_number, attempt), drawn
            )
        return tf.where(self._is_positive(users, drawn), PADDING, drawn)

    def _draw(self, users: Any, shape: list[Any], batch_number: Any, attempt: int) -> Any:
        tf, _ = import_tensorflow()
        # Numbers below zero: those from zero on are the other streams of a batch.
        seed = [tf.constant(-1 - (self._seed * TRIES + attempt), tf.int64), batch_number]
        uniform = tf.random.stateless_uniform(shape, seed, dtype=tf.float64)
        if self._among is not None:
            own = tf.gather(self._counts, users)[:, None]
            column = tf.cast(uniform * tf.cast(own, tf.float64), tf.int32)
            return tf.gather(tf.gather(self._among, users), column, batch_dims=1)
        place = uniform * self._cumulative[-1]
        found = tf.searchsorted(self._cumulative, tf.reshape(place, [-1]), side="right", out_type=tf.int32)
        return tf.reshape(found, shape)

    def _is_positive(self, users: Any, items: Any) -> Any:
        """Looks every (user, item) up among the sorted keys; nothing of size users × items is made."""
        tf, _ = import_tensorflow()
        wanted = tf.cast(users, tf.int64)[:, None] * self._num_items + tf.cast(items, tf.int64)
        nearest = tf.gather(
            self._keys, tf.searchsorted(self._keys, tf.reshape(wanted, [-1]), out_type=tf.int64)
        )
        return tf.reshape(nearest, tf.shape(wanted)) == wanted
