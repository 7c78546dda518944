"""The training loop: when it stops, what it keeps, and what it says when a loss diverges."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import FitReport, Recommender
from tfrs_bench.models.checkpoint import Checkpoint
from tfrs_bench.models.two_tower import TwoTower, TwoTowerConfig
from tfrs_bench.runtime import import_tensorflow

tf, _ = import_tensorflow()

SMALL = {"dimension": 4, "history_length": 4, "batch_size": 80, "learning_rate": 0.01}
STEPS = 3  # 240 examples in batches of 80


def small(**settings: Any) -> TwoTower:
    return TwoTower(TwoTowerConfig(**(SMALL | settings)))


class Scripted:
    """Stands in for validation: returns given qualities in turn and keeps the weights it was shown."""

    def __init__(self, *qualities: float) -> None:
        self.qualities = list(qualities)
        self.weights: list[list[np.ndarray]] = []

    def __call__(self, model: Recommender) -> float:
        assert isinstance(model, TwoTower)
        self.weights.append(model.weights())
        return self.qualities[len(self.weights) - 1]


def assert_same_weights(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert_array_equal(one, other)


Stopped = tuple[TwoTower, FitReport, Scripted]


@pytest.fixture(scope="module")
def stopped(planted_blocks: InteractionLog) -> Stopped:
    """The second of four epochs is best; patience is two."""
    model, validation = small(patience=2), Scripted(0.1, 0.3, 0.2, 0.3, 0.9)
    return model, model.fit(planted_blocks, seed=5, validate=validation), validation


def test_the_best_epochs_weights_are_kept(stopped: Stopped) -> None:
    model, report, validation = stopped
    assert report.epochs == 2
    assert_same_weights(model.weights(), validation.weights[1])
    assert any((a != b).any() for a, b in zip(validation.weights[1], validation.weights[3], strict=True))


def test_training_stops_after_patience_epochs_without_a_better_one(stopped: Stopped) -> None:
    _, report, validation = stopped
    # The fourth epoch equals the best and is not better; the fifth is never tried.
    assert len(validation.weights) == 4
    assert [scalars["validation/ndcg@10"] for scalars in report.curve] == [0.1, 0.3, 0.2, 0.3]


def test_a_refit_for_the_best_number_of_epochs_finds_the_same_weights(
    stopped: Stopped, planted_blocks: InteractionLog
) -> None:
    first, report, _ = stopped
    again, never = small(patience=2), Scripted()
    assert again.fit(planted_blocks, seed=5, validate=never, epochs=report.epochs).epochs == 2
    assert never.weights == []
    assert_same_weights(again.weights(), first.weights())


def test_training_ends_at_max_epochs_while_it_still_improves(planted_blocks: InteractionLog) -> None:
    model, validation = small(max_epochs=3, patience=1), Scripted(0.1, 0.2, 0.3)
    assert model.fit(planted_blocks, validate=validation).epochs == 3
    assert_same_weights(model.weights(), validation.weights[2])


class Recorder:
    """A monitor that writes down what it is told."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, int, int]] = []
        self.losses: list[float] = []
        self.epochs: list[tuple[int, dict[str, float]]] = []
        self.done = 0

    def resumed(self, epoch: int) -> None:
        self.done = epoch

    def step(self, epoch: int, epochs: int, step: int, steps: int, loss: float) -> None:
        self.steps.append((epoch, epochs, step, steps))
        self.losses.append(loss)

    def epoch(self, epoch: int, scalars: dict[str, float]) -> None:
        self.epochs.append((epoch, scalars))


@pytest.fixture(scope="module")
def watched(planted_blocks: InteractionLog) -> tuple[FitReport, Recorder]:
    """Four epochs with a cosine schedule from 0.01, without validation."""
    recorder = Recorder()
    model = small(schedule="cosine", similarity="dot")
    return model.fit(planted_blocks, epochs=4, monitor=recorder), recorder


def test_a_monitor_is_told_of_every_step_and_epoch(watched: tuple[FitReport, Recorder]) -> None:
    report, recorder = watched
    assert recorder.steps == [(epoch, 4, step, STEPS) for epoch in (1, 2, 3, 4) for step in (1, 2, 3)]
    assert [epoch for epoch, _ in recorder.epochs] == [1, 2, 3, 4]
    assert [scalars for _, scalars in recorder.epochs] == list(report.curve)


def test_an_epochs_loss_is_the_mean_of_its_batches_and_falls(watched: tuple[FitReport, Recorder]) -> None:
    report, recorder = watched
    by_epoch = np.reshape(recorder.losses, (4, STEPS)).mean(axis=1)
    losses = [scalars["train/loss"] for scalars in report.curve]
    assert_allclose(losses, by_epoch, rtol=1e-6)
    assert losses[-1] < losses[0]
    # An untrained softmax over 20 items costs log 20.
    assert recorder.losses[0] == pytest.approx(np.log(20), rel=0.1)


def test_a_cosine_schedule_ends_near_zero(watched: tuple[FitReport, Recorder]) -> None:
    rates = [scalars["train/learning_rate"] for scalars in watched[0].curve]
    # 0.01 · (1 + cos(π t / 12)) / 2 after 3, 6, 9 and 12 of 12 steps; Keras tells a step late at most.
    late, now = (0.005 * (1 + np.cos(np.pi * np.array([3, 6, 9, 12]) / 12 - lag)) for lag in (np.pi / 12, 0))
    assert (np.array(rates) <= late + 1e-9).all()
    assert (np.array(rates) >= now - 1e-9).all()
    assert rates[-1] < 0.02 * 0.01


def test_a_diverging_loss_stops_the_run_and_names_step_and_learning_rate(
    planted_blocks: InteractionLog,
) -> None:
    # The first loss is of the initial weights; after one step of Adam every weight is about 1e30.
    with pytest.raises(UserError) as raised:
        small(similarity="dot", learning_rate=1e30).fit(planted_blocks, epochs=2)
    assert "at epoch 1, step 2, with learning rate 1e+30" in str(raised.value)
    assert "Try --learning_rate=1e+29 or --clip_norm=1" in str(raised.value)


def test_a_last_step_that_ruins_the_weights_stops_the_run_before_they_are_judged(
    planted_blocks: InteractionLog,
) -> None:
    # One step an epoch: the loss is of the initial weights and finite, the weights after it are about 1e30.
    def never(model: Recommender) -> float:
        raise AssertionError("ruined weights were handed to validation")

    rows = len(planted_blocks)
    with pytest.raises(UserError) as raised:
        small(similarity="dot", learning_rate=1e30, batch_size=rows).fit(planted_blocks, validate=never)
    assert "at epoch 1, step 1, with learning rate" in str(raised.value)


def test_a_log_without_positives_says_what_to_do(planted_blocks: InteractionLog) -> None:
    nothing = planted_blocks.select(np.zeros(len(planted_blocks), bool))
    with pytest.raises(UserError, match=r"No training row is a positive.*--relevance_threshold"):
        small().fit(nothing)


Step = Callable[..., np.ndarray]


@pytest.fixture
def one_step() -> Step:
    """Returns one_step(gradient, **settings): where the optimizer moves the weights (3, −2) from."""
    from tfrs_bench.models.training import _optimizer

    def move(gradient: list[float], **settings: Any) -> np.ndarray:
        weights = tf.Variable([3.0, -2.0])
        config = TwoTowerConfig(**({"learning_rate": 0.1} | settings))
        _optimizer(config, 100).apply_gradients([(tf.constant(gradient), weights)])
        return weights.numpy() - np.array([3.0, -2.0], np.float32)

    return move


def test_the_first_step_of_adam_is_the_learning_rate_against_the_gradient(one_step: Step) -> None:
    assert_allclose(one_step([30.0, -0.5]), [-0.1, 0.1], rtol=1e-4)


def test_weight_decay_is_decoupled_from_the_gradient(one_step: Step) -> None:
    # AdamW at gradient 0: each weight loses learning rate · decay · itself.
    assert_allclose(one_step([0.0, 0.0], weight_decay=0.2), [-0.1 * 0.2 * 3, 0.1 * 0.2 * 2], rtol=1e-4)


def test_clipping_bounds_the_global_norm(one_step: Step) -> None:
    # Norm 50 is cut to 1e-6, so g = (6, 8)e-7. Adam's first step in Kingma & Ba's ε̂ form is
    # lr · g / (g + ε̂ / √(1 − β₂)), with ε̂ = 1e-7 and β₂ = 0.999.
    gradient = np.array([6e-7, 8e-7])
    expected = -0.1 * gradient / (gradient + 1e-7 / np.sqrt(0.001))
    assert_allclose(one_step([30.0, 40.0], clip_norm=1e-6), expected, rtol=1e-3)


# A fit that was stopped, and goes on.

STATEFUL = [
    {},
    {"schedule": "cosine", "similarity": "dot", "clip_norm": 1.0},
    {"weight_decay": 0.01, "weight_averaging": 0.5},
    {"history_length": 0, "horizon": "future", "hidden": (4,)},
]


def stop_after(epochs: int, qualities: list[float]) -> Callable[[Recommender], float]:
    """Validation that gives qualities in turn, and then stands for Ctrl-C."""
    given = iter(qualities[:epochs])

    def validate(model: Recommender) -> float:
        for quality in given:
            return quality
        raise KeyboardInterrupt

    return validate


@pytest.mark.parametrize("settings", STATEFUL, ids=str)
def test_a_fit_stopped_after_any_epoch_ends_with_the_same_bits(
    planted_blocks: InteractionLog, tmp_path: Path, settings: dict[str, Any]
) -> None:
    qualities = [0.1, 0.3, 0.2, 0.25, 0.1]
    whole = small(max_epochs=5, **settings)
    report = whole.fit(planted_blocks, seed=5, validate=Scripted(*qualities))
    for done in (1, 3):
        kept = Checkpoint(tmp_path / f"{done}.npz", {}, print)
        with pytest.raises(KeyboardInterrupt):
            small(max_epochs=5, **settings).fit(
                planted_blocks, seed=5, validate=stop_after(done, qualities), checkpoint=kept
            )
        again, recorder = small(max_epochs=5, **settings), Recorder()
        rest = Scripted(*qualities[done:])
        resumed = again.fit(planted_blocks, seed=5, validate=rest, checkpoint=kept, monitor=recorder)
        assert recorder.done == done and len(rest.weights) == 5 - done
        assert_same_weights(again.weights(), whole.weights())
        assert resumed.epochs == report.epochs == 2 and resumed.earlier_s > 0
        for name in ("train/loss", "train/learning_rate", "validation/ndcg@10"):
            assert [one[name] for one in resumed.curve] == [one[name] for one in report.curve]


def test_a_fit_that_had_ended_is_not_trained_again(planted_blocks: InteractionLog, tmp_path: Path) -> None:
    kept = Checkpoint(tmp_path / "a.npz", {}, print)
    first = small(patience=2)
    report = first.fit(planted_blocks, validate=Scripted(0.1, 0.3, 0.2, 0.3), checkpoint=kept)
    again, never = small(patience=2), Scripted()
    resumed = again.fit(planted_blocks, validate=never, checkpoint=kept)
    assert never.weights == [] and (resumed.epochs, resumed.curve) == (report.epochs, report.curve)
    assert_same_weights(again.weights(), first.weights())


def test_a_state_of_other_shapes_is_refused(planted_blocks: InteractionLog, tmp_path: Path) -> None:
    said: list[str] = []
    kept = Checkpoint(tmp_path / "a.npz", {}, said.append)
    small(dimension=6).fit(planted_blocks, epochs=1, checkpoint=kept)
    fresh, plain = small(), small()
    fresh.fit(planted_blocks, epochs=1, checkpoint=kept)
    plain.fit(planted_blocks, epochs=1)
    assert len(said) == 1 and "weights of other shapes" in said[0]
    assert_same_weights(fresh.weights(), plain.weights())


def test_averaging_weighs_epochs_and_leaves_training_alone(planted_blocks: InteractionLog) -> None:
    plain, averaged = Scripted(0.1, 0.2, 0.3), Scripted(0.1, 0.2, 0.3)
    small(max_epochs=3).fit(planted_blocks, seed=5, validate=plain)
    model = small(max_epochs=3, weight_averaging=0.5)
    model.fit(planted_blocks, seed=5, validate=averaged)
    for trained, shown in zip(
        zip(*plain.weights, strict=True), zip(*averaged.weights, strict=True), strict=True
    ):
        first, second, third = trained
        expected = (first, (first + second) / 2, (first + second) / 4 + third / 2)
        for ours, theirs in zip(shown, expected, strict=True):
            assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert_same_weights(model.weights(), averaged.weights[2])
    refitted = small(weight_averaging=0.5)
    refitted.fit(planted_blocks, seed=5, epochs=3)
    assert_same_weights(refitted.weights(), model.weights())
