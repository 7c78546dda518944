"""Training examples per second: our two-tower beside one in the style of TFRS's quickstart.

The opponent is a `tfrs.Model` whose towers look strings up and embed them, trained by
`tfrs.tasks.Retrieval()` without metrics on `from_tensor_slices(strings).shuffle(n).batch(b)`, a fresh shuffle
every epoch; once more with `.cache()` behind the batches, where every epoch after the first repeats the same
batches from memory. Both sides have the same batch, dimension, log and epoch; neither validates.

Like for like is `ids alone`: the same two embeddings and the same softmax over the batch, though ours also
corrects for popularity and removes accidental hits; the claim is about this one. The other two of ours do
more than the opponent does: they read histories of 20 rows, one with the softmax over the whole catalogue.
Ours trains with Adam, the opponent with Adam and with Adagrad, as in the quickstart.
A round trains each contender afresh for two epochs and counts the second, from the end of the first, its
input pipeline included.

  ./run python -m benchmarks.training_step --data_dir=DIR --output=benchmarks/results/training_step-ml-1m.json
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

from benchmarks.side_by_side import Claim, Contender, argument_parser, compare
from benchmarks.training_log import add_data_arguments, load_log
from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.pipeline import steps_per_epoch
from tfrs_bench.models.two_tower import TwoTower, TwoTowerConfig
from tfrs_bench.runtime import import_tensorflow

DIMENSION = 64


def main() -> None:
    parser = argument_parser(__doc__, rounds=3)
    add_data_arguments(parser)
    arguments = parser.parse_args()
    name, log = load_log(arguments.data_dir)
    log = dataclasses.replace(log, item_features=None, user_features=None)
    config = functools.partial(TwoTowerConfig, dimension=DIMENSION, batch_size=arguments.batch_size)
    quick = functools.partial(quickstart, log, arguments.batch_size)
    contenders = [
        Contender("quickstart, Adam", quick("Adam", cached=False)),
        Contender(
            "ours, ids alone", ours(log, config(negatives="in_batch", history_length=0, user_dropout=0.0))
        ),
        Contender("quickstart, Adagrad", quick("Adagrad", cached=False)),
        Contender(
            "ours, history of 20, in-batch", ours(log, config(negatives="in_batch", history_length=20))
        ),
        Contender("quickstart, Adagrad, cached", quick("Adagrad", cached=True)),
        Contender("ours, history of 20, full", ours(log, config(negatives="full", history_length=20))),
    ]
    pairs = [(mine.name, other.name) for mine in contenders[1::2] for other in contenders[::2]]
    compare(
        contenders,
        [Claim(one, other, 2 if "alone" in one and "cached" not in other else None) for one, other in pairs],
        title=f"Training, {name}",
        unit="examples",
        facts={"rows": len(log), "users": log.num_users, "items": log.num_items,
               "batch": arguments.batch_size, "dimension": DIMENSION},
        arguments=arguments,
        warm_up=False,
    )  # fmt: skip


class EpochEnds:
    """Notes when epochs end; a `FitMonitor`."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def step(self, *_: Any) -> None:
        """Does nothing."""

    def epoch(self, *_: Any) -> None:
        """Notes the time."""
        self.times.append(time.perf_counter())

    def last_epoch_s(self) -> float:
        """Returns the seconds from the last epoch's predecessor's end to its own."""
        return self.times[-1] - self.times[-2]


def ours(log: InteractionLog, config: TwoTowerConfig) -> Callable[[], float]:
    """Returns the rate of the second epoch of our two-tower."""

    def rate() -> float:
        ends = EpochEnds()
        TwoTower(config).fit(log, epochs=2, monitor=ends)
        return steps_per_epoch(len(log), config.batch_size) * config.batch_size / ends.last_epoch_s()

    return rate


def quickstart(log: InteractionLog, batch_size: int, optimizer: str, *, cached: bool) -> Callable[[], float]:
    """Returns the rate of the second epoch of a model that embeds strings."""
    tf, _ = import_tensorflow()
    users, items = log.user_ids.ids.astype("S"), log.item_ids.ids.astype("S")
    strings = {"user": users[log.users], "item": items[log.items]}
    batches = tf.data.Dataset.from_tensor_slices(strings).shuffle(len(log)).batch(batch_size)
    if cached:
        batches = batches.cache()

    def rate() -> float:
        ends = EpochEnds()
        model = quickstart_model(log)
        model.compile(optimizer=optimizer)
        watch = tf.keras.callbacks.LambdaCallback(on_epoch_end=ends.epoch)
        model.fit(batches, epochs=2, verbose=0, callbacks=[watch])
        return len(log) / ends.last_epoch_s()

    return rate


def quickstart_model(log: InteractionLog) -> Any:
    """Returns a model of two towers, each a string lookup and an embedding."""
    tf, tfrs = import_tensorflow()

    def tower(ids: Any) -> Any:
        lookup = tf.keras.layers.StringLookup(vocabulary=ids.tolist(), mask_token=None)
        return tf.keras.Sequential([lookup, tf.keras.layers.Embedding(len(ids) + 1, DIMENSION)])

    class Quickstart(tfrs.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.users, self.items = tower(log.user_ids.ids), tower(log.item_ids.ids)
            self.task = tfrs.tasks.Retrieval()

        def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
            return self.task(self.users(inputs["user"]), self.items(inputs["item"]))

    return Quickstart()


if __name__ == "__main__":
    main()
