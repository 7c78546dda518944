"""Which users are trained on when not all are, and what stays as it was."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.newcomers import hold_out
from tfrs_bench.data.relevance import evaluation_set
from tfrs_bench.data.split import TEST, VALIDATION, TemporalSplit, require_validation, split_log
from tfrs_bench.data.user_share import hashed_share, leave_out
from tfrs_bench.errors import UserError

USERS, ROWS = 200, 10


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """200 users of ten rows, user u's j-th at second j of item (u + j) mod 12, and one with three rows."""
    users = np.append(np.repeat(np.arange(USERS), ROWS), [USERS] * 3)
    places = np.append(np.tile(np.arange(ROWS), USERS), range(3))
    return build_log(np.array([f"u{user}" for user in users]), (users + places) % 12, places)


@pytest.fixture(scope="module")
def split(log: InteractionLog) -> TemporalSplit:
    return split_log(log, "per_user")


def test_larger_shares_hold_the_smaller_ones_and_have_the_size_asked_for(log: InteractionLog) -> None:
    keys = log.user_ids.keys
    shares = [hashed_share(keys, fraction, 3) for fraction in (0.0, 0.1, 0.25, 0.5, 1.0)]
    assert [int(one.sum()) for one in (shares[0], shares[-1])] == [0, len(keys)]
    for fraction, share in zip((0.1, 0.25, 0.5), shares[1:], strict=False):
        assert abs(share.mean() - fraction) < 0.1
    assert all(larger[smaller].all() for smaller, larger in itertools.pairwise(shares))


def test_the_choice_follows_raw_ids_and_the_seed(log: InteractionLog) -> None:
    keys = log.user_ids.keys
    assert_array_equal(hashed_share(keys[::-1], 0.3, 0), hashed_share(keys, 0.3, 0)[::-1])
    assert (hashed_share(keys, 0.3, 0) != hashed_share(keys, 0.3, 1)).any()


def test_fits_lose_users_as_a_whole_and_nothing_else_changes(split: TemporalSplit) -> None:
    left = leave_out(split, 0.25, seed=0)
    kept = np.flatnonzero(left.trained_on)
    assert 30 <= len(kept) <= 70 and not split.cold[kept].any()
    for refit, rows in ((False, 8), (True, 9)):
        counts = left.fit_log(refit=refit).rows_per_user
        assert_array_equal(counts[kept], rows)
        assert counts.sum() == rows * len(kept)
    assert_array_equal(left.cold, split.cold)
    assert_array_equal(left.parts, split.parts)


def test_everyone_is_tested_on_the_same_and_the_left_out_are_strangers(split: TemporalSplit) -> None:
    left = leave_out(split, 0.1, seed=0)
    whole, fewer = (evaluation_set(one, TEST, relevance_threshold=0) for one in (split, left))
    for field in ("users", "cold", "relevant_items", "relevant_offsets", "candidates"):
        assert_array_equal(getattr(fewer, field), getattr(whole, field))
    assert_array_equal(fewer.queries.histories.items, whole.queries.histories.items)
    known = left.trained_on[fewer.users]
    assert_array_equal(fewer.queries.users, np.where(known, fewer.users, -1))


def test_validation_asks_only_those_who_are_trained_on(split: TemporalSplit) -> None:
    left = leave_out(split, 0.25, seed=0)
    asked = evaluation_set(left, VALIDATION, relevance_threshold=0)
    assert_array_equal(asked.users, np.flatnonzero(left.trained_on))
    require_validation(left, cold_start_below=5)


def test_who_is_kept_does_not_depend_on_who_is_a_newcomer(split: TemporalSplit) -> None:
    kept = leave_out(split, 0.3, seed=0)
    both = leave_out(hold_out(split, 0.3, seed=0), 0.3, seed=0)
    assert 0 < both.trained_on.sum() < kept.trained_on.sum()
    assert kept.trained_on[both.trained_on].all()


def test_a_share_of_nobody_is_refused(split: TemporalSplit) -> None:
    with pytest.raises(UserError, match=r"--train_fraction=1e-05 leaves nobody to train on. Use a larger"):
        leave_out(split, 1e-5, seed=0)
