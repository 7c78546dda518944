"""A world of people and items whose choices follow known laws.

A person who acts at day t picks one available, unseen item with the softmax of

    popularity + novelty(t) + affinity(t) + sequel(t, history)

and rates it by affinity, two biases and noise. Every term is a strength times a term of about unit
variance, so strengths compare, and a strength of zero removes its mechanism and nothing else: each part
draws from a random stream of its own. The formulas are in `docs/simulated.md`.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.simulated_population import YEAR, Items, People, WorldConfig, draw_items, draw_people

_NOVELTY_DAYS = 90.0


@dataclasses.dataclass(frozen=True)
class Memory:
    """What n people have done so far, as far as it bears on their next choice.

    Attributes:
      seen: [n, m] bool.
      prompted: [n, s] float32 day on which each sequel's predecessor was consumed, −inf for never.
    """

    seen: NDArray[np.bool_]
    prompted: NDArray[np.float32]

    @classmethod
    def blank(cls, n: int, items: Items) -> Memory:
        """Returns the memory of n people who have done nothing."""
        prompted = np.full((n, len(items.predecessors)), -np.inf, dtype=np.float32)
        return cls(np.zeros((n, len(items)), dtype=bool), prompted)

    def first(self, n: int) -> Memory:
        """Returns a view of the first n people."""
        return Memory(self.seen[:n], self.prompted[:n])

    def take(self, rows: NDArray[np.int64]) -> Memory:
        """Returns a copy of the memories of the people at `rows` [k]."""
        return Memory(self.seen[rows], self.prompted[rows])

    def record(
        self, items: Items, rows: NDArray[Any], chosen: NDArray[Any], days: NDArray[np.float32]
    ) -> None:
        """Takes in, in place, that the people at `rows` [k] consumed items `chosen` [k] at `days` [k]."""
        self.seen[rows, chosen] = True
        sequel = items.sequel_of[chosen]
        followed = sequel >= 0
        self.prompted[rows[followed], sequel[followed]] = days[followed]


@dataclasses.dataclass(frozen=True)
class World:
    """People, items and the laws of choice and rating between them."""

    config: WorldConfig
    items: Items
    people: People

    @classmethod
    def draw(cls, config: WorldConfig) -> World:
        """Draws people and items from a config's seed."""
        return cls(config, draw_items(config), draw_people(config))

    @cached_property
    def _traits(self) -> NDArray[np.float32]:
        """[d + 12, m], what a taste and a liking for genres meet in an item, times their strengths."""
        genres = self.items.genres / np.sqrt(self.items.genres.sum(axis=1, keepdims=True))
        parts = (self.config.taste_strength * self.items.factors, self.config.genre_strength * genres)
        return np.ascontiguousarray(np.concatenate(parts, axis=1).T)

    def affinity(self, users: NDArray[np.int64], days: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much each person's taste of the day, liking for genres and clashes speak for each item.

        Args:
          users: [n] person indices; −1 is the average person.
          days: [n] float32 moments.

        Returns:
          [n, m] float32 logits.
        """
        angle = self.config.drift_strength * (days - self.people.joined[users]) / np.float32(YEAR)
        pair = self.people.tastes[users]
        taste = np.cos(angle)[:, None] * pair[:, 0] + np.sin(angle)[:, None] * pair[:, 1]
        logits: NDArray[np.float32] = np.hstack([taste, self.people.genre_likings[users]]) @ self._traits
        if self.config.clash_strength > 0:
            logits += self.config.clash_strength * self._clashing(users)
        return logits

    def _clashing(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns [n, m], the share of an item's genres that a person likes, 0 if two of them meet."""
        met = self.people.likes[users] @ self.items.genres.T
        share: NDArray[np.float32] = met / self.items.genres.sum(axis=1) * (met < 2)
        return share

    def next_event(
        self, affinity: NDArray[np.float32], days: NDArray[np.float32], memory: Memory
    ) -> NDArray[np.float32]:
        """The probability that each person's next event, if it happens now, is each item.

        Args:
          affinity: [n, m] float32 of the same people and moments.
          days: [n] float32 moments.
          memory: what the people did before.

        Returns:
          [n, m] float32; rows sum to 1, zero where seen or not yet released.
        """
        config, items = self.config, self.items
        age = days[:, None] - items.released
        logits = affinity + config.popularity_strength * items.popularity
        logits += config.fade_strength * np.exp(np.maximum(age, 0) / np.float32(-_NOVELTY_DAYS))
        wish = np.exp((days[:, None] - memory.prompted) / np.float32(-config.sequel_days))
        logits[:, items.first_sequel :] += config.sequel_strength * wish
        logits -= logits.max(axis=1, keepdims=True)
        weights: NDArray[np.float32] = np.exp(logits) * ~(memory.seen | (age < 0))
        weights /= weights.sum(axis=1, keepdims=True)
        return weights

    def expected_rating(
        self, users: NDArray[np.int64], items: NDArray[np.int64] | slice, affinity: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The rating before noise, rounding and the limits 1 and 5.

        Args:
          users: [n], or [n, 1] against all items.
          items: [n] item indices, or a slice.
          affinity: [n] or [n, m] float32 logits.

        Returns:
          float32 stars of the shape of `affinity`.
        """
        bias = self.config.bias_strength * (self.people.biases[users] + self.items.quality[items])
        mean = np.float32(self.config.mean_rating)
        return (mean + bias + self.config.rating_strength * affinity).astype(np.float32)

    def relevant(
        self, users: NDArray[np.int64], affinity: NDArray[np.float32], threshold: float
    ) -> NDArray[np.float32]:
        """Returns [n, m] float32, how likely each of [n] people would rate each item at least `threshold`."""
        if threshold <= 1:
            return np.ones_like(affinity)
        stars = self.expected_rating(users[:, None], slice(None), affinity)
        above = stars - np.float32(np.ceil(threshold) - 0.5)  # ratings are rounded to whole stars
        # The noise is logistic because its distribution function needs no erf, which NumPy lacks.
        odds: NDArray[np.float32] = np.exp(above / np.float32(self.config.rating_noise))
        return odds / (1 + odds)


def choose(probabilities: NDArray[np.float32], dice: NDArray[np.float32]) -> NDArray[np.int64]:
    """Draws one column of each row.

    Args:
      probabilities: [n, m] float32; a row may sum to anything above 0.
      dice: [n] float32, uniform from 0 to 1.

    Returns:
      [n] int64.
    """
    cumulative = np.cumsum(probabilities, axis=1)
    total = cumulative[:, -1]
    # A draw that rounds up to the total would fall past the last item.
    draw = np.minimum(dice * total, np.nextafter(total, np.float32(0)))
    chosen: NDArray[np.int64] = np.argmax(cumulative > draw[:, None], axis=1)
    return chosen
