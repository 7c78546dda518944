"""Every way to train NCF finds planted blocks; features stand in for ids; a stopped fit goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import FeatureTable, InteractionLog
from tfrs_bench.data.queries import Queries, everybody
from tfrs_bench.errors import UserError
from tfrs_bench.experiment import Plan
from tfrs_bench.models.checkpoint import Checkpoint
from tfrs_bench.models.ncf import GMF, MLP, NCF, NCFConfig, PairRecommender

QUICK = {"dimension": 8, "batch_size": 40, "learning_rate": 0.02, "epochs": 15}


def fit(kind: type[PairRecommender], log: InteractionLog, **settings: Any) -> Any:
    fields = {field.name for field in dataclasses.fields(kind.Config)}
    small = QUICK | ({"hidden": (16, 8)} if "hidden" in fields else {})
    model = kind(kind.Config(**(small | settings)))
    model.fit(log, seed=0, epochs=model.config.epochs)
    return model


def as_strangers(queries: Queries) -> Queries:
    return dataclasses.replace(queries, users=np.full(len(queries), -1, np.int32))


def halves(ids: np.ndarray) -> np.ndarray:
    return np.array([int(one[1:]) % 2 for one in ids])


def own_share(log: InteractionLog, listed: np.ndarray) -> float:
    return float((halves(log.item_ids.ids)[listed] == halves(log.user_ids.ids)[:, None]).mean())


WAYS: dict[str, tuple[type[PairRecommender], dict[str, Any]]] = {
    "GMF": (GMF, {}),
    "MLP": (MLP, {}),
    "NeuMF": (NCF, {}),
    "bpr": (NCF, {"loss": "bpr"}),
    "sampled softmax": (NCF, {"loss": "sampled_softmax", "num_negatives": 8}),
    "popular negatives": (NCF, {"negative_sampling": "popularity"}),
    "softmax, popular negatives": (NCF, {"loss": "sampled_softmax", "negative_sampling": "popularity"}),
    "positives among the negatives": (NCF, {"reject_positives": False}),
    "one layer": (MLP, {"hidden": (16,)}),
    "dropout and weight decay": (NCF, {"dropout": 0.2, "weight_decay": 0.001}),
    "regularization": (NCF, {"regularization": 0.01}),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_training_beats_chance_for_users_and_strangers(
    way: str, planted_blocks: InteractionLog
) -> None:
    kind, settings = WAYS[way]
    model, asked = fit(kind, planted_blocks, **settings), everybody(planted_blocks)
    # 4 items of the own half and 10 of the other are unseen: by chance 2 / 7.
    for queries in (asked, as_strangers(asked)):
        assert own_share(planted_blocks, model.recommend(queries, 4)[0]) > 0.8


def test_branches_add_up_to_the_size_of_both(planted_blocks: InteractionLog) -> None:
    sizes = {kind: fit(kind, planted_blocks, epochs=1).num_parameters for kind in (GMF, MLP, NCF)}
    # 40 users and 20 items of 8 dimensions, 20 biases, and GMF's 8 output weights.
    assert sizes[GMF] == 60 * 8 + 20 + 8
    # Layers of 16 and 8 over [8, 8], their biases, and the output.
    assert sizes[MLP] == 60 * 8 + 20 + (16 * 16 + 16) + (16 * 8 + 8) + 8
    assert sizes[NCF] == sizes[GMF] + sizes[MLP] - 20


def told_apart(log: InteractionLog) -> InteractionLog:
    """Users' profiles and items' content tell their halves."""
    users, items = (
        FeatureTable(("even", "odd"), np.eye(2, dtype=np.float32)[halves(ids)])
        for ids in (log.user_ids.ids, log.item_ids.ids)
    )
    return dataclasses.replace(log, user_features=users, item_features=items)


@pytest.mark.parametrize("kind", [GMF, MLP, NCF])
def test_profiles_answer_a_stranger_and_content_scores_a_new_item(
    kind: type[PairRecommender], planted_blocks: InteractionLog
) -> None:
    log = told_apart(planted_blocks)
    new = np.isin(log.item_ids.ids[log.items], ["i18", "i19"])
    assert new.any()
    # Half of the positives are hidden from the ids' side by few epochs and a large batch of features.
    train = log.select(~new)
    model = fit(kind, train, epochs=25)
    nobody = as_strangers(everybody(log.select(np.zeros(len(log), bool))))
    assert own_share(log, model.recommend(nobody, 5)[0]) > 0.9
    scores = model.score(everybody(train))
    even, odd = (scores[:, log.item_ids.index([name])[0]] for name in ("i18", "i19"))
    odd_user = halves(log.user_ids.ids) == 1
    assert (np.where(odd_user, odd - even, even - odd) > 0).mean() > 0.9


def test_profiles_that_the_model_was_trained_with_must_be_given(planted_blocks: InteractionLog) -> None:
    log = told_apart(planted_blocks)
    model = fit(NCF, log, epochs=1)
    with pytest.raises(ValueError, match="trained with profiles"):
        model.score(dataclasses.replace(everybody(log), profiles=None))


def test_an_empty_history_is_ranked_by_popularity_where_nothing_else_counts() -> None:
    from tfrs_bench.data.interactions import build_log

    random = np.random.default_rng(0)
    chance = 1 / (np.arange(30) + 2.0)
    items = [random.choice(30, size=8, replace=False, p=chance / chance.sum()) for _ in range(200)]
    log = build_log(np.repeat(np.arange(200), 8), np.concatenate(items), np.arange(1600))
    model = fit(NCF, log, batch_size=100, learning_rate=0.01)
    nobody = as_strangers(everybody(log.select(np.zeros(len(log), bool)))).take(slice(0, 1))
    counts = np.bincount(log.items, minlength=30)
    assert np.corrcoef(np.log(counts), model.score(nobody)[0])[0, 1] > 0.8


@pytest.mark.parametrize("settings", [{"dropout": 0.3}, {"loss": "bpr", "negative_sampling": "popularity"}])
def test_a_fit_that_was_stopped_ends_as_if_it_never_was(
    settings: dict[str, Any], planted_blocks: InteractionLog, tmp_path: Path
) -> None:
    class StopAfterTwo:
        def resumed(self, epoch: int) -> None: ...

        def step(self, epoch: int, epochs: int, step: int, steps: int, loss: float) -> None:
            if epoch == 3:
                raise KeyboardInterrupt

        def epoch(self, epoch: int, scalars: dict[str, float]) -> None: ...

    config = NCFConfig(dimension=4, batch_size=60, hidden=(8, 4), learning_rate=0.02, **settings)
    whole, stopped, resumed = NCF(config), NCF(config), NCF(config)
    whole.fit(planted_blocks, seed=4, epochs=4)
    with pytest.raises(KeyboardInterrupt):
        checkpoint = Checkpoint(tmp_path / "fit.npz", {}, print)
        stopped.fit(planted_blocks, seed=4, epochs=4, monitor=StopAfterTwo(), checkpoint=checkpoint)
    resumed.fit(planted_blocks, seed=4, epochs=4, checkpoint=Checkpoint(tmp_path / "fit.npz", {}, print))
    for one, other in zip(whole.weights(), resumed.weights(), strict=True):
        assert_array_equal(one, other)


def test_gmf_is_served_as_an_inner_product(planted_blocks: InteractionLog) -> None:
    model, asked = fit(GMF, planted_blocks, epochs=2), everybody(planted_blocks)
    everything = model._model.score_everything(model._user_vectors(asked))
    assert_allclose(model.score(asked), everything, rtol=1e-5, atol=1e-6)


def test_an_mlp_without_layers_is_refused() -> None:
    with pytest.raises(UserError, match=r"--hidden is empty.*--model=gmf"):
        NCFConfig(hidden=())


def test_neumf_is_another_name_of_ncf() -> None:
    assert Plan(model=("neumf",), baselines=("gmf", "neumf")) == Plan(
        model=("ncf",), baselines=("gmf", "ncf")
    )
