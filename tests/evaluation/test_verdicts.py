from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from evaluation_sets import evaluation

from tfrs_bench.evaluation.verdicts import Verdict, average_seeds, compare

N = 400


def planted(shift, cold_shift=0.0, noise=0.1, seed=0):
    """NDCG@10 of 400 users, the last 100 cold, that lies `shift` above a baseline all models share."""
    base = np.random.default_rng(99).random(N) * 0.5
    values = base + shift + np.where(np.arange(N) >= 300, cold_shift, 0)
    values += np.random.default_rng(seed).normal(size=N) * noise
    return evaluation(
        {"ndcg@10": values, "hr@10": values, "recall@10": values, "map_full@10": values}, np.arange(N) >= 300
    )


def table(draws=2000, **shifts):
    models = {"als": planted(0, noise=0), **shifts}
    return compare(models, [name for name in models if name != "als"], ["als"], draws=draws)


def one(comparison, model, segment="all", metric="ndcg@10"):
    (found,) = [
        verdict
        for verdict in comparison.verdicts
        if (verdict.model, verdict.segment, verdict.metric) == (model, segment, metric)
    ]
    return found


def test_words_follow_what_was_planted():
    result = table(up=planted(0.05), down=planted(-0.05), same=planted(0.0005, noise=0.2))
    words = [one(result, model).verdict for model in ("up", "down", "same")]
    assert words == ["better", "worse", "cannot tell"]


def test_numbers_of_a_constant_difference_are_exact():
    verdict = one(table(up=planted(0.05, noise=0)), "up")
    assert verdict.difference == pytest.approx(0.05)
    assert (verdict.low, verdict.high) == (pytest.approx(0.05), pytest.approx(0.05))
    base = np.random.default_rng(99).random(N) * 0.5
    assert verdict.relative == pytest.approx(0.05 / base.mean())
    assert verdict.p == pytest.approx(2 / 2001)
    assert verdict.num_users == N


def test_rows_hold_every_metric_of_every_segment():
    result = table(up=planted(0.05))
    metrics = ["ndcg@10", "hr@10", "recall@10", "map_full@10"]
    expected = set(itertools.product(["als", "up"], ["all", "regular", "cold"], metrics))
    assert {(row.model, row.segment, row.metric) for row in result.rows} == expected
    assert {row.segment: row.num_users for row in result.rows} == {"all": 400, "regular": 300, "cold": 100}
    assert all(row.low <= row.mean <= row.high for row in result.rows)
    assert {verdict.metric for verdict in result.verdicts} == {"ndcg@10", "hr@10"}


def test_users_without_an_answer_and_empty_segments_are_left_out():
    values = {"ndcg@10": np.array([0.5] * 9 + [np.nan])}
    counts = np.array([1] * 9 + [0])
    models = {"a": evaluation(values, num_relevant=counts), "b": evaluation(values, num_relevant=counts)}
    result = compare(models, ["a"], ["b"], draws=100)
    assert {(row.segment, row.num_users) for row in result.rows} == {("all", 9), ("regular", 9)}
    assert result.verdicts[0].verdict == "cannot tell"
    assert result.verdicts[0].p == 1


def test_holm_runs_over_all_pairs_of_a_segment():
    # noise 0.1 over 400 users is a standard error of 0.005
    alone = one(table(up=planted(0.014)), "up")
    many = one(table(up=planted(0.014), **{f"m{i}": planted(0.0, seed=i + 1) for i in range(30)}), "up")
    assert alone.p == many.p  # the same draws, whoever stands beside it
    assert alone.p_adjusted == alone.p
    assert alone.verdict == "better"
    assert many.p_adjusted > 0.05
    assert many.verdict == "cannot tell"
    assert (alone.low, alone.high) == (many.low, many.high)  # intervals stay unadjusted


def test_three_agreeing_users_prove_nothing():
    models = {"a": evaluation({"ndcg@10": [0.9, 0.8, 0.9]}), "b": evaluation({"ndcg@10": [0.1, 0.1, 0.2]})}
    verdict = compare(models, ["a"], ["b"], draws=1000).verdicts[0]
    assert verdict.p == pytest.approx(1 / 4)
    assert verdict.verdict == "cannot tell"


VERDICT = Verdict(
    "two_tower", "als", "all", "ndcg@10", 0.0312, 0.0281, 0.0349, 0.342, 0.0002, 0.0004, 0.005, 6040, "better"
)


def test_sentences():
    assert VERDICT.sentence() == "two_tower vs als: NDCG@10 +0.031 [+0.028, +0.035] (+34 %): better"
    unsure = dataclasses.replace(
        VERDICT,
        segment="cold",
        difference=-0.001,
        low=-0.004,
        relative=float("nan"),
        num_users=1604,
        detectable=0.0121,
        verdict="cannot tell",
    )
    assert unsure.sentence() == (
        "two_tower vs als, cold users: NDCG@10 -0.001 [-0.004, +0.035]: cannot tell "
        "(1,604 users could have shown a difference of 0.012)"
    )


def test_a_segment_speaks_only_where_its_word_differs():
    # among all: 0.08 − 0.25 · 0.16 = +0.04
    result = table(up=planted(0.08), mixed=planted(0.08, cold_shift=-0.16))
    sentences = result.sentences()
    assert [sentence.split(":")[0] for sentence in sentences] == [
        "up vs als",
        "mixed vs als",
        "mixed vs als, cold users",
    ]
    assert sentences[-1].endswith("worse")


def test_the_hardest_opponent_is_the_one_of_the_best_mean():
    models = {
        "tower": evaluation({"ndcg@10": [0.5, 0.5, 0.5]}),
        "weak": evaluation({"ndcg@10": [0.1, 0.1, 0.1]}),
        "strong": evaluation({"ndcg@10": [0.4, 0.4, 0.4]}),
    }
    assert compare(models, ["tower"], ["weak", "strong"], draws=100).hardest("tower").baseline == "strong"


def test_different_users_or_cut_offs_are_refused_by_name():
    fine = evaluation({"ndcg@10": [0.1, 0.2]})
    other = dataclasses.replace(fine, users=fine.users[::-1])
    with pytest.raises(ValueError, match="tower and als were not asked for the same users"):
        compare({"als": fine, "tower": other}, ["tower"], ["als"])
    with pytest.raises(ValueError, match="--ks"):
        compare({"als": fine, "tower": evaluation({"hr@5": [0.1, 0.2]})}, ["tower"], ["als"])
    with pytest.raises(ValueError, match="at least one"):
        compare({}, [], [])


def test_seeds_are_averaged_per_user():
    runs = [evaluation({"ndcg@10": [0.0, 0.4]}), evaluation({"ndcg@10": [0.2, 0.8]})]
    runs[1] = dataclasses.replace(runs[1], list_metrics={"coverage@10": 0.7}, score_us_per_user=3.0)
    mean = average_seeds(runs)
    assert mean.metrics["ndcg@10"] == pytest.approx([0.1, 0.6])
    assert mean.list_metrics["coverage@10"] == pytest.approx(0.6)
    runs[0] = dataclasses.replace(runs[0], list_metrics=runs[0].list_metrics | {"newer@10": 0.1})
    assert average_seeds(runs).list_metrics.keys() == {"coverage@10"}
    runs = [
        dataclasses.replace(one, of_thirds={"found_tail": np.full(len(one.users), number)})
        for number, one in enumerate(runs)
    ]
    assert set(average_seeds(runs).of_thirds["found_tail"]) == {(len(runs) - 1) / 2}
    assert mean.score_us_per_user == 2
