"""Sweeps are found among records by what differs, and shown without a typed number."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from finished_runs import AUDIT, evaluation, record

from tfrs_bench.reporting.study import Run, Study, study_of
from tfrs_bench.reporting.sweeps import (
    Line,
    Sweep,
    differences,
    section,
    sensitivity_figures,
    sensitivity_page,
    sweeps,
)


def run(model: str, ndcg: float, seed: int = 0, **config: Any) -> Run:
    fields = {"dataset": "log-sensitivity", "trials": [], "tuning": "flags", "seed": seed, "config": config}
    return Run(record(model, audit=AUDIT, **fields), evaluation((ndcg, 0, ndcg, ndcg)), Path(model))


def factors(*values: int, **fixed: Any) -> list[Run]:
    """Runs of ALS, NDCG@10 a thousandth of the number of factors."""
    return [run("als", value / 1000, factors=value, **fixed) for value in values]


def test_runs_that_differ_in_one_setting_are_a_sweep_its_values_in_order() -> None:
    study = study_of([*factors(128, 64, 8), run("popularity", 0.1)])
    names = {8: "als (factors=8)", 64: "als (factors=64)", 128: "als (factors=128)"}
    (sweep,) = sweeps(study)
    assert sweep == Sweep("als", "factors", (Line("", names),))
    assert sweep.values == list(sweep.lines[0].names) == [8, 64, 128]


def test_runs_that_differ_in_two_settings_are_none() -> None:
    assert sweeps(study_of([*factors(8, rate=1.0), *factors(16, rate=2.0)])) == []
    assert sweeps(study_of(factors(8))) == []


def test_a_second_setting_at_several_values_makes_a_line_each() -> None:
    crossed = [*factors(8, 16, negatives="full"), *factors(8, 16, 32, negatives="in_batch")]
    by_factors, by_negatives = sweeps(study_of(crossed))
    assert [(line.told, list(line.names)) for line in by_factors.lines] == [
        ("negatives=full", [8, 16]),
        ("negatives=in_batch", [8, 16, 32]),
    ]
    assert by_factors.values == [8, 16, 32]
    assert [(line.told, list(line.names)) for line in by_negatives.lines] == [
        ("factors=8", ["full", "in_batch"]),
        ("factors=16", ["full", "in_batch"]),
    ]


def test_lists_missing_values_and_switches_are_values_too() -> None:
    runs = [run("two_tower", 0.1, hidden=hidden) for hidden in ([], [8], [16, 8])]
    (sweep,) = sweeps(study_of(runs))
    assert sweep.values == [(), (16, 8), (8,)]
    (sweep,) = sweeps(study_of([run("two_tower", 0.1, epochs=epochs) for epochs in (None, 10, 9)]))
    assert sweep.values == [9, 10, None]
    (sweep,) = sweeps(study_of([run("two_tower", 0.1, use_user_id=one) for one in (True, False)]))
    assert sweep.values == [False, True]


def test_what_a_search_found_is_no_value_of_a_sweep() -> None:
    found = Run(
        record("als", audit=AUDIT, dataset="log-sensitivity", config={"factors": 32}, tuning="grid"),
        evaluation(),
        Path("als"),
    )
    (sweep,) = sweeps(study_of([*factors(8, 16), found]))
    assert sweep.values == [8, 16]


def test_seeds_of_a_value_are_one_point() -> None:
    seeds = [run("als", ndcg, seed, factors=8) for seed, ndcg in enumerate((0.2, 0.4))]
    study = study_of([*seeds, *factors(16)])
    text = "\n".join(section(study, *sweeps(study), "picture.svg"))
    assert "| als (factors=8) | 2, ± 0.1414 | 0.3000 | 0.3000 (0.3000–0.3000) |" in text


@pytest.fixture(scope="module")
def study() -> Study:
    # 64 is the default of ALS.
    return study_of([*factors(8, 64, 128), run("popularity", 0.5), run("random", 0.1)])


def test_each_value_is_weighed_against_the_default(study: Study) -> None:
    (sweep,) = sweeps(study)
    below, above = differences(study, sweep)
    assert below.startswith("als (factors=8) vs als (factors=64): NDCG@10 -0.056 [-0.056, -0.056] (-88 %)")
    assert above.startswith("als (factors=128) vs als (factors=64): NDCG@10 +0.064")


def test_without_the_default_the_first_value_is_what_others_are_weighed_against() -> None:
    study = study_of(factors(8, 16))
    (sentence,) = differences(study, *sweeps(study))
    assert sentence.startswith("als (factors=16) vs als (factors=8): NDCG@10 +0.008")


def test_a_section_shows_the_other_models_the_values_and_the_figure(study: Study) -> None:
    lines = section(study, *sweeps(study), "picture.svg")
    assert lines[0] == "### log-sensitivity, per_user: factors of als"
    named = [line.split(" | ")[0] for line in lines if line.startswith("| ")][1:]
    assert named == ["| popularity", "| als (factors=8)", "| als (factors=64)", "| als (factors=128)"]
    assert "![NDCG@10 against factors](picture.svg)" in lines


def test_the_page_and_its_figures_are_of_studies_with_the_label_alone(study: Study) -> None:
    others = study_of([Run(record("als", audit=AUDIT, config={"a": one}), evaluation(), Path("als"))
                       for one in (1, 2)])  # fmt: skip
    assert sensitivity_page([others]) is None
    assert sensitivity_figures([others]) == {}
    page, figures = sensitivity_page([others, study]), sensitivity_figures([others, study])
    assert page is not None and page.count("### ") == 1
    (name,) = figures
    assert f"](../results/{name})" in page


def test_a_figure_is_the_same_text_every_time_and_names_what_it_shows(study: Study) -> None:
    (first,), (second,) = (sensitivity_figures([study]).values() for _ in range(2))
    assert first == second
    told = [text.strip() for text in ElementTree.fromstring(first).itertext() if text.strip()]
    for text in ("als", "popularity", "factors", "8", "64", "128", "NDCG@10, 95 % interval"):
        assert text in told
    assert "random" not in told
