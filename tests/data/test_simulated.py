"""The simulated log has the shape it claims, and its truth predicts it."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
import types

import numpy as np
import pytest

from tfrs_bench import registry
from tfrs_bench.data.dataset import Dataset
from tfrs_bench.data.interactions import InteractionLog, raw_key
from tfrs_bench.data.queries import Histories, Queries
from tfrs_bench.data.simulated import load, simulate
from tfrs_bench.data.simulated_population import DAYS, GENRES, WorldConfig
from tfrs_bench.data.simulated_world import Memory, World
from tfrs_bench.data.worlds import WORLDS

SMALL = WorldConfig(seed=7, num_users=600, num_items=200)
CHOICE_STRENGTHS = ("popularity", "fade", "taste", "genre", "sequel")


@pytest.fixture(scope="module")
def default() -> Dataset:
    return load(types.SimpleNamespace(dataset="simulated", data_seed=0, relevance_threshold=4.0))


@pytest.fixture(scope="module")
def small() -> Dataset:
    return simulate(SMALL)


def moments(log: InteractionLog, rows: np.ndarray) -> Queries:
    """Asks, at the moment of each row, a user who is known by what came before it."""
    users = log.users[rows]
    starts, lengths = log.user_offsets[users], rows - log.user_offsets[users]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    columns = (log.items, log.timestamps, log.ratings, log.positives)
    histories = Histories(*(column[flat] for column in columns), offsets)
    return Queries(users, log.user_ids.keys[users], histories, times=log.timestamps[rows])


def some_moments(log: InteractionLog, count: int = 6_000) -> tuple[np.ndarray, Queries]:
    rows = np.sort(np.random.default_rng(1).choice(len(log), count, replace=False))
    return rows, moments(log, rows)


def second_moments(log: InteractionLog) -> Queries:
    return moments(log, log.user_offsets[:-1][log.rows_per_user > 1] + 1)


def standard_error_units(happened: np.ndarray, probability: np.ndarray) -> float:
    spread = np.sqrt((probability * (1 - probability)).sum(dtype=np.float64))
    return float((happened.sum() - probability.sum(dtype=np.float64)) / spread)


def test_same_seed_same_log(small: Dataset) -> None:
    assert simulate(SMALL).log.fingerprint == small.log.fingerprint


def test_another_seed_another_log() -> None:
    tiny = [simulate(WorldConfig(seed=seed, num_users=30, num_items=40)) for seed in (1, 2)]
    assert tiny[0].log.fingerprint != tiny[1].log.fingerprint


def test_size_and_activity_of_the_default_log(default: Dataset) -> None:
    rows = default.log.rows_per_user
    assert default.log.num_users == 2_000
    assert 950 <= default.log.num_items <= 1_000
    assert 90_000 <= len(default.log) <= 130_000
    # 2,000 draws at 0.1: five standard errors are 5 · √(0.1 · 0.9 / 2000) = 0.034.
    assert abs((rows < 5).mean() - 0.1) < 0.034
    assert np.quantile(rows, 0.99) > 5 * np.median(rows)


def test_popularity_is_long_tailed(default: Dataset) -> None:
    counts = np.sort(np.bincount(default.log.items))
    n = len(counts)
    gini = ((2 * np.arange(1, n + 1) - n - 1) * counts).sum() / (n * counts.sum())
    assert gini > 0.5


def test_ratings_are_whole_stars_and_about_half_are_relevant(default: Dataset) -> None:
    ratings = default.log.ratings
    assert set(np.unique(ratings)) == {1, 2, 3, 4, 5}
    assert 0.5 <= (ratings >= 4).mean() <= 0.6


def test_nobody_repeats_an_item(default: Dataset) -> None:
    pairs = default.log.users.astype(np.int64) * default.log.num_items + default.log.items
    assert len(np.unique(pairs)) == len(pairs)


def test_times_span_two_years_and_late_moments_find_known_users(default: Dataset) -> None:
    log = default.log
    assert 700 < np.ptp(log.timestamps) / 86_400 < DAYS + 7
    same_user = np.diff(log.users) == 0
    assert (np.diff(log.timestamps)[same_user] == 0).mean() < 0.001
    late = log.timestamps >= np.sort(log.timestamps)[int(0.9 * len(log))]
    early_rows = np.bincount(log.users[~late], minlength=log.num_users)
    assert (early_rows[np.unique(log.users[late])] >= 5).sum() > 300


def test_titles_and_features_stand_beside_the_right_ids(default: Dataset) -> None:
    log = default.log
    world = World.draw(WorldConfig(seed=0))
    for index, (raw, title) in enumerate(zip(log.item_ids.ids, log.item_titles, strict=True)):
        genre, number, *part = title.split(" ")
        assert log.item_features.values[index, GENRES.index(genre)] == 1
        assert part or number == raw[1:]
        assert len(part) == (int(raw[1:]) >= world.items.first_sequel)
    decades = log.item_features.values[:, len(GENRES) :]
    np.testing.assert_array_equal(decades.sum(axis=1), 1)
    ages = log.user_features.values.argmax(axis=1)
    np.testing.assert_array_equal(ages, world.people.age_groups[[int(raw[1:]) for raw in log.user_ids.ids]])


def test_nothing_is_consumed_before_its_release(small: Dataset) -> None:
    released = World.draw(SMALL).items.released[[int(raw[1:]) for raw in small.log.item_ids.ids]]
    rows, queries = some_moments(small.log)
    days = (small.log.timestamps - 1_640_995_200) / 86_400
    assert (days >= released[small.log.items] - 1e-3).all()
    early = (days[rows, None] < released - 1e-3).nonzero()
    assert len(early[0]) > 0
    assert (small.truth.next_event(queries)[early] == 0).all()


def test_the_law_of_the_next_event_is_calibrated(small: Dataset) -> None:
    log = small.log
    rows, queries = some_moments(log)
    stated = small.truth.next_event(queries)
    happened = np.zeros(stated.shape, dtype=bool)
    happened[np.arange(len(rows)), log.items[rows]] = True
    edges = [0, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1]
    for low, high in itertools.pairwise(edges):
        inside = (stated > low) & (stated <= high)
        assert inside.sum() > 50
        assert abs(standard_error_units(happened[inside], stated[inside])) < 4, (low, high)
    assert not happened[stated == 0].any()


def test_sequels_follow_as_often_as_stated_and_far_more_than_unprompted(small: Dataset) -> None:
    log = small.log
    rows, queries = some_moments(log)
    predecessors = World.draw(SMALL).items.predecessors
    numbers = range(200 - len(predecessors), 200), predecessors
    sequels, origins = (log.item_ids.index([f"i{number:04}" for number in part]) for part in numbers)
    past = queries.histories
    age = np.full((len(rows), log.num_items), np.inf)
    age[past.rows, past.items] = log.timestamps[rows][past.rows] - past.timestamps
    known = (sequels >= 0) & (origins >= 0)
    due = np.zeros(age.shape, dtype=bool)
    due[:, sequels[known]] = age[:, origins[known]] < 15 * 86_400
    stated = small.truth.next_event(queries)
    due &= stated > 0
    happened = np.zeros(stated.shape, dtype=bool)
    happened[np.arange(len(rows)), log.items[rows]] = True
    assert abs(standard_error_units(happened[due], stated[due])) < 4
    unprompted = np.zeros(age.shape, dtype=bool)
    unprompted[:, sequels[known]] = np.isinf(age[:, origins[known]])
    assert happened[due].mean() > 5 * happened[unprompted & (stated > 0)].mean()


def test_truth_finds_the_person_by_key_and_everyone_else_is_average(small: Dataset) -> None:
    _, queries = some_moments(small.log, 50)
    anonymous = Queries(np.full(50, -1, np.int32), queries.keys, queries.histories, queries.times)
    np.testing.assert_array_equal(small.truth.preference(anonymous), small.truth.preference(queries))
    strangers = [
        Queries(queries.users, np.full(50, raw_key(name), np.uint64), queries.histories, queries.times)
        for name in ("nobody", "somebody")
    ]
    answers = [small.truth.preference(one) for one in strangers]
    np.testing.assert_array_equal(*answers)
    assert not np.allclose(answers[0], small.truth.preference(queries))


def test_preference_is_answered_with_or_without_times_and_histories(small: Dataset) -> None:
    log = small.log
    first = moments(log, log.user_offsets[:-1])
    later = second_moments(log)
    for queries in (first, later, Queries(first.users, first.keys, first.histories)):
        answer = small.truth.preference(queries)
        assert answer.dtype == np.float32
        assert answer.shape == (len(queries), log.num_items)
        assert np.isfinite(answer).all()
        assert (answer >= 0).all()
        assert (answer[queries.histories.rows, queries.histories.items] == 0).all()


def test_without_a_time_the_last_event_is_the_moment(small: Dataset) -> None:
    later = second_moments(small.log)
    timeless = Queries(later.users, later.keys, later.histories)
    at_last = Queries(later.users, later.keys, later.histories, times=later.histories.timestamps)
    np.testing.assert_array_equal(small.truth.next_event(timeless), small.truth.next_event(at_last))


def probabilities(world: World, memory: Memory, day: float) -> np.ndarray:
    users, days = np.arange(len(memory.seen)), np.full(len(memory.seen), day, dtype=np.float32)
    return world.next_event(world.affinity(users, days), days, memory)


def test_without_any_mechanism_choice_is_uniform_over_what_is_available() -> None:
    world = World.draw(WorldConfig(num_items=100, **{f"{name}_strength": 0.0 for name in CHOICE_STRENGTHS}))
    memory = Memory.blank(3, world.items)
    memory.seen[:, :10] = True
    available = (world.items.released <= 365) & ~memory.seen
    expected = available / available.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities(world, memory, 365), expected, rtol=1e-6)


@pytest.mark.parametrize("name", CHOICE_STRENGTHS)
def test_a_strength_moves_the_choice_only_through_its_own_mechanism(name: str) -> None:
    alone = {f"{one}_strength": float(one == name) for one in CHOICE_STRENGTHS}
    world = World.draw(WorldConfig(num_items=100, drift_strength=0.0, **alone))
    items, memory = world.items, Memory.blank(2, world.items)
    first_out = items.released[items.first_sequel :].argmin()
    memory.prompted[0, first_out] = 399
    shelf = items.released < 400
    soon, late = (probabilities(world, memory, day)[:, shelf] for day in (400, 729))
    soon, late = (one / one.sum(axis=1, keepdims=True) for one in (soon, late))
    assert not np.allclose(soon, 1 / shelf.sum(), rtol=1e-4)
    assert np.allclose(soon, late, rtol=1e-4) == (name not in {"fade", "sequel"})
    assert np.allclose(soon[0], soon[1], rtol=1e-4) == (name in {"popularity", "fade"})
    likes = world.affinity(np.arange(2), np.zeros(2, np.float32))
    assert (likes != 0).any() == (name in {"taste", "genre"})


def test_without_drift_a_person_stays_the_same() -> None:
    users, first, last = np.arange(5), np.zeros(5, np.float32), np.full(5, 700, np.float32)
    for strength, moved in ((0.0, False), (1.0, True)):
        world = World.draw(WorldConfig(num_users=5, num_items=50, drift_strength=strength))
        assert np.allclose(world.affinity(users, first), world.affinity(users, last)) != moved


def test_switching_a_mechanism_off_leaves_people_items_and_moments_alone(small: Dataset) -> None:
    off = simulate(WorldConfig(seed=7, num_users=600, num_items=200, sequel_strength=0.0)).log
    assert set(off.user_ids.ids) == set(small.log.user_ids.ids)
    np.testing.assert_array_equal(np.sort(off.timestamps), np.sort(small.log.timestamps))


@pytest.mark.parametrize("wrong", [{"num_users": 0}, {"num_items": 19}, {"new_share": 1.0}])
def test_a_world_too_small_to_act_in_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Received"):
        WorldConfig(**wrong)


def test_imports_neither_pandas_nor_tensorflow() -> None:
    code = "import sys, tfrs_bench.data.simulated, tfrs_bench.models.oracle\n"
    code += "print({'pandas', 'tensorflow'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"


def test_a_genre_liked_alone_or_beside_a_stranger_is_chosen_and_two_liked_ones_are_not() -> None:
    config = WorldConfig(
        num_users=50,
        num_items=78,
        clash_strength=3.0,
        taste_strength=0.0,
        genre_strength=0.0,
        sequel_share=0.0,
    )
    world = World.draw(config)
    assert len(np.unique(world.items.genres, axis=0)) == 78
    likes, affinity = world.people.likes[:50], world.affinity(np.arange(50), np.zeros(50, np.float32))
    np.testing.assert_array_equal(affinity[:, :12], 3 * likes)
    pair = world.items.genres[12].astype(bool)  # the first pair: the first two genres
    liked = likes[:, pair].sum(axis=1)
    assert set(liked) == {0, 1, 2}
    np.testing.assert_array_equal(affinity[:, 12], np.array([0, 1.5, 0])[liked.astype(int)])


@pytest.mark.parametrize("name", WORLDS)
def test_a_known_world_goes_by_its_name_and_another_seed_is_another_world(name: str) -> None:
    small = dataclasses.replace(WORLDS[name].config, num_users=30)
    one, other = (simulate(dataclasses.replace(small, seed=seed), name) for seed in (0, 1))
    assert one.name == name and one.truth is not None
    assert one.log.fingerprint != other.log.fingerprint
    assert name in registry.DATASETS
