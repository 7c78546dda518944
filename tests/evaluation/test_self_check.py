from __future__ import annotations

import dataclasses
import itertools
import time
from math import comb

import numpy as np
import pytest
from evaluation_sets import by_user, evaluation_set, keys, random_set

from tfrs_bench.evaluation import evaluator as evaluator_module
from tfrs_bench.evaluation.metrics import list_metrics
from tfrs_bench.evaluation.self_check import (
    SelfCheckError,
    chance_moments,
    num_candidates,
    self_check,
    tolerance,
)
from tfrs_bench.models import ranking


def check(answers, **settings):
    m = len(answers.candidates)
    popularity = by_user(np.tile(np.arange(m), (len(answers), 1)))
    return self_check(answers, keys(m), np.arange(m), popularity, **settings)


@pytest.mark.parametrize("c", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("k", [1, 2, 4, 7])
def test_chance_equals_the_average_over_every_arrangement(c, k):
    for r in range(1, c + 1):
        places = list(itertools.combinations(range(c), r))
        hits = np.zeros((len(places), max(c, k)), dtype=bool)
        for row, chosen in enumerate(places):
            hits[row, list(chosen)] = True
        exact = list_metrics(hits, np.full(len(places), r), [k])
        moments = chance_moments(np.array([c]), np.array([r]), k)
        for metric, (mean, variance) in moments.items():
            assert mean[0] == pytest.approx(exact[metric].mean())
            if metric.startswith("map"):
                assert variance[0] >= exact[metric].var() - 1e-12
            else:
                assert variance[0] == pytest.approx(exact[metric].var(), abs=1e-12)


def test_candidates_left_after_masking():
    # 4 candidates of 5 items; user 0 had item 0 twice and item 4, which is no candidate anyway
    answers = evaluation_set([[1], [2]], [[0, 0, 4], []], m=5, candidates=[True] * 4 + [False])
    assert num_candidates(answers).tolist() == [3, 4]
    assert num_candidates(dataclasses.replace(answers, mask_seen=False)).tolist() == [4, 4]


@pytest.mark.parametrize("mask_seen", [True, False])
def test_a_sound_evaluator_passes(mask_seen):
    checks = check(dataclasses.replace(random_set(n=500), mask_seen=mask_seen))
    scorers, metrics = ("constant", "random", "oracle"), ("hr@10", "ndcg@10", "map@10")
    assert all(one.passed for one in checks)
    assert [(one.scorer, one.metric) for one in checks] == [
        *itertools.product(scorers, metrics),
        ("popularity", "same lists"),
    ]
    # 60 items, 15 of them in the history if that is masked; 5 are relevant: 1 − C(c − 5, 10) / C(c, 10)
    c = 45 if mask_seen else 60
    assert checks[0].expected == pytest.approx(1 - comb(c - 5, 10) / comb(c, 10))


@pytest.mark.parametrize("m", [2, 11, 1000])
def test_never_fails_on_ten_users(m):
    for seed in range(40):
        check(random_set(n=10, m=m, history=0, relevant=1, seed=seed), seed=seed)


def test_users_without_an_answer_and_repeated_users_are_left_out():
    assert check(evaluation_set([[], []], m=5)) == []
    twice = evaluation_set([[1], [1], [2]], m=5, query_keys=np.array([7, 7, 8], dtype=np.uint64))
    assert {one.num_users for one in check(twice)} == {2}
    assert {one.num_users for one in check(random_set(n=300), max_users=100)} == {100}


def test_history_left_unmasked_is_caught(monkeypatch):
    monkeypatch.setattr(evaluator_module, "mask_scores", lambda *_: None)
    with pytest.raises(SelfCheckError, match=r"constant scorer, hr@10: read 0\.\d+, expected 0\.\d+ ±"):
        check(random_set(n=400, m=40, history=20, relevant=5))


def low_index_first(scores, k, query_keys, item_keys, seed):
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int32)
    best = np.take_along_axis(scores, order, axis=1)
    return np.where(best > -np.inf, order, ranking.NO_ITEM), best


def test_ties_that_follow_the_index_are_caught_where_low_indices_are_popular(monkeypatch):
    monkeypatch.setattr(evaluator_module, "top_k", low_index_first)
    rng = np.random.default_rng(0)
    relevant = [np.unique(rng.geometric(0.05, size=3) % 100) for _ in range(300)]  # indices by popularity
    with pytest.raises(SelfCheckError, match="constant scorer, hr@10") as caught:
        check(evaluation_set(relevant, m=100))
    assert "random scorer" not in str(caught.value)


def test_a_rank_off_by_one_is_caught(monkeypatch):
    def shifted(hits, num_relevant, ks):
        return list_metrics(np.roll(hits, 1, axis=1), num_relevant, ks)

    monkeypatch.setattr(evaluator_module, "list_metrics", shifted)
    with pytest.raises(SelfCheckError, match=r"oracle scorer, ndcg@10: read 0\.\d+, expected 1\.0000"):
        check(random_set(n=50))


def test_a_relevant_item_that_is_masked_is_caught():
    with pytest.raises(SelfCheckError, match="oracle scorer"):
        check(evaluation_set([[1, 2]] * 20, [[2]] * 20, m=30))


def test_a_model_that_changes_its_mind_is_caught():
    answers = random_set(n=50)
    rng = np.random.default_rng(0)
    moody = by_user(np.zeros((50, 60)))
    moody._score = lambda queries: rng.random((len(queries), 60), dtype=np.float32)
    with pytest.raises(SelfCheckError, match=r"popularity scorer, same lists: read 0\.0000"):
        self_check(answers, keys(60), np.arange(60), moody)


def test_tolerance_is_five_standard_errors_once_hits_are_many():
    # n = 40,000 fair coins: σ = 1/2, standard error 1/400
    assert tolerance(np.full(40_000, 0.25)) == pytest.approx(5 / 400, rel=0.02)
    # no variance left: L/3 + L/3 with L = 25/2, over n = 100
    assert tolerance(np.zeros(100)) == pytest.approx(25 / 3 / 100)


def test_takes_seconds_at_the_size_of_movielens_1m():
    answers = random_set(n=2000, m=3700, history=100, relevant=8)
    began = time.perf_counter()
    check(answers)
    assert time.perf_counter() - began < 15
