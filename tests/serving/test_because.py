"""Reasons, where the right ones are known: models whose score is a sum over the history."""

from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import everybody
from tfrs_bench.models.als import ALS
from tfrs_bench.models.ease import EASE
from tfrs_bench.models.popularity import Popularity
from tfrs_bench.serving.because import reasons, scores_of, without_each


def test_the_part_of_an_item_is_its_weight_in_a_linear_model(planted_blocks: InteractionLog) -> None:
    model = EASE()
    model.fit(planted_blocks)
    query = everybody(planted_blocks).take(np.array([3]))
    items, _ = model.recommend(query, 4)
    found = reasons(model, query, items[0])
    assert found.items.tolist() == sorted(query.histories.items.tolist())
    # EASE's score is the sum of the history's rows of its matrix.
    alone = without_each(query, found.items)
    for row, item in enumerate(found.items):
        lost = model.score(query)[0, items[0]] - model.score(alone)[row, items[0]]
        np.testing.assert_allclose(found.parts[row], lost, atol=1e-6)
        assert item not in alone.histories.take(np.array([row])).items
    np.testing.assert_allclose(found.parts.sum(axis=0), scores_of(model, query, items[0])[0], atol=1e-5)
    for place, reason in enumerate(found.strongest()):
        assert reason is not None
        assert reason[1] == found.parts[:, place].max()


def test_a_factorized_model_is_asked_by_its_embeddings(planted_blocks: InteractionLog) -> None:
    model = ALS()
    model.fit(planted_blocks)
    query = everybody(planted_blocks).take(np.array([0]))
    some = np.array([1, 5, 7], np.int32)
    np.testing.assert_allclose(scores_of(model, query, some), model.score(query)[:, some], rtol=1e-6)
    assert reasons(model, query, some).parts.shape == (6, 3)


def test_repeated_events_of_an_item_are_left_out_together(planted_blocks: InteractionLog) -> None:
    query = everybody(planted_blocks).take(np.array([0]))
    twice = query.take(np.array([0]))
    twice.histories.items[1] = twice.histories.items[0]
    without = without_each(twice, np.unique(twice.histories.items))
    assert np.diff(without.histories.offsets).tolist().count(4) == 1 and len(without) == 5


@pytest.mark.parametrize("length", [0, 6])
def test_popularity_has_no_reasons(planted_blocks: InteractionLog, length: int) -> None:
    model = Popularity()
    model.fit(planted_blocks)
    query = everybody(planted_blocks).take(np.array([0]))
    if not length:
        query = without_each(query, query.histories.items[:1])
        for item in np.unique(query.histories.items):
            query = without_each(query, np.array([item]))
    assert reasons(model, query, np.array([1, 2], np.int32)).strongest() == [None, None]
