"""No sentence claims what an interval denies, and the model to take is one that intervals allow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from finished_runs import AUDIT, evaluation, record
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_studies import planted, run

from tfrs_bench import registry
from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.options import told as as_told
from tfrs_bench.reporting.answers import answers, deployed
from tfrs_bench.reporting.document import Bullets
from tfrs_bench.reporting.judgements import (
    against,
    agreement,
    best,
    classical,
    cost_of,
    deep,
    judged,
    on_equal_terms,
    pair,
    reads_order,
    recommended,
    surely_worse,
    tuned_alike,
    weighed,
)
from tfrs_bench.reporting.study import Run, Study, study_of

USERS = 40
MODELS = ("random", "popularity", "als", "markov", "two_tower")
_CLAIM = re.compile(
    r"(?:(\w+) is \*\*(better|worse)\*\* than (\w+)|\*\*(cannot tell)\*\* (\w+) from (\w+)): "
    r"NDCG@10 ([+-][\d.]+) \[([+-][\d.]+), ([+-][\d.]+)\]"
)


def users(shift: float, seed: int, spread: float) -> Evaluation:
    values = np.clip(0.4 + shift + spread * np.random.default_rng(seed).standard_normal(USERS), 0, 1)
    found = evaluation()
    return Evaluation(
        users=np.arange(USERS, dtype=np.int32),
        cold=np.zeros(USERS, dtype=bool),
        num_relevant=np.ones(USERS, dtype=np.int64),
        metrics=dict.fromkeys(found.metrics, values),
        lists=np.zeros((USERS, 10), dtype=np.int32),
        list_metrics=found.list_metrics,
        score_us_per_user=1.0,
    )


def study(
    shifts: tuple[float, ...] = (-0.3, 0.0, 0.1, 0.0, 0.2), spread: float = 0.1, **fields: str
) -> Study:
    seconds = {"random": 0.0, "popularity": 0.1, "als": 1.0, "markov": 2.0, "two_tower": 120.0}
    return study_of(
        [
            Run(
                record(name, audit=AUDIT, fit_s=seconds[name], **fields),
                users(shift, place, spread),
                Path("runs") / name,
            )
            for place, (name, shift) in enumerate(zip(MODELS, shifts, strict=True))
        ]
    )


shifts = st.tuples(*[st.floats(-0.2, 0.2) for _ in MODELS])


@settings(max_examples=25, deadline=None)
@given(shifts, st.floats(0.0, 0.3))
def test_no_sentence_claims_what_its_interval_denies(drawn: tuple[float, ...], spread: float) -> None:
    found = study(drawn, spread)
    # Holm's correction is over the pairs that are told together, so each claim is held to those.
    told = [(judged(one), one) for other in weighed(found) for one in against(found, other).values()]
    lines = [line for block in answers([found]).blocks if isinstance(block, Bullets) for line in block.lines]
    claims = [(claim.groups(), verdict) for line, verdict in told for claim in _CLAIM.finditer(line)]
    assert len(claims) == len(told) == len(weighed(found)) * (len(weighed(found)) - 1)
    for line in lines:
        for claim in _CLAIM.finditer(line):
            model, _, other, _, one, rival, *_ = claim.groups()
            verdict = pair(found, model or one, other or rival)
            assert verdict is not None
            claims.append((claim.groups(), verdict))
    for (_, word, _, undecided, _, _, difference, low, high), verdict in claims:
        assert float(low) <= float(difference) <= float(high)
        if word == "better":
            assert verdict.low > 0 and verdict.p_adjusted < 0.05
        elif word == "worse":
            assert verdict.high < 0 and verdict.p_adjusted < 0.05
        else:
            assert undecided and verdict.p_adjusted >= 0.05


@settings(max_examples=25, deadline=None)
@given(shifts, st.floats(0.0, 0.3))
def test_what_is_recommended_is_cheapest_of_those_that_are_not_surely_worse(
    drawn: tuple[float, ...], spread: float
) -> None:
    found = study(drawn, spread)
    choice = recommended(found)
    assert choice is not None and choice.best == best(found, weighed(found))
    verdicts = against(found, choice.best)
    if choice.model != choice.best:
        assert not surely_worse(verdicts[choice.model])
    cheaper = [one for one in weighed(found) if cost_of(found, one) < cost_of(found, choice.model)]
    assert all(surely_worse(verdicts[one]) for one in cheaper)


def test_models_are_told_apart_by_what_they_are() -> None:
    found = study()
    assert weighed(found) == ["popularity", "als", "markov", "two_tower"]
    assert deep(found) == ["two_tower"] and classical(found) == ["popularity", "als", "markov"]
    assert {"markov", "two_tower"} >= {*reads_order(found)} >= {"markov"}


def test_a_pair_of_the_studys_verdicts_is_that_verdict() -> None:
    found = study()
    assert pair(found, "two_tower", "als") in found.comparison.verdicts
    assert pair(found, "two_tower", "als", "cold") is None  # nobody is cold


def test_the_cheapest_as_good_one_is_deployed_and_what_it_gives_up_is_told() -> None:
    equal = study((0.0, 0.0, 0.0, 0.0, 0.0), spread=0.3)
    line = deployed(equal)
    assert line is not None and line.startswith("log, per_user: **popularity**, 0.1 s of training")
    apart = deployed(study())
    assert (
        apart is not None
        and "**two_tower**, 120.0 s of training and 12 µs a user: the best mean; all" in apart
    )


def test_seconds_of_what_trains_within_a_minute_decide_nothing_and_scoring_does() -> None:
    runs = [
        run("als", planted(0.3), fit_s=0.1, score_us_per_user=500.0),
        run("ease", planted(0.3), fit_s=50.0, score_us_per_user=20.0),
        run("ials", planted(0.3), fit_s=70.0, score_us_per_user=1.0),
    ]
    choice = recommended(study_of(runs))
    assert choice is not None and choice.model == "ease"


def test_only_models_that_were_tuned_alike_are_weighed_and_the_others_are_named() -> None:
    searched = {"method": "tpe", "cap_minutes": 3.0, "max_trials": 60, "trials": 4, "minutes": 1.0}
    kept: dict[str, Any] = {"config": {"a": 1}}
    found = study_of(
        [
            run("als", planted(0.30), ledger=searched, **kept),
            run("two_tower", planted(0.36), ledger=searched, **kept),
            run("funnel", planted(0.50), tuning="flags/log/per_user/funnel.cfg", **kept),
            run("markov", planted(0.40), tuning="flags", **kept),
        ]
    )
    assert tuned_alike(found) == ["als", "two_tower"]
    told = " ".join(line for one in answers([found]).blocks if isinstance(one, Bullets) for line in one.lines)
    assert "two_tower is **better** than als" in told and "funnel is" not in told and "markov is" not in told
    assert "Left out, because tuned otherwise: markov, funnel." in told
    alone = study_of([run("als", planted(0.3), ledger=searched, **kept), run("ncf", planted(0.4), **kept)])
    assert tuned_alike(alone) == ["als", "ncf"]


def test_answers_on_unequal_terms_say_so_and_are_counted_apart() -> None:
    searched = {"method": "tpe", "cap_minutes": 3.0, "max_trials": 60, "trials": 4, "minutes": 1.0}
    kept: dict[str, Any] = {"config": {"a": 1}}
    equal = study_of([run(name, planted(0.3), ledger=searched, **kept) for name in ("als", "two_tower")])
    unequal = study_of(
        [
            run("als", planted(0.3), ledger=searched, dataset="other", **kept),
            run("two_tower", planted(0.4), dataset="other", **kept),
        ]
    )
    assert on_equal_terms(equal) and not on_equal_terms(unequal)
    untuned = [run(name, planted(0.3), tuning="defaults", trials=[], **kept) for name in ("als", "two_tower")]
    assert on_equal_terms(study_of(untuned)) and not on_equal_terms(study())  # there, grids
    both = [run(name, planted(0.3), tuning="flags", **kept) for name in ("als", "two_tower")]
    assert not on_equal_terms(study_of(both))  # one kind of source is no budget
    blocks = answers([equal, unequal]).blocks
    told = " ".join(getattr(one, "text", "") for one in blocks)
    assert "Of 1 data sets and splits where those compared had one budget" in told
    assert "Of 1 data sets and splits where budgets differ" in told
    lines = [line for one in blocks if isinstance(one, Bullets) for line in one.lines]
    of_studies = [line for line in lines if line.startswith(("log, ", "other, "))]
    assert len(of_studies) == 8
    assert all(line.endswith("Budgets differ there.") == line.startswith("other, ") for line in of_studies)


def test_a_search_that_began_at_more_than_defaults_is_told_where_its_model_is_judged() -> None:
    found = {"method": "tpe", "cap_minutes": 3.0, "max_trials": 60, "trials": 1, "minutes": 1.0}
    defaults = as_told(registry.resolve(registry.MODELS, "two_tower", "model").Config())
    ahead = defaults | {"dimension": 128}
    runs = [
        run("als", planted(0.3), ledger=found, config={"factors": 8}, trials=[[{"factors": 64}, 0.3]]),
        run("two_tower", planted(0.4), ledger=found, config=ahead, trials=[[ahead, 0.4]]),
    ]
    (line, *_) = [line for one in answers([study_of(runs)]).blocks for line in getattr(one, "lines", ())]
    assert line.endswith(
        "The search of two_tower began at settings shipped for this split, see Tuning budgets."
    )


def test_answers_count_and_name_splits_that_disagree() -> None:
    won, lost = study(), study((-0.3, 0.0, 0.2, 0.0, 0.0), split="global")
    blocks = answers([won, lost]).blocks
    told = " ".join(getattr(one, "text", "") + " ".join(getattr(one, "lines", ())) for one in blocks)
    assert (
        "Of 2 data sets and splits where budgets differ the best deep model is better than the best "
        "factorization in 1, worse in 1" in told
    )
    assert "log: **The splits disagree**: better by per_user, worse by global." in told
    assert "**Not justified.**" in told and "**The cost buys quality.**" in told
    questions = ["beat tuned factorization", "newcomers", "order matter", "cost justified", "one deploy"]
    places = [told.index(one) for one in questions]
    assert places == sorted(places)


def test_a_gain_that_could_have_stayed_hidden_is_not_called_unjustified() -> None:
    few = answers([study((0.0, 0.0, 0.0, 0.0, 0.0), spread=0.3)]).blocks
    told = " ".join(line for one in few for line in getattr(one, "lines", ()))
    assert "**No gain is shown**; one of up to " in told and "Not justified" not in told


def test_nothing_is_invented_without_runs() -> None:
    told = [line for block in answers([]).blocks if isinstance(block, Bullets) for line in block.lines]
    assert {*told} == {"The records hold no runs that could tell."}


def test_splits_that_agree_are_not_mentioned() -> None:
    assert agreement({"per_user": "better", "global": "better"}) is None
