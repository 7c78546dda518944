"""The simulated data set: a two-year log of a world whose truth is known, made in seconds, no download."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tfrs_bench.data.dataset import Dataset
from tfrs_bench.data.interactions import FeatureTable, Vocabulary, build_log
from tfrs_bench.data.simulated_moments import Moments, days_of, draw_moments
from tfrs_bench.data.simulated_population import AGE_GROUPS, GENRES, Items, WorldConfig, stream
from tfrs_bench.data.simulated_truth import SimulatedTruth
from tfrs_bench.data.simulated_world import Memory, World, choose
from tfrs_bench.data.worlds import WORLDS

_START_YEAR = 2022
_BLOCK = 128  # people at once; larger blocks leave the processor's cache and take twice as long
_ROMAN = {2: "II", 3: "III"}


def load(options: Any) -> Dataset:
    """Simulates the default world, or one of `WORLDS`.

    Args:
      options: settings with `dataset`, the world's name, `data_seed`, its seed, and `relevance_threshold`.
    """
    known = WORLDS.get(options.dataset)
    config = WorldConfig() if known is None else known.config
    config = dataclasses.replace(config, seed=options.data_seed)
    return simulate(config, options.dataset, relevance_threshold=options.relevance_threshold)


def simulate(config: WorldConfig, name: str = "simulated", *, relevance_threshold: float = 4.0) -> Dataset:
    """Draws a world and lets its people act for two years.

    Args:
      config: size and laws of the world.
      name: the data set's name.
      relevance_threshold: the lowest rating that the truth takes for relevant.

    Returns:
      A rated log with titles and features, and the truth behind it.
    """
    world = World.draw(config)
    users, seconds = draw_moments(world)
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
    moments = Moments.of(users, seconds, config.num_users)
    truth = SimulatedTruth(world, moments, log, user_rows, item_rows, relevance_threshold=relevance_threshold)
    return Dataset(name, log, notes, truth)


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
            days = days_of(seconds[rows])
            affinity = world.affinity(active, days)
            chosen = choose(
                world.next_event(affinity, days, memory.first(len(active))),
                rng.random(len(active), dtype=np.float32),
            )
            memory.record(world.items, places, chosen, days)
            stars = world.expected_rating(active, chosen, affinity[places, chosen])
            items[rows] = chosen
            noise = rng.logistic(0, world.config.rating_noise, len(active))
            ratings[rows] = np.rint(stars + noise).clip(1, 5)
    return items, ratings


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
