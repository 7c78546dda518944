"""The tf.data input pipeline: permuted indices, whole batches gathered, no Python in the loop.

`from_tensor_slices(rows).shuffle(n).batch(b)` moves every example by itself. Here an epoch is one permutation
of example numbers, cut into batches; each batch gathers its users, histories and targets at once from the
columns of the log, so a history is never copied before it is needed.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.negatives import PADDING, NegativeOptions, NegativeSampler
from tfrs_bench.data.rated_examples import RatedExamples
from tfrs_bench.data.recency import recency_weights
from tfrs_bench.runtime import import_tensorflow

UNKNOWN_USER = -1
_RATED = 1 << 40  # numbers of batches of ratings, so that they draw apart from the others


@dataclasses.dataclass(frozen=True)
class BatchOptions:
    """How examples become batches.

    Attributes:
      batch_size: b; a log with fewer examples shrinks it.
      history_length: L, rows of context an example carries.
      horizon: `next` takes the example's own row as target; `future` draws from the user's positive rows
        from there on ("all-action"; Pancha et al. 2022, PinnerFormer, section 3.3); `any` draws from all of
        the user's positive rows and takes what was drawn out of the history, as a denoising autoencoder does
        (Wu et al. 2016, CDAE; Liang et al. 2018, Mult-DAE).
      horizon_items: `future` draws from this many positive rows at most; None from all of them.
      num_targets: T, targets drawn with replacement for one history; 1 with `next`. An epoch has as many
        targets as there are examples, so T times fewer histories are gathered and encoded.
      half_life_days: weighs examples by `recency_weights`; None weighs all alike.
      user_balance: weighs an example of a user with n of them by n^−user_balance: 0 weighs examples alike, 1
        users. With weights, an epoch's examples are drawn with replacement, without each comes once.
      user_dropout: share of examples whose user is hidden, so that the vector of unknown users is learned.
      history_dropout: share of history rows left out.
      negatives: how items are drawn that each example is set against; None draws none.
      seed: of shuffling, drawing and dropping.
    """

    batch_size: int
    history_length: int
    horizon: str = "next"
    horizon_items: int | None = None
    num_targets: int = 1
    half_life_days: float | None = None
    user_balance: float = 0.0
    user_dropout: float = 0.0
    history_dropout: float = 0.0
    negatives: NegativeOptions | None = None
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Examples:
    """Training examples of a log: one per positive row, its context the user's rows before it.

    Attributes:
      rows: [e] int64 positions of the positive rows, ascending, so a user's examples are neighbors.
      starts: [e] int64 first row of the example's user.
      firsts: [e] int64 the user's first example.
      ends: [e] int64 one past the user's last example; a later target is one of [own number, end).
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    firsts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


def training_examples(train: InteractionLog) -> Examples:
    """Returns one example per positive row of `train`."""
    rows = np.flatnonzero(train.positives)
    users = train.users[rows]
    return Examples(
        rows=rows,
        starts=train.user_offsets[users],
        firsts=np.searchsorted(users, users, side="left").astype(np.int64),
        ends=np.searchsorted(users, users, side="right").astype(np.int64),
    )


def steps_per_epoch(num_examples: int, batch_size: int, num_targets: int = 1) -> int:
    """Returns how many whole batches an epoch has; at least one, as a small log shrinks the batch."""
    return max(num_examples // (batch_size * num_targets), 1)


def training_dataset(
    train: InteractionLog,
    rating_levels: NDArray[np.int32],
    options: BatchOptions,
    epochs: range,
    rated: RatedExamples | None = None,
) -> Any:
    """A `tf.data.Dataset` of training batches, epoch after epoch.

    Everything random derives from (seed, epoch, batch), so a run that starts at a later epoch sees the
    batches it would have seen. The last, incomplete batch of an epoch is left out; every epoch leaves out
    other examples.

    Args:
      train: the rows to learn from, at least one of them positive.
      rating_levels: [r] int32, the level of each row's rating, from 0.
      options: sizes and randomness.
      epochs: the epochs to go through, numbered from 0.
      rated: ratings to go along, every row once an epoch, spread over its batches.

    Returns:
      A dataset of `steps_per_epoch` batches per epoch; each is a dictionary of `users` [b] int32
      (`UNKNOWN_USER` where hidden), `history_items` [b, L] int32 (most recent first, `PADDING` where there
      is none), `history_levels` [b, L] int32, `targets` [b, T] int32, `profiles` [b, f] float32 if the
      log has any, and `negatives` [b, K] int32 if any are drawn, `PADDING` where none was found. With `rated`
      a batch holds another dictionary of that name: users, histories and profiles of c rows, and their
      `items` [c] int32, `ratings` [c] and `biases` [c, 2].
    """
    tf, _ = import_tensorflow()
    gather = _BatchGatherer(train, rating_levels, options, rated)

    def one_epoch(epoch: Any) -> Any:
        seed = [tf.constant(options.seed * 4 + 3, tf.int64), epoch]
        batches = tf.reshape(gather.draw_examples(seed), [gather.steps, gather.batch_size])
        if rated is not None:
            batches = batches, gather.draw_rated([seed[0], epoch + _RATED])
        numbered = tf.data.Dataset.from_tensor_slices(batches).enumerate(epoch * gather.steps)
        return numbered.map(gather, num_parallel_calls=tf.data.AUTOTUNE)

    return tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(one_epoch).prefetch(4)


class _BatchGatherer:
    """Gathers one batch from the log's columns, held as tensors."""

    def __init__(
        self,
        train: InteractionLog,
        rating_levels: NDArray[np.int32],
        options: BatchOptions,
        rated: RatedExamples | None = None,
    ) -> None:
        tf, _ = import_tensorflow()
        examples = training_examples(train)
        self.options = options
        self.num_examples = len(examples)
        self.batch_size = min(options.batch_size, self.num_examples)
        self.steps = steps_per_epoch(self.num_examples, self.batch_size, options.num_targets)
        self._rows, self._starts = tf.constant(examples.rows), tf.constant(examples.starts)
        self._firsts, self._ends = tf.constant(examples.firsts), tf.constant(examples.ends)
        self._users, self._items, self._levels = map(tf.constant, (train.users, train.items, rating_levels))
        self._cumulative = None
        if options.half_life_days is not None or options.user_balance:
            weights = recency_weights(train, options.half_life_days)[examples.rows]
            weights *= (examples.ends - examples.firsts) ** -options.user_balance
            self._cumulative = tf.constant(np.cumsum(weights / weights.sum()))
        table = train.user_features
        self._profiles = None if table is None else tf.constant(table.values)
        self._negatives = None
        if options.negatives is not None:
            self._negatives = NegativeSampler(train, options.negatives, options.seed)
        self._rated = rated
        if rated is not None:
            self._ratings, self._biases = tf.constant(rated.ratings), tf.constant(rated.biases)
            self._user_starts = tf.constant(train.user_offsets[:-1].astype(np.int64))

    def __call__(self, batch_number: Any, chosen: Any) -> dict[str, Any]:
        tf, _ = import_tensorflow()
        if self._rated is not None:
            chosen, rated = chosen
        row, start = tf.gather(self._rows, chosen), tf.gather(self._starts, chosen)
        targets = tf.gather(self._items, self._target_rows(batch_number, chosen))
        batch = self._context(batch_number, row, start, targets) | {"targets": targets}
        if self._negatives is not None:
            batch["negatives"] = self._negatives(tf.gather(self._users, row), batch_number)
        if self._rated is not None:
            batch["rated"] = self._rated_rows(batch_number + _RATED, rated)
        return batch

    def _rated_rows(self, batch_number: Any, rows: Any) -> dict[str, Any]:
        tf, _ = import_tensorflow()
        starts = tf.gather(self._user_starts, tf.gather(self._users, rows))
        columns = {"items": self._items, "ratings": self._ratings, "biases": self._biases}
        known: dict[str, Any] = {name: tf.gather(column, rows) for name, column in columns.items()}
        return self._context(batch_number, rows, starts) | known

    def _context(self, batch_number: Any, row: Any, start: Any, targets: Any = None) -> dict[str, Any]:
        """Returns users, histories and profiles at rows [b] whose users' rows begin at `start` [b]."""
        tf, _ = import_tensorflow()
        users = tf.gather(self._users, row)
        before = row[:, None] - 1 - tf.range(self.options.history_length, dtype=tf.int64)
        inside = before >= start[:, None]
        before = tf.where(inside, before, 0)
        items = tf.gather(self._items, before)
        kept = inside & self._keep(batch_number, 1, self.options.history_dropout, tf.shape(inside))
        if self.options.horizon == "any" and targets is not None:
            kept &= tf.reduce_all(items[:, :, None] != targets[:, None, :], axis=2)
        known = self._keep(batch_number, 2, self.options.user_dropout, tf.shape(users))
        batch = {
            "users": tf.where(known, users, UNKNOWN_USER),
            "history_items": tf.where(kept, items, PADDING),
            "history_levels": tf.where(kept, tf.gather(self._levels, before), 0),
        }
        if self._profiles is not None:
            batch["profiles"] = tf.gather(self._profiles, users)
        return batch

    def draw_examples(self, seed: list[Any]) -> Any:
        """Returns [steps · b] int64 example numbers of an epoch: a permutation's start, or weighted draws."""
        tf, _ = import_tensorflow()
        count = self.steps * self.batch_size
        if self._cumulative is None:
            examples = tf.range(self.num_examples, dtype=tf.int64)
            return tf.random.experimental.stateless_shuffle(examples, seed=seed)[:count]
        place = tf.random.stateless_uniform([count], seed, dtype=tf.float64) * self._cumulative[-1]
        return tf.searchsorted(self._cumulative, place, side="right", out_type=tf.int64)

    def draw_rated(self, seed: list[Any]) -> Any:
        """Returns [steps, c] int64 rows of an epoch, a permutation's start; any rows where they are few."""
        tf, _ = import_tensorflow()
        assert self._rated is not None
        size = max(len(self._rated) // self.steps, 1)
        rows = tf.range(max(len(self._rated), self.steps), dtype=tf.int64) % len(self._rated)
        rows = tf.random.experimental.stateless_shuffle(rows, seed=seed)
        return tf.reshape(rows[: self.steps * size], [self.steps, size])

    def _target_rows(self, batch_number: Any, chosen: Any) -> Any:
        """Returns [b, T] positions of the targets' rows."""
        tf, _ = import_tensorflow()
        if self.options.horizon == "next":
            return tf.gather(self._rows, chosen)[:, None]
        start = tf.gather(self._firsts, chosen) if self.options.horizon == "any" else chosen
        choice = tf.gather(self._ends, chosen) - start
        if self.options.horizon_items is not None:
            choice = tf.minimum(choice, self.options.horizon_items)
        draw = self._uniform(batch_number, 0, [tf.size(chosen), self.options.num_targets], tf.float64)
        ahead = tf.cast(draw * tf.cast(choice[:, None], tf.float64), tf.int64)
        return tf.gather(self._rows, start[:, None] + ahead)

    def _keep(self, batch_number: Any, stream: int, dropout: float, shape: Any) -> Any:
        tf, _ = import_tensorflow()
        if dropout == 0.0:
            return True
        return self._uniform(batch_number, stream, shape, tf.float32) >= dropout

    def _uniform(self, batch_number: Any, stream: int, shape: Any, dtype: Any) -> Any:
        tf, _ = import_tensorflow()
        # Streams are kept apart in the seed's first word (shuffling is the fourth), batches in its second.
        seed = [tf.constant(self.options.seed * 4 + stream, tf.int64), batch_number]
        return tf.random.stateless_uniform(shape, seed, dtype=dtype)
