"""Seconds and memory of making a log ready to train, as it grows, each size in a fresh process.

Logs are generated (see `generated_logs`) and read from a file by the same `prepare` that a run begins with.
Its stages are `load`, `split` (its audit included) and `self-test`; then come `pipeline`, from the log to the
first training batch, and `describe`, the facts of `--describe`. TensorFlow's own loading is shown apart: it
takes the same for every size. Memory is the most that the process has held in a stage (peak RSS), everything
that earlier stages keep included.

  ./run python -m benchmarks.size --output=benchmarks/results/size.json
  ./run python -m benchmarks.size --rows 100000000 --formats parquet --output=benchmarks/results/size-e8.json
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.fresh_process import run_fresh
from benchmarks.generated_logs import FORMATS, write_log
from benchmarks.written_results import about_machine, write_results

STAGES = ("load", "split", "self-test", "TensorFlow", "pipeline", "describe")
READY = STAGES[:5]
BATCH, HISTORY = 1024, 20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--formats", nargs="+", default=list(FORMATS), choices=FORMATS)
    parser.add_argument("--scratch", type=Path, help="folder for the generated files")
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="write figures, a table beside")
    parser.add_argument("--measure", type=Path, metavar="LOG", help="measure one log in this process")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    runs = []
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
        for rows in arguments.rows:
            for form in arguments.formats:
                path = Path(folder, f"log.{form}")
                write_log(path, rows)
                size_mb = path.stat().st_size / 2**20
                found = run_fresh("benchmarks.size", f"--measure={path}")
                path.unlink()
                runs.append({"rows": rows, "format": form, "file_mb": size_mb} | found)
                print(f"{rows:,} rows, {form}: {describe(found)}", flush=True)
    figures = {"title": "Size", "environment": about_machine(), "runs": runs}
    write_results(figures, table(figures), arguments.output)


def measure(path: Path) -> dict[str, Any]:
    """Prepares one log and returns its counts and, by stage, seconds and MB of peak memory."""
    from tfrs_bench.experiment import Experiment
    from tfrs_bench.preparation import prepare

    console = StageTimes()
    prepared = prepare(Experiment(interactions=str(path)), console)
    with console.stage("TensorFlow"):
        from tfrs_bench.runtime import import_tensorflow

        import_tensorflow()
    with console.stage("pipeline"):
        first_batch(prepared.train)
    with console.stage("describe"):
        from tfrs_bench.data.describe import describe as facts_of

        facts_of(prepared.dataset)
    log = prepared.dataset.log
    return {"users": log.num_users, "items": log.num_items, "stages": console.stages}


def first_batch(train: Any) -> None:
    """Builds the input pipeline and draws one batch."""
    from tfrs_bench.data.pipeline import BatchOptions, training_dataset
    from tfrs_bench.models.rating_levels import RatingLevels

    levels = RatingLevels.of(train).of_log(train)
    next(iter(training_dataset(train, levels, BatchOptions(BATCH, HISTORY), range(1))))


class StageTimes:
    """A console that shows nothing and notes what stages cost."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, float]] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[Any]:
        """Notes the seconds and the peak memory of a stage."""
        from tfrs_bench.runtime import peak_memory_mb, restart_peak_memory

        restart_peak_memory()
        began = time.perf_counter()
        yield self
        self.stages[name] = {"seconds": time.perf_counter() - began, "peak_mb": peak_memory_mb()}
        print(f"  {name} {self.stages[name]}", file=sys.stderr, flush=True)

    def say(self, *lines: str) -> None:
        """Shows nothing."""


def describe(found: dict[str, Any]) -> str:
    """Returns a run's stages in one line."""
    return ", ".join(
        f"{name} {one['seconds']:.1f} s {one['peak_mb']:,.0f} MB" for name, one in found["stages"].items()
    )


def table(figures: dict[str, Any]) -> str:
    """Returns the runs as a Markdown table, seconds by stage, and the peak until ready to train."""
    names = list(figures["runs"][0]["stages"])
    lines = [
        f"# {figures['title']}",
        "",
        f"{figures['environment']['line']}",
        "",
        "Seconds by stage; `ready` is all of them before `describe`, and the most memory held until then.",
        "",
        f"| rows | file | {' | '.join(names)} | ready s | ready peak GB |",
        "|---:|---|" + "---:|" * (len(names) + 2),
    ]
    for run in figures["runs"]:
        stages = run["stages"]
        ready = [stages[name] for name in READY if name in stages]
        seconds = " | ".join(f"{stages[name]['seconds']:.1f}" for name in names)
        peak = max(one["peak_mb"] for one in ready) / 2**10
        lines.append(
            f"| {run['rows']:,} | {run['format']}, {run['file_mb']:,.0f} MB | {seconds} | "
            f"{sum(one['seconds'] for one in ready):.1f} | {peak:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
