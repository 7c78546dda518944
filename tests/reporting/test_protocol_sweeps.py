"""Studies that differ in one option, side by side, on planted runs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from planted_studies import noisy, planted, run, study

from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.reporting.document import Bullets, Drawing, Table
from tfrs_bench.reporting.protocol_sweeps import ProtocolSweep, blocks, protocol_sweeps, sweep_of
from tfrs_bench.reporting.study import Study, study_of


def asked(value: Any, models: dict[str, float], **fields: Any) -> Study:
    return study(models, **{"experiment": {"split": "per_user", "train_on": value}} | fields)


def sweep(**models: float) -> ProtocolSweep:
    plain = asked("positives", {"als": 0.3, "ease": 0.2, "random": 0.01})
    return sweep_of([plain, asked("all", models)], "train_on", "positives")


def test_values_ascend_and_models_are_those_of_several_values() -> None:
    found = sweep(als=0.4, bpr=0.1, random=0.01)
    assert [*found.studies] == ["all", "positives"] and found.reference == "positives"
    assert found.models == ["als"]
    assert sweep_of([asked("all", {"als": 0.3})], "train_on", "positives").reference == "all"


def test_a_model_is_weighed_against_itself_user_by_user() -> None:
    (verdict,) = sweep(als=0.4).against_reference("als").values()
    assert (verdict.model, verdict.baseline) == ("als (train_on=positives)", "als (train_on=all)")
    assert (round(verdict.difference, 9), verdict.verdict) == (-0.1, "worse")


def test_the_same_seeds_stand_on_both_sides() -> None:
    shuffled = {"split": "per_user", "train_on": "all"}
    plain = [run("als", planted(mean), seed=seed) for seed, mean in ((0, 0.30), (1, 0.36))]
    one_seed = [run("als", planted(0.30), seed=0, experiment=shuffled)]
    found = sweep_of([study_of(plain), study_of(one_seed)], "train_on", "positives")
    (verdict,) = found.against_reference("als").values()
    assert verdict.difference == 0
    row = found.row("positives", "als")
    assert row is not None and row.mean == pytest.approx(0.33)


def test_other_questions_are_not_compared() -> None:
    fewer = study_of([run("als", _of_other_users(), experiment={"split": "per_user", "train_on": "all"})])
    found = sweep_of([asked("positives", {"als": 0.3}), fewer], "train_on", "positives")
    assert found.against_reference("als") == {}
    assert not any(isinstance(block, Bullets) for block in blocks(found))


def test_a_sweep_is_shown_with_table_figure_and_differences() -> None:
    shown = [*blocks(sweep(als=0.4))]
    quality, seconds = [block for block in shown if isinstance(block, Table)]
    assert quality.titles == ("model", "train_on=all", "train_on=positives")
    assert [cell[:6] for cell in quality.rows[0]] == ["als", "0.4000", "0.3000"]
    assert seconds.rows == (("als", "4.0", "3.0"),)
    assert sum(isinstance(block, Drawing) for block in shown) == 1
    (told,) = [block for block in shown if isinstance(block, Bullets)]
    assert told.lines == (
        "als (train_on=positives) vs als (train_on=all): NDCG@10 -0.100 [-0.100, -0.100] (-25 %): worse",
    )


def test_data_that_changed_are_not_the_same_sweep() -> None:
    studies = [asked("positives", {"als": 0.3}), asked("all", {"als": 0.3}, data={"fingerprint": "g"})]
    assert protocol_sweeps(studies, "train_on", "positives") == []


def _of_other_users() -> Evaluation:
    whole = noisy(0.3, 0)
    return dataclasses.replace(whole, users=whole.users[::-1])
