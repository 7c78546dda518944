"""The interaction log: who did what, when, how much they liked it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Clock = Literal["time", "file", "none"]


class Vocabulary:
    """Raw ids and their dense indices, in order of first appearance.

    Attributes:
      ids: [size] str objects, the raw id of each index.
    """

    def __init__(self, ids: Sequence[str] | NDArray[Any]) -> None:
        """Takes the distinct raw ids in index order."""
        self.ids = np.asarray(ids, dtype=object)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """[size] uint64, a hash of each raw id: the same on every machine and for every order of ids."""
        return np.fromiter((raw_key(one) for one in self.ids), dtype=np.uint64, count=len(self.ids))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {raw: index for index, raw in enumerate(self.ids)}

    def index(self, raw_ids: Sequence[str] | NDArray[Any]) -> NDArray[np.int32]:
        """Returns the [n] int32 index of each raw id, −1 where it is unknown."""
        get = self._index.get
        return np.fromiter((get(str(raw), -1) for raw in raw_ids), dtype=np.int32, count=len(raw_ids))


def raw_key(raw_id: str) -> int:
    """Returns a 64-bit hash of a raw id that does not depend on machine, process or order."""
    return int.from_bytes(hashlib.blake2b(raw_id.encode(), digest_size=8).digest(), "little")


@dataclasses.dataclass(frozen=True)
class FeatureTable:
    """Side features of users or items, one row per dense index; categories are multi-hot.

    Attributes:
      names: [f] what each column means, such as `genre=Comedy`.
      values: [rows, f] float32, finite.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class InteractionLog:
    """A validated log, its rows sorted by (user, timestamp, source row).

    Attributes:
      users: [r] int32 dense user index of each row.
      items: [r] int32 dense item index.
      timestamps: [r] int64 seconds since 1970 UTC; with clock "file" or "none", the source row number.
      ratings: [r] float32, or None on implicit data.
      positives: [r] bool, the rows that models of positives learn from (see `with_positives`).
      user_offsets: [num_users + 1] int64; user u's rows are `user_offsets[u]:user_offsets[u + 1]`.
      user_ids: raw user ids.
      item_ids: raw item ids.
      clock: "time" (real moments), "file" (a user's rows are in order, moments unknown) or "none".
      parts: [r] int8 part given by the files of a predefined split (see `data.split`), else None.
      item_titles: [num_items] str objects, or None.
      item_features: content of items, or None.
      user_features: profiles of users, or None.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    timestamps: NDArray[np.int64]
    ratings: NDArray[np.float32] | None
    positives: NDArray[np.bool_]
    user_offsets: NDArray[np.int64]
    user_ids: Vocabulary
    item_ids: Vocabulary
    clock: Clock = "time"
    parts: NDArray[np.int8] | None = None
    item_titles: NDArray[Any] | None = None
    item_features: FeatureTable | None = None
    user_features: FeatureTable | None = None

    def __post_init__(self) -> None:
        """Checks the invariants every other module relies on."""
        rows = len(self.users)
        same_length = (self.items, self.timestamps, self.positives, self.ratings, self.parts)
        if any(len(column) != rows for column in same_length if column is not None):
            raise ValueError("every column of a log needs as many rows as `users`")
        if len(self.user_offsets) != self.num_users + 1 or self.user_offsets[-1] != rows:
            raise ValueError("`user_offsets` must have num_users + 1 entries and end at the number of rows")
        if self.ratings is not None and not np.isfinite(self.ratings).all():
            raise ValueError("ratings must be finite")

    def __len__(self) -> int:
        return len(self.users)

    @property
    def num_users(self) -> int:
        """Users in the vocabulary, whether or not they have rows here."""
        return len(self.user_ids)

    @property
    def num_items(self) -> int:
        """Items in the vocabulary, whether or not they have rows here."""
        return len(self.item_ids)

    @cached_property
    def rows_per_user(self) -> NDArray[np.int64]:
        """[num_users] int64, how many rows each user has."""
        return np.diff(self.user_offsets)

    @cached_property
    def catalogue(self) -> NDArray[np.bool_]:
        """[num_items] bool, the items that have a row here, whatever its rating."""
        present = np.zeros(self.num_items, dtype=bool)
        present[self.items] = True
        return present

    @cached_property
    def fingerprint(self) -> str:
        """A short hash of every value that can change a result."""
        digest = hashlib.blake2b(self.clock.encode(), digest_size=8)
        columns = [self.users, self.items, self.timestamps, self.ratings, self.positives, self.parts]
        columns += [self.user_ids.keys, self.item_ids.keys]
        tables = (self.item_features, self.user_features)
        columns += [None if table is None else table.values for table in tables]
        for column in columns:
            digest.update(b"none" if column is None else np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()

    def select(self, rows: NDArray[np.bool_]) -> InteractionLog:
        """Returns the log of the rows where `rows` [r] bool is true, over the same vocabularies."""
        counts = np.bincount(self.users[rows], minlength=self.num_users)
        return dataclasses.replace(
            self,
            users=self.users[rows],
            items=self.items[rows],
            timestamps=self.timestamps[rows],
            ratings=None if self.ratings is None else self.ratings[rows],
            positives=self.positives[rows],
            parts=None if self.parts is None else self.parts[rows],
            user_offsets=np.concatenate([[0], np.cumsum(counts)]),
        )

    def with_positives(self, threshold: float) -> InteractionLog:
        """Returns the log with the rows rated at least `threshold` as positives; all rows if unrated."""
        if self.ratings is None:
            return dataclasses.replace(self, positives=np.ones(len(self), dtype=bool))
        return dataclasses.replace(self, positives=self.ratings >= threshold)


def build_log(
    user_ids: NDArray[Any],
    item_ids: NDArray[Any],
    timestamps: NDArray[np.int64] | None = None,
    ratings: NDArray[np.float32] | None = None,
    *,
    clock: Clock = "time",
    parts: NDArray[np.int8] | None = None,
    user_names: NDArray[Any] | None = None,
    item_names: NDArray[Any] | None = None,
) -> InteractionLog:
    """Builds a log from raw columns in source order.

    Ids are numbered by first appearance; rows are sorted by (user, timestamp, source row) with a stable
    sort, because an unstable one can change which of two simultaneous rows is tested on.

    Args:
      user_ids: [r] raw user ids, any type whose `str` is the id.
      item_ids: [r] raw item ids.
      timestamps: [r] int64 seconds since 1970 UTC; None with clock "file" or "none".
      ratings: [r] float32, or None.
      clock: what the order of rows means.
      parts: [r] int8 parts of a predefined split, or None.
      user_names: [u] distinct raw ids; if given, `user_ids` are integer positions in it.
      item_names: [m] distinct raw ids; if given, `item_ids` are integer positions in it.

    Returns:
      A log whose every row is a positive until `with_positives` says otherwise.
    """
    import pandas as pd

    users, unique_users = pd.factorize(user_ids)
    items, unique_items = pd.factorize(item_ids)
    unique_users = unique_users if user_names is None else user_names[unique_users]
    unique_items = unique_items if item_names is None else item_names[unique_items]
    rows = np.arange(len(users), dtype=np.int64)
    times = rows if timestamps is None else np.asarray(timestamps, dtype=np.int64)
    order = _stable_order(users, times)
    counts = np.bincount(users, minlength=len(unique_users))
    return InteractionLog(
        users=users[order].astype(np.int32),
        items=items[order].astype(np.int32),
        timestamps=times[order],
        ratings=None if ratings is None else np.asarray(ratings, dtype=np.float32)[order],
        positives=np.ones(len(users), dtype=bool),
        user_offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        user_ids=Vocabulary([str(one) for one in unique_users]),
        item_ids=Vocabulary([str(one) for one in unique_items]),
        clock=clock,
        parts=None if parts is None else np.asarray(parts, dtype=np.int8)[order],
    )


def _stable_order(users: NDArray[np.integer], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns [r] the rows in order of (user, time, row): by one key if it fits, which is fast."""
    if not len(users):
        return np.zeros(0, dtype=np.int64)
    start, span = int(times.min()), int(times.max()) - int(times.min()) + 1
    if span * (int(users.max()) + 1) >= 2**63:
        return np.asarray(np.lexsort((times, users)), dtype=np.int64)
    return np.asarray(np.argsort(users * np.int64(span) + (times - start), kind="stable"), dtype=np.int64)
