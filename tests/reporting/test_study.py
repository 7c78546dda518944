"""Studies: which runs belong together, in what order they stand, and what a seed adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from finished_runs import USER_IDS, evaluation, record

from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.evaluator import Evaluation
from tfrs_bench.reporting.records import write_run
from tfrs_bench.reporting.study import Run, read_studies, study_of

NDCG = (0.25, 0.0, 0.75, 0.5)


def write(folder: Path, model: str = "als", ndcg: tuple[float, ...] = NDCG, **fields: Any) -> Path:
    """Writes a run into a folder of its own, as the runner would name it or not: names mean nothing."""
    place = folder / f"run{len(list(folder.glob('run*')))}"
    place.mkdir(parents=True)
    experiment = {"split": fields.get("split", "per_user"), **fields.pop("experiment", {})}
    fields = {"data": {"fingerprint": "f"}, "experiment": experiment, **fields}
    write_run(place, record(model, **fields), evaluation(ndcg), USER_IDS)
    return place


def run(model: str = "als", result: Evaluation | None = None, **fields: Any) -> Run:
    return Run(record(model, **fields), result or evaluation(NDCG), Path("runs/here"))


def test_runs_of_one_experiment_are_one_study_whatever_their_folders_are_called(tmp_path: Path) -> None:
    for model in ("two_tower", "oracle", "als", "random", "popularity"):
        write(tmp_path / "deep" / model, model)
    (study,) = read_studies(tmp_path)
    assert study.name == "log, per_user"
    assert list(study.runs) == ["random", "popularity", "als", "two_tower", "oracle"]
    pairs = {(one.model, one.baseline) for one in study.comparison.verdicts}
    assert pairs == {("two_tower", "popularity"), ("two_tower", "als")}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"dataset": "shop"}, "shop, per_user"),
        ({"split": "global"}, "log, global"),
        (
            {"experiment": {"mask_seen": False}, "asked": {"mask_seen": "false"}},
            "log, per_user, mask_seen=false",
        ),
        ({"data": {"fingerprint": "g"}}, "log, per_user, data=g"),
    ],
)
def test_another_experiment_is_another_study_with_a_name_of_its_own(
    tmp_path: Path, fields: dict[str, Any], name: str
) -> None:
    write(tmp_path)
    write(tmp_path, **fields)
    names = [study.name for study in read_studies(tmp_path)]
    assert len(names) == len(set(names)) == 2 and name in names
    assert "data" in name or "log, per_user" in names  # where nothing special was asked, nothing is added


def test_per_user_stands_before_global(tmp_path: Path) -> None:
    for dataset, split in (("b", "global"), ("b", "per_user"), ("a", "predefined")):
        write(tmp_path, dataset=dataset, split=split)
    assert [study.name for study in read_studies(tmp_path)] == ["a, predefined", "b, per_user", "b, global"]


def test_seeds_are_averaged_per_user_and_their_spread_is_told() -> None:
    low, high = evaluation((0.2, 0, 0.2, 0.2)), evaluation((0.4, 0, 0.4, 0.4))
    study = study_of(
        [
            run("two_tower", high, seed=1, fit_s=3.0),
            run("two_tower", low, seed=0, fit_s=1.0),
            run("als", evaluation((0.1, 0, 0.2, 0.3))),
        ]
    )
    assert [one.record.seed for one in study.runs["two_tower"]] == [0, 1]
    assert study.seed_means("two_tower") == pytest.approx([0.2, 0.4])
    assert study.seed_deviation("two_tower") == pytest.approx(0.2 / np.sqrt(2))
    assert study.seed_deviation("als") is None
    assert study.mean("two_tower", "fit_s") == 2.0
    (row,) = [
        row
        for row in study.comparison.rows
        if (row.model, row.segment, row.metric) == ("two_tower", "all", "ndcg@10")
    ]
    # every user's mean over the seeds is .3, so drawing users anew changes nothing
    assert (row.mean, row.low, row.high) == pytest.approx((0.3, 0.3, 0.3))


def test_a_model_with_two_settings_is_named_by_what_sets_them_apart() -> None:
    configs = [{"factors": 8, "rate": 1.0}, {"factors": 16, "rate": 1.0}]
    study = study_of([run(config=config) for config in configs])
    assert list(study.runs) == ["als (factors=16)", "als (factors=8)"]
    tuned = study_of([run(trials=[]), run(trials=[[{"factors": 8}, 0.5]])])
    assert list(tuned.runs) == ["als (tuned=false)", "als (tuned=true)"]


def test_settings_that_no_flag_changed_keep_the_plain_name() -> None:
    study = study_of(
        [
            run(config={"factors": 8, "rate": 1.0}, tuning="flags over flags/x.cfg"),
            run(config={"factors": 16, "rate": 1.0}, tuning="flags/x.cfg"),
            run(config={"factors": 16, "rate": 2.0}, tuning="flags"),
        ]
    )
    assert sorted(study.runs) == ["als", "als (factors=8)", "als (rate=2)"]
    assert next(iter(study.runs)) == "als"


def test_what_a_search_found_keeps_the_plain_name_and_given_settings_never_do() -> None:
    found = {"ledger": {"method": "tpe", "trials": 4}}
    study = study_of(
        [
            run(config={"factors": 8}),
            run(config={"factors": 16}, **found),
            run(config={"factors": 32}, asked={"factors": "32"}, **found),
            run(config={"factors": 64}, ledger={"method": "flagfile", "cap_minutes": 3.0}),
        ]
    )
    assert sorted(study.runs) == ["als", "als (factors=32)", "als (factors=64)", "als (factors=8)"]
    assert study.runs["als"][0].record.config == {"factors": 16}


def test_the_settings_of_a_flagfile_beside_those_of_a_search_are_told_in_a_word() -> None:
    found = {"ledger": {"method": "tpe", "trials": 4}}
    searched, filed = run(config={"factors": 16}, **found), run(config={"factors": 8}, tuning="flags/x.cfg")
    assert [*study_of([searched, filed]).runs] == ["als", "als (flagfile)"]
    other = run(config={"factors": 4}, tuning="flags/y.cfg")
    assert [*study_of([searched, filed, other]).runs] == ["als", "als (factors=4)", "als (factors=8)"]


def test_the_defaults_beside_what_a_search_found_are_told_in_a_word() -> None:
    found = {"ledger": {"method": "tpe", "trials": 4}, "tuning": "tpe: 4 trials"}
    runs = [run(config={"factors": 16}, **found), run(config={"factors": 8}, tuning="defaults")]
    assert [*study_of(runs).runs] == ["als", "als (defaults)"]


def test_the_same_run_twice_is_refused_with_both_folders(tmp_path: Path) -> None:
    first, second = write(tmp_path), write(tmp_path)
    with pytest.raises(UserError, match=rf"{first} and {second} hold the same model.*Delete"):
        read_studies(tmp_path)


def test_runs_of_other_users_are_refused_with_the_name_of_the_study() -> None:
    fewer = evaluation(NDCG)
    fewer.num_relevant[0] = 9
    with pytest.raises(UserError, match=r"log, per_user: .*same users"):
        study_of([run(), run("popularity", fewer)])


def test_a_folder_without_runs_names_the_command_that_makes_some(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"main --results_dir={tmp_path / 'no'}$"):
        read_studies(tmp_path / "no")


def test_a_run_put_aside_is_not_read_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    place = write(tmp_path)
    place.rename(place.with_name("als.old"))
    write(tmp_path)
    assert len(read_studies(tmp_path)[0].runs["als"]) == 1
    broken = write(tmp_path, "popularity")
    (broken / "record.json").write_text("{")
    with pytest.raises(UserError, match=f"{broken} is damaged"):
        read_studies(tmp_path)


def test_a_model_that_is_no_longer_known_takes_no_side_of_its_own() -> None:
    study = study_of([run("two_tower"), run("als"), run("gone")])
    assert list(study.runs) == ["als", "gone", "two_tower"]
    assert {one.baseline for one in study.comparison.verdicts} == {"als", "gone"}


def test_the_command_repeats_what_was_asked() -> None:
    asked = {"interactions": "my log.csv", "split": "global"}
    study = study_of([run(asked=asked), run("popularity", asked=asked), run("random", asked={})])
    made = "python -m tfrs_bench.main --interactions='my log.csv' --split=global"
    assert study.commands == ["python -m tfrs_bench.main", made]
