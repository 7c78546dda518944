"""Newcomers: users held out entirely, and asked after each of their first interactions.

What a model gives a user it has never seen depends on how much that user has told. So a share of users
enters no fit, and each of them is asked five times: after their first 0, 1, 2, 3 and 4 rows. Relevant at
every level is the same, what lies from the fifth row on, so that levels differ in nothing but what is known.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.data.relevance import EvaluationSet
from tfrs_bench.data.split import TEST, TRAIN, UNUSED, TemporalSplit
from tfrs_bench.data.user_share import hashed_share
from tfrs_bench.errors import UserError

LEVELS = 5
_MOST_ROWS = LEVELS - 1  # the rows that the last level knows


def hold_out(split: TemporalSplit, fraction: float, seed: int) -> TemporalSplit:
    """Turns a share of a split's users into newcomers, who alone are tested.

    Who is chosen depends on raw ids and the seed, not on how users are numbered.

    Args:
      split: any split of a log with an order.
      fraction: share of users to hold out.
      seed: of the choice.

    Returns:
      A split in which newcomers are cold, their rows from the fifth on are test, and the others' test rows
      are `UNUSED`.

    Raises:
      UserError: the log has no order, nobody is left to train on, or no newcomer has five rows.
    """
    log = split.log
    if log.clock == "none":
        raise UserError(
            "--cold_start_fraction asks after a user's first rows, and this log has no order. Drop it."
        )
    chosen = hashed_share(log.user_ids.keys, fraction, seed)
    rows = chosen[log.users]
    parts = np.where(split.parts == TEST, np.int8(UNUSED), split.parts)
    parts[rows] = np.where(_own_rows(log)[rows] < _MOST_ROWS, TRAIN, TEST)
    held = dataclasses.replace(split, parts=parts, cold=split.cold | chosen)
    if not (parts == TEST).any():
        raise UserError(
            f"--cold_start_fraction={fraction:g} holds out {int(chosen.sum())} users, none with {LEVELS} "
            "rows. Use a larger share."
        )
    if held.cold.all():
        raise UserError(f"--cold_start_fraction={fraction:g} leaves nobody to train on. Use a smaller share.")
    return held


def ask_at_every_level(split: TemporalSplit, asked: EvaluationSet) -> EvaluationSet:
    """Asks every newcomer with a relevant item once per level.

    Args:
      split: as `hold_out` returns it.
      asked: the newcomers' evaluation set, asked after their first four rows, whose items are not relevant.

    Returns:
      `LEVELS` · n queries, level by level, users in the same order in each, with `known` set.
    """
    log, chosen = split.log, np.flatnonzero(asked.num_relevant > 0)
    users, own_rows = asked.users[chosen], _own_rows(log)
    levels = [
        queries_at_end(log.select(own_rows < level), users, split.trained_on, _moments(log, users, level))
        for level in range(LEVELS)
    ]
    sizes = np.tile(asked.num_relevant[chosen], LEVELS)
    return dataclasses.replace(
        asked,
        queries=Queries.joined(levels),
        users=np.tile(users, LEVELS),
        cold=np.tile(asked.cold[chosen], LEVELS),
        relevant_items=np.tile(asked.relevant_items, LEVELS),
        relevant_offsets=np.concatenate([[0], np.cumsum(sizes)]),
        known=np.repeat(np.arange(LEVELS, dtype=np.int8), len(users)),
    )


def _own_rows(log: InteractionLog) -> NDArray[np.int64]:
    """Returns [r] int64, how many rows of its user come before each row."""
    return np.arange(len(log)) - log.user_offsets[log.users]


def _moments(log: InteractionLog, users: NDArray[np.int32], level: int) -> NDArray[np.int64] | None:
    return log.timestamps[log.user_offsets[users] + level] if log.clock == "time" else None
