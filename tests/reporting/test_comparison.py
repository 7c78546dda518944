"""The table a person reads and the JSON a program reads say the same, in 80 columns."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from finished_runs import evaluation, record
from rich.console import Console as RichConsole

from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.evaluation.verdicts import Comparison, compare
from tfrs_bench.reporting.comparison import (
    UNTUNED,
    chosen_settings,
    comparison_table,
    footnote,
    summary,
    warnings,
    write_summary,
)
from tfrs_bench.reporting.records import RunRecord

EVALUATIONS = {"als": evaluation(), "two_tower": evaluation((1.0, 0, 1.0, 1.0), hr=(1.0, 0, 1.0, 0.0))}
RECORDS = [record("als"), record("two_tower", fit_s=0.04, score_us_per_user=12345.6, epochs=3)]


def compared(evaluations: dict[str, Evaluation] = EVALUATIONS) -> Comparison:
    return compare(evaluations, ["two_tower"], ["als"], draws=200)


def shown(records: list[RunRecord] = RECORDS, width: int = 80) -> list[str]:
    out = io.StringIO()
    RichConsole(file=out, width=width).print(comparison_table(compared(), records))
    return [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def test_table_has_a_row_per_model_in_the_order_of_the_records() -> None:
    header, _, als, two_tower = shown()
    titles = ["model", "HR@10", "NDCG@10 (95 % interval)", "MAP@10", "cold", "train s", "µs/user"]
    assert header.split() == " ".join(titles).split()
    # als: users ann .25, dee .75 and eve 1, of whom eve is cold.
    cells = als.split()
    assert cells[:3] == ["als", "0.6667", "0.6667"] and cells[4:] == ["0.6667", "1.0000", "1,234.6", "12"]
    cells = two_tower.split()
    assert cells[:4] == ["two_tower", "0.6667", "1.0000", "(1.0000–1.0000)"]
    assert cells[4:] == ["1.0000", "1.0000", "0.0", "12,346"]
    assert shown(RECORDS[::-1])[2].split()[0] == "two_tower"


def test_nothing_is_cut_short_in_eighty_columns() -> None:
    slow = [record("als", fit_s=12345.6, score_us_per_user=123456), RECORDS[1]]
    lines = shown(slow)
    assert "…" not in "".join(lines) and max(map(len, lines)) <= 80
    assert "12,345.6" in lines[2] and "123,456" in lines[2]


def test_figures_stand_under_each_other() -> None:
    _, _, *rows = shown()
    assert len({row.index("(") for row in rows}) == 1
    assert len({len(row) for row in rows}) == 1


def test_a_table_without_cold_users_says_so() -> None:
    warm = {name: evaluation() for name in EVALUATIONS}
    for one in warm.values():
        one.cold[:] = False
    out = io.StringIO()
    RichConsole(file=out, width=80).print(comparison_table(compared(warm), RECORDS))
    assert out.getvalue().count(" – ") == 2
    assert "cold: no user is." in footnote(compared(warm))


def test_footnote_counts_the_users_behind_the_means() -> None:
    text = footnote(compared())
    assert "Means over 3 users with relevant test items" in text and "cold: NDCG@10 of 1 cold users." in text
    assert "unadjusted" in text and "oracle" not in text


def test_footnote_says_what_the_oracle_is() -> None:
    with_oracle = compared(EVALUATIONS | {"oracle": evaluation()})
    assert footnote(with_oracle).endswith("oracle: the simulator's own truth.")


def test_random_split_carries_the_warning() -> None:
    (line,) = warnings([record(split="random", audit={"temporal": False})])
    assert line.startswith("The split is random: models have seen the future")


def test_given_split_that_steps_back_in_time_carries_a_warning() -> None:
    (line,) = warnings([record(split="predefined", audit={"temporal": False})])
    assert line.startswith("The given split is not temporal")


def test_untuned_baseline_carries_a_warning_and_others_do_not() -> None:
    (line,) = warnings([record("als", tuning=UNTUNED), record("popularity")])
    assert line.startswith("als has default settings because of --tune_baselines=false")
    assert warnings(RECORDS) == []


def test_chosen_settings_say_where_they_come_from_and_leave_out_what_is_unset() -> None:
    lines = chosen_settings(
        [record("als", tuning="grid: 28 trials, 0.1 min"), record("two_tower", tuning="flags", epochs=3)]
    )
    settings = "factors=8 hidden=4,2 rate=0.3333 wide=true"
    assert lines == [
        f"als (grid: 28 trials, 0.1 min): {settings}",
        f"two_tower (flags; epochs kept: 3): {settings}",
    ]
    assert chosen_settings([record("popularity", config={"half_life_days": None})]) == [
        "popularity (defaults)"
    ]
    assert chosen_settings([record("random", config={})]) == []


def test_summary_has_the_promised_structure() -> None:
    content = summary(compared(), RECORDS)
    assert {"dataset", "split", "rows", "comparisons", "costs", "audit"} <= content.keys()
    assert (content["dataset"], content["split"]) == ("log", "per_user")
    assert {frozenset(row) for row in content["rows"]} == {
        frozenset(("model", "segment", "metric", "mean", "low", "high", "num_users"))
    }
    promised = {"model", "baseline", "segment", "metric", "difference", "low", "high", "verdict"}
    assert all(promised <= one.keys() for one in content["comparisons"])
    promised = {"model", "fit_s", "score_us_per_user", "num_parameters", "peak_memory_mb"}
    assert all(promised <= one.keys() for one in content["costs"])
    assert content["audit"] == {"temporal": True, "leaked_share": None}
    places = {(row["model"], row["segment"], row["metric"]) for row in content["rows"]}
    metrics = EVALUATIONS["als"].metrics
    assert places == {
        (model, segment, metric)
        for model in EVALUATIONS
        for segment in ("all", "regular", "cold")
        for metric in metrics
    }


def test_summary_repeats_the_verdicts_and_what_was_asked() -> None:
    content = summary(compared(), RECORDS, {"split": "global"})
    assert content["sentences"] == compared().sentences()
    assert content["asked"] == {"split": "global"}


def test_summary_and_table_say_the_same() -> None:
    (row,) = [
        row
        for row in summary(compared(), RECORDS)["rows"]
        if (row["model"], row["segment"], row["metric"]) == ("als", "all", "ndcg@10")
    ]
    assert row["mean"] == pytest.approx(2 / 3) and row["num_users"] == 3
    assert f"{row['mean']:.4f} ({row['low']:.4f}–{row['high']:.4f})" in shown()[2]


def test_summary_file_is_json_without_nan_in_a_folder_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "summary.json"
    nothing = EVALUATIONS | {"als": evaluation((0.0, 0.0, 0.0, 0.0))}  # a share of 0 does not exist
    write_summary(path, compared(nothing), RECORDS)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    content = json.loads(path.read_text(), parse_constant=refuse)
    assert {one["relative"] for one in content["comparisons"]} == {None}
    assert {one["verdict"] for one in content["comparisons"]} <= {"better", "worse", "cannot tell"}
