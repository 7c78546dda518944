"""What every registered model owes its experiment: repeatability, no leaks, and honest capabilities."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from contract_models import KINDS, LEARNS_NOTHING, SEED, ShortFit, build
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import InteractionLog, Vocabulary
from tfrs_bench.data.queries import Histories, Queries, queries_at_end
from tfrs_bench.data.shuffling import shuffle_histories, shuffle_log
from tfrs_bench.data.split import TRAIN, VALIDATION, TemporalSplit, split_log
from tfrs_bench.models.base import Recommender
from tfrs_bench.options import options_of

DETERMINISTIC = [name for name, kind in KINDS.items() if kind.capabilities.deterministic]
# Models that train in steps draw their examples by row, so that other rows are another draw.
TRAINED_IN_STEPS = {"bpr", "gmf", "mlp", "ncf"}
READING_NO_ORDER = [name for name, kind in KINDS.items() if not kind.capabilities.reads_order]
BLIND_TO_CONTENT = [name for name, kind in KINDS.items() if not kind.capabilities.reads_content]


@pytest.fixture(scope="session")
def other_seed_then_same(name: str, blocks: InteractionLog, queries: Queries) -> list[np.ndarray]:
    """Scores of one instance fitted with another seed first, and then with the seed of `fitted`."""
    model = build(name)
    answers = []
    for seed in (SEED + 1, SEED):
        model.fit(blocks, seed=seed)
        answers.append(model.score(queries))
    return answers


def test_the_same_seed_gives_the_same_scores_bit_by_bit_and_a_second_fit_starts_afresh(
    fitted: Recommender, queries: Queries, other_seed_then_same: list[np.ndarray]
) -> None:
    assert_array_equal(other_seed_then_same[1], fitted.score(queries))


def test_the_seed_matters_if_and_only_if_the_model_says_so(
    fitted: Recommender, queries: Queries, other_seed_then_same: list[np.ndarray]
) -> None:
    same = np.array_equal(other_seed_then_same[0], fitted.score(queries))
    assert same == fitted.capabilities.deterministic


def change_the_future(split: TemporalSplit) -> InteractionLog:
    """Returns the log with other items, ratings and times in every row after the train part."""
    log, future = split.log, split.parts != TRAIN
    random = np.random.default_rng(5)
    items, ratings, times = log.items.copy(), log.ratings.copy(), log.timestamps.copy()
    items[future] = (items[future] + random.integers(1, log.num_items, future.sum())) % log.num_items
    ratings[future] = 6 - ratings[future]
    # Another delay for each user: their own order stays, the order among users does not.
    times[future] += random.permutation(log.num_users)[log.users[future]] * 86_400
    return dataclasses.replace(log, items=items, ratings=ratings, timestamps=times).with_positives(4.0)


def test_changing_future_rows_changes_nothing(
    name: str, split: TemporalSplit, fitted_on_split: Recommender
) -> None:
    changed = split_log(change_the_future(split), "per_user")
    model = build(name)
    model.fit(changed.fit_log(refit=False), seed=SEED, epochs=2)
    users = np.arange(split.log.num_users, dtype=np.int32)
    asked = [queries_at_end(one.known_log(VALIDATION), users, ~one.cold) for one in (split, changed)]
    assert_array_equal(model.score(asked[1]), fitted_on_split.score(asked[0]))


def test_the_leak_probe_changes_every_future_row(split: TemporalSplit) -> None:
    changed, future = change_the_future(split), split.parts != TRAIN
    for column in ("items", "ratings"):
        assert_array_equal(getattr(changed, column) != getattr(split.log, column), future)
    among_users = [np.argsort(log.timestamps[future]) for log in (split.log, changed)]
    assert not np.array_equal(*among_users)


@pytest.mark.parametrize("name", DETERMINISTIC, indirect=True)
def test_relabelling_items_permutes_the_answer(name: str, rated_blocks: InteractionLog) -> None:
    new = np.random.default_rng(2).permutation(rated_blocks.num_items).astype(np.int32)
    old = np.argsort(new)
    features = rated_blocks.item_features
    assert features is not None
    relabelled = dataclasses.replace(
        rated_blocks,
        items=new[rated_blocks.items],
        item_ids=Vocabulary(rated_blocks.item_ids.ids[old]),
        item_features=dataclasses.replace(features, values=features.values[old]),
    )
    users = np.arange(rated_blocks.num_users, dtype=np.int32)
    scores = []
    for log in (rated_blocks, relabelled):
        model = build(name)
        model.fit(log, seed=SEED)
        scores.append(model.score(queries_at_end(log, users, np.ones(len(users), bool))))
    assert_allclose(scores[1][:, new], scores[0], rtol=1e-4, atol=1e-5)


def test_fitting_leaves_the_log_as_it_was(name: str, short_fit: Callable[[str], ShortFit]) -> None:
    assert short_fit(name).log_unchanged


def test_exactly_the_epochs_asked_for_are_trained(name: str, short_fit: Callable[[str], ShortFit]) -> None:
    done = short_fit(name)
    trains_in_epochs = done.model.capabilities.early_stopping
    kept = done.report.epochs
    by_part = list(kept.values()) if isinstance(kept, dict) else [kept]
    assert set(by_part) == {2 if trains_in_epochs else None}
    assert len(done.report.curve) == (2 if trains_in_epochs else 0)
    assert done.validations == 0


def test_something_was_learned(name: str, fitted: Recommender) -> None:
    assert (fitted.num_parameters > 0) == (name not in LEARNS_NOTHING)


def test_is_registered_under_its_own_name(name: str, fitted: Recommender) -> None:
    assert fitted.name == name
    assert type(fitted.config) is fitted.Config


def test_neural_models_train_in_epochs_and_depend_on_the_seed(fitted: Recommender) -> None:
    capabilities = fitted.capabilities
    kinds = [fitted.Config, *(KINDS[part].Config for part in fitted.parts(fitted.config))]
    settings = {field.name for kind in kinds for field in options_of(kind)}
    if capabilities.neural:
        assert not capabilities.deterministic
    if capabilities.early_stopping:
        assert {"max_epochs", "epochs", "patience"} <= settings


def backwards(queries: Queries) -> Queries:
    """Returns the queries with every history's events in the opposite order."""
    histories = queries.histories
    rows = histories.rows
    flat = histories.offsets[rows] + histories.offsets[rows + 1] - 1 - np.arange(len(rows))
    turned = Histories(
        items=histories.items[flat],
        timestamps=histories.timestamps,
        ratings=None if histories.ratings is None else histories.ratings[flat],
        positives=histories.positives[flat],
        offsets=histories.offsets,
    )
    return dataclasses.replace(queries, histories=turned)


def test_the_order_of_the_history_matters_if_and_only_if_the_model_says_so(
    fitted_on_split: Recommender, split_queries: Queries
) -> None:
    forwards, turned = (fitted_on_split.score(one) for one in (split_queries, backwards(split_queries)))
    same = np.allclose(forwards, turned, rtol=1e-4, atol=1e-5)
    assert same != fitted_on_split.capabilities.reads_order


def test_shuffled_histories_change_the_scores_of_models_that_read_order_alone(
    fitted_on_split: Recommender, split_queries: Queries
) -> None:
    mixed = shuffle_histories(split_queries, fitted_on_split.item_keys, seed=0)
    same = np.allclose(
        fitted_on_split.score(split_queries), fitted_on_split.score(mixed), rtol=1e-4, atol=1e-5
    )
    assert same != fitted_on_split.capabilities.reads_order


@pytest.mark.parametrize("name", sorted({*READING_NO_ORDER} - TRAINED_IN_STEPS), indirect=True)
def test_a_fit_that_reads_no_order_is_the_same_on_a_shuffled_log(
    name: str, blocks: InteractionLog, queries: Queries
) -> None:
    plain, mixed = build(name), build(name)
    plain.fit(blocks, seed=SEED)
    mixed.fit(shuffle_log(blocks, seed=0), seed=SEED)
    assert_allclose(mixed.score(queries), plain.score(queries), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", BLIND_TO_CONTENT, indirect=True)
def test_a_model_that_reads_no_content_answers_without_profiles(
    fitted_on_split: Recommender, split_queries: Queries
) -> None:
    bare = dataclasses.replace(split_queries, profiles=None)
    assert_array_equal(fitted_on_split.score(bare), fitted_on_split.score(split_queries))
