"""A funnel of models whose scores are known: what each stage takes, and what a refit is told."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import FeatureTable, InteractionLog
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.errors import UserError
from tfrs_bench.models.als import ALS, ALSConfig
from tfrs_bench.models.base import NO_ITEM, Recommender
from tfrs_bench.models.checkpoint import Checkpoint
from tfrs_bench.models.ease import EASE, EASEConfig
from tfrs_bench.models.ncf import NCFConfig
from tfrs_bench.models.popularity import Popularity
from tfrs_bench.models.two_tower import TwoTowerConfig
from tfrs_bench.options import told
from tfrs_bench.retrieval.funnel import Funnel, FunnelConfig

CLASSICAL = FunnelConfig("als", "ease", 4, retriever_settings=ALSConfig(factors=4))
SMALL = {"batch_size": 32, "max_epochs": 3, "patience": 3, "dimension": 8}


@pytest.fixture(scope="module")
def everyone(planted_blocks: InteractionLog) -> Queries:
    users = np.arange(planted_blocks.num_users, dtype=np.int32)
    return queries_at_end(planted_blocks, users, np.ones(len(users), bool))


@pytest.fixture(scope="module")
def funnel(planted_blocks: InteractionLog) -> Funnel:
    model = Funnel(CLASSICAL)
    model.fit(planted_blocks, seed=1)
    return model


def alone(model: Recommender, log: InteractionLog) -> Recommender:
    model.fit(log, seed=1)
    return model


def test_candidates_are_the_retrievers_list(
    funnel: Funnel, planted_blocks: InteractionLog, everyone: Queries
) -> None:
    listed, scores = alone(ALS(ALSConfig(factors=4)), planted_blocks).recommend(everyone, 4)
    items, retrieved = funnel.retrieve(everyone)
    assert_array_equal(items, listed)
    assert_allclose(retrieved, scores, rtol=1e-5)


def test_the_list_is_the_candidates_in_the_rankers_order_and_then_the_retrievers(
    funnel: Funnel, planted_blocks: InteractionLog, everyone: Queries
) -> None:
    als, ease = (alone(one, planted_blocks) for one in (ALS(ALSConfig(factors=4)), EASE()))
    retrieved, ranked = als.recommend(everyone, 14)[0], ease.score(everyone)
    listed, _ = funnel.recommend(everyone, 14)
    assert_array_equal(listed[:, 4:], retrieved[:, 4:])
    for row, own in enumerate(retrieved[:, :4]):
        assert listed[row, :4].tolist() == sorted(own.tolist(), key=lambda item: -ranked[row, item])


def test_candidates_score_by_their_places_and_the_rest_up_to_one(funnel: Funnel, everyone: Queries) -> None:
    scores = np.sort(funnel.score(everyone), axis=1)
    assert_array_equal(scores[:, -4:], np.tile([2, 3, 4, 5], (len(everyone), 1)))
    assert (scores[:, 0] == 0).all() and scores[:, -5].max() <= 1


def test_items_without_a_training_row_are_no_candidates(
    planted_blocks: InteractionLog, everyone: Queries
) -> None:
    some = planted_blocks.select(planted_blocks.items > 3)
    items, _ = alone(Funnel(dataclasses.replace(CLASSICAL, num_candidates=50)), some).retrieve(everyone)
    assert items.max() > 3 and not np.isin(items, [0, 1, 2, 3]).any()
    assert (items == NO_ITEM).any(), "the catalogue is smaller than the number of candidates"


def test_a_heavy_retriever_keeps_its_own_order(planted_blocks: InteractionLog, everyone: Queries) -> None:
    model = Funnel(dataclasses.replace(CLASSICAL, retriever_weight=1e6))
    model.fit(planted_blocks, seed=1)
    assert_array_equal(model.recommend(everyone, 4)[0], model.retrieve(everyone)[0])


def test_pairs_are_scored_as_among_all_items(planted_blocks: InteractionLog, everyone: Queries) -> None:
    items = np.array([[0, 5, 2]] * len(everyone), np.int32)
    for model in (ALS(ALSConfig(factors=4)), EASE(), Popularity()):
        scores = alone(model, planted_blocks).score(everyone)[:, [0, 5, 2]]
        assert_allclose(model.score_pairs(everyone, items), scores, rtol=1e-5, atol=1e-6)


# Rules.


def with_genres(log: InteractionLog) -> InteractionLog:
    """Items of one half are comedies, those of the other dramas."""
    half = np.array([int(one[1:]) % 2 for one in log.item_ids.ids])
    features = FeatureTable(("genre=Comedy", "genre=Drama"), np.eye(2, dtype=np.float32)[half])
    return dataclasses.replace(log, item_features=features)


@pytest.mark.parametrize(("rule", "comedies"), [({"max_per_genre": 2}, {2}), ({"diversity": 0.9}, {1, 3})])
def test_rules_mix_the_front_of_a_list(
    rule: dict[str, Any], comedies: set[int], planted_blocks: InteractionLog, everyone: Queries
) -> None:
    log = with_genres(planted_blocks)
    features = log.item_features
    assert features is not None
    comedy = features.values[:, 0] > 0
    # Each user has 4 unseen items of their own half. With one of each half listed, all others are as alike.
    config = FunnelConfig("als", "ease", 14, retriever_settings=ALSConfig(factors=4), **rule)
    plain = dataclasses.replace(CLASSICAL, num_candidates=14)
    listed = [alone(Funnel(one), log).recommend(everyone, 4)[0] for one in (plain, config)]
    assert [set(comedy[one].sum(axis=1)) for one in listed] == [{0, 4}, comedies]


def test_what_is_new_comes_first_where_freshness_is_heavy(
    planted_blocks: InteractionLog, everyone: Queries
) -> None:
    config = dataclasses.replace(CLASSICAL, freshness=1e4, freshness_half_life_days=0.1)
    model = Funnel(config)
    model.fit(planted_blocks, seed=1)
    first = np.full(planted_blocks.num_items, np.iinfo(np.int64).max)
    np.minimum.at(first, planted_blocks.items, planted_blocks.timestamps)
    listed = first[model.recommend(everyone, 4)[0]]
    assert (np.diff(listed, axis=1) <= 0).all()


def test_a_rule_that_the_data_cannot_serve_is_refused(planted_blocks: InteractionLog) -> None:
    with pytest.raises(UserError, match="--max_per_genre needs genres"):
        Funnel(dataclasses.replace(CLASSICAL, max_per_genre=2)).check(planted_blocks)
    timeless = dataclasses.replace(planted_blocks, clock="file")
    with pytest.raises(UserError, match="--freshness needs times"):
        Funnel(dataclasses.replace(CLASSICAL, freshness=1.0)).check(timeless)


# Settings.


@pytest.mark.parametrize(
    ("parts", "told_by"),
    [
        ({"retriever": "two_towr"}, "--retriever=two_towr is not known. Did you mean two_tower"),
        ({"ranker": "nfc"}, "--ranker=nfc is not known. Did you mean ncf"),
        ({"ranker": "funnel"}, "--ranker=funnel would be a funnel in a funnel"),
        (
            {"retriever": "ease"},
            "--retriever=ease scores by no.*Name one of als,.* two_tower, gmf",
        ),
    ],
)
def test_parts_that_make_no_funnel_are_refused(parts: dict[str, str], told_by: str) -> None:
    with pytest.raises(UserError, match=told_by):
        FunnelConfig(**parts)


def test_an_alias_is_what_it_stands_for() -> None:
    assert FunnelConfig(ranker="neumf").ranker == "ncf"


def test_settings_of_parts_are_asked_for_and_told() -> None:
    asked = {"als": ALSConfig(factors=7), "ease": EASEConfig(regularization=3.0)}
    config = Funnel.with_settings_of_parts(CLASSICAL, asked.__getitem__)
    assert told(config)["retriever_settings.factors"] == 7
    assert told(config)["ranker_settings.regularization"] == 3.0


def test_settings_of_parts_survive_saving(funnel: Funnel, tmp_path: Path, everyone: Queries) -> None:
    funnel.save(tmp_path)
    loaded = Funnel.load(tmp_path)
    assert loaded.config == CLASSICAL
    assert_array_equal(loaded.score(everyone), funnel.score(everyone))


# Epochs.


def neural(**epochs: int) -> FunnelConfig:
    tower = TwoTowerConfig(**SMALL, epochs=epochs.get("retriever"))
    return FunnelConfig(
        num_candidates=5,
        retriever_settings=tower,
        ranker_settings=NCFConfig(**SMALL, epochs=epochs.get("ranker")),
    )


@pytest.mark.parametrize(
    ("config", "stated"),
    [
        (CLASSICAL, {}),
        (neural(), None),
        (neural(retriever=2), None),
        (neural(retriever=2, ranker=5), {"retriever": 2, "ranker": 5}),
    ],
)
def test_epochs_are_stated_when_those_of_all_parts_are(config: FunnelConfig, stated: Any) -> None:
    assert Funnel(config).stated_epochs == stated


def test_every_part_stops_by_itself_and_is_refitted_for_its_own_epochs(
    planted_blocks: InteractionLog,
) -> None:
    # The tower's second validation is its best, the ranker's third.
    answers = {"two_tower": iter([0.1, 0.5, 0.2]), "ncf": iter([0.1, 0.2, 0.3])}
    report = Funnel(neural()).fit(planted_blocks, validate=lambda model: next(answers[model.name]))
    assert report.epochs == {"retriever": 2, "ranker": 3}
    assert {"retriever/validation/ndcg@10", "ranker/train/loss"} < set(report.curve[0])
    again = Funnel(neural()).fit(planted_blocks, epochs=report.epochs)
    assert again.epochs == report.epochs
    last = [list(scalars) for scalars in again.curve][2]
    assert len(again.curve) == 3 and all(tag.startswith("ranker/") for tag in last)


def test_a_part_whose_epochs_are_stated_is_not_validated(planted_blocks: InteractionLog) -> None:
    validated = []
    report = Funnel(neural(ranker=1)).fit(
        planted_blocks, validate=lambda model: validated.append(model.name) or 0.0
    )
    assert set(validated) == {"two_tower"}
    assert report.epochs == {"retriever": 1, "ranker": 1}


# What the ranker learns from.


def test_retrieved_negatives_are_the_candidates_of_each_user(
    planted_blocks: InteractionLog, everyone: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = {}
    fit = Recommender.fit
    monkeypatch.setattr(
        Recommender,
        "fit",
        lambda model, *log, **how: (
            handed.update({model.name: how.get("negatives_among")}) or fit(model, *log, **how)
        ),
    )
    config = dataclasses.replace(neural(retriever=1, ranker=1), ranker_negatives="retrieved")
    model = Funnel(config)
    model.fit(planted_blocks, seed=1)
    assert handed["two_tower"] is None
    assert_array_equal(handed["ncf"], model.retrieve(everyone)[0])
    other = Funnel(dataclasses.replace(config, ranker_negatives="sampled"))
    other.fit(planted_blocks, seed=1)
    assert handed["ncf"] is None
    assert not np.array_equal(model.score(everyone), other.score(everyone))


def test_a_ranker_without_negatives_cannot_take_retrieved_ones() -> None:
    with pytest.raises(UserError, match=r"ease draws none\. Name one of gmf, mlp, ncf with --ranker"):
        dataclasses.replace(CLASSICAL, ranker_negatives="retrieved")


@pytest.mark.parametrize("negatives", ["sampled", "retrieved"])
@pytest.mark.parametrize("stopped", ["two_tower", "ncf"])
def test_a_fit_that_was_stopped_in_either_part_ends_as_if_it_never_was(
    stopped: str, negatives: str, planted_blocks: InteractionLog, everyone: Queries, tmp_path: Path
) -> None:
    config = dataclasses.replace(neural(), ranker_negatives=negatives)
    whole, killed, resumed = Funnel(config), Funnel(config), Funnel(config)
    answers = {"two_tower": [0.1, 0.5, 0.2], "ncf": [0.1, 0.2, 0.3]}

    def validate(stop_in: str, told: dict[str, list[float]]) -> Any:
        def quality(model: Recommender) -> float:
            if model.name == stop_in and len(told[model.name]) == 1:
                raise KeyboardInterrupt
            return told[model.name].pop(0)

        return quality

    def kept() -> Checkpoint:
        return Checkpoint(tmp_path / "search.npz", {}, print)

    of_whole, left = ({name: list(one) for name, one in answers.items()} for _ in range(2))
    report = whole.fit(planted_blocks, validate=validate("", of_whole))
    with pytest.raises(KeyboardInterrupt):
        killed.fit(planted_blocks, validate=validate(stopped, left), checkpoint=kept())
    again = resumed.fit(planted_blocks, validate=validate("", left), checkpoint=kept())
    assert again.epochs == report.epochs == {"retriever": 2, "ranker": 3}
    assert_array_equal(resumed.score(everyone), whole.score(everyone))
    assert {path.name for path in tmp_path.rglob("*.npz")} == {"retriever.npz", "ranker.npz"}
