"""The table a person reads and the JSON a program reads say the same, in 80 columns."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from finished_runs import evaluation, record
from rich.console import Console as RichConsole

from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.reporting.comparison import (
    UNTUNED,
    chosen_settings,
    comparison_table,
    footnote,
    print_conclusion,
    summary,
    verdict_groups,
    warnings,
    write_summary,
)
from tfrs_bench.reporting.console import Console
from tfrs_bench.reporting.records import RunRecord
from tfrs_bench.reporting.study import Run, Study, study_of

EVALUATIONS = {"als": evaluation(), "two_tower": evaluation((1.0, 0, 1.0, 1.0), hr=(1.0, 0, 1.0, 0.0))}
RECORDS = {
    "als": record("als"),
    "two_tower": record("two_tower", fit_s=0.04, score_us_per_user=12345.6, epochs=3),
}


def compared(evaluations: dict[str, Evaluation] = EVALUATIONS, **records: RunRecord) -> Study:
    """The study of one run a model; a record that is not given is a usual one."""
    known = RECORDS | records
    return study_of(
        [Run(known.get(name, record(name)), one, Path("runs") / name) for name, one in evaluations.items()]
    )


def alone(model: str = "als", **fields: Any) -> Study:
    return study_of([Run(record(model, **fields), evaluation(), Path("runs") / model)])


def shown(study: Study | None = None, width: int = 80) -> list[str]:
    out = io.StringIO()
    RichConsole(file=out, width=width).print(comparison_table(study or compared()))
    return [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def test_table_has_a_row_per_model_classical_ones_first() -> None:
    header, _, als, two_tower = shown()
    titles = ["model", "HR@10", "NDCG@10 (95 % interval)", "MAP@10", "cold", "train s", "µs/user"]
    assert header.split() == " ".join(titles).split()
    # als: users ann .25, dee .75 and eve 1, of whom eve is cold.
    cells = als.split()
    assert cells[:3] == ["als", "0.6667", "0.6667"] and cells[4:] == ["0.6667", "1.0000", "1,234.6", "12"]
    cells = two_tower.split()
    assert cells[:4] == ["two_tower", "0.6667", "1.0000", "(1.0000–1.0000)"]
    assert cells[4:] == ["1.0000", "1.0000", "0.0", "12,346"]
    swapped = compared(dict(reversed(EVALUATIONS.items())))
    assert shown(swapped) == shown()


def test_nothing_is_cut_short_in_eighty_columns() -> None:
    lines = shown(compared(als=record("als", fit_s=12345.6, score_us_per_user=123456)))
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
    assert "".join(shown(compared(warm))).count(" – ") == 2
    assert "cold: no user is." in footnote(compared(warm))


def test_footnote_counts_the_users_behind_the_means() -> None:
    text = footnote(compared())
    assert "Means over 3 users with relevant test items" in text and "cold: NDCG@10 of 1 cold users." in text
    assert "unadjusted" in text and "oracle" not in text


def test_footnote_says_what_the_oracle_is() -> None:
    with_oracle = compared(EVALUATIONS | {"oracle": evaluation()})
    assert footnote(with_oracle).endswith("oracle: the simulator's own truth.")


def test_random_split_carries_the_warning() -> None:
    (line,) = warnings(alone(split="random", audit={"temporal": False}))
    assert line.startswith("The split is random: models have seen the future")


def test_given_split_that_steps_back_in_time_carries_a_warning() -> None:
    (line,) = warnings(alone(split="predefined", audit={"temporal": False}))
    assert line.startswith("The given split is not temporal")


def test_untuned_baseline_carries_a_warning_and_others_do_not() -> None:
    (line,) = warnings(compared(als=record("als", tuning=UNTUNED)))
    assert line.startswith("als has default settings because of --tune_baselines=false")
    assert warnings(compared()) == []


def test_chosen_settings_say_where_they_come_from_and_leave_out_what_is_unset() -> None:
    study = compared(
        als=record("als", tuning="grid: 28 trials, 0.1 min"),
        two_tower=record("two_tower", tuning="flags", epochs=3),
    )
    settings = "factors=8 hidden=4,2 rate=0.3333 wide=true"
    assert chosen_settings(study) == [
        f"als (grid: 28 trials, 0.1 min): {settings}",
        f"two_tower (flags; epochs kept: 3): {settings}",
    ]
    assert chosen_settings(alone("popularity", config={"half_life_days": None})) == ["popularity (defaults)"]
    assert chosen_settings(alone("random", config={})) == []


def test_summary_has_the_promised_structure() -> None:
    content = summary(compared())
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
    content = summary(compared(als=record(asked={"split": "global"})))
    assert content["sentences"] == compared().comparison.sentences()
    assert content["asked"] == {"split": "global"}


def test_summary_and_table_say_the_same() -> None:
    (row,) = [
        row
        for row in summary(compared())["rows"]
        if (row["model"], row["segment"], row["metric"]) == ("als", "all", "ndcg@10")
    ]
    assert row["mean"] == pytest.approx(2 / 3) and row["num_users"] == 3
    assert f"{row['mean']:.4f} ({row['low']:.4f}–{row['high']:.4f})" in shown()[2]


def test_summary_file_is_json_without_nan_in_a_folder_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "summary.json"
    nothing = EVALUATIONS | {"als": evaluation((0.0, 0.0, 0.0, 0.0))}  # a share of 0 does not exist
    write_summary(path, compared(nothing))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    content = json.loads(path.read_text(), parse_constant=refuse)
    assert {one["relative"] for one in content["comparisons"]} == {None}
    assert {one["verdict"] for one in content["comparisons"]} <= {"better", "worse", "cannot tell"}


def test_several_seeds_are_one_row_of_means_with_their_spread_below() -> None:
    low, high = evaluation((0.2, 0, 0.2, 0.2)), evaluation((0.4, 0, 0.4, 0.4))
    runs = [
        Run(record("two_tower", seed=seed, fit_s=fit_s, epochs=epochs), one, Path("runs/x"))
        for seed, fit_s, epochs, one in ((0, 10.0, 3, low), (1, 20.0, 5, high))
    ]
    study = study_of([*runs, Run(record("als"), evaluation(), Path("runs/y"))])
    assert shown(study)[3].split()[:3] == ["two_tower", "0.3000", "0.3000"] and " 15.0 " in shown(study)[3]
    # (.4 − .2) / √2
    assert footnote(study).endswith("standard deviation over seeds: two_tower 2 seeds ± 0.1414.")
    assert chosen_settings(study)[1].startswith("two_tower (defaults; epochs kept: 3, 5): ")
    cost = summary(study)["costs"][1]
    assert (cost["seeds"], cost["fit_s"]) == ([0, 1], 15.0)
    assert cost["ndcg@10 of seeds"] == pytest.approx([0.2, 0.4])


def test_the_conclusion_names_data_split_and_seed_and_ends_in_the_verdicts() -> None:
    out = io.StringIO()
    print_conclusion(compared(), Console(RichConsole(file=out, width=80)))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert lines[0] == "log, per_user split, seed 0"
    assert lines[-1] == compared().comparison.sentences()[-1]
    assert "better than" not in out.getvalue()  # so few verdicts stand each by itself
    print_conclusion(alone(), Console(RichConsole(file=out, width=80)))
    assert "No verdicts: they hold a neural model" in out.getvalue()


def test_many_verdicts_are_told_by_their_word_and_the_hardest_by_itself() -> None:
    opponents = ("als", "ease", "ials", "bpr", "markov", "itemknn", "userknn", "pure_svd", "popularity")
    study = compared({name: evaluation() for name in opponents} | {"two_tower": EVALUATIONS["two_tower"]})
    assert len(study.comparison.sentences()) > 8
    out = io.StringIO()
    print_conclusion(study, Console(RichConsole(file=out, width=80)))
    told = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    (sentence,) = [line for line in told if " vs " in line]
    assert sentence == study.comparison.hardest("two_tower").sentence()
    groups = verdict_groups(study, "two_tower")
    others = ", ".join(name for name in study.runs if name != "two_tower")
    assert groups == [f"two_tower: cannot tell from {others}"]
    assert " ".join(groups[0].split()) in " ".join(told)
    assert "verdicts with intervals: --summary=FILE" in " ".join(told)
