"""The log that training benchmarks read."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfrs_bench.data.interactions import InteractionLog


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that choose a log."""
    parser.add_argument("--data_dir", type=Path, help="folder of MovieLens 1M; simulated data without it")
    parser.add_argument("--batch_size", type=int, default=1024)


def load_log(data_dir: Path | None) -> tuple[str, InteractionLog]:
    """Returns a log and its name; every row is a positive."""
    from tfrs_bench.data.movielens import load_movielens
    from tfrs_bench.data.simulated import simulate
    from tfrs_bench.data.simulated_population import WorldConfig

    dataset = simulate(WorldConfig()) if data_dir is None else load_movielens("movielens/1m", data_dir)
    return dataset.name, dataset.log
