"""Evaluation sets: whom to ask, what they may be shown, and what would have been right."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.data.split import TEST, VALIDATION, TemporalSplit
from tfrs_bench.errors import UserError

REPEATED = "repeated in the part"
RATED_LOW = "rated below the threshold"
OUTSIDE = "not in the catalogue"
SEEN = "already in the history"


@dataclasses.dataclass(frozen=True)
class EvaluationSet:
    """The questions of one part of a split and their answers.

    Attributes:
      queries: every user with rows in the part, asked once.
      users: [n] int32 the log's index of each query's user, cold or not.
      cold: [n] bool.
      relevant_items: [t] int32 flat, distinct within a query.
      relevant_offsets: [n + 1] int64; may leave a query with none.
      candidates: [num_items] bool, the catalogue.
      mask_seen: whether items of the history are left out of lists and of `relevant_items`.
      dropped: rows of these users in the part that are not relevant items, by the first reason that
        applies: `REPEATED`, `RATED_LOW`, `OUTSIDE`, `SEEN`.
      known: [n] int8 interactions that a newcomer's query knows of, see `data.newcomers`; else None.
    """

    queries: Queries
    users: NDArray[np.int32]
    cold: NDArray[np.bool_]
    relevant_items: NDArray[np.int32]
    relevant_offsets: NDArray[np.int64]
    candidates: NDArray[np.bool_]
    mask_seen: bool
    dropped: dict[str, int]
    known: NDArray[np.int8] | None = None

    def __len__(self) -> int:
        return len(self.users)

    @property
    def num_relevant(self) -> NDArray[np.int64]:
        """[n] int64."""
        return np.diff(self.relevant_offsets)


def evaluation_set(
    split: TemporalSplit,
    part: int,
    *,
    relevance_threshold: float,
    mask_seen: bool = True,
    candidates: NDArray[np.bool_] | None = None,
) -> EvaluationSet:
    """Builds the questions of one part and their answers.

    An item is relevant if the user's latest row of it in the part is rated high enough, it is in the
    catalogue and, with `mask_seen`, it is not in the history. Rows that are not relevant are counted under
    the first of `dropped`'s reasons that applies.

    Args:
      split: the split.
      part: `VALIDATION`, which asks for users who are trained on only, or `TEST`, which asks for all.
      relevance_threshold: the lowest rating that is relevant; ignored on implicit data.
      mask_seen: items of the history are neither shown nor relevant.
      candidates: [num_items] bool, replaces the catalogue; by default the items of the regular users' rows
        before the part. The model under evaluation is fitted on these, but for users who are left out.

    Returns:
      One query for every user with rows in the part, by ascending user, some perhaps without an answer.

    Raises:
      UserError: no row of the part is relevant.
      ValueError: `part` is neither validation nor test.
    """
    if part not in {VALIDATION, TEST}:
        raise ValueError(f"only validation and test are evaluated. Received: part = {part}.")
    log, known = split.log, split.known_log(part)
    asked = split.parts == part
    if part == VALIDATION:
        asked &= split.trained_on[log.users]
    rows = np.flatnonzero(asked)
    users, first = np.unique(log.users[rows], return_index=True)
    if candidates is None:
        candidates = _items(log, split.regular_rows(refit=part == TEST))
    history = _pairs(known, slice(None)) if mask_seen else np.zeros(0, dtype=np.int64)
    relevant, dropped = _relevant(log, rows, history, relevance_threshold, candidates)
    if not len(relevant):
        raise UserError(_nothing_relevant(split.strategy, part, dropped, relevance_threshold))
    return EvaluationSet(
        queries=queries_at_end(known, users, split.trained_on, _times(split, part, rows[first])),
        users=users,
        cold=split.cold[users],
        relevant_items=log.items[relevant],
        relevant_offsets=np.append(np.searchsorted(log.users[relevant], users), len(relevant)),
        candidates=candidates,
        mask_seen=mask_seen,
        dropped=dropped,
    )


def _items(log: InteractionLog, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    present = np.zeros(log.num_items, dtype=bool)
    present[log.items[rows]] = True
    return present


def _times(split: TemporalSplit, part: int, first_rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
    if split.log.clock != "time":
        return None
    if split.moments is not None:
        return np.full(len(first_rows), split.moments[part - VALIDATION], dtype=np.int64)
    return split.log.timestamps[first_rows]


def _relevant(
    log: InteractionLog,
    rows: NDArray[np.int64],
    history: NDArray[np.int64],
    threshold: float,
    candidates: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], dict[str, int]]:
    pairs = _pairs(log, rows)
    failures = {
        REPEATED: ~_is_last(pairs),
        RATED_LOW: np.zeros(len(rows), dtype=bool) if log.ratings is None else log.ratings[rows] < threshold,
        OUTSIDE: ~candidates[log.items[rows]],
        SEEN: _are_in(pairs, history),
    }
    kept, dropped = np.ones(len(rows), dtype=bool), {}
    for reason, fails in failures.items():
        dropped[reason] = int((kept & fails).sum())
        kept &= ~fails
    return rows[kept], dropped


def _pairs(log: InteractionLog, rows: NDArray[np.int64] | slice) -> NDArray[np.int64]:
    pairs = log.users[rows].astype(np.int64)
    pairs *= log.num_items
    pairs += log.items[rows]
    return pairs


def _is_last(pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    from_end = np.unique(pairs[::-1], return_index=True)[1]
    last = np.zeros(len(pairs), dtype=bool)
    last[len(pairs) - 1 - from_end] = True
    return last


def _are_in(pairs: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.bool_]:
    # Looks the many known pairs up among the few of the part: `np.isin` would sort them all.
    wanted, back = np.unique(pairs, return_inverse=True)
    place = np.searchsorted(wanted, known)
    hit = np.append(wanted, -1)[place] == known
    found = np.zeros(len(wanted), dtype=bool)
    found[place[hit]] = True
    return found[back]


def _nothing_relevant(strategy: str, part: int, dropped: dict[str, int], threshold: float) -> str:
    name = "validation" if part == VALIDATION else "test"
    # Never because of repetition: of a repeated item the latest row is left, and fails for another reason.
    reason = max((RATED_LOW, OUTSIDE, SEEN), key=lambda one: dropped[one])
    flag = {
        RATED_LOW: f"Lower --relevance_threshold={threshold:g}, or type --rating_column=none if these are no"
        " judgments.",
        OUTSIDE: "Use data in which items have several users"
        + ("" if strategy == "per_user" else ", or --split=per_user")
        + ", or a candidates file that holds the items of this part.",
        SEEN: "If people come back to the same items, use --mask_seen=false.",
    }[reason]
    counts = ", ".join(f"{count:,} {why}" for why, count in dropped.items() if count)
    return f"No {name} row is relevant, so nothing can be measured: {counts}. {flag}"
