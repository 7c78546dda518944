"""Where a training step's time goes: from its bare matrix products to Keras `fit`, one part added at a time.

The two-tower with a history of 20 and the softmax over the whole catalogue, defaults otherwise. The floor is
what the step cannot do without: the products of batch and catalogue, of history rows and their weights, and
of pooled histories and heads, each forward and twice backward, in TensorFlow, on random numbers of the same
shapes. Then come the network's loss and its derivatives on one batch that stays the same; with Adam; with
batches from the input pipeline; and the second epoch of the training itself. So the difference of two
neighbors is what was added.
  ./run python -m benchmarks.step_parts --data_dir=DIR --output=benchmarks/results/step_parts-ml-1m.json
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import time
from collections.abc import Callable
from typing import Any

from benchmarks.side_by_side import Claim, Contender, argument_parser, compare
from benchmarks.training_log import add_data_arguments, load_log
from benchmarks.training_step import DIMENSION, EpochEnds
from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.pipeline import BatchOptions, steps_per_epoch, training_dataset
from tfrs_bench.models.rating_levels import RatingLevels
from tfrs_bench.models.two_tower import TwoTower, TwoTowerConfig
from tfrs_bench.runtime import import_tensorflow

HISTORY = 20
STEPS = 100
FLOOR, WHOLE = "matrix products", "training"


def main() -> None:
    parser = argument_parser(__doc__, rounds=3)
    add_data_arguments(parser)
    arguments = parser.parse_args()
    name, log = load_log(arguments.data_dir)
    log = dataclasses.replace(log, item_features=None, user_features=None)
    config = TwoTowerConfig(
        dimension=DIMENSION, batch_size=arguments.batch_size, negatives="full", history_length=HISTORY
    )
    parts = Parts(log, config)
    contenders = [
        Contender(FLOOR, repeated(products(log, config))),
        Contender("loss and derivatives, one batch", repeated(parts.derivatives())),
        Contender("with Adam", repeated(parts.step())),
        Contender("with the input pipeline", parts.steps_of_pipeline()),
        Contender(WHOLE, training(log, config)),
    ]
    compare(
        contenders,
        [Claim(WHOLE, FLOOR, at_least=0.4)]
        + [Claim(more.name, less.name) for less, more in itertools.pairwise(contenders)],
        title=f"A training step and its floor, {name}",
        unit="steps",
        facts={"rows": len(log), "users": log.num_users, "items": int(log.catalogue.sum()),
               "batch": arguments.batch_size, "dimension": DIMENSION, "history": HISTORY,
               "heads": config.history_heads},
        arguments=arguments,
    )  # fmt: skip


def repeated(step: Callable[[], Any], steps: int = STEPS) -> Callable[[], float]:
    """Turns a step into a rate, steps per second; the first steps are not timed."""

    def rate() -> float:
        for _ in range(3):
            finish(step())
        began = time.perf_counter()
        for _ in range(steps):
            last = step()
        finish(last)
        return steps / (time.perf_counter() - began)

    return rate


def finish(result: Any) -> None:
    """Waits until a result is there."""
    tf, _ = import_tensorflow()
    tf.nest.map_structure(lambda one: one.numpy(), result)


def products(log: InteractionLog, config: TwoTowerConfig) -> Callable[[], Any]:
    """Returns a function that forms a step's matrix products, and nothing else."""
    tf, _ = import_tensorflow()
    b, d, m = config.batch_size, config.dimension, int(log.catalogue.sum())
    heads, length = config.history_heads, config.history_length
    draw = functools.partial(tf.random.stateless_normal, seed=[0, 0])
    # left factor, right factor, and the derivative with respect to their product
    catalogue = draw([b, d + 1]), draw([m, d + 1]), draw([b, m])
    pooling = draw([b, heads, length]), draw([b, length, d]), draw([b, heads, d])
    turning = draw([b, heads * d]), draw([heads * d, d]), draw([b, d])

    @tf.function
    def form(catalogue: Any, pooling: Any, turning: Any) -> Any:
        queries, items, upstream = catalogue
        formed = [
            tf.linalg.matmul(queries, items, transpose_b=True),
            tf.linalg.matmul(upstream, items),
            tf.linalg.matmul(upstream, queries, transpose_a=True),
        ]
        for left, right, upstream in (pooling, turning):
            formed += [
                tf.linalg.matmul(left, right),
                tf.linalg.matmul(upstream, right, transpose_b=True),
                tf.linalg.matmul(left, upstream, transpose_a=True),
            ]
        return formed

    return lambda: form(catalogue, pooling, turning)


class Parts:
    """Pieces of a two-tower's training step, of a model that one epoch has made ready."""

    def __init__(self, log: InteractionLog, config: TwoTowerConfig) -> None:
        """Fits a model for one epoch and draws a batch."""
        recommender = TwoTower(config)
        recommender.fit(log, epochs=1)
        self._network = recommender._model
        self._options = BatchOptions(
            config.batch_size,
            config.history_length,
            user_dropout=config.user_dropout,
            history_dropout=config.history_dropout,
        )
        levels = RatingLevels.of(log).of_log(log)
        self._batches = iter(training_dataset(log, levels, self._options, range(10**6)))
        self._batch = next(self._batches)

    def derivatives(self) -> Callable[[], Any]:
        """Returns a function that computes the loss of one batch and its derivatives."""
        tf, _ = import_tensorflow()
        network = self._network

        @tf.function
        def derive(batch: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = network.compute_loss(batch, training=True)
            return loss, tape.gradient(loss, network.trainable_variables)

        return lambda: derive(self._batch)

    def step(self) -> Callable[[], Any]:
        """Returns a function that trains on one batch, the same every time."""
        tf, _ = import_tensorflow()
        train = tf.function(self._network.train_step)
        return lambda: train(self._batch)["loss"]

    def steps_of_pipeline(self, steps: int = STEPS) -> Callable[[], float]:
        """Returns the rate of steps that draw their batches."""
        tf, _ = import_tensorflow()
        train = tf.function(self._network.train_step)
        return repeated(lambda: train(next(self._batches))["loss"], steps)


def training(log: InteractionLog, config: TwoTowerConfig) -> Callable[[], float]:
    """Returns the rate of the second epoch of a fit."""

    def rate() -> float:
        ends = EpochEnds()
        TwoTower(config).fit(log, epochs=2, monitor=ends)
        return steps_per_epoch(len(log), config.batch_size) / ends.last_epoch_s()

    return rate


if __name__ == "__main__":
    main()
