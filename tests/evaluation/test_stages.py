"""What stages contribute, on planted blocks where one can say what each of them must do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from evaluation_sets import evaluation_set

from tfrs_bench.data.interactions import FeatureTable, InteractionLog
from tfrs_bench.data.queries import queries_at_end
from tfrs_bench.evaluation.evaluator import Evaluator
from tfrs_bench.evaluation.metrics import intra_list_diversity
from tfrs_bench.evaluation.stages import BY_CONTENT, BY_VECTORS, funnel_figures
from tfrs_bench.models.pure_svd import PureSVDConfig
from tfrs_bench.retrieval.funnel import Funnel, FunnelConfig

CONFIG = FunnelConfig("pure_svd", "random", 6, retriever_settings=PureSVDConfig(factors=2))


@pytest.fixture(scope="module")
def halves(planted_blocks: InteractionLog) -> np.ndarray:
    return np.array([int(one[1:]) % 2 for one in planted_blocks.item_ids.ids])


@pytest.fixture(scope="module")
def genres(halves: np.ndarray) -> FeatureTable:
    return FeatureTable(("genre=even", "genre=odd"), np.eye(2, dtype=np.float32)[halves])


@pytest.fixture(scope="module")
def evaluator(planted_blocks: InteractionLog, halves: np.ndarray) -> Evaluator:
    """Relevant is what a user lacks of their own half: 4 items of 14 unseen ones."""
    log, users = planted_blocks, np.arange(planted_blocks.num_users, dtype=np.int32)
    of_user = np.array([int(one[1:]) % 2 for one in log.user_ids.ids])
    seen = [set(log.items[log.users == user].tolist()) for user in users]
    relevant = [
        [item for item in range(log.num_items) if halves[item] == of_user[user] and item not in seen[user]]
        for user in users
    ]
    asked = dataclasses.replace(
        evaluation_set(relevant, m=log.num_items),
        queries=queries_at_end(log, users, np.ones(len(users), bool)),
    )
    counts = np.bincount(log.items, minlength=log.num_items)
    return Evaluator(asked, log.item_ids.keys, counts, ks=(5, 10))


def fitted(config: FunnelConfig, log: InteractionLog) -> Funnel:
    funnel = Funnel(config)
    funnel.fit(log, seed=1)
    return funnel


def test_a_ranker_that_knows_nothing_takes_from_a_retriever_that_knows_all(
    planted_blocks: InteractionLog, evaluator: Evaluator
) -> None:
    funnel = fitted(CONFIG, planted_blocks)
    figures = funnel_figures(funnel, evaluator, None)
    retrieval, ranking = figures.stages
    assert (figures.num_candidates, figures.recall.mean, figures.alike_by) == (6, 1.0, BY_VECTORS)
    assert figures.index.startswith("exact (catalogue of 20 items: ")
    assert (retrieval.by, ranking.by) == ("pure_svd", "random")
    # All four relevant items come first of ten, or somewhere among the first six.
    assert retrieval.ndcg.mean == 1.0 and retrieval.difference is None
    assert ranking.difference is not None and ranking.difference.high < 0
    assert ranking.ndcg.mean == pytest.approx(1.0 + ranking.difference.mean)
    assert ranking.ndcg.mean == pytest.approx(evaluator.evaluate(funnel).mean("ndcg@10"))
    assert ranking.hr.mean == 1.0 and min(retrieval.us_per_user, ranking.us_per_user) > 0


def test_recall_counts_the_candidates_alone(planted_blocks: InteractionLog, evaluator: Evaluator) -> None:
    funnel = fitted(dataclasses.replace(CONFIG, num_candidates=2), planted_blocks)
    # Two of the four relevant items are candidates, and lists of ten still hold all.
    figures = funnel_figures(funnel, evaluator, None)
    assert figures.recall.mean == 0.5
    assert [stage.ndcg.mean for stage in figures.stages] == [1.0, 1.0]


def test_re_ranking_is_a_stage_where_its_rules_are_set(
    planted_blocks: InteractionLog, evaluator: Evaluator, genres: FeatureTable
) -> None:
    log = dataclasses.replace(planted_blocks, item_features=genres)
    ruled = dataclasses.replace(CONFIG, ranker="ease", num_candidates=14, max_per_genre=2, diversity=0.5)
    figures = funnel_figures(fitted(ruled, log), evaluator, genres)
    assert [stage.stage for stage in figures.stages] == ["retrieval", "ranking", "re-ranking"]
    assert figures.stages[2].by == "diversity 0.5, max_per_genre 2"
    assert figures.alike_by == BY_CONTENT
    _, ranking, reranked = figures.stages
    assert reranked.ndcg.mean < ranking.ndcg.mean
    assert reranked.difference is not None and reranked.difference.high < 0
    # Lists of ten hold 4 of one half and 6 of the other either way: 24 of 45 pairs are at distance 1.
    assert ranking.diversity == pytest.approx(24 / 45)


def test_diversity_is_counted_over_filled_places_and_lists_with_a_pair() -> None:
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 0]], dtype=np.float32)
    lists = np.array([[0, 1, -1], [0, 2, -1], [1, -1, -1], [0, 0, 0]], dtype=np.int32)
    # 1 − .6, then an item of which nothing is known, no pair, all the same.
    assert intra_list_diversity(lists, vectors) == pytest.approx((0.4 + 1 + 0) / 3)
    assert np.isnan(intra_list_diversity(lists[2:3], vectors))
