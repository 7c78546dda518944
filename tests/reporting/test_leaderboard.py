"""The leaderboard has every model of every study, the best first."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from finished_runs import AUDIT, evaluation, record

from tfrs_bench.reporting.leaderboard import COLUMNS, leaderboard, leaderboard_csv, ranked
from tfrs_bench.reporting.study import Run, Study, study_of


def study() -> Study:
    means = {"random": 0.9, "popularity": 0.1, "als": 0.5, "ease": 0.3}
    return study_of(
        [
            Run(record(name, audit=AUDIT), evaluation((mean,) * 4), Path("runs") / name)
            for name, mean in means.items()
        ]
    )


def test_models_stand_by_their_mean_and_the_floor_last() -> None:
    assert ranked(study()) == ["als", "ease", "popularity", "random"]


def test_the_page_has_a_section_per_study_in_that_order() -> None:
    page = leaderboard([study()])
    places = [page.index(f"| {name} |") for name in ("als", "ease", "popularity", "random")]
    assert places == sorted(places) and "## log, per_user" in page


def test_the_csv_has_means_intervals_and_costs() -> None:
    lines = list(csv.DictReader(io.StringIO(leaderboard_csv([study()]))))
    assert tuple(lines[0]) == COLUMNS
    first, last = lines[0], lines[-1]
    assert (first["model"], first["rank"], first["ndcg@10"], first["ndcg@10_low"]) == (
        "als",
        "1",
        "0.5",
        "0.5",
    )
    assert (first["users"], first["cold_ndcg@10"], first["fit_s"]) == ("3", "0.5", "1234.56")
    assert (first["trials"], first["tuning"], first["rmse"]) == ("1", "defaults", "")
    assert (last["model"], last["rank"]) == ("random", "")


def test_the_trials_of_a_file_of_settings_are_told() -> None:
    known = Run(
        record("als", audit=AUDIT, ledger={"method": "flagfile", "trials": 60}),
        evaluation((0.1,) * 4),
        Path(),
    )
    lines = list(csv.DictReader(io.StringIO(leaderboard_csv([study_of([known])]))))
    assert lines[0]["trials"] == "60"
