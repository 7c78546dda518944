"""Random small logs, full of ties and repeats, for the property-based tests of splits."""

from __future__ import annotations

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st

from tfrs_bench.data.interactions import Clock, InteractionLog, build_log
from tfrs_bench.data.split import STRATEGIES, TemporalSplit, split_log
from tfrs_bench.errors import UserError

TEMPORAL = ("per_user", "global", "leave_last")


@st.composite
def logs(draw: st.DrawFn, clock: Clock = "time") -> InteractionLog:
    """Draws a log of 12 to 60 rows over at most 5 users, 8 items and 13 moments, explicit or implicit."""
    size = draw(st.integers(12, 60))
    # Bytes and not lists of tuples, which are slow to draw.
    values = np.frombuffer(draw(st.binary(min_size=5 * size, max_size=5 * size)), dtype=np.uint8)
    rows = values.reshape(size, 5).astype(np.int64) % (5, 8, 13, 5, 3)
    return build_log(
        np.array([f"u{user}" for user in rows[:, 0]]),
        np.array([f"i{item}" for item in rows[:, 1]]),
        rows[:, 2] if clock == "time" else None,
        (1 + rows[:, 3]).astype(np.float32) if draw(st.booleans()) else None,
        clock=clock,
        parts=rows[:, 4].astype(np.int8),
    )


@st.composite
def splits(draw: st.DrawFn, strategies: tuple[str, ...] = STRATEGIES) -> TemporalSplit:
    """Draws a random log split by one of the strategies, passing over the requests that are refused."""
    strategy = draw(st.sampled_from(strategies))
    log = draw(logs(clock="none" if strategy == "random" else "time"))
    below, seed = draw(st.integers(0, 5)), draw(st.integers(0, 9))
    try:
        return split_log(log, strategy, cold_start_below=below, seed=seed)
    except UserError:
        reject()
