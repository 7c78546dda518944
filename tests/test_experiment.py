"""What is asked: what belongs to an experiment's identity, and which contradictions are refused."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tfrs_bench.errors import UserError
from tfrs_bench.experiment import OF_INTERACTIONS, Experiment, Plan, short_hash

PREDEFINED = {"split": "predefined", "interactions": "a.csv", "test_interactions": "b.csv"}
# A value unlike the default for every field that decides a number.
OTHER_VALUES: dict[str, Any] = {
    "dataset": "ml-1m",
    "data_seed": 1,
    "user_column": "u",
    "item_column": "i",
    "rating_column": "r",
    "timestamp_column": "t",
    "separator": "tab",
    "order": "file",
    "on_bad_rows": "skip",
    "split": "global",
    "task": "rating",
    "relevance_threshold": 3.0,
    "train_on": "all",
    "cold_start_below": 3,
    "cold_start_fraction": 0.1,
    "train_fraction": 0.5,
    "shuffle_histories": "test",
    "mask_seen": False,
    "ks": (10, 50),
    "refit": False,
    "seed": 1,
}
# Where files lie decides nothing; what is in them is in the log's fingerprint.
PLACES = {
    "data_dir": "/elsewhere",
    "candidates": "/elsewhere/items.txt",
}


def identity(**fields: Any) -> str:
    return short_hash(Experiment(**fields).identity())


def test_short_and_long_name_of_a_data_set_are_one_experiment() -> None:
    assert Experiment(dataset="ml-1m") == Experiment(dataset="movielens/1m")
    assert Experiment(dataset="ml-1m").dataset == "movielens/1m"
    assert identity(dataset="ml-1m") == identity(dataset="movielens/1m")


@pytest.mark.parametrize("field", PLACES)
def test_where_files_lie_does_not_change_the_identity(field: str) -> None:
    data = {"dataset": "ml-1m"}  # of the simulated data, there are no files
    assert identity(**data, **{field: PLACES[field]}) == identity(**data)


@pytest.mark.parametrize("field", OTHER_VALUES)
def test_whatever_decides_a_number_changes_the_identity(field: str) -> None:
    where = {"interactions": "a.csv"} if field in OF_INTERACTIONS else {}
    assert identity(**where, **{field: OTHER_VALUES[field]}) != identity(**where)


def test_every_field_is_either_identity_or_a_place() -> None:
    with_own_log = {"interactions", "items", "test_interactions", "validation_interactions", "columns"}
    names = {field.name for field in dataclasses.fields(Experiment)}
    assert names == OTHER_VALUES.keys() | PLACES.keys() | with_own_log


def test_columns_of_a_file_without_header_are_identity_and_its_other_files_are_not() -> None:
    plain = identity(interactions="a.csv")
    assert identity(interactions="a.csv", columns=("user", "item")) != plain
    assert identity(interactions="a.csv", items="titles.csv") == plain
    assert identity(**PREDEFINED) == identity(**PREDEFINED, validation_interactions="v.csv")


def test_a_log_of_ones_own_is_no_named_data_set() -> None:
    own = Experiment(interactions="a.csv")
    assert own.identity()["dataset"] is None
    assert own.identity() == Experiment(interactions="/elsewhere/b.csv").identity()
    assert short_hash(own.identity()) != identity()


def test_identity_is_plain_json() -> None:
    assert json.loads(json.dumps(Experiment().identity()))["split"] == "per_user"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dataset": "movielens/2m"}, "--dataset=movielens/2m is not known. Did you mean movielens/"),
        ({"dataset": "x"}, "--dataset=x is not known. Known: "),
        ({"items": "t.csv"}, "--items describes a log of your own: name it with --interactions=FILE."),
        ({"columns": ("user", "item")}, "--columns describes a log of your own"),
        ({"dataset": "ml-1m", "user_column": "u"}, "--user_column describes a log of your own"),
        ({"order": "file"}, "--order describes a log of your own"),
        ({"on_bad_rows": "skip"}, "--on_bad_rows describes a log of your own"),
        ({"split": "predefined"}, "--split=predefined needs --test_interactions=FILE"),
        ({**PREDEFINED, "split": "global"}, "--test_interactions goes with --split=predefined."),
        ({"cold_start_below": -1}, "--cold_start_below=-1 is outside its range"),
        (
            {"data_dir": "d"},
            "--data_dir is where a public data set lies, and --dataset=simulated names none.",
        ),
        (
            {"data_dir": "d", "interactions": "a.csv"},
            "--data_dir is where a public data set lies, and --inter",
        ),
        ({"data_seed": 1, "interactions": "a.csv"}, "--data_seed is of simulated data, and --interactions"),
        (
            {"data_seed": 1, "dataset": "ml-1m"},
            "--data_seed is of simulated data, and --dataset=movielens/1m",
        ),
        (
            {"data_seed": -1},
            "--data_seed=-1 is outside its range: it must be at least 0 and at most 2147483647.",
        ),
        (
            {"interactions": "a.csv", "order": "file", "timestamp_column": "t"},
            "--order=file reads no times, and --timestamp_column names some.",
        ),
        ({"ks": (10**9,)}, "--ks=1000000000 is outside its range"),
        ({"order": "chance"}, "--order=chance is not known. Known: time, file, none."),
    ],
)
def test_contradictions_and_unknown_names_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        Experiment(**fields)
    assert str(caught.value).startswith(message)


def test_an_unknown_data_set_points_to_logs_of_ones_own() -> None:
    with pytest.raises(UserError, match=r"For a log of your own: --interactions=FILE\.$"):
        Experiment(dataset="retail")


def test_a_plan_refuses_a_model_it_does_not_know_and_none_at_all() -> None:
    with pytest.raises(UserError, match=r"^--model=alss is not known\. Did you mean als\?"):
        Plan(model=("alss",))
    with pytest.raises(UserError, match=r"^--baselines=oracle is not known"):
        Plan(baselines=("oracle",))
    with pytest.raises(UserError, match=r"^--model is empty"):
        Plan(model=())


def test_a_plan_refuses_output_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for fields, message in (
        ({"results_dir": str(tmp_path / "file")}, "is a file. Choose another --results_dir=DIR."),
        ({"results_dir": "a" * 5_000}, "cannot be written (File name too long)"),
        ({"summary": str(tmp_path)}, "is a folder. Give a file, such as result.json in it."),
        ({"summary": "out.json", "describe": True}, "--describe compares nothing, so --summary has nothing"),
    ):
        with pytest.raises(UserError, match=re.escape(message)):
            Plan(**fields)


def test_short_hash_depends_on_content_and_not_on_order() -> None:
    assert short_hash({"a": 1, "b": 2}) == short_hash({"b": 2, "a": 1})
    assert short_hash({"a": 1}) != short_hash({"a": 2})
    assert len(short_hash([])) == 8 and int(short_hash([]), 16) >= 0


def test_an_experiment_is_told_as_before_there_were_the_silent_options() -> None:
    silent = {"task", "train_fraction", "shuffle_histories"}
    assert silent.isdisjoint(Experiment().identity())
    assert Experiment(task="rating").identity()["task"] == "rating"
