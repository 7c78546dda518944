"""Newcomers' tables and figures, from two models whose figures by level are planted."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from finished_runs import AUDIT, evaluation, record

from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.reporting.answers import answers
from tfrs_bench.reporting.cold_start import cold_start_figures, cold_start_page
from tfrs_bench.reporting.comparison import columns, footnote
from tfrs_bench.reporting.document import Bullets
from tfrs_bench.reporting.judgements import told_apart
from tfrs_bench.reporting.sections.cold_start import cold_start
from tfrs_bench.reporting.sections.recommendation import recommendation
from tfrs_bench.reporting.study import Run, Study, study_of

USERS = 200


def newcomers(*by_level: float) -> Evaluation:
    """200 newcomers asked at each level; half of them lie 0.1 above the level's mean, half below."""
    values = np.repeat(by_level, USERS) + np.tile([0.1, -0.1], len(by_level) * USERS // 2)
    n = len(values)
    return dataclasses.replace(
        evaluation((0.0,) * 4),
        users=np.tile(np.arange(USERS, dtype=np.int32), len(by_level)),
        cold=np.ones(n, bool),
        num_relevant=np.ones(n, np.int64),
        metrics={"ndcg@10": values, "hr@10": values, "map@10": values},
        known=np.repeat(np.arange(len(by_level), dtype=np.int8), USERS),
    )


@pytest.fixture(scope="module")
def study() -> Study:
    found = {"als": newcomers(0.3, 0.2, 0.2), "two_tower": newcomers(0.2, 0.2, 0.5)}
    return study_of([Run(record(name, audit=AUDIT), one, Path(name)) for name, one in found.items()])


def test_levels_are_segments_and_all_is_each_users_mean(study: Study) -> None:
    segments = list(dict.fromkeys(row.segment for row in study.comparison.rows))
    assert segments == ["all", "0 known", "1 known", "2 known"]
    row = study.comparison.row("two_tower")
    assert row is not None
    assert (row.mean, row.num_users) == (pytest.approx(0.3), USERS)
    # A user deviates by 0.1 whatever the level: 600 independent rows would give a narrower interval.
    expected = 2 * 1.96 * 0.1 / np.sqrt(USERS)
    assert row.high - row.low == pytest.approx(expected, rel=0.1)


def test_the_table_shows_levels_in_place_of_cold_users(study: Study) -> None:
    shown = columns(study, "two_tower")
    assert [shown[title] for title in ("NDCG@10", "0", "1", "2")] == ["0.3000", "0.2000", "0.2000", "0.5000"]
    assert "cold" not in shown
    assert "of newcomers after so many interactions" in footnote(study)


def test_the_page_has_the_table_the_figure_and_the_verdict_of_each_level(study: Study) -> None:
    page = cold_start_page([study])
    assert page is not None
    assert "| NDCG@10 of 200 newcomers | 0 known | 1 known | 2 known |" in page
    assert "| als | 0.3000 | 0.2000 | 0.2000 |" in page
    assert "- Highest mean: als at 0, 1; two_tower at 2." in page
    assert (
        "- two_tower vs als by known interactions: 0 worse -0.100 [-0.100, -0.100]; "
        "1 cannot tell +0.000 [+0.000, +0.000]; 2 better +0.300 [+0.300, +0.300]."
    ) in page
    (name,) = cold_start_figures([study])
    assert f"](../results/{name})" in page


def test_the_section_says_what_makes_words_on_newcomers_weaker() -> None:
    tunings = {
        "popularity": "defaults",
        "als": "flags/ml-1m/per_user/als.cfg",
        "two_tower": "flags over flags/per_user/two_tower.cfg",
    }
    kept: dict[str, Any] = {"audit": AUDIT, "config": {"a": 1}, "trials": [], "ledger": {}}
    runs = [
        Run(record(name, tuning=tuning, **kept), newcomers(0.3, 0.2), Path(name))
        for name, tuning in tunings.items()
    ]
    (told,) = [block for block in cold_start([study_of(runs)]).blocks if isinstance(block, Bullets)]
    assert told.lines[-3].endswith(
        "the settings of als, two_tower are shipped; where they were found on these data, newcomers were "
        "among the users, which may help these models."
    )
    assert "Budgets differ." in told.lines[-2]
    assert told.lines[-1] == "log, per_user: one seed of als, two_tower."


def test_what_newcomers_get_is_answered_without_variants_that_flags_set() -> None:
    kept: dict[str, Any] = {"audit": AUDIT, "trials": [], "ledger": {}}
    planted = {
        "popularity": ({"a": 1}, "defaults", 0.2),
        "als": ({"a": 1}, "defaults", 0.3),
        "two_tower": ({"a": 1}, "defaults", 0.4),
        "two_tower, set": ({"a": 2}, "flags", 0.6),
    }
    runs = [
        Run(
            record(name.partition(",")[0], config=config, tuning=tuning, **kept),
            newcomers(mean, mean),
            Path(name),
        )
        for name, (config, tuning, mean) in planted.items()
    ]
    blocks = answers([study_of(runs)]).blocks
    (line,) = [
        one for block in blocks for one in getattr(block, "lines", ()) if "By interactions known" in one
    ]
    assert "two_tower is **better** than als: NDCG@10 +0.100" in line and "better at 0, 1." in line
    assert line.endswith(
        "als is the best of popularity, als. Left out, because set by flags: two_tower (a=2). "
        "Budgets differ there."
    )


def test_who_leads_among_newcomers_and_who_cannot_be_told_from_them_go_by_the_studys_words(
    study: Study,
) -> None:
    told = recommendation([study, plain_study()])
    lines = [line for block in told.blocks for line in getattr(block, "lines", ())]
    assert lines[-1] == (
        "Newcomers of log: highest mean by interactions known: als at 0; als at 1, which cannot be told from "
        "two_tower; two_tower at 2."
    )
    assert told_apart(study, "als", "two_tower", "0 known") and told_apart(
        study, "two_tower", "als", "2 known"
    )
    assert not told_apart(study, "als", "two_tower", "1 known")


def plain_study() -> Study:
    runs = [
        Run(record(name, audit=AUDIT), evaluation((mean,) * 4), Path(name))
        for name, mean in (("als", 0.5), ("popularity", 0.3))
    ]
    return study_of(runs)


def test_studies_without_newcomers_have_no_page() -> None:
    plain = study_of([Run(record("als", audit=AUDIT), evaluation((1.0, 0, 1.0, 1.0)), Path("als"))])
    assert cold_start_page([plain]) is None
    assert cold_start_figures([plain]) == {}


def test_the_figure_is_the_same_text_every_time_and_names_what_it_shows(study: Study) -> None:
    (first,), (second,) = (cold_start_figures([study]).values() for _ in range(2))
    assert first == second
    told = " ".join(ElementTree.fromstring(first).itertext())
    for text in ("als", "two_tower", "interactions known of a newcomer", "NDCG@10, 95 % interval"):
        assert text in told
