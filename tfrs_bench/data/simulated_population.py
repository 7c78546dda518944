"""Who and what is in a simulated world: size and strengths, items and people, drawn from a seed."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from numpy.typing import NDArray

GENRES = ("Action", "Animation", "Comedy", "Crime", "Documentary", "Drama", "Family", "Fantasy", "Horror",
          "Mystery", "Romance", "Western")  # fmt: skip
AGE_GROUPS = ("under 18", "18-24", "25-34", "35-49", "50-64", "65 and over")
DAYS = 730.0
YEAR = 365.0

_ARCHIVE_YEARS = 12.0
_SEQUEL_YEARS = 3.0
_INHERITED = 0.7


@dataclasses.dataclass(frozen=True)
class WorldConfig:
    """Size and laws of a world; strengths are in logits of choice unless they say otherwise.

    Attributes:
      seed: every draw derives from it.
      num_users: people.
      num_items: items, sequels included.
      median_rows: rows of the median person who is not a passer-by, beyond the first five.
      passer_by_share: share of people with one to four rows.
      new_share: share of original items released within the two years rather than before.
      sequel_share: share of items that follow another.
      taste_dimension: rank of the tastes that no feature tells of.
      popularity_strength: of an item's lasting popularity.
      fade_strength: of novelty on the day of release; it fades with a mean life of 90 days.
      taste_strength: of the low-rank tastes.
      drift_strength: how far a taste turns, radians a year.
      genre_strength: of the liking for genres, half of which the age group explains.
      sequel_strength: of a sequel just after its predecessor.
      sequel_days: mean life of that wish, days.
      clash_strength: of genres liked apart and disliked together. Above 0, items are the 12 genres alone
        and the 66 pairs of them in turns.
      mean_rating: stars before biases, affinity and noise.
      bias_strength: standard deviation of a person's and of an item's rating bias, in stars.
      rating_strength: stars per logit of affinity.
      rating_noise: scale of the logistic rating noise, in stars; above 0.
    """

    seed: int = 0
    num_users: int = 2_000
    num_items: int = 1_000
    median_rows: int = 35
    passer_by_share: float = 0.1
    new_share: float = 0.3
    sequel_share: float = 0.2
    taste_dimension: int = 8
    popularity_strength: float = 1.5
    fade_strength: float = 1.5
    taste_strength: float = 1.0
    drift_strength: float = 1.0
    genre_strength: float = 0.8
    sequel_strength: float = 4.0
    sequel_days: float = 30.0
    clash_strength: float = 0.0
    mean_rating: float = 3.15
    bias_strength: float = 0.35
    rating_strength: float = 0.3
    rating_noise: float = 0.5

    def __post_init__(self) -> None:
        """Checks that the world is large enough to act in."""
        if self.num_users < 1 or self.num_items < 20:
            got = f"num_users = {self.num_users}, num_items = {self.num_items}"
            raise ValueError(f"a world needs at least 1 user and 20 items. Received: {got}.")
        if not 0 <= self.new_share <= 0.8:
            raise ValueError(f"`new_share` should be from 0 to 0.8. Received: new_share = {self.new_share}.")


@dataclasses.dataclass(frozen=True)
class Items:
    """What can be chosen; sequels come last.

    Attributes:
      genres: [m, 12] float32 multi-hot.
      quality: [m] float32 standard normal, the item's rating bias before its strength.
      popularity: [m] float32 standard normal, half of its variance explained by quality.
      factors: [m, d] float32 standard normal.
      released: [m] float32 day of release, counted from the first day; negative for the archive.
      predecessors: [s] int64, what the last s items follow; no two follow the same one.
    """

    genres: NDArray[np.float32]
    quality: NDArray[np.float32]
    popularity: NDArray[np.float32]
    factors: NDArray[np.float32]
    released: NDArray[np.float32]
    predecessors: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.genres)

    @property
    def first_sequel(self) -> int:
        """Index of the first item that follows another."""
        return len(self) - len(self.predecessors)

    @property
    def sequel_of(self) -> NDArray[np.int64]:
        """[m] int64, the position among the sequels of what follows each item, −1 for none."""
        follower = np.full(len(self), -1)
        follower[self.predecessors] = np.arange(len(self.predecessors))
        return follower


@dataclasses.dataclass(frozen=True)
class People:
    """Who chooses; one more row, the last, is the average person.

    Attributes:
      age_groups: [u] int64 index into `AGE_GROUPS`.
      genre_likings: [u + 1, 12] float32 standard normal; the average person's are the mean.
      likes: [u + 1, 12] float32, 1 for the genres of which two clash, by a fair coin each; average 0.
      tastes: [u + 1, 2, d] float32, two orthonormal directions between which a taste turns; average 0.
      biases: [u + 1] float32 standard normal, rating bias before its strength; average 0.
      joined: [u + 1] float32 day of the first row; average the mean.
      spans: [u] float32 days after `joined` within which sessions begin; four people in ten stay to the end.
    """

    age_groups: NDArray[np.int64]
    genre_likings: NDArray[np.float32]
    likes: NDArray[np.float32]
    tastes: NDArray[np.float32]
    biases: NDArray[np.float32]
    joined: NDArray[np.float32]
    spans: NDArray[np.float32]


def stream(config: WorldConfig, part: int) -> np.random.Generator:
    """Returns the generator of one part of the world: 0 items, 1 people, 2 moments, 3 events, 4 likes."""
    return np.random.default_rng((config.seed, part))


def draw_items(config: WorldConfig) -> Items:
    """Draws what can be chosen."""
    rng = stream(config, 0)
    m, predecessors = config.num_items, _draw_predecessors(config, rng)
    genres = _draw_genres(rng, m)
    quality, popularity = rng.standard_normal(m), rng.standard_normal(m)
    factors = rng.standard_normal((m, config.taste_dimension))
    new = rng.random(m) < config.new_share
    released = np.where(new, DAYS * rng.random(m), -YEAR * rng.exponential(_ARCHIVE_YEARS, m))
    wait, own = rng.random(m), np.sqrt(1 - _INHERITED**2)
    for sequel, origin in enumerate(predecessors, start=m - len(predecessors)):
        genres[sequel] = genres[origin]
        for values in (quality, popularity, factors):
            values[sequel] = _INHERITED * values[origin] + own * values[sequel]
        longest = min(YEAR * _SEQUEL_YEARS, DAYS - released[origin])
        released[sequel] = released[origin] + wait[sequel] * longest
    popularity = np.sqrt(0.5) * (quality + popularity)
    if config.clash_strength > 0:
        genres = np.resize(_single_and_paired_genres(), genres.shape)
    return Items(
        genres=genres.astype(np.float32),
        quality=quality.astype(np.float32),
        popularity=popularity.astype(np.float32),
        factors=factors.astype(np.float32),
        released=released.astype(np.float32),
        predecessors=predecessors,
    )


def _draw_predecessors(config: WorldConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    """Three sequels in four are part II of an original; the others are part III of such a part II."""
    sequels = min(int(config.sequel_share * config.num_items), config.num_items // 2)
    originals, third = config.num_items - sequels, sequels // 4
    second = rng.permutation(originals)[: sequels - third]
    return np.concatenate([second, originals + rng.permutation(len(second))[:third]], dtype=np.int64)


def _draw_genres(rng: np.random.Generator, m: int) -> NDArray[np.float64]:
    """One to three genres an item, some genres far commoner than others."""
    weight = np.log(1 / np.arange(1, len(GENRES) + 1))[rng.permutation(len(GENRES))]
    order = np.argsort(-(weight + rng.gumbel(size=(m, len(GENRES)))), axis=1)
    place = np.argsort(order, axis=1)
    return (place < rng.choice((1, 2, 3), size=(m, 1), p=(0.5, 0.35, 0.15))).astype(np.float64)


def _single_and_paired_genres() -> NDArray[np.float64]:
    """Returns [78, 12]: every genre alone, then every pair."""
    one = np.eye(len(GENRES))
    return np.array([*one, *(a + b for a, b in itertools.combinations(one, 2))])


def draw_people(config: WorldConfig) -> People:
    """Draws who chooses."""
    rng = stream(config, 1)
    n, d = config.num_users, config.taste_dimension
    age_groups = rng.choice(len(AGE_GROUPS), size=n, p=(0.08, 0.2, 0.3, 0.22, 0.14, 0.06))
    of_group = rng.standard_normal((len(AGE_GROUPS), len(GENRES)))
    likings = np.sqrt(0.5) * (of_group[age_groups] + rng.standard_normal((n, len(GENRES))))
    here, there = rng.standard_normal((2, n, d))
    here /= np.linalg.norm(here, axis=1, keepdims=True)
    there -= (here * there).sum(axis=1, keepdims=True) * here
    there /= np.linalg.norm(there, axis=1, keepdims=True)
    biases = rng.standard_normal(n)
    likes = stream(config, 4).integers(2, size=(n, len(GENRES))).astype(np.float64)
    joined = 0.9 * DAYS * rng.random(n)
    spans = (DAYS - joined) * rng.uniform(0.2, 1.6, n).clip(max=1.0)
    return People(
        age_groups=age_groups,
        genre_likings=_with_average(likings, likings.mean(axis=0)),
        likes=_with_average(likes, np.zeros(len(GENRES))),
        tastes=_with_average(np.stack([here, there], axis=1), np.zeros((2, d))),
        biases=_with_average(biases, np.zeros(())),
        joined=_with_average(joined, joined.mean()),
        spans=spans.astype(np.float32),
    )


def _with_average(rows: NDArray[np.float64], average: NDArray[np.float64]) -> NDArray[np.float32]:
    # Last, so that index −1, an unknown person, finds it.
    return np.concatenate([rows, average[None]], dtype=np.float32, casting="same_kind")
