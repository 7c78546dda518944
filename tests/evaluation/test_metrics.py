from __future__ import annotations

import doctest
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tfrs_bench.evaluation import metrics as metrics_module
from tfrs_bench.evaluation import self_check as self_check_module
from tfrs_bench.evaluation import uncertainty as uncertainty_module
from tfrs_bench.evaluation.metrics import catalogue_metrics, gini, list_metrics


@pytest.mark.parametrize("module", [metrics_module, self_check_module, uncertainty_module])
def test_doctests(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


def one_list(hits, num_relevant, k):
    metrics = list_metrics(np.array([hits], dtype=bool), np.array([num_relevant]), [k])
    return {name.split("@")[0]: values[0] for name, values in metrics.items()}


def test_every_metric_worked_by_hand():
    # hits at ranks 2 and 5, three items relevant, K = 5
    metrics = one_list([0, 1, 0, 0, 1], 3, 5)
    assert metrics["hr"] == 1
    assert metrics["precision"] == pytest.approx(2 / 5)
    assert metrics["recall"] == pytest.approx(2 / 3)
    assert metrics["mrr"] == pytest.approx(1 / 2)
    # precision at the hits is 1/2 and 2/5; min(5, 3) = 3 could have been found, and 3 are relevant
    assert metrics["map"] == pytest.approx((1 / 2 + 2 / 5) / 3)
    assert metrics["map_full"] == pytest.approx((1 / 2 + 2 / 5) / 3)
    # DCG 1/log2(3) + 1/log2(6); the ideal has its three hits at ranks 1, 2, 3: 1 + 1/log2(3) + 1/2
    assert metrics["ndcg"] == pytest.approx((1 / log2(3) + 1 / log2(6)) / (1 + 1 / log2(3) + 1 / 2))


def test_denominators_differ_once_more_is_relevant_than_fits():
    # one hit, at rank 1, of 4 relevant, K = 2
    metrics = one_list([1, 0], 4, 2)
    assert metrics["map"] == pytest.approx(1 / 2)
    assert metrics["map_full"] == pytest.approx(1 / 4)
    assert metrics["recall"] == pytest.approx(1 / 4)
    assert metrics["ndcg"] == pytest.approx(1 / (1 + 1 / log2(3)))


def test_a_cut_off_sees_only_its_own_ranks():
    # the only hit is at rank 3
    metrics = list_metrics(np.array([[0, 0, 1]], dtype=bool), np.array([1]), [2, 3])
    assert all(values[0] == 0 for name, values in metrics.items() if name.endswith("@2"))
    assert metrics["mrr@3"][0] == pytest.approx(1 / 3)
    assert metrics["ndcg@3"][0] == pytest.approx(1 / 2)


def test_a_perfect_list_reads_exactly_one():
    # seven relevant items, all on top of a list of ten
    metrics = one_list([1] * 7 + [0] * 3, 7, 10)
    assert [metrics[name] for name in ("hr", "ndcg", "map", "map_full", "recall", "mrr")] == [1.0] * 6


def test_nothing_relevant_is_nan_not_zero():
    metrics = one_list([0, 0], 0, 2)
    assert all(np.isnan(value) for value in metrics.values())


@pytest.mark.parametrize("k", [0, 4])
def test_a_cut_off_outside_the_list_is_refused(k):
    with pytest.raises(ValueError, match=f"K = {k}"):
        list_metrics(np.zeros((1, 3), dtype=bool), np.ones(1), [k])


def test_agrees_with_trec_eval():
    pytrec_eval = pytest.importorskip("pytrec_eval")
    rng = np.random.default_rng(0)
    n, m, k = 200, 40, 20
    lists = np.argsort(rng.random((n, m)), axis=1)[:, :k]
    relevant = [rng.choice(m, rng.integers(1, 30), replace=False) for _ in range(n)]
    hits = np.array([np.isin(row, answer) for row, answer in zip(lists, relevant, strict=True)])
    ours = list_metrics(hits, np.array([len(answer) for answer in relevant]), [5, 10, 20])
    qrels = {str(q): {str(item): 1 for item in answer} for q, answer in enumerate(relevant)}
    places = [{str(item): float(-rank) for rank, item in enumerate(row)} for row in lists]
    run = {str(q): ranking for q, ranking in enumerate(places)}
    names = {"ndcg_cut": "ndcg", "recall": "recall", "P": "precision", "map_cut": "map_full", "success": "hr"}
    wanted = {f"{name}.5,10,20" for name in names if name != "success"} | {"success.5,10", "recip_rank"}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(run)
    for q in range(n):
        assert ours["mrr@20"][q] == pytest.approx(theirs[str(q)]["recip_rank"])
        for their_name, our_name in names.items():
            for cut in (5, 10) if their_name == "success" else (5, 10, 20):
                assert ours[f"{our_name}@{cut}"][q] == pytest.approx(theirs[str(q)][f"{their_name}_{cut}"])


HITS = hnp.arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 12)))


@given(HITS, st.integers(0, 5), st.randoms())
@settings(max_examples=60, deadline=None)
def test_properties_of_any_list(hits, unfound, random):
    n, k = hits.shape
    num_relevant = hits.sum(axis=1) + unfound
    metrics = list_metrics(hits, num_relevant, [k])
    asked = num_relevant > 0
    for values in metrics.values():
        assert np.array_equal(np.isnan(values), ~asked)
        assert ((values[asked] >= 0) & (values[asked] <= 1 + 1e-12)).all()
    hr, ndcg, average, full, recall, precision, mrr = (values[asked] for values in metrics.values())
    for smaller in (precision, mrr, recall, ndcg - 1e-12):
        assert (hr >= smaller).all()
    assert (average >= full).all() and (recall >= full - 1e-12).all()
    order = list(range(n))
    random.shuffle(order)
    shuffled = list_metrics(hits[order], num_relevant[order], [k])
    for name, values in metrics.items():
        assert np.array_equal(shuffled[name], values[order], equal_nan=True)


def test_catalogue_metrics_by_hand():
    # four candidates of five items; item 4 is none, and its count must not matter
    lists = np.array([[0, 1, 2], [0, 1, -1]], dtype=np.int32)
    counts, candidates = np.array([3, 1, 0, 0, 99]), np.array([True] * 4 + [False])
    shown = catalogue_metrics(lists, counts, candidates, [1, 3])
    # K = 1: item 0 twice. p(0) = (3 + 1) / (4 + 2 + 1 + 1) = 1/2, one bit
    assert shown["coverage@1"] == 1 / 4
    assert shown["novelty@1"] == pytest.approx(1)
    assert shown["average_popularity@1"] == 3
    assert shown["gini@1"] == pytest.approx(3 / 4)
    # K = 3: items 0, 1, 2 are listed 2, 2, 1 times; p = 1/2, 1/4, 1/8, so 1, 2 and 3 bits
    assert shown["coverage@3"] == 3 / 4
    assert shown["novelty@3"] == pytest.approx((2 * 1 + 2 * 2 + 1 * 3) / 5)
    assert shown["average_popularity@3"] == pytest.approx((2 * 3 + 2 * 1 + 1 * 0) / 5)
    # sorted 0, 1, 2, 2: (−3·0 − 1·1 + 1·2 + 3·2) / (4·5)
    assert shown["gini@3"] == pytest.approx(7 / 20)


def test_gini_of_equals_is_zero():
    assert gini(np.full(7, 0.3)) == pytest.approx(0)


def test_empty_lists_show_nothing():
    shown = catalogue_metrics(np.full((2, 3), -1, dtype=np.int32), np.ones(4), np.ones(4, dtype=bool), [3])
    assert all(np.isnan(value) for value in shown.values())
