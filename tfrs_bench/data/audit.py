"""The audit of a split: what each part holds, what is dropped, how much of the future leaks into training.

Leakage here is across users: even where no user's own rows step back in time, a model fitted on rows that
lie later than a test event knows what became popular after it. Only the global split has none.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.relevance import EvaluationSet
from tfrs_bench.data.split import TEST, TRAIN, VALIDATION, TemporalSplit, order_holds

_PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


@dataclasses.dataclass(frozen=True)
class Audit:
    """What a split is made of; plain numbers, so that a record can hold it.

    Attributes:
      strategy: one of `data.split.STRATEGIES`.
      rows: rows of each part, cold users' included.
      users: users with rows in each part.
      items: items with rows in each part.
      times: first and last moment of each part with rows, ISO 8601 UTC; None without real times.
      moments: the global split's two moments, ISO 8601 UTC; None for other splits.
      users_asked: users with test rows.
      cold_asked: how many of them are cold.
      cold_share: `cold_asked / users_asked`.
      users_without_relevant: users asked who have no relevant item, and so no metric.
      relevant: relevant items, summed over users.
      dropped: test rows that are not relevant items, by reason.
      order_holds: for every user, rows are in order of time and parts never step back.
      temporal: `order_holds`, and the order is one of time and not of chance.
      boundary_ties: neighbouring rows of a user in different parts with the same time, where only the
        order of the source decides which is tested on; None without real times.
      leaked_share: share of test rows for which the rows fitted on (train and validation, regular users)
        hold a later one of another user; None without real times.
      later_share: median over test rows of the share of the rows fitted on that lie later; None likewise.
    """

    strategy: str
    rows: dict[str, int]
    users: dict[str, int]
    items: dict[str, int]
    times: dict[str, tuple[str, str]] | None
    moments: tuple[str, str] | None
    users_asked: int
    cold_asked: int
    cold_share: float
    users_without_relevant: int
    relevant: int
    dropped: dict[str, int]
    order_holds: bool
    temporal: bool
    boundary_ties: int | None
    leaked_share: float | None
    later_share: float | None

    def lines(self) -> list[str]:
        """Returns the audit in a few lines for the terminal."""
        lines = [f"{self.strategy}: {'temporal' if self.temporal else 'NOT temporal'}"]
        for part, rows in self.rows.items():
            first, last = (self.times or {}).get(part, ("", ""))
            when = f", {first[:10]} to {last[:10]}" if first else ""
            size = f"{rows:,} rows, {self.users[part]:,} users, {self.items[part]:,} items"
            lines.append(f"{part}: {size}{when}")
        lines.append(
            f"asked: {self.users_asked:,} users, {self.cold_asked:,} of them cold ({self.cold_share:.1%}), "
            f"{self.users_without_relevant:,} without a relevant item"
        )
        dropped = "".join(f"; {count:,} {reason}" for reason, count in self.dropped.items() if count)
        lines.append(f"relevant: {self.relevant:,} of {self.rows['test']:,} test rows{dropped}")
        if self.leaked_share is not None:
            lines.append(
                f"leakage: {self.leaked_share:.1%} of test rows have later rows of other users in training; "
                f"at the median {self.later_share:.1%} of training lies later"
            )
            lines.append(f"ties: {self.boundary_ties:,} part boundaries fall between rows of the same second")
        return lines


def audit_split(split: TemporalSplit, test_set: EvaluationSet) -> Audit:
    """Measures a split.

    Args:
      split: the split.
      test_set: its test part, as `evaluation_set` built it.

    Returns:
      The audit; what needs real times is None on a log without them.
    """
    log, parts = split.log, split.parts
    timed = log.clock == "time"
    in_order = order_holds(log, parts)
    members = {name: parts == part for name, part in _PARTS.items()}
    cold_asked = int(test_set.cold.sum())
    leaked, later = _leakage(split) if timed else (None, None)
    return Audit(
        strategy=split.strategy,
        rows={name: int(rows.sum()) for name, rows in members.items()},
        users={name: _distinct(log.users[rows], log.num_users) for name, rows in members.items()},
        items={name: _distinct(log.items[rows], log.num_items) for name, rows in members.items()},
        times=_ranges(log.timestamps, members) if timed else None,
        moments=None if split.moments is None else (_iso(split.moments[0]), _iso(split.moments[1])),
        users_asked=len(test_set),
        cold_asked=cold_asked,
        cold_share=cold_asked / len(test_set),
        users_without_relevant=int((test_set.num_relevant == 0).sum()),
        relevant=len(test_set.relevant_items),
        dropped=dict(test_set.dropped),
        order_holds=in_order,
        temporal=in_order and split.strategy != "random" and log.clock != "none",
        boundary_ties=_boundary_ties(split) if timed else None,
        leaked_share=leaked,
        later_share=later,
    )


def _distinct(values: NDArray[np.int32], size: int) -> int:
    return int(np.count_nonzero(np.bincount(values, minlength=size)))


def _ranges(times: NDArray[np.int64], members: dict[str, NDArray[np.bool_]]) -> dict[str, tuple[str, str]]:
    own = {name: times[rows] for name, rows in members.items()}
    return {name: (_iso(some.min()), _iso(some.max())) for name, some in own.items() if len(some)}


def _iso(seconds: int) -> str:
    return f"{np.datetime64(int(seconds), 's')}Z"


def _boundary_ties(split: TemporalSplit) -> int:
    log, parts = split.log, split.parts
    same_user = log.users[1:] == log.users[:-1]
    same_time = log.timestamps[1:] == log.timestamps[:-1]
    return int((same_user & same_time & (parts[1:] != parts[:-1])).sum())


def _leakage(split: TemporalSplit) -> tuple[float, float]:
    log = split.log
    fitted, tested = split.fit_rows(refit=True), split.parts == TEST
    users, times = log.users[fitted], log.timestamps[fitted]
    test_users, test_times = log.users[tested], log.timestamps[tested]

    last_user = users[times.argmax()]
    last_of_others = times[users != last_user].max(initial=np.iinfo(np.int64).min)
    leaked = np.where(test_users == last_user, last_of_others, times.max()) > test_times

    # The share that lies later falls with time, so its median is that of the test rows in the middle of time.
    test_times.sort()
    middle = test_times[[(len(test_times) - 1) // 2, len(test_times) // 2]]
    later = np.mean([(times > moment).mean() for moment in middle])
    return float(leaked.mean()), float(later)
