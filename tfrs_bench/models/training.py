"""Keras `fit` with validation, early stopping and a watch for diverging losses. Loads TensorFlow."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.pipeline import BatchOptions, steps_per_epoch, training_dataset
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import FitContext, FitReport
from tfrs_bench.runtime import import_tensorflow, stop_if_interrupted

if TYPE_CHECKING:
    from tfrs_bench.models.network_recommender import NetworkRecommender

tf, _ = import_tensorflow()
Callback: Any = tf.keras.callbacks.Callback

LARGEST_SUM = 1e15  # of absolute weights; products of larger ones overflow float32
STEPS_BETWEEN_LOOKS = 8  # at losses; looking waits for the step, and the next could be under way


def train_model(
    recommender: NetworkRecommender,
    network: Any,
    train: InteractionLog,
    rating_levels: NDArray[np.int32],
    *,
    options: BatchOptions,
    context: FitContext,
) -> FitReport:
    """Trains a network in place and leaves its best weights in it.

    Args:
      recommender: the model the network belongs to; handed to `validate`.
      network: a `tfrs.Model`.
      train: the rows to learn from.
      rating_levels: [r] int32, see `RatingLevels`.
      options: how examples become batches; a log with fewer of them shrinks a batch.
      context: see `Recommender.fit`. Without `epochs`, up to `max_epochs` while `validate` improves.

    Returns:
      The epochs kept and the curve.

    Raises:
      UserError: the loss became NaN or infinite; the message names epoch, step and learning rate.
    """
    config = recommender.config
    most_epochs = config.max_epochs if context.epochs is None else context.epochs
    num_examples = int(train.positives.sum())
    options = dataclasses.replace(options, batch_size=min(options.batch_size, num_examples))
    steps = steps_per_epoch(num_examples, options.batch_size, options.num_targets)
    network.compile(optimizer=_optimizer(config, most_epochs * steps))
    watch = _Watch(recommender, network, steps, options.batch_size, context)
    done = watch.go_on()
    if done < most_epochs and not watch.stopped:
        network.fit(
            training_dataset(
                train, rating_levels, options, range(done, most_epochs), recommender.rated_examples(train)
            ),
            initial_epoch=done,
            epochs=most_epochs,
            steps_per_epoch=steps,
            callbacks=[watch],
            verbose=0,
        )
    watch.restore_best()
    return FitReport(watch.best_epoch or most_epochs, tuple(watch.curve), watch.earlier_s)


def _optimizer(config: Any, total_steps: int) -> Any:
    rate = config.learning_rate
    if config.schedule == "cosine":
        rate = tf.keras.optimizers.schedules.CosineDecay(rate, total_steps)
    clip = {"global_clipnorm": config.clip_norm}
    if config.weight_decay:
        return tf.keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, **clip)
    # The arithmetic of keras.optimizers.Adam, in one fused operation per weight.
    return tf.keras.optimizers.legacy.Adam(rate, epsilon=1e-7, **{k: v for k, v in clip.items() if v})


def _optimizer_variables(network: Any) -> list[Any]:
    """Makes the variables that an optimizer makes at its first step otherwise, and returns them all."""
    optimizer = network.optimizer
    if isinstance(optimizer, tf.keras.optimizers.legacy.Optimizer):
        optimizer._create_all_weights(network.trainable_weights)
    else:
        optimizer.build(network.trainable_weights)
    return list(optimizer.variables())


class _Watch(Callback):
    """Validates after every epoch, keeps the best weights, stops early and at a diverging loss.

    What an epoch leaves goes into a checkpoint: weights, the optimizer's variables, and all that is here.
    Batches derive from (seed, epoch, batch), so nothing else has to be kept to go on from it.
    """

    def __init__(
        self,
        recommender: NetworkRecommender,
        network: Any,
        steps: int,
        batch_size: int,
        context: FitContext,
    ) -> None:
        super().__init__()
        self._supports_tf_logs = True  # or Keras waits for every step's loss before it starts the next
        self._recommender, self._network = recommender, network
        self._steps, self._batch_size = steps, batch_size
        self._validate = context.validate if context.epochs is None else None
        self._tag = f"validation/{context.metric}"
        self._monitor, self._checkpoint = context.monitor, context.checkpoint
        self._variables = _optimizer_variables(network)
        self.curve: list[dict[str, float]] = []
        self.stopped = False
        self.best_epoch: int | None = None
        self._best = -math.inf
        self._best_weights: list[NDArray[Any]] | None = None
        self._average: list[NDArray[Any]] | None = None
        self.earlier_s, self._fit_began = 0.0, time.perf_counter()

    def go_on(self) -> int:
        """Takes up what a checkpoint holds; returns how many epochs are done."""
        found = None if self._checkpoint is None else self._checkpoint.load()
        if found is None:
            return 0
        assert self._checkpoint is not None
        facts, arrays = found
        weights, variables = _listed(arrays, "weight"), _listed(arrays, "optimizer")
        if _shapes(weights) != _shapes(self._recommender.weights()) or _shapes(variables) != _shapes(
            self._variables
        ):
            self._checkpoint.refuse("weights of other shapes")
            return 0
        self._recommender.set_weights(weights)
        for variable, value in zip(self._variables, variables, strict=True):
            variable.assign(value)
        self.curve, self.stopped, self.earlier_s = facts["curve"], facts["stopped"], facts["seconds"]
        self._average = _listed(arrays, "average") or None
        if facts["best_epoch"] is not None:
            self._best, self.best_epoch = facts["best"], facts["best_epoch"]
            self._best_weights = _listed(arrays, "best")
        if self._monitor is not None:
            self._monitor.resumed(len(self.curve))
        return len(self.curve)

    def _keep(self) -> None:
        if self._checkpoint is None:
            return
        facts = {
            "curve": self.curve,
            "stopped": self.stopped,
            "seconds": self.earlier_s + time.perf_counter() - self._fit_began,
            "best_epoch": self.best_epoch,
            "best": None if self.best_epoch is None else self._best,
        }
        arrays = (
            _numbered("weight", self._recommender.weights())
            | _numbered("optimizer", [variable.numpy() for variable in self._variables])
            | _numbered("best", self._best_weights or [])
            | _numbered("average", self._average or [])
        )
        self._checkpoint.save(facts, arrays)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch, self._losses, self._began = epoch + 1, 0.0, time.perf_counter()
        self._pending: list[Any] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        assert logs is not None
        self._pending.append(logs["loss"])
        if len(self._pending) == STEPS_BETWEEN_LOOKS or batch + 1 == self._steps:
            stop_if_interrupted()
            for behind, loss in enumerate(map(float, self._pending), start=1 - len(self._pending)):
                self._look_at(batch + 1 + behind, loss)
            self._pending = []

    def _look_at(self, step: int, loss: float) -> None:
        """Takes a step's loss; raises UserError where it is not finite, or the epoch ends in such weights."""
        last = step == self._steps
        if not math.isfinite(loss) or (last and not self._weights_are_usable()):
            what = "The weights grew beyond use" if math.isfinite(loss) else f"The loss became {loss}"
            raise UserError(
                f"{what} at epoch {self._epoch}, step {step}, with learning rate "
                f"{self._learning_rate():.3g}. Try --learning_rate={self._learning_rate() / 10:.2g} "
                "or --clip_norm=1."
            )
        self._losses += loss
        if self._monitor is not None:
            self._monitor.step(self._epoch, self.params["epochs"], step, self._steps, loss)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seconds = time.perf_counter() - self._began
        scalars = {
            "train/loss": self._losses / self._steps,
            "train/learning_rate": self._learning_rate(),
            "train/examples_per_second": self._steps * self._batch_size / seconds,
        }
        trained = self._average_in()
        if self._validate is not None:
            quality = self._validate(self._recommender)
            scalars[self._tag] = abs(quality)  # an error comes negated
            self._judge(epoch + 1, quality)
        if trained is not None:
            self._recommender.set_weights(trained)
        self.curve.append(scalars)
        if self._monitor is not None:
            self._monitor.epoch(epoch + 1, scalars)
        self._keep()

    def _average_in(self) -> list[NDArray[Any]] | None:
        """Puts the average over epochs into the network; returns the weights to train on from, if others.

        Source: Polyak & Juditsky 1992; an exponential mean as in Tarvainen & Valpola 2017, by epochs.
        """
        keep = self._recommender.config.weight_averaging
        if keep == 0:
            return None
        trained = self._recommender.weights()
        before = trained if self._average is None else self._average
        self._average = [keep * old + (1 - keep) * new for old, new in zip(before, trained, strict=True)]
        self._recommender.set_weights(self._average)
        return trained

    def _judge(self, epoch: int, quality: float) -> None:
        if quality > self._best:
            self._best, self.best_epoch, self._best_weights = quality, epoch, self._recommender.weights()
        elif epoch - (self.best_epoch or 0) >= self._recommender.config.patience:
            self.model.stop_training = self.stopped = True

    def restore_best(self) -> None:
        kept = self._best_weights or self._average
        if kept is not None:
            self._recommender.set_weights(kept)

    def _weights_are_usable(self) -> bool:
        """A step can end in weights that the next loss would be the first to show, were there one."""
        sizes = (
            float(tf.reduce_sum(tf.abs(one)))
            for one in self.model.trainable_weights
            if one.shape.num_elements()
        )
        return all(size < LARGEST_SUM for size in sizes)

    def _learning_rate(self) -> float:
        optimizer = self.model.optimizer
        rate = optimizer.learning_rate
        return float(rate(optimizer.iterations) if callable(rate) else tf.keras.backend.get_value(rate))


def _numbered(name: str, arrays: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{name}_{number:04d}": array for number, array in enumerate(arrays)}


def _listed(arrays: dict[str, NDArray[Any]], name: str) -> list[NDArray[Any]]:
    return [arrays[key] for key in sorted(arrays) if key.startswith(name + "_")]


def _shapes(arrays: Iterable[Any]) -> list[tuple[int, ...]]:
    return [tuple(one.shape) for one in arrays]
