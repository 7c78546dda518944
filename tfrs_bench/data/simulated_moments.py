"""When the people of a simulated world act: drawn before anything is chosen, and whatever is chosen."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.simulated_population import stream
from tfrs_bench.data.simulated_world import World

START = 1_640_995_200  # 2022-01-01 UTC
_DAY = 86_400
_SESSION_ROWS = 5
_GAP_S = 300.0


@dataclasses.dataclass(frozen=True)
class Moments:
    """The moments of every person's events.

    Attributes:
      seconds: [r] int64 since 1970, ascending within a person.
      offsets: [u + 1] int64; person u acts at `seconds[offsets[u]:offsets[u + 1]]`.
    """

    seconds: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, users: NDArray[np.int64], seconds: NDArray[np.int64], num_users: int) -> Moments:
        """Takes what `draw_moments` returned."""
        return cls(seconds, np.searchsorted(users, np.arange(num_users + 1)).astype(np.int64))


def draw_moments(world: World) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draws when people act: sessions of about five rows, five minutes apart, spread over their span.

    Returns:
      users [r] int64 ascending, and seconds [r] int64 since 1970, ascending within a user.
    """
    config, people, rng = world.config, world.people, stream(world.config, 2)
    counts = _draw_counts(world, rng)
    users = np.repeat(np.arange(config.num_users), counts)
    first_rows = np.cumsum(counts) - counts
    opens = rng.random(len(users)) < 1 / _SESSION_ROWS
    opens[first_rows] = True
    session = np.cumsum(opens) - 1
    place = rng.random(session[-1] + 1)
    place[session[first_rows]] = 0.0
    owners = users[opens]
    starts = (people.joined[owners] + place * people.spans[owners]) * _DAY
    elapsed = np.cumsum(1 + rng.exponential(_GAP_S, len(users)))
    seconds = START + (starts[session] + elapsed - elapsed[opens][session]).astype(np.int64)
    return users, seconds[np.lexsort((seconds, users))]


def _draw_counts(world: World, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of each person: a few for passers-by, long-tailed for the others, never near the whole shelf."""
    config = world.config
    passer_by = rng.random(config.num_users) < config.passer_by_share
    few = rng.integers(1, 5, config.num_users)
    many = 5 + rng.lognormal(np.log(config.median_rows), 0.9, config.num_users)
    shelf = int((world.items.released <= 0).sum())
    return np.where(passer_by, few, np.minimum(many.astype(np.int64), shelf // 2))


def days_of(seconds: NDArray[np.int64]) -> NDArray[np.float32]:
    """Returns days since the world began."""
    return ((seconds - START) / _DAY).astype(np.float32)
