"""What every test may use: a quiet TensorFlow, real data where it is, and a log with an obvious answer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.runtime import prepare_environment

prepare_environment()

# The same examples on every machine and at every load; the slow tests look further.
settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

DATA_VARIABLE = "TFRS_BENCH_DATA"


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Returns real_data(name) -> Path, a data set's folder; skips the test where it is not at hand."""

    def find(name: str) -> Path:
        root = os.environ.get(DATA_VARIABLE)
        folder = Path(root or "", name)
        if not root or not folder.is_dir():
            pytest.skip(f"needs the data set {name}: set {DATA_VARIABLE} to the folder that holds {name}/")
        return folder

    return find


def planted_blocks_log(num_users: int = 40, num_items: int = 20, rows: int = 6) -> InteractionLog:
    """A log of two groups who only take items of their own half, each user `rows` distinct ones.

    Even users take even items and odd users odd items, in turns and at times that increase row by row, so
    a model that learned anything ranks the unseen items of a user's own half above the other half.
    """
    random = np.random.default_rng(0)
    own = [2 * random.permutation(num_items // 2)[:rows] + user % 2 for user in range(num_users)]
    user_ids = [f"u{user}" for _ in range(rows) for user in range(num_users)]
    item_ids = [f"i{own[user][row]}" for row in range(rows) for user in range(num_users)]
    times = 1_000_000_000 + 60 * np.arange(len(user_ids), dtype=np.int64)
    return build_log(np.array(user_ids), np.array(item_ids), times)


@pytest.fixture(scope="session")
def planted_blocks() -> InteractionLog:
    """The log of `planted_blocks_log` at its default size: 40 users, 20 items."""
    return planted_blocks_log()
