"""Batches on a log whose item numbers are its row numbers, so that every item says when it happened."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import FeatureTable, InteractionLog, build_log
from tfrs_bench.data.pipeline import (
    PADDING,
    UNKNOWN_USER,
    BatchOptions,
    steps_per_epoch,
    training_dataset,
    training_examples,
)

Batch = dict[str, np.ndarray]
ROWS_PER_USER = (1, 2, 5, 9, 12, 31)
LENGTH = 4


def item_is_row(rows_per_user: tuple[int, ...], low_every: int) -> InteractionLog:
    """A log whose row r is item r; every `low_every`-th row of a user, from the third, is rated low."""
    users = np.repeat(np.arange(len(rows_per_user)), rows_per_user)
    own_row = np.concatenate([np.arange(rows) for rows in rows_per_user])
    ratings = np.where(own_row % low_every == 2, 1, 5).astype(np.float32)
    rows = np.arange(len(users))
    return build_log(users, rows, rows, ratings).with_positives(4.0)


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    return item_is_row(ROWS_PER_USER, low_every=4)


def batches(log: InteractionLog, epochs: range = range(1), **options: object) -> list[Batch]:
    """Every batch, with the row number modulo 7 as a row's level."""
    settings = BatchOptions(**({"batch_size": 8, "history_length": LENGTH} | options))
    levels = np.arange(len(log), dtype=np.int32) % 7
    dataset = training_dataset(log, levels, settings, epochs)
    every = [{name: np.asarray(value) for name, value in batch.items()} for batch in dataset]
    if settings.num_targets == 1:
        assert all(batch["targets"].shape[1] == 1 for batch in every)
        every = [batch | {"targets": batch["targets"][:, 0]} for batch in every]
    return every


def joined(some: list[Batch]) -> Batch:
    return {name: np.concatenate([batch[name] for batch in some]) for name in some[0]}


def own_rows(log: InteractionLog, batch: Batch) -> np.ndarray:
    """The row each example stands at: one after the latest of its history, or its user's first."""
    latest = batch["history_items"][:, 0]
    return np.where(latest >= 0, latest + 1, log.user_offsets[batch["users"]])


def history_by_hand(log: InteractionLog, row: int, length: int) -> list[int]:
    start = log.user_offsets[log.users[row]]
    before = [one for one in range(row - 1, row - 1 - length, -1) if one >= start]
    return before + [PADDING] * (length - len(before))


HORIZONS = [
    {"horizon": "next"},
    {"horizon": "future"},
    {"horizon": "future", "horizon_items": 2},
]


@pytest.fixture(scope="module", params=HORIZONS)
def epochs(request: pytest.FixtureRequest, log: InteractionLog) -> list[Batch]:
    """Three epochs, each of five batches of 8 examples."""
    every = batches(log, range(3), **request.param)
    assert [len(batch["targets"]) for batch in every] == [8] * 15
    return [joined(every[start : start + 5]) for start in (0, 5, 10)]


def assert_histories_are_past(log: InteractionLog, done: Batch) -> None:
    """Item = row = time: a history ends right before its example and holds one user's rows without a gap."""
    length = done["history_items"].shape[1]
    for row, history in zip(own_rows(log, done), done["history_items"].tolist(), strict=True):
        assert history == history_by_hand(log, row, length)
    assert (done["history_items"] < done["targets"][:, None]).all()
    present = done["history_items"] != PADDING
    assert present.any()
    assert (log.users[done["history_items"]] == done["users"][:, None])[present].all()
    assert_array_equal(log.users[done["targets"]], done["users"])


def test_a_history_is_the_users_rows_just_before_the_target_latest_first(
    log: InteractionLog, epochs: list[Batch]
) -> None:
    assert_histories_are_past(log, joined(epochs))
    assert (joined(epochs)["history_items"] == PADDING).any()


@pytest.mark.parametrize("length", [1, 40])
def test_histories_of_any_length_are_past(log: InteractionLog, length: int) -> None:
    (done,) = batches(log, history_length=length, horizon="future", batch_size=10_000)
    assert done["history_items"].shape == (46, length)
    assert_histories_are_past(log, done)


def test_levels_travel_with_their_items_and_padding_has_level_zero(epochs: list[Batch]) -> None:
    items = joined(epochs)["history_items"]
    assert_array_equal(joined(epochs)["history_levels"], np.where(items == PADDING, 0, items % 7))


def test_low_rated_rows_are_context_but_never_targets(log: InteractionLog, epochs: list[Batch]) -> None:
    done = joined(epochs)
    assert log.positives[done["targets"]].all()
    low_rows = set(np.flatnonzero(~log.positives).tolist())
    assert low_rows & set(done["history_items"].ravel().tolist())


def test_an_epoch_holds_every_example_at_most_once(log: InteractionLog, epochs: list[Batch]) -> None:
    # 60 rows less 0 + 0 + 1 + 2 + 3 + 8 rated low are 46 examples: five batches of 8 leave 6 out.
    assert log.positives.sum() == 46
    rows = [own_rows(log, epoch) for epoch in epochs]
    for one in rows:
        assert len(set(one.tolist())) == len(one) == 40
        assert log.positives[one].all()
    for first, second in ((0, 1), (1, 2), (0, 2)):
        assert not np.array_equal(rows[first], rows[second])
        assert set(rows[first].tolist()) != set(rows[second].tolist())  # other examples are left out


def test_one_batch_of_everything_holds_all_examples(log: InteractionLog) -> None:
    (whole,) = batches(log, batch_size=10_000)
    assert_array_equal(np.sort(whole["targets"]), np.flatnonzero(log.positives))


@pytest.mark.parametrize(("examples", "batch", "steps"), [(47, 8, 5), (48, 8, 6), (7, 8, 1), (1, 1, 1)])
def test_steps_per_epoch_counts_whole_batches(examples: int, batch: int, steps: int) -> None:
    assert steps_per_epoch(examples, batch) == steps


EVERYTHING_RANDOM = {"horizon": "future", "user_dropout": 0.3, "history_dropout": 0.3}


def test_a_run_that_starts_later_sees_the_batches_it_would_have_seen(log: InteractionLog) -> None:
    whole, late = (batches(log, epochs, **EVERYTHING_RANDOM) for epochs in (range(4), range(2, 4)))
    assert len(whole) == 2 * len(late) == 20
    for expected, batch in zip(whole[10:], late, strict=True):
        assert batch.keys() == expected.keys()
        for name in batch:
            assert_array_equal(batch[name], expected[name])


def test_another_seed_draws_other_batches(log: InteractionLog) -> None:
    one, other = (joined(batches(log, seed=seed, **EVERYTHING_RANDOM)) for seed in (0, 1))
    for name in ("users", "history_items", "targets"):
        assert not np.array_equal(one[name], other[name])


@pytest.fixture(scope="module")
def alike() -> InteractionLog:
    """600 users of 8 rows each, of which the third and the seventh are rated low: 3,600 examples."""
    return item_is_row((8,) * 600, low_every=4)


@pytest.mark.parametrize(("horizon_items", "reach"), [(None, 6), (3, 3), (1, 1)])
def test_future_targets_are_uniform_over_the_remaining_positives(
    alike: InteractionLog, horizon_items: int | None, reach: int
) -> None:
    options = {"batch_size": 1200, "history_length": 8, "horizon": "future", "horizon_items": horizon_items}
    done = joined(batches(alike, **options))
    place = np.full(8, -1)
    place[[0, 1, 3, 4, 5, 7]] = range(6)  # the positives of a user, in order
    own, target = place[own_rows(alike, done) % 8], place[done["targets"] % 8]
    for position in range(6):
        drawn = np.bincount(target[own == position] - position, minlength=8)
        left = min(6 - position, reach)
        assert drawn[:left].sum() == drawn.sum() == 600
        expected = 600 / left
        # χ² with left − 1 ≤ 5 degrees of freedom exceeds 20.5 once in a thousand.
        assert ((drawn[:left] - expected) ** 2 / expected).sum() < 20.5


@pytest.fixture(scope="module")
def plain(alike: InteractionLog) -> Batch:
    """All examples of `alike` with nothing hidden."""
    return joined(batches(alike, batch_size=400, history_length=8))


@pytest.mark.parametrize("dropout", [0.25, 0.9])
def test_user_dropout_hides_its_share_of_users_and_nothing_else(
    alike: InteractionLog, plain: Batch, dropout: float
) -> None:
    done = joined(batches(alike, batch_size=400, history_length=8, user_dropout=dropout))
    hidden = done["users"] == UNKNOWN_USER
    # 3,600 draws: a standard deviation of at most √(0.25 · 0.75 / 3600) = 0.7 %.
    assert abs(hidden.mean() - dropout) < 0.035
    assert_array_equal(done["users"][~hidden], alike.users[done["targets"]][~hidden])
    for name in ("history_items", "history_levels", "targets"):
        assert_array_equal(done[name], plain[name])


def test_nobody_is_hidden_without_user_dropout(alike: InteractionLog, plain: Batch) -> None:
    assert_array_equal(plain["users"], alike.users[plain["targets"]])


@pytest.mark.parametrize(("numbers", "batch_size"), [(range(1), 1800), (range(2), 3600)])
def test_users_are_hidden_anew_in_every_batch_and_epoch(
    alike: InteractionLog, numbers: range, batch_size: int
) -> None:
    done = batches(alike, numbers, batch_size=batch_size, user_dropout=0.5)
    first, second = (batch["users"] == UNKNOWN_USER for batch in done)
    # Two independent fair coins agree half the time, ± √(0.25 / 1800) = 1.2 %.
    assert abs((first == second).mean() - 0.5) < 0.06


@pytest.mark.parametrize("dropout", [0.25, 0.9])
def test_history_dropout_blanks_its_share_of_rows_and_moves_none(
    alike: InteractionLog, plain: Batch, dropout: float
) -> None:
    thinned = joined(batches(alike, batch_size=400, history_length=8, history_dropout=dropout))
    present, kept = plain["history_items"] != PADDING, thinned["history_items"] != PADDING
    assert not (kept & ~present).any()
    # 600 users with 0 + 1 + 3 + 4 + 5 + 7 = 20 history rows: 12,000 draws, deviation at most 0.4 %.
    assert present.sum() == 12_000
    assert abs(kept.sum() / 12_000 - (1 - dropout)) < 0.02
    for name in ("history_items", "history_levels"):
        assert_array_equal(thinned[name][kept], plain[name][kept])
    assert not thinned["history_levels"][~kept].any()
    assert_array_equal(thinned["targets"], plain["targets"])


def test_profiles_are_the_users_even_where_the_user_is_hidden(log: InteractionLog) -> None:
    ages = FeatureTable(("age",), 10.0 * np.arange(log.num_users, dtype=np.float32)[:, None])
    done = joined(batches(dataclasses.replace(log, user_features=ages), user_dropout=0.5))
    assert_array_equal(done["profiles"][:, 0], 10.0 * log.users[done["targets"]])
    assert "profiles" not in batches(log)[0]


def test_examples_by_hand() -> None:
    # a: low, high, high; b: low; c: high. Rows 1, 2 and 4 are examples; a's end before the third.
    users, ratings = np.array(list("aaabc")), np.array([1, 5, 5, 1, 5], np.float32)
    examples = training_examples(build_log(users, np.arange(5), np.arange(5), ratings).with_positives(4.0))
    assert len(examples) == 3
    assert examples.rows.tolist() == [1, 2, 4]
    assert examples.starts.tolist() == [0, 0, 4]
    assert examples.firsts.tolist() == [0, 0, 2]
    assert examples.ends.tolist() == [2, 2, 3]


def test_any_targets_are_uniform_over_all_positives_of_the_user(alike: InteractionLog) -> None:
    done = joined(batches(alike, batch_size=1200, history_length=8, horizon="any", num_targets=2))
    # Two targets each: half as many histories as positives.
    assert done["targets"].shape == (1200, 2)
    assert_array_equal(alike.users[done["targets"]], np.repeat(done["users"][:, None], 2, axis=1))
    drawn = np.bincount(done["targets"].ravel() % 8, minlength=8)
    assert not drawn[[2, 6]].any()  # rated low
    # χ² with 5 degrees of freedom exceeds 20.5 once in a thousand.
    assert ((drawn[[0, 1, 3, 4, 5, 7]] - 400) ** 2 / 400).sum() < 20.5


def test_any_targets_are_hidden_from_the_history_and_nothing_else_is(alike: InteractionLog) -> None:
    options = {"batch_size": 600, "history_length": 8, "horizon": "any"}
    hidden = joined(batches(alike, num_targets=3, **options))
    shown = joined(batches(alike, history_length=8, batch_size=3600))
    # An example is known by its last shown row, hidden or not: match by user and by what is left.
    whole = {int(row): history for row, history in zip(shown["targets"], shown["history_items"], strict=True)}
    removed = 0
    for number, history in enumerate(hidden["history_items"]):
        user, targets = hidden["users"][number], hidden["targets"][number]
        assert not np.isin(targets, history).any()
        rows = [row for row in range(8 * user, 8 * user + 8) if alike.positives[row]]
        thinned = [np.where(np.isin(whole[row], targets), PADDING, whole[row]) for row in rows]
        assert any(np.array_equal(one, history) for one in thinned)
        removed += int((targets < history.max()).any())
    assert removed > 0  # some target did lie in its example's past
    assert not hidden["history_levels"][hidden["history_items"] == PADDING].any()


def test_several_future_targets_lie_in_the_future_of_their_history(log: InteractionLog) -> None:
    done = joined(batches(log, horizon="future", num_targets=3))
    assert done["targets"].shape[1] == 3
    assert (done["history_items"].max(axis=1, keepdims=True) < done["targets"]).all()
    assert (np.ptp(done["targets"], axis=1) > 0).any()  # drawn one by one


def test_a_half_life_draws_recent_rows_more_often() -> None:
    # Four users of one row each, at days 0, 1, 2 and 3: weights 1/8, 1/4, 1/2, 1 with a half-life of a day.
    log = build_log(np.arange(4), np.arange(4), np.arange(4) * 86_400).with_positives(4.0)
    done = batches(log, range(1500), batch_size=2, history_length=1, half_life_days=1.0)
    drawn = np.bincount(joined(done)["targets"], minlength=4)
    expected = 6000 * np.array([1, 2, 4, 8]) / 15
    # χ² with 3 degrees of freedom exceeds 16.3 once in a thousand.
    assert ((drawn - expected) ** 2 / expected).sum() < 16.3


@pytest.mark.parametrize(("balance", "shares"), [(1.0, (1 / 2, 1 / 2)), (0.5, (1 / 3, 2 / 3))])
def test_balanced_users_are_drawn_more_alike(balance: float, shares: tuple[float, float]) -> None:
    # Users of 2 and 8 examples: 2 · 2^−γ against 8 · 8^−γ is 1 : 1 for γ = 1 and √2 : √8 for γ = 1/2.
    log = item_is_row((2, 9), low_every=100)  # one of the nine is rated low
    options = {"batch_size": 5, "history_length": 1, "user_balance": balance}
    drawn = np.bincount(joined(batches(log, range(600), **options))["users"], minlength=2)
    # 6,000 draws: a standard deviation of at most 0.65 %.
    assert_allclose(drawn / drawn.sum(), shares, atol=0.02)
