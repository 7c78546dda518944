"""Importance of settings, on planted trials of which it is known what decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted_studies import planted, run

from tfrs_bench.reporting.document import Table
from tfrs_bench.reporting.sections.importance import LEAST_TRIALS, importance, importances, in_order, searches
from tfrs_bench.reporting.study import Run, study_of
from tfrs_bench.tuning.ledger import COMPLETE, FAILED, FOLDER, Search, Trial, write_search


def trials(count: int, seed: int = 0) -> list[list[Any]]:
    """Quality follows the rate alone; the factors and the kind do nothing, the depth is never varied."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        rate = float(10 ** random.uniform(-4, -1))
        kind = str(random.choice(["a", "b"]))
        settings = {"rate": rate, "factors": int(random.integers(8, 65)), "kind": kind, "depth": 2}
        found.append([settings, -abs(np.log10(rate) + 2.5)])
    return found


def searched(model: str, found: list[list[Any]], folder: Path = Path("runs/here"), **fields: Any) -> Run:
    one = run(model, planted(0.3), trials=found, **fields)
    return Run(one.record, one.evaluation, folder)


def test_what_decides_is_important_and_what_does_nothing_is_not() -> None:
    shares = importances([(settings, quality) for settings, quality in trials(60)])
    assert next(iter(shares)) == "rate" and shares["rate"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    assert "depth" not in shares


def test_the_same_trials_give_the_same_shares() -> None:
    some = [(settings, quality) for settings, quality in trials(30)]
    assert importances(some) == importances(some)


def test_equal_shares_stand_in_one_order_whatever_their_last_bits() -> None:
    half = 0.4
    for nearly in (np.nextafter(half, 1), np.nextafter(half, 0), half):
        assert list(in_order({"least": 0.2, "second": half, "first": nearly})) == ["first", "second", "least"]


def test_few_trials_tell_nothing_and_repeated_ones_count_once() -> None:
    few = [(settings, quality) for settings, quality in trials(LEAST_TRIALS - 1)]
    assert importances(few) == {} == importances(few * 5)
    assert importances([({"rate": 1.0}, 0.1)] * 20) == {}


def test_a_search_in_one_dimension_has_no_other_to_share_with() -> None:
    assert importances([({"rate": float(one)}, one) for one in range(1, 15)]) == {"rate": 1.0}


def test_the_section_shows_each_grid_once_whatever_the_seeds() -> None:
    grid = trials(30)
    study = study_of(
        [searched("als", grid, seed=0), searched("als", grid, seed=1), searched("ease", trials(5))]
    )
    (table,) = [block for block in importance([study]).blocks if isinstance(block, Table)]
    (row,) = table.rows
    assert row[:3] == ("log, per_user", "als", "30") and row[3].startswith("rate ")
    assert importance([study_of([searched("ease", trials(5))])]).blocks == ()


def test_the_studies_that_answers_rest_on_come_first() -> None:
    others = study_of([searched("als", trials(30), dataset="a-sensitivity")])
    (table,) = [
        one
        for one in importance([others, study_of([searched("als", trials(40))])]).blocks
        if isinstance(one, Table)
    ]
    assert [row[0] for row in table.rows] == ["log, per_user", "a-sensitivity, per_user"]


def test_searches_kept_beside_the_runs_are_read_too(tmp_path: Path) -> None:
    kept = [
        Trial(number, settings, COMPLETE, quality, 1.0)
        for number, (settings, quality) in enumerate(trials(20))
    ]
    kept += [Trial(20, kept[0].settings, FAILED, None, 1.0, reason="diverged")]
    search = Search("als", "log", "per_user", {}, "ndcg@10", 1.0, 60, {}, {}, kept)
    (tmp_path / FOLDER / "log" / "per_user").mkdir(parents=True)
    write_search(tmp_path / FOLDER / "log" / "per_user" / "als-1.json", search)
    study = study_of([searched("ease", [], folder=tmp_path / "log" / "per_user" / "ease-seed0")])
    (found,) = searches([study])
    assert (found.title, found.model, len(found.trials)) == ("log, per_user", "als", 20)


def test_a_search_that_records_tell_of_is_not_shown_again_from_the_ledger(tmp_path: Path) -> None:
    kept = [
        Trial(number, settings, COMPLETE, quality, 1.0)
        for number, (settings, quality) in enumerate(trials(20))
    ]
    search = Search("als", "log", "per_user", {}, "ndcg@10", 1.0, 60, {}, {}, kept)
    (tmp_path / FOLDER / "log" / "per_user").mkdir(parents=True)
    write_search(tmp_path / FOLDER / "log" / "per_user" / "als-1.json", search)
    study = study_of([searched("als", trials(20), folder=tmp_path / "log" / "per_user" / "als-seed0")])
    assert len(searches([study])) == 1
