"""Splits of a log into train, validation and test, in which time only moves forward.

The protocol is written out in docs/protocol.md; `data.audit` measures what a split leaks.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.errors import UserError
from tfrs_bench.options import did_you_mean

TRAIN, VALIDATION, TEST = 0, 1, 2
UNUSED = 3  # neither fitted on nor asked, see `data.newcomers`
STRATEGIES = ("per_user", "global", "leave_last", "predefined", "random")


@dataclasses.dataclass(frozen=True)
class TemporalSplit:
    """A log and the part each of its rows belongs to.

    Attributes:
      log: the whole log.
      parts: [r] int8, `TRAIN`, `VALIDATION`, `TEST` or `UNUSED` for each row of the log.
      cold: [num_users] bool, users with too few rows in the train part to be trained on.
      strategy: one of `STRATEGIES`.
      moments: the global split's two moments, seconds, where validation and test begin; else None.
      left_out: [num_users] bool, regular users who are not trained on all the same, see `data.user_share`;
        None where there are none.
    """

    log: InteractionLog
    parts: NDArray[np.int8]
    cold: NDArray[np.bool_]
    strategy: str
    moments: tuple[int, int] | None = None
    left_out: NDArray[np.bool_] | None = None

    @property
    def trained_on(self) -> NDArray[np.bool_]:
        """[num_users] bool, the users whose rows enter fits: regular ones who are not left out."""
        return ~self.cold if self.left_out is None else ~(self.cold | self.left_out)

    def regular_rows(self, *, refit: bool) -> NDArray[np.bool_]:
        """Returns [r] bool: regular users' train rows and, with `refit`, their validation rows."""
        return (self.parts <= (VALIDATION if refit else TRAIN)) & ~self.cold[self.log.users]

    def fit_rows(self, *, refit: bool) -> NDArray[np.bool_]:
        """Returns [r] bool: those of the regular rows whose users are trained on."""
        return self.regular_rows(refit=refit) & self.trained_on[self.log.users]

    def fit_log(self, *, refit: bool) -> InteractionLog:
        """Returns the log a model is fitted on: the rows of `fit_rows`, never a cold user's."""
        return self.log.select(self.fit_rows(refit=refit))

    def known_log(self, part: int) -> InteractionLog:
        """Returns every row of the parts before `part`, cold users included: the histories."""
        return self.log.select(self.parts < part)


def split_log(
    log: InteractionLog, strategy: str, *, cold_start_below: int = 5, seed: int = 0
) -> TemporalSplit:
    """Splits a log and proves that no user's later row comes before an earlier part's.

    Seven rows, six of them `a`'s, whose first 6 · 8 // 10 = 4 are train and up to 6 · 9 // 10 = 5
    validation; `b`'s only row is row 1 · 9 // 10 = 0 of theirs, so it is tested on, and `b` is cold:

    >>> from tfrs_bench.data.interactions import build_log
    >>> users, items = np.array(list("aaabaaa")), np.array(list("pqrpstu"))
    >>> split = split_log(build_log(users, items, np.arange(7)), "per_user", cold_start_below=4)
    >>> split.parts.tolist(), split.cold.tolist()
    ([0, 0, 0, 0, 1, 2, 2], [False, True])

    Args:
      log: the interactions.
      strategy: one of `STRATEGIES`.
      cold_start_below: users with fewer train rows, whatever their rating, are cold; a user without
        train rows always is.
      seed: of the random split, and of the validation part of a predefined split that is not temporal.

    Returns:
      A split with regular users to train on and rows to test.

    Raises:
      UserError: the log cannot be split that way, or the split leaves a part without rows.
      RuntimeError: a computed temporal split is out of order, which means that the log is.
    """
    _check_request(log, strategy)
    parts, moments = _assign(log, strategy, seed)
    if strategy not in {"predefined", "random"} and not order_holds(log, parts):
        raise RuntimeError(f"the {strategy} split is out of order: the log is not sorted by user and time")
    train_rows = np.bincount(log.users[parts == TRAIN], minlength=log.num_users)
    split = TemporalSplit(log, parts, train_rows < max(cold_start_below, 1), strategy, moments)
    _check_result(split, train_rows, cold_start_below)
    return split


def order_holds(log: InteractionLog, parts: NDArray[np.int8]) -> bool:
    """Whether, for every user, rows are in order of time and parts never step back.

    Together the two say: latest train time ≤ earliest validation time ≤ … test time, and the same of rows.
    """
    same_user = log.users[1:] == log.users[:-1]
    backward = (log.timestamps[1:] < log.timestamps[:-1]) | (parts[1:] < parts[:-1])
    return not bool((same_user & backward).any())


def _assign(log: InteractionLog, strategy: str, seed: int) -> tuple[NDArray[np.int8], tuple[int, int] | None]:
    rows = log.rows_per_user
    if strategy == "global":
        return _by_moment(log.timestamps)
    if strategy == "predefined":
        return _predefined(log, seed), None
    if strategy == "leave_last":
        return _by_position(rows, np.maximum(rows - 2, 0), np.maximum(rows - 1, 0)), None
    parts = _by_position(rows, rows * 8 // 10, rows * 9 // 10)
    if strategy == "random":
        return _shuffled(parts, log.users, seed), None
    return parts, None


def _by_position(
    rows: NDArray[np.int64], validation_from: NDArray[np.int64], test_from: NDArray[np.int64]
) -> NDArray[np.int8]:
    lengths = np.stack([validation_from, test_from - validation_from, rows - test_from], axis=1)
    return np.repeat(np.tile(np.array([TRAIN, VALIDATION, TEST], np.int8), len(rows)), lengths.ravel())


def _by_moment(timestamps: NDArray[np.int64]) -> tuple[NDArray[np.int8], tuple[int, int]]:
    places = [len(timestamps) * 8 // 10, len(timestamps) * 9 // 10]
    first, second = (int(one) for one in np.partition(timestamps, places)[places])
    parts = (timestamps >= first).astype(np.int8) + (timestamps >= second)
    return parts, (first, second)


def _predefined(log: InteractionLog, seed: int) -> NDArray[np.int8]:
    """The parts as given; a missing validation part is drawn as the test part was.

    Where the test rows come last, validation is each user's last train rows. Where they do not, the last
    rows would choose settings for another question than the one that is tested, so it is a random tenth.
    """
    assert log.parts is not None
    parts = log.parts.copy()
    if not (parts == VALIDATION).any():
        train = parts == TRAIN
        rows = np.bincount(log.users[train], minlength=log.num_users)
        carved = _by_position(rows, rows * 9 // 10, rows)
        parts[train] = carved if order_holds(log, log.parts) else _shuffled(carved, log.users[train], seed)
    return parts


def _shuffled(parts: NDArray[np.int8], users: NDArray[np.int32], seed: int) -> NDArray[np.int8]:
    """Deals each user's parts out to that user's rows by chance; users are sorted."""
    mixed = np.empty_like(parts)
    mixed[np.lexsort((np.random.default_rng(seed).random(len(users)), users))] = parts
    return mixed


def _check_request(log: InteractionLog, strategy: str) -> None:
    if strategy not in STRATEGIES:
        raise UserError(f"--split={strategy} is not known.{did_you_mean(strategy, STRATEGIES)}")
    if len(log) == 0:
        raise UserError("The log has no rows to split. Loosen the filters, or check the file.")
    if strategy == "predefined":
        if log.parts is None:
            raise UserError(
                "--split=predefined needs data that come in parts. Name a test file, or use --split=per_user."
            )
        if not np.isin(log.parts, (TRAIN, VALIDATION, TEST)).all():
            raise ValueError("parts of a predefined split must be TRAIN, VALIDATION or TEST")
    elif strategy == "random":
        if log.clock != "none":
            raise UserError(
                "--split=random trains on the future and tests on the past, so it leaks: it is only for data "
                "without times or order, and these have them. Use --split=per_user or --split=global."
            )
    elif log.clock == "none":
        raise UserError(
            f"--split={strategy} must know what came first, and these data have no times. If the rows of a "
            "user stand in the order they happened, say --order=file; if not, use --split=random."
        )
    elif strategy == "global" and log.clock != "time":
        raise UserError(
            "--split=global needs real times, and these data have only an order. Name the time column, "
            "or use --split=per_user or --split=leave_last."
        )


def _check_result(split: TemporalSplit, train_rows: NDArray[np.int64], cold_start_below: int) -> None:
    tried = f"--split={split.strategy} leaves"
    instead = _instead(split.strategy)
    if not (split.parts == TEST).any():
        raise UserError(f"{tried} no row to test. Name a test file that has rows, or use {instead}.")
    if split.cold.all():
        most = int(train_rows.max())
        if most:
            instead = f"--cold_start_below={most}"
        elif split.log.rows_per_user.max() < 3:  # one to train on, one to validate, one to test
            instead = "data with more rows per user"
        raise UserError(
            f"{tried} nobody to train on: --cold_start_below={cold_start_below}, and no user has more than "
            f"{most} rows in the train part. Use {instead}."
        )


def require_validation(split: TemporalSplit, cold_start_below: int) -> None:
    """Checks that there is something to tune and to stop early by.

    Raises:
      UserError: no user who is trained on has a validation row.
    """
    if not (split.parts[split.trained_on[split.log.users]] == VALIDATION).any():
        lower = f", or lower --cold_start_below={cold_start_below}" if cold_start_below > 1 else ""
        raise UserError(
            f"--split={split.strategy} leaves no validation row of a user who is trained on, and tuning and "
            f"early stopping need some. Use {_instead(split.strategy)}{lower}."
        )


def _instead(strategy: str) -> str:
    other = {"random": "data with more rows per user", "per_user": "--split=leave_last"}
    return other.get(strategy, "--split=per_user")
