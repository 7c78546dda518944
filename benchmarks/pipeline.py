"""Training batches per second: our input pipeline beside the usual tf.data one.

Ours permutes example numbers and gathers whole batches from the log's columns, histories included. The
opponent is `from_tensor_slices(columns).shuffle(n).batch(b)`, n the number of rows, once over (user, item)
alone and once over histories that were written out beforehand, [n, L] items and rating levels, which is what
it takes to yield the same content. A round reads whole epochs, about a million examples, and does nothing
with them. What happens once is not timed: writing the histories out, making tensors of columns, tracing.

  ./run python -m benchmarks.pipeline --data_dir=DIR --output=benchmarks/results/pipeline-ml-1m.json
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.side_by_side import Claim, Contender, argument_parser, compare, timed
from benchmarks.training_log import add_data_arguments, load_log
from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.pipeline import PADDING, BatchOptions, steps_per_epoch, training_dataset
from tfrs_bench.models.rating_levels import RatingLevels
from tfrs_bench.runtime import import_tensorflow

HISTORY_LENGTH = 20
EXAMPLES_PER_ROUND = 1_000_000


def main() -> None:
    parser = argument_parser(__doc__, rounds=5)
    add_data_arguments(parser)
    arguments = parser.parse_args()
    name, log = load_log(arguments.data_dir)
    log = dataclasses.replace(log, user_features=None)  # the opponent reads no profiles either
    levels = RatingLevels.of(log).of_log(log)
    batch_size = arguments.batch_size
    pairs = {"users": log.users, "targets": log.items}
    epochs = max(EXAMPLES_PER_ROUND // len(log), 1)
    pairs = {"users": log.users, "targets": log.items}
    written_out = pairs | histories(log, levels, HISTORY_LENGTH)
    contenders = [
        Contender("ours, L = 20", ours(log, levels, BatchOptions(batch_size, HISTORY_LENGTH), epochs)),
        Contender("shuffle, pairs only", theirs(pairs, batch_size, epochs)),
        Contender("ours, L = 1", ours(log, levels, BatchOptions(batch_size, 1), epochs)),
        Contender("shuffle, histories written out", theirs(written_out, batch_size, epochs)),
    ]
    compare(
        contenders,
        [
            Claim("ours, L = 20", "shuffle, histories written out", at_least=10),
            Claim("ours, L = 20", "shuffle, pairs only", at_least=10),
            Claim("ours, L = 1", "shuffle, pairs only", at_least=10),
        ],
        title=f"Input pipeline, {name}",
        unit="examples",
        facts={"rows": len(log), "batch": batch_size, "L": HISTORY_LENGTH, "epochs a round": epochs},
        arguments=arguments,
    )


def ours(
    log: InteractionLog, levels: NDArray[np.int32], options: BatchOptions, epochs: int
) -> Callable[[], float]:
    """Returns the rate of our pipeline; it runs on through the rounds, as it does through a training."""
    batches = iter(training_dataset(log, levels, options, range(10**6)))
    steps = epochs * steps_per_epoch(len(log), options.batch_size)
    return timed(lambda: read_through(itertools.islice(batches, steps)))


def theirs(columns: dict[str, NDArray[Any]], batch_size: int, epochs: int) -> Callable[[], float]:
    """Returns the rate of slicing, shuffling and batching the columns row by row."""
    tf, _ = import_tensorflow()
    rows = len(columns["users"])
    batches = tf.data.Dataset.from_tensor_slices(columns).shuffle(rows).batch(batch_size).prefetch(4)
    return timed(lambda: sum(read_through(batches) for _ in range(epochs)))


def read_through(batches: Any) -> int:
    """Reads every batch and returns how many examples there were."""
    return sum(int(batch["targets"].shape[0]) for batch in batches)


def histories(log: InteractionLog, levels: NDArray[np.int32], length: int) -> dict[str, NDArray[np.int32]]:
    """Writes out the last `length` rows before every row: [n, L] items and levels, most recent first."""
    before = np.arange(len(log))[:, None] - 1 - np.arange(length)
    inside = before >= log.user_offsets[log.users][:, None]
    before = np.where(inside, before, 0)
    return {
        "history_items": np.where(inside, log.items[before], PADDING),
        "history_levels": np.where(inside, levels[before], 0),
    }


if __name__ == "__main__":
    main()
