"""Queries: who asks, and what is known of them at that moment."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclasses.dataclass(frozen=True)
class Histories:
    """The events of n users before their query, oldest first, flat.

    Attributes:
      items: [h] int32.
      timestamps: [h] int64 seconds.
      ratings: [h] float32, or None on implicit data.
      positives: [h] bool.
      offsets: [n + 1] int64; query q's events are `offsets[q]:offsets[q + 1]`.
    """

    items: NDArray[np.int32]
    timestamps: NDArray[np.int64]
    ratings: NDArray[np.float32] | None
    positives: NDArray[np.bool_]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def rows(self) -> NDArray[np.int64]:
        """[h] int64, the query each event belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def take(self, queries: NDArray[np.int64]) -> Histories:
        """Returns the histories of the queries at the given [k] positions."""
        starts, lengths = self.offsets[queries], np.diff(self.offsets)[queries]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        flat = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Histories(
            items=self.items[flat],
            timestamps=self.timestamps[flat],
            ratings=None if self.ratings is None else self.ratings[flat],
            positives=self.positives[flat],
            offsets=offsets,
        )

    @staticmethod
    def joined(parts: Sequence[Histories]) -> Histories:
        """Returns the histories of several, one after the other."""
        lengths = np.concatenate([np.diff(one.offsets) for one in parts])
        ratings = [one.ratings for one in parts if one.ratings is not None]
        return Histories(
            items=np.concatenate([one.items for one in parts]),
            timestamps=np.concatenate([one.timestamps for one in parts]),
            ratings=np.concatenate(ratings) if ratings else None,
            positives=np.concatenate([one.positives for one in parts]),
            offsets=np.concatenate([[0], np.cumsum(lengths)]),
        )

    def window(self, length: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The last events of every query, most recent first.

        Args:
          length: L, how many events.

        Returns:
          items [n, L] int32, −1 where the history is shorter, and the [n, L] int64 positions of the same
          events in the flat columns (0 where padded).
        """
        flat = self.offsets[1:, None] - 1 - np.arange(length)
        inside = flat >= self.offsets[:-1, None]
        flat = np.where(inside, flat, 0)
        items = self.items[flat] if len(self.items) else np.zeros(flat.shape, np.int32)
        return np.where(inside, items, -1).astype(np.int32), flat

    def positive_matrix(self, num_items: int) -> csr_matrix:
        """Returns the [n, num_items] binary float32 matrix of positive events."""
        return _binary(self.rows[self.positives], self.items[self.positives], (len(self), num_items))


@dataclasses.dataclass(frozen=True)
class Queries:
    """n users at the moment they are asked for.

    Attributes:
      users: [n] int32 dense user index, −1 for a user who is not in training.
      keys: [n] uint64 hash of the raw user id; breaks ties among equal scores.
      histories: everything the user did before.
      times: [n] int64 seconds, the moment of the query, or None.
      profiles: [n, f] float32 profile features, or None.
    """

    users: NDArray[np.int32]
    keys: NDArray[np.uint64]
    histories: Histories
    times: NDArray[np.int64] | None = None
    profiles: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.users)

    def take(self, positions: NDArray[np.int64] | slice) -> Queries:
        """Returns the queries at the given positions."""
        if isinstance(positions, slice):
            positions = np.arange(len(self))[positions]
        return Queries(
            users=self.users[positions],
            keys=self.keys[positions],
            histories=self.histories.take(positions),
            times=None if self.times is None else self.times[positions],
            profiles=None if self.profiles is None else self.profiles[positions],
        )

    @staticmethod
    def joined(parts: Sequence[Queries]) -> Queries:
        """Returns the queries of several, one after the other; all or none have times, and profiles."""
        times = [one.times for one in parts if one.times is not None]
        profiles = [one.profiles for one in parts if one.profiles is not None]
        return Queries(
            users=np.concatenate([one.users for one in parts]),
            keys=np.concatenate([one.keys for one in parts]),
            histories=Histories.joined([one.histories for one in parts]),
            times=np.concatenate(times) if times else None,
            profiles=np.concatenate(profiles) if profiles else None,
        )


def queries_at_end(
    known: InteractionLog,
    users: NDArray[np.int32],
    in_training: NDArray[np.bool_],
    times: NDArray[np.int64] | None = None,
) -> Queries:
    """Asks for users after the last row that is known of each.

    Args:
      known: every row before the queries' moment, of all users, cold ones included.
      users: [n] int32 dense indices of the users to ask for.
      in_training: [num_users] bool, the users whose rows a model is fitted on.
      times: [n] int64 moment of each query, or None.

    Returns:
      n queries whose histories are the users' rows of `known`.
    """
    everyone = Histories(known.items, known.timestamps, known.ratings, known.positives, known.user_offsets)
    profiles = known.user_features
    return Queries(
        users=np.where(in_training[users], users, -1).astype(np.int32),
        keys=known.user_ids.keys[users],
        histories=everyone.take(users.astype(np.int64)),
        times=times,
        profiles=None if profiles is None else profiles.values[users],
    )


def everybody(known: InteractionLog) -> Queries:
    """Asks for every user after the last of their rows, all of them known to the model."""
    users = np.arange(known.num_users, dtype=np.int32)
    return queries_at_end(known, users, np.ones(len(users), bool))


def positive_matrix(log: InteractionLog) -> csr_matrix:
    """Returns the [num_users, num_items] binary float32 matrix of a log's positive rows."""
    return _binary(log.users[log.positives], log.items[log.positives], (log.num_users, log.num_items))


def _binary(rows: NDArray[np.integer], columns: NDArray[np.integer], shape: tuple[int, int]) -> csr_matrix:
    from scipy.sparse import csr_matrix

    matrix = csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix
