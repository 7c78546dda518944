"""How much a training row still says: half as much after every half-life."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.errors import UserError

SECONDS_PER_DAY = 86_400


def recency_weights(log: InteractionLog, half_life_days: float | None) -> NDArray[np.float64]:
    """Returns [r] float64 weights 2^(−age / half-life), ages taken at the log's last row; without one, ones.

    Raises:
      UserError: a half-life is given and the log has no times.
    """
    if half_life_days is None:
        return np.ones(len(log))
    if log.clock != "time":
        raise UserError("--half_life_days needs times, and this log has none. Drop the flag.")
    age_days = (log.timestamps.max(initial=0) - log.timestamps) / SECONDS_PER_DAY
    weights: NDArray[np.float64] = 0.5 ** (age_days / half_life_days)
    return weights
