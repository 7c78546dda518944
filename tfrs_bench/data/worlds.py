"""Worlds whose winner is known: one mechanism decides what people choose, and one model can learn it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from tfrs_bench.data.simulated_population import WorldConfig

_NOTHING = WorldConfig(
    num_users=2_000,
    num_items=500,
    new_share=0.0,
    sequel_share=0.0,
    popularity_strength=0.0,
    fade_strength=0.0,
    taste_strength=0.0,
    drift_strength=0.0,
    genre_strength=0.0,
    sequel_strength=0.0,
    bias_strength=0.0,
    rating_strength=0.0,
    mean_rating=4.5,
)


@dataclasses.dataclass(frozen=True)
class KnownWorld:
    """A world and what must come out in it.

    Attributes:
      config: its size and laws.
      made_for: the model that has its mechanism; of those that the test of worlds runs, nobody may beat it.
      beats: the models that lack the mechanism, and that `made_for` must beat.
      flags: settings of `made_for` by flag, where a plain command does not run it, or without the mechanism.
    """

    config: WorldConfig
    made_for: str
    beats: tuple[str, ...]
    flags: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def command_line(self) -> list[str]:
        """What to add to a command to set up the model made for this world; nothing if defaults do."""
        if not self.flags:
            return []
        return [f"--model={self.made_for}", *(f"--{flag}={value}" for flag, value in self.flags.items())]


WORLDS = {
    "simulated-popularity": KnownWorld(
        dataclasses.replace(_NOTHING, popularity_strength=1.0), made_for="popularity", beats=("random",)
    ),
    "simulated-lowrank": KnownWorld(
        dataclasses.replace(_NOTHING, taste_strength=1.5), made_for="als", beats=("popularity", "random")
    ),
    "simulated-sequential": KnownWorld(
        dataclasses.replace(_NOTHING, sequel_share=0.5, sequel_strength=6.0),
        made_for="markov",
        beats=("als", "popularity", "random"),
        # The best of Markov's grid on validation.
        flags={"window": "8", "memory": "8", "smoothing": "100"},
    ),
    "simulated-nonlinear": KnownWorld(
        dataclasses.replace(_NOTHING, num_users=4_000, num_items=78, median_rows=12, clash_strength=5.0),
        made_for="two_tower",
        beats=("als", "popularity", "random"),
        flags={"hidden": "128,64", "use_user_id": "false"},
    ),
    "simulated-content": KnownWorld(
        dataclasses.replace(_NOTHING, num_items=3_000, median_rows=12, new_share=0.5, genre_strength=3.0),
        made_for="two_tower",
        beats=("als", "popularity", "random"),
    ),
}
