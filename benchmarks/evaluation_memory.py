"""Peak memory of exact evaluation as users grow, each number of users in a fresh process.

The problem of `evaluation` with more users. `held` is what the process holds before: vectors, histories and
answers; `peak` is the most that it holds while it evaluates (peak RSS). What lies between is the blocks of
scores, whatever the number of users, and what is returned: about 250 bytes a user of lists and metrics.

  ./run python -m benchmarks.evaluation_memory --output=benchmarks/results/evaluation_memory.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.evaluation import Vectors, draw, evaluator_of
from benchmarks.fresh_process import run_fresh
from benchmarks.written_results import about_machine, write_results
from tfrs_bench.runtime import peak_memory_mb, restart_peak_memory

ITEMS, DIMENSION = 50_000, 64


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, nargs="+", default=[4096, 16_384, 65_536])
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="write figures, a table beside")
    parser.add_argument("--measure", type=int, metavar="USERS", help="measure in this process")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    runs = [run_fresh("benchmarks.evaluation_memory", f"--measure={users}") for users in arguments.users]
    figures = {"title": "Memory of exact evaluation", "environment": about_machine(), "runs": runs}
    write_results(figures, table(figures), arguments.output)


def measure(users: int) -> dict[str, float]:
    """Evaluates once and returns MB held before and at the peak."""
    problem = draw(users, ITEMS, DIMENSION)
    evaluator, model = evaluator_of(problem), Vectors(problem)
    restart_peak_memory()
    held = peak_memory_mb()
    evaluator.evaluate(model)
    return {"users": users, "held_mb": held, "peak_mb": peak_memory_mb()}


def table(figures: dict[str, Any]) -> str:
    """Returns the runs as a Markdown table."""
    lines = [
        f"# {figures['title']}",
        "",
        f"items {ITEMS:,}, dimension {DIMENSION}.",
        figures["environment"]["line"],
        "",
        "| users | held MB | peak MB | for evaluating MB |",
        "|---:|---:|---:|---:|",
    ]
    for run in figures["runs"]:
        held, peak = run["held_mb"], run["peak_mb"]
        lines.append(f"| {run['users']:,} | {held:,.0f} | {peak:,.0f} | {peak - held:,.0f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
