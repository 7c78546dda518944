from __future__ import annotations

import numpy as np
import pytest
from evaluation_sets import Vectors, by_user, constant, evaluation_set, keys, random_set

from tfrs_bench.evaluation import evaluator as evaluator_module
from tfrs_bench.evaluation.evaluator import Evaluator
from tfrs_bench.evaluation.scoring import scorer


def evaluate(model, answers, **settings):
    m = len(answers.candidates)
    return Evaluator(answers, keys(m), np.arange(m), **settings).evaluate(model)


def small_integers(n, m, d=3, seed=0):
    """Vectors whose products float32 holds exactly, so that every order of summing agrees; many tie."""
    rng = np.random.default_rng(seed)
    return rng.integers(-3, 4, (n, d)).astype(np.float32), rng.integers(-3, 4, (m, d)).astype(np.float32)


@pytest.mark.parametrize("memory_mb", [1, 512])  # 1 MB: blocks of 32 queries, ranked a few at a time
@pytest.mark.parametrize("cores", [1, 3])
def test_products_are_ranked_like_scores(monkeypatch, memory_mb, cores):
    monkeypatch.setattr(evaluator_module, "usable_cores", lambda: cores)
    answers = random_set(n=200, m=2000)
    queries, items = small_integers(200, 2000)
    blocks = evaluate(Vectors(queries, items), answers, memory_mb=memory_mb)
    whole = evaluate(by_user(queries @ items.T), answers)
    assert np.array_equal(blocks.lists, whole.lists)
    assert all(np.array_equal(blocks.metrics[name], whole.metrics[name]) for name in whole.metrics)
    assert blocks.score_us_per_user > 0


def test_items_are_embedded_once_and_queries_in_chunks():
    queries, items = small_integers(5000, 20)
    model = Vectors(queries, items)
    evaluate(model, evaluation_set([[0]] * 5000, m=20))
    assert model.calls == ["items", 4096, 5000 - 4096]


@pytest.mark.parametrize(
    ("query", "item", "complaint"),
    [
        (np.nan, 1, "NaN or an infinity .first at row 7 of 9"),
        (np.inf, 1, "first at row 7 of 9"),
        (1e30, 1e30, "first at row 7 of 9"),
    ],
)
def test_a_product_that_is_not_finite_is_refused_with_its_row(query, item, complaint):
    queries, items = np.ones((9, 2), dtype=np.float32), np.ones((4, 2), dtype=np.float32)
    queries[7, 1], items[3, 1] = query, item
    with pytest.raises(ValueError, match=f"vectors.score.*{complaint}"):
        evaluate(Vectors(queries, items), evaluation_set([[0]] * 9, m=4))


def test_large_vectors_with_finite_products_are_ranked():
    # the norms' product is beyond float32 and no product is, for every query meets zeros
    queries, items = np.zeros((2, 2), dtype=np.float32), np.zeros((3, 2), dtype=np.float32)
    queries[:, 0], items[:, 1] = 1e30, [1e30, 1, 2]
    model = Vectors(queries, items)
    assert np.array_equal(
        evaluate(model, evaluation_set([[0], [1]], m=3)).lists,
        evaluate(constant(3), evaluation_set([[0], [1]], m=3)).lists,
    )


@pytest.mark.parametrize(
    ("queries", "items", "complaint"),
    [
        (np.ones((2, 3), np.float32), np.ones((5, 3), np.float32), r"shape \[2, 4\].*\[2, 5\]"),
        (np.ones((2, 3)), np.ones((4, 3)), "float32.*float64"),
    ],
)
def test_vectors_of_the_wrong_form_are_refused_by_name(queries, items, complaint):
    with pytest.raises(ValueError, match=f"vectors.score.*{complaint}"):
        evaluate(Vectors(queries, items), evaluation_set([[0], [1]], m=4))


def test_a_thread_s_block_lasts_until_it_asks_for_the_next():
    queries, items = small_integers(6, 4)
    blocks, _ = scorer(Vectors(queries, items), 4, 10**6).blocks(evaluation_set([[0]] * 6, m=4).queries)
    first = blocks(slice(0, 3))
    assert np.array_equal(first, queries[:3] @ items.T)
    assert np.shares_memory(first, blocks(slice(3, 6)))
