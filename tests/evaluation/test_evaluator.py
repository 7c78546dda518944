from __future__ import annotations

import dataclasses
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from evaluation_sets import Fake, Vectors, by_user, constant, evaluation, evaluation_set, keys, random_set
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrs_bench.evaluation.evaluator import Evaluator


def evaluator(answers, **settings):
    m = len(answers.candidates)
    return Evaluator(answers, keys(m), np.arange(m), **settings)


def test_lists_and_metrics_of_two_users_by_hand():
    # scores fall with the index: user 0 sees 1, 2, 3, … because 0 is in the history; user 1 sees 0, 1, 2, …
    answers = evaluation_set([[2], [0, 9]], [[0], []], m=10)
    result = evaluator(answers, ks=(3,)).evaluate(by_user(-np.arange(10) * np.ones((2, 1))))
    assert result.lists.tolist() == [[1, 2, 3, 4, 5, 6, 7, 8, 9, -1], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]
    assert result.metrics["mrr@3"].tolist() == [1 / 2, 1]
    assert result.metrics["recall@10"].tolist() == [1, 1]
    assert result.mean("recall@3") == pytest.approx((1 + 1 / 2) / 2)
    assert result.metrics["ndcg@10"][0] == pytest.approx(1 / np.log2(3))
    assert result.list_metrics["coverage@3"] == 4 / 10
    assert result.score_us_per_user > 0


def test_the_history_stays_when_it_is_not_masked():
    answers = evaluation_set([[0]], [[0]], m=10, mask_seen=False)
    assert evaluator(answers).evaluate(by_user([-np.arange(10)])).mean("mrr@5") == 1


def test_items_outside_the_catalogue_are_never_listed():
    answers = evaluation_set([[3]], m=4, candidates=[False, True, False, True])
    result = evaluator(answers, ks=(2,)).evaluate(by_user([[9, 1, 8, 2]]))
    assert result.lists.tolist() == [[3, 1] + [-1] * 8]
    assert result.list_metrics["coverage@2"] == 1


def test_a_missing_place_is_not_the_last_item_of_the_user_before():
    # user 1 runs out of items; place −1 of row 1 has the key of item m−1 of row 0, which is relevant there
    answers = evaluation_set([[3], [0]], [[], [1, 2, 3]], m=4)
    result = evaluator(answers).evaluate(constant(4))
    assert result.metrics["precision@10"].tolist() == [1 / 10, 1 / 10]


def test_segments_skip_users_without_an_answer():
    # only the first item is right, for users 0 and 2; user 3 has no answer
    answers = evaluation_set([[0], [1], [0], []], m=3, cold=[False, False, True, True])
    result = evaluator(answers, ks=(1,)).evaluate(by_user(np.tile([3, 2, 1], (4, 1))))
    assert result.mean("hr@1") == pytest.approx(2 / 3)
    assert result.mean("hr@1", "regular") == 1 / 2
    assert result.mean("hr@1", "cold") == 1
    assert np.isnan(result.metrics["hr@1"][3])
    with pytest.raises(ValueError, match="all, regular, cold"):
        result.mean("hr@1", "warm")


def test_an_empty_segment_and_an_empty_set_read_nan():
    assert np.isnan(evaluator(evaluation_set([[0]], m=3)).evaluate(constant(3)).mean("ndcg@10", "cold"))
    empty = evaluator(evaluation_set([], m=3))
    assert np.isnan(empty.evaluate(constant(3)).mean("ndcg@10"))
    assert np.isnan(empty.primary(constant(3)))


def test_primary_reads_regular_users_with_an_answer_only():
    answers = random_set(n=50)
    answers = dataclasses.replace(answers, cold=np.arange(50) % 3 == 0)
    empty = np.concatenate([answers.relevant_offsets, [250, 250]])  # two more users have nothing relevant
    more = evaluation_set([[]] * 52, m=60)
    answers = dataclasses.replace(
        answers,
        queries=more.queries,
        users=more.users,
        cold=np.append(answers.cold, [False, False]),
        relevant_offsets=empty,
    )
    model = by_user(np.random.default_rng(0).random((52, 60)))
    everyone = evaluator(answers, ks=(5,)).evaluate(model)
    model.chunks.clear()
    assert evaluator(answers, ks=(5,)).primary(model) == pytest.approx(everyone.mean("ndcg@10", "regular"))
    assert sum(model.chunks) == 33  # 50 users less the 17 cold ones


def test_chunks_fit_the_memory_and_change_nothing():
    answers = random_set(n=300, m=2000)
    model = by_user(np.random.default_rng(0).integers(5, size=(300, 2000)))  # many ties
    whole = evaluator(answers).evaluate(model)
    model.chunks.clear()
    done = []
    # half of 1 MB for scores of 8 bytes: 500,000 / (8 × 2,000) = 31 queries at once
    few = evaluator(answers, memory_mb=1).evaluate(model, lambda *count: done.append(count))
    assert max(model.chunks) == 31
    assert sum(model.chunks) == 300
    assert done[0] == (31, 300)
    assert done[-1] == (300, 300)
    assert np.array_equal(whole.lists, few.lists)
    assert all(np.array_equal(whole.metrics[name], few.metrics[name]) for name in whole.metrics)


def test_a_catalogue_beyond_the_memory_goes_one_query_at_a_time():
    model = constant(200_000)
    evaluator(evaluation_set([[1], [2]], m=200_000), memory_mb=1).evaluate(model)
    assert model.chunks == [1, 1]


@pytest.mark.parametrize(
    "model",
    [
        Fake(lambda queries: np.zeros((len(queries), 20_000), dtype=np.float32)),
        Fake(lambda queries: np.random.default_rng(0).random((len(queries), 20_000), dtype=np.float32)),
        Vectors(np.ones((400, 2), dtype=np.float32), np.ones((20_000, 2), dtype=np.float32)),
    ],
)
def test_peak_memory_stays_under_the_limit(model):
    answers = random_set(n=400, m=20_000)
    judge = evaluator(answers, memory_mb=16)
    tracemalloc.start()
    judge.evaluate(model)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6  # all scores at once would be 32 MB


@pytest.mark.parametrize(
    ("scores", "complaint"),
    [
        (np.zeros((2, 4), dtype=np.float32), r"shape \[2, 3\].*\[2, 4\]"),
        (np.zeros((2, 3)), "float32.*float64"),
        ([[0.0] * 3] * 2, "list"),
        (np.full((2, 3), np.nan, dtype=np.float32), "NaN or an infinity .first at row 0 of 2"),
        (np.array([[0, 0, 0], [0, -np.inf, 0]], dtype=np.float32), "first at row 1"),
    ],
)
def test_scores_that_cannot_be_ranked_are_refused_by_name(scores, complaint):
    with pytest.raises(ValueError, match=f"fake.*{complaint}"):
        evaluator(evaluation_set([[0], [1]], m=3)).evaluate(Fake(lambda queries: scores))


def test_read_only_scores_are_copied_not_changed():
    row = np.arange(3, dtype=np.float32)
    model = Fake(lambda queries: np.broadcast_to(row, (len(queries), 3)))
    result = evaluator(evaluation_set([[1]], [[2]], m=3)).evaluate(model)
    assert result.lists[0, :2].tolist() == [1, 0]
    assert row.tolist() == [0, 1, 2]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_relabelling_items_or_reordering_users_changes_no_user_s_metrics(seed):
    rng = np.random.default_rng(seed)
    n, m = 12, 20
    answers = random_set(n, m, history=4, relevant=3, seed=seed)
    table = rng.integers(3, size=(n, m)).astype(np.float32)  # ties everywhere
    item_keys = keys(m)
    before = Evaluator(answers, item_keys, np.arange(m)).evaluate(by_user(table))
    label, order = rng.permutation(m), rng.permutation(n)  # old item i is now label[i]
    renamed = dataclasses.replace(
        answers,
        queries=dataclasses.replace(
            answers.queries,
            histories=dataclasses.replace(
                answers.queries.histories, items=label[answers.queries.histories.items].astype(np.int32)
            ),
        ).take(order),
        users=answers.users[order],
        relevant_items=label[answers.relevant_items.reshape(n, 3)[order]].ravel().astype(np.int32),
    )
    back = np.argsort(label)
    after = Evaluator(renamed, item_keys[back], np.arange(m)[back]).evaluate(by_user(table[:, back]))
    assert np.array_equal(label[before.lists[order][:, :10]], after.lists[:, :10])
    for name, values in before.metrics.items():
        assert np.array_equal(values[order], after.metrics[name])
    assert before.list_metrics == pytest.approx(after.list_metrics)


def test_imports_no_tensorflow_pandas_or_scipy():
    modules = ", ".join(f"tfrs_bench.evaluation.{name}" for name in ("evaluator", "self_check", "verdicts"))
    code = f"import sys, {modules}; print([m for m in ('tensorflow', 'pandas', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_newcomers_are_grouped_by_what_is_known_and_averaged_by_user():
    two_levels = evaluation({"ndcg@10": np.array([0.0, 0.2, 1.0, 0.4])}, np.ones(4, bool))
    two_levels = dataclasses.replace(two_levels, known=np.array([0, 0, 1, 1], np.int8))
    assert two_levels.segments == ("all", "0 known", "1 known")
    assert two_levels.counted("1 known").tolist() == [False, False, True, True]
    assert two_levels.mean("ndcg@10", "1 known") == pytest.approx(0.7)
    assert two_levels.per_user("ndcg@10").tolist() == pytest.approx([0.5, 0.3])
    assert two_levels.per_user("ndcg@10", "0 known").tolist() == [0.0, 0.2]


def test_lists_from_elsewhere_are_measured_like_a_model_s_own():
    answers = random_set()
    model = by_user(np.random.default_rng(0).standard_normal((300, 60)))
    own = evaluator(answers).evaluate(model)
    again = evaluator(answers).evaluate_lists(own.lists, 3.0)
    assert {name: values.tolist() for name, values in again.metrics.items()} == {
        name: values.tolist() for name, values in own.metrics.items()
    }
    assert (again.list_metrics, again.score_us_per_user) == (own.list_metrics, 3.0)


@pytest.mark.parametrize(
    "wrong",
    [[0, 1, -1], [2, 2, -1], [-1, 2, 3], [3, -1, 2], [4, -1, -1], [5, -1, -1], [-2, -1, -1], [2, 3]],
)
def test_lists_that_no_model_could_make_are_refused(wrong):
    # item 0 is in the history and item 4 no candidate; there are no items 5 and −2
    answers = evaluation_set([[2]], [[0]], m=5, candidates=[True, True, True, True, False])
    judge = evaluator(answers, ks=(3,))
    padded = np.full((1, 10 if len(wrong) > 2 else 9), -1, dtype=np.int32)
    padded[0, : len(wrong)] = wrong
    with pytest.raises(ValueError, match=r"^list 0 holds|^lists should be of shape \[1, 10\]"):
        judge.evaluate_lists(padded)
    judge.evaluate_lists(np.array([[3, 1, 2] + [-1] * 7], dtype=np.int32))
