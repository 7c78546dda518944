"""Which operations a training step spends its time in, by TensorFlow's profiler.

Two-tower, history of 20, softmax over the whole catalogue, batches from the input pipeline. Times are
those of operations on all threads together, so they can exceed the clock's; shares are of their sum.

  ./run python -m benchmarks.step_profile --data_dir=DIR --output=benchmarks/results/step_profile-ml-1m.json
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.step_parts import HISTORY, Parts
from benchmarks.training_log import add_data_arguments, load_log
from benchmarks.training_step import DIMENSION
from benchmarks.written_results import about_machine, write_results
from tfrs_bench.models.two_tower import TwoTowerConfig
from tfrs_bench.runtime import import_tensorflow

STEPS = 50
SHOWN = 15
PRODUCTS = ("MatMul", "Einsum")
_THREADS = ("tf_Compute", "tf_data")  # the pools that operations of steps and of the pipeline run in


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_arguments(parser)
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="write figures, a table beside")
    arguments = parser.parse_args()
    name, log = load_log(arguments.data_dir)
    log = dataclasses.replace(log, item_features=None, user_features=None)
    config = TwoTowerConfig(
        dimension=DIMENSION, batch_size=arguments.batch_size, negatives="full", history_length=HISTORY
    )
    rate = Parts(log, config).steps_of_pipeline(STEPS)
    rate()
    figures = {"title": f"Operations of a training step, {name}", "environment": about_machine(),
               "steps": STEPS, "milliseconds": profile(rate)}  # fmt: skip
    write_results(figures, table(figures), arguments.output)


def profile(work: Any) -> dict[str, float]:
    """Returns milliseconds by operation, such as `MatMul_1:_MklMatMul`, that TensorFlow spent."""
    tf, _ = import_tensorflow()
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            work()
        [path] = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    spent: collections.Counter[str] = collections.Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                about = plane.event_metadata[event.metadata_id]
                # an operation is shown by its kind; executors and their waiting have none
                inside = line.name.startswith(_THREADS) and not about.name.startswith("Iterator::")
                if inside and about.display_name:
                    spent[about.name] += event.duration_ps / 1e9
    return dict(spent.most_common())


def table(figures: dict[str, Any]) -> str:
    """Returns the kinds of operations as a Markdown table, the longest first."""
    kinds: collections.Counter[str] = collections.Counter()
    longest: dict[str, str] = {}
    for name, spent in figures["milliseconds"].items():  # the longest first
        path, kind = name.rsplit(":", 1)
        kind = "matrix products" if any(word in kind for word in PRODUCTS) else kind.removeprefix("_Mkl")
        kinds[kind] += spent
        longest.setdefault(kind, path)
    total = kinds.total()
    lines = [
        f"# {figures['title']}",
        "",
        figures["environment"]["line"],
        "",
        "| operations | share | the longest of them |",
        "|---|---:|---|",
    ]
    lines += [
        f"| {kind} | {spent / total:.1%} | `{longest[kind]}` |" for kind, spent in kinds.most_common(SHOWN)
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
