"""A small log on disk with an obvious answer, for tests of everything between flags and records."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfrs_bench import main

NUM_USERS, NUM_ITEMS, ROWS, FEW_ROWS = 60, 40, 16, 3
COLD = range(0, NUM_USERS, 12)


def write_planted_csv(path: Path) -> Path:
    """Two groups of users who take items of their own half only, rated 4, every fifth row rated 2.

    55 users have 16 rows, so 12 train, 2 validation and 2 test (⌊.8 · 16⌋ = 12, ⌊.9 · 16⌋ = 14); the other
    five, the cold ones, have 3 rows, so 2 train and 1 test. All act in turns, an hour apart.
    """
    random = np.random.default_rng(0)
    rows = []
    for user in range(NUM_USERS):
        own = 2 * random.permutation(NUM_ITEMS // 2) + user % 2
        for turn in range(FEW_ROWS if user in COLD else ROWS):
            moment = 1_000_000_000 + 3600 * (turn * NUM_USERS + user)
            rows.append((moment, f"u{user},i{own[turn]},{4 if turn % 5 else 2},{moment}"))
    path.write_text("user,item,rating,timestamp\n" + "\n".join(line for _, line in sorted(rows)) + "\n")
    return path


def run_planted(folder: Path, models: str) -> Path:
    """Runs models on the log, labelled shop, and returns the folder with `log.csv` and `runs`."""
    write_planted_csv(folder / "log.csv")
    flags = [f"--interactions={folder / 'log.csv'}", f"--results_dir={folder / 'runs'}", "--label=shop"]
    assert main.console(["main", f"--model={models}", "--baselines=", *flags]) == 0
    return folder
