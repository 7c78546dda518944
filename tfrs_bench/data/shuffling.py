"""The same events in an order that means nothing, to see what their order was worth.

Each user's items, with their ratings, are dealt out anew over that user's moments; the moments stay. The
order of two events depends on the seed, the raw ids and nothing else, so it is the same in a training log
and in a history, and that of the rows before the validation part is not changed by those that follow.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries


def shuffle_log(log: InteractionLog, seed: int) -> InteractionLog:
    """Returns a log in which every user has the same items, in an order by chance, at the same moments.

    Args:
      log: sorted by user.
      seed: of the order.
    """
    order = _order(log.users, log.user_ids.keys[log.users], log.items, log.item_ids.keys, seed)
    return dataclasses.replace(
        log,
        items=log.items[order],
        ratings=None if log.ratings is None else log.ratings[order],
        positives=log.positives[order],
    )


def shuffle_histories(queries: Queries, item_keys: NDArray[np.uint64], seed: int) -> Queries:
    """Returns queries whose histories hold the same items, in the order that `shuffle_log` gives them.

    Args:
      queries: n queries.
      item_keys: [num_items] uint64 hash of each item's raw id.
      seed: of the order.
    """
    before = queries.histories
    order = _order(before.rows, queries.keys[before.rows], before.items, item_keys, seed)
    histories = dataclasses.replace(
        before,
        items=before.items[order],
        ratings=None if before.ratings is None else before.ratings[order],
        positives=before.positives[order],
    )
    return dataclasses.replace(queries, histories=histories)


def _order(
    owners: NDArray[np.integer],
    owner_keys: NDArray[np.uint64],
    items: NDArray[np.int32],
    item_keys: NDArray[np.uint64],
    seed: int,
) -> NDArray[np.int64]:
    """Returns [r] rows in their new order, each owner's among themselves; owners [r] are ascending."""
    start = np.uint64(np.random.default_rng(seed).integers(2**63))
    chance = _mixed(_mixed(owner_keys ^ start) ^ item_keys[items])
    # Without it, an item that comes back would have all its rows side by side.
    chance = _mixed(chance ^ _times_before(owners, items).astype(np.uint64))
    return np.asarray(np.lexsort((chance, owners)), dtype=np.int64)


def _times_before(owners: NDArray[np.integer], items: NDArray[np.int32]) -> NDArray[np.int64]:
    """Returns [r] how many earlier rows have the same owner and item."""
    order = np.lexsort((items, owners))
    same = (np.diff(owners[order]) == 0) & (np.diff(items[order]) == 0)
    places = np.arange(len(order))
    first = np.maximum.accumulate(np.where(np.append(False, same)[: len(order)], 0, places))
    times = np.empty(len(order), dtype=np.int64)
    times[order] = places - first
    return times


def _mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scrambles [r] integers one to one, so that near ones land far apart.

    Source: Steele, Lea and Flood 2014, SplitMix64.
    """
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
