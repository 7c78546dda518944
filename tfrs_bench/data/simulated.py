"""The simulated data set: a two-year log of a world whose truth is known, made in seconds, no download."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tfrs_bench.data.dataset import Dataset
from tfrs_bench.data.interactions import FeatureTable, InteractionLog, Vocabulary, build_log
from tfrs_bench.data.queries import Queries
from tfrs_bench.data.simulated_population import AGE_GROUPS, GENRES, Items, WorldConfig, stream
from tfrs_bench.data.simulated_world import Memory, World
from tfrs_bench.data.worlds import WORLDS

_START = 1_640_995_200  # 2022-01-01 UTC
_START_YEAR = 2022
_DAY = 86_400
_SESSION_ROWS = 5
_GAP_S = 300.0
_BLOCK = 128  # people at once; larger blocks leave the processor's cache and take twice as long
_ROMAN = {2: "II", 3: "III"}


def load(options: Any) -> Dataset:
    """Simulates the default world, or one of `WORLDS`.

    Args:
      options: settings with `dataset`, the world's name, and `data_seed`, its seed.
    """
    known = WORLDS.get(options.dataset)
    config = WorldConfig() if known is None else known.config
    return simulate(dataclasses.replace(config, seed=options.data_seed), options.dataset)


def simulate(config: WorldConfig, name: str = "simulated") -> Dataset:
    """Draws a world and lets its people act for two years.

    Args:
      config: size and laws of the world.
      name: the data set's name.

    Returns:
      A rated log with titles and features, and the truth behind it.
    """
    world = World.draw(config)
    users, seconds = _draw_moments(world)
    with threadpool_limits(1):  # the products are small: a second thread costs more than it brings
        items, ratings = _act(world, users, seconds)
    order = np.argsort(seconds, kind="stable")
    user_ids, item_ids = _raw_ids("u", 5, config.num_users), _raw_ids("i", 4, config.num_items)
    log = build_log(user_ids[users[order]], item_ids[items[order]], seconds[order], ratings[order])
    user_rows = Vocabulary(user_ids).index(log.user_ids.ids)
    item_rows = Vocabulary(item_ids).index(log.item_ids.ids)
    log = dataclasses.replace(
        log,
        item_titles=_titles(world.items)[item_rows],
        item_features=_item_features(world.items, item_rows),
        user_features=_one_hot("age", AGE_GROUPS, world.people.age_groups[user_rows]),
    )
    never = config.num_items - log.num_items
    notes = (f"simulated with seed {config.seed}", f"{never} of {config.num_items} items were never chosen")
    return Dataset(name, log, notes, SimulatedTruth(world, log, user_rows, item_rows))


class SimulatedTruth:
    """What the world knows of a query: the law its people choose and rate by."""

    def __init__(
        self, world: World, log: InteractionLog, user_rows: NDArray[np.int32], item_rows: NDArray[np.int32]
    ) -> None:
        """Takes a world and where its log put things.

        Args:
          world: people, items and laws.
          log: the log of this world.
          user_rows: [num_users] person of the world behind each index of the log.
          item_rows: [num_items] item of the world behind each index of the log.
        """
        self._world = world
        self._person = dict(zip(log.user_ids.keys.tolist(), user_rows.tolist(), strict=True))
        self._item_rows = item_rows

    def next_event(self, queries: Queries) -> NDArray[np.float32]:
        """The probability of each item at the person's next event, were it to happen at the query's moment.

        Args:
          queries: n queries; the person is found by key, an unknown key is answered as the average person.

        Returns:
          [n, num_items] float32; rows sum to 1 less the share of items that the log never saw.
        """
        return self._look(queries)[0]

    def preference(self, queries: Queries) -> NDArray[np.float32]:
        """The probability that the next event is an item and that it is rated 4 or 5.

        The moment is the query's time, else that of the last event of its history, else the person's first
        day. Person, taste of the day and rating law are the true ones; what was seen and which sequels are
        due is read off the history. What is seen or not yet released has probability 0.

        Args:
          queries: n queries; the person is found by key, an unknown key is answered as the average person.

        Returns:
          [n, num_items] float32; rows sum to at most 1.
        """
        chosen, liked = self._look(queries)
        return chosen * liked

    def _look(self, queries: Queries) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns [n, num_items] probabilities of the next event and of a relevant rating given it."""
        world, past = self._world, queries.histories
        person = (self._person.get(key, -1) for key in queries.keys.tolist())
        people = np.fromiter(person, np.int64, len(queries))
        days = self._moments(queries, people)
        memory = Memory.blank(len(queries), world.items)
        memory.record(world.items, past.rows, self._item_rows[past.items], _days(past.timestamps))
        affinity = world.affinity(people, days)
        chosen, liked = world.next_event(affinity, days, memory), world.relevant(people, affinity)
        return chosen[:, self._item_rows], liked[:, self._item_rows]

    def _moments(self, queries: Queries, people: NDArray[np.int64]) -> NDArray[np.float32]:
        if queries.times is not None:
            return _days(queries.times)
        days, ends = self._world.people.joined[people], queries.histories.offsets[1:]
        some = ends > queries.histories.offsets[:-1]
        days[some] = _days(queries.histories.timestamps[ends[some] - 1])
        return days


def _draw_moments(world: World) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
    seconds = _START + (starts[session] + elapsed - elapsed[opens][session]).astype(np.int64)
    return users, seconds[np.lexsort((seconds, users))]


def _draw_counts(world: World, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of each person: a few for passers-by, long-tailed for the others, never near the whole shelf."""
    config = world.config
    passer_by = rng.random(config.num_users) < config.passer_by_share
    few = rng.integers(1, 5, config.num_users)
    many = 5 + rng.lognormal(np.log(config.median_rows), 0.9, config.num_users)
    shelf = int((world.items.released <= 0).sum())
    return np.where(passer_by, few, np.minimum(many.astype(np.int64), shelf // 2))


def _act(
    world: World, users: NDArray[np.int64], seconds: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Lets every person choose and rate, the k-th rows of a block of equally active people at once.

    Returns:
      items [r] int64 and ratings [r] float32, whole stars from 1 to 5.
    """
    rng, counts = stream(world.config, 3), np.bincount(users)
    order, first_rows = np.argsort(-counts, kind="stable"), np.cumsum(counts) - counts
    items, ratings = np.zeros(len(users), np.int64), np.zeros(len(users), np.float32)
    for block in np.split(order, range(_BLOCK, len(order), _BLOCK)):
        memory = Memory.blank(len(block), world.items)
        for step in range(int(counts[block].max())):
            active = block[counts[block] > step]
            rows, places = first_rows[active] + step, np.arange(len(active))
            days = _days(seconds[rows])
            affinity = world.affinity(active, days)
            chosen = _choose(world.next_event(affinity, days, memory.first(len(active))), rng)
            memory.record(world.items, places, chosen, days)
            stars = world.expected_rating(active, chosen, affinity[places, chosen])
            items[rows] = chosen
            noise = rng.logistic(0, world.config.rating_noise, len(active))
            ratings[rows] = np.rint(stars + noise).clip(1, 5)
    return items, ratings


def _choose(probabilities: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draws one column of each row of [n, m] float32 probabilities."""
    cumulative = np.cumsum(probabilities, axis=1)
    total = cumulative[:, -1]
    # A draw that rounds up to the total would fall past the last item.
    draw = np.minimum(rng.random(len(total), dtype=np.float32) * total, np.nextafter(total, np.float32(0)))
    chosen: NDArray[np.int64] = np.argmax(cumulative > draw[:, None], axis=1)
    return chosen


def _days(seconds: NDArray[np.int64]) -> NDArray[np.float32]:
    return ((seconds - _START) / _DAY).astype(np.float32)


def _raw_ids(prefix: str, width: int, count: int) -> NDArray[Any]:
    return np.array([f"{prefix}{number:0{width}}" for number in range(count)], dtype=object)


def _titles(items: Items) -> NDArray[Any]:
    """Titles such as `Drama 0042`, and `Drama 0042 II` for what follows it."""
    roots, parts = np.arange(len(items)), np.ones(len(items), dtype=int)
    for sequel, origin in enumerate(items.predecessors, start=items.first_sequel):
        roots[sequel], parts[sequel] = roots[origin], parts[origin] + 1
    genres = np.asarray(GENRES)[items.genres.argmax(axis=1)]
    titles = (
        f"{genre} {root:04} {_ROMAN.get(part, '')}".rstrip()
        for genre, root, part in zip(genres, roots, parts, strict=True)
    )
    return np.array(list(titles), dtype=object)


def _item_features(items: Items, rows: NDArray[np.int32]) -> FeatureTable:
    decades = (_START_YEAR + items.released[rows] // 365.25).astype(int) // 10 * 10
    known = np.unique(decades)
    table = _one_hot("decade", known.tolist(), np.searchsorted(known, decades))
    names = tuple(f"genre={genre}" for genre in GENRES) + table.names
    return FeatureTable(names, np.concatenate([items.genres[rows], table.values], axis=1))


def _one_hot(label: str, names: Any, codes: NDArray[np.int64]) -> FeatureTable:
    values = np.eye(len(names), dtype=np.float32)[codes]
    return FeatureTable(tuple(f"{label}={name}" for name in names), values)
