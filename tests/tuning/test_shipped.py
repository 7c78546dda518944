"""Shipped settings are taken for exactly the data and protocol they were tuned for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tfrs_bench.errors import UserError
from tfrs_bench.experiment import Experiment
from tfrs_bench.tuning.shipped import (
    PROTOCOL_FLAGS,
    Shipped,
    read_flagfile,
    shipped_config,
    split_config,
)

DEFAULTS = {flag: getattr(Experiment(dataset="ml-1m"), flag) for flag in PROTOCOL_FLAGS}


@dataclasses.dataclass(frozen=True)
class Config:
    factors: int = 64
    rate: float = 0.1
    layers: tuple[int, ...] = ()
    wide: bool = True


def write(folder: Path, *lines: str, split: str = "per_user") -> None:
    path = folder / "ml-1m" / split / "als.cfg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def find(folder: Path, **asked: Any) -> tuple[Any, str] | None:
    places = (folder / "no", folder)
    return told(
        shipped_config(Config, "als", "ml-1m", asked=DEFAULTS | asked, defaults=DEFAULTS, places=places)
    )


def told(found: Shipped | None) -> tuple[Any, str] | None:
    return None if found is None else (found.config, found.name)


def test_settings_are_read_by_the_types_of_their_fields(tmp_path: Path) -> None:
    write(
        tmp_path, "# how it was found", "--model=als", "--factors=128", "--rate=2", "--layers=8,4", "--nowide"
    )
    assert find(tmp_path) == (Config(128, 2.0, (8, 4), False), "flags/ml-1m/per_user/als.cfg")


def test_what_a_flagfile_does_not_set_keeps_its_default(tmp_path: Path) -> None:
    write(tmp_path, "--factors=128")
    assert find(tmp_path) == (Config(factors=128), "flags/ml-1m/per_user/als.cfg")


def test_nothing_is_found_where_nothing_was_shipped(tmp_path: Path) -> None:
    write(tmp_path, "--factors=128")
    assert find(tmp_path, split="global") is None
    assert (
        shipped_config(Config, "als", "ml-20m", asked=DEFAULTS, defaults=DEFAULTS, places=(tmp_path,)) is None
    )
    assert (
        shipped_config(Config, "bpr", "ml-1m", asked=DEFAULTS, defaults=DEFAULTS, places=(tmp_path,)) is None
    )


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("relevance_threshold", 3.0),
        ("train_on", "all"),
        ("mask_seen", False),
        ("cold_start_below", 0),
        ("cold_start_fraction", 0.1),
    ],
)
@pytest.mark.parametrize("stated", [True, False])
def test_a_protocol_that_differs_is_refused_stated_or_not(
    tmp_path: Path, flag: str, value: Any, stated: bool
) -> None:
    write(tmp_path, "--factors=128", *([f"--{flag}={DEFAULTS[flag]}"] if stated else []))
    assert find(tmp_path) is not None
    assert find(tmp_path, **{flag: value}) is None


def test_settings_tuned_for_another_protocol_are_taken_when_it_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "--factors=128", "--relevance_threshold=3", "--nomask_seen")
    assert find(tmp_path) is None
    assert find(tmp_path, relevance_threshold=3.0, mask_seen=False) is not None


def test_a_file_for_another_protocol_does_not_hide_one_for_this(tmp_path: Path) -> None:
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    write(own, "# (tpe: 12 trials, 2.5 of 3 min).", "--factors=8", "--relevance_threshold=3")
    write(shipped, "# Found by hand on validation", "--factors=128")
    found = shipped_config(Config, "als", "ml-1m", asked=DEFAULTS, defaults=DEFAULTS, places=(own, shipped))
    assert found is not None and found.config == Config(factors=128)
    assert found.ledger == {"method": "flagfile", "search": "hand"}


@pytest.mark.parametrize(
    "variation",
    [
        {"train_fraction": 0.25},
        {"shuffle_histories": "always"},
        {"candidates": "shop.txt"},
        {"order": "file"},
        {"data_seed": 3},
    ],
)
def test_settings_of_the_whole_data_serve_their_variations_and_not_the_other_way(
    tmp_path: Path, variation: dict[str, Any]
) -> None:
    write(tmp_path, "--factors=8")
    assert find(tmp_path, **variation) == find(tmp_path) is not None
    ((flag, value),) = variation.items()
    write(tmp_path, "--factors=8", f"--{flag}={value}")
    assert find(tmp_path) is None
    assert find(tmp_path, **variation) is not None


@pytest.mark.parametrize(("name", "taken"), [("ml-1m", True), ("movielens/1m", True), ("ml-20m", False)])
def test_short_and_long_name_of_the_data_set_both_match(tmp_path: Path, name: str, taken: bool) -> None:
    write(tmp_path, f"--dataset={name}", "--split=per_user")
    assert (find(tmp_path) is not None) == taken


def test_a_split_stated_against_its_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "--split=global")
    assert find(tmp_path) is None


def test_a_value_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    write(tmp_path, "--factors=many")
    with pytest.raises(UserError, match="--factors=many is not a whole number"):
        find(tmp_path)


def test_flagfiles_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.cfg"
    path.write_text(
        "# --seed=1\n\n  --epochs=3  \n--rerun\n--nomask_seen\n--columns=a=b\n--epochs=4\nno=thing\n"
    )
    assert read_flagfile(path) == {"epochs": "4", "rerun": "True", "mask_seen": "False", "columns": "a=b"}


def test_a_split_has_settings_of_its_own_for_data_that_nobody_tuned_for(tmp_path: Path) -> None:
    (tmp_path / "global").mkdir()
    (tmp_path / "global" / "als.cfg").write_text("--split=global\n--factors=32\n")
    places = (tmp_path / "no", tmp_path)
    assert told(split_config(Config, "als", "global", places=places)) == (Config(32), "flags/global/als.cfg")
    assert split_config(Config, "als", "per_user", places=places) is None
    assert split_config(Config, "bpr", "global", places=places) is None


def test_a_task_has_settings_of_its_own_for_every_split(tmp_path: Path) -> None:
    (tmp_path / "rating").mkdir()
    (tmp_path / "rating" / "als.cfg").write_text("--task=rating\n--factors=32\n")
    (tmp_path / "als.cfg").write_text("--factors=16\n")
    found = split_config(Config, "als", "global", task="rating", places=(tmp_path,))
    assert told(found) == (Config(32), "flags/rating/als.cfg")
    assert split_config(Config, "als", "global", places=(tmp_path,)) is None


def test_settings_tuned_for_a_ranking_are_not_those_for_ratings(tmp_path: Path) -> None:
    write(tmp_path, "--factors=128")
    assert find(tmp_path, task="rating") is None
    write(tmp_path / "rating", "--task=rating", "--factors=32")
    assert find(tmp_path, task="rating") == (Config(32), "flags/rating/ml-1m/per_user/als.cfg")


@pytest.mark.parametrize(
    ("head", "ledger"),
    [
        (
            "# tune --model=als --budget_minutes=3 --max_trials=60\n# (tpe: 12 trials, 2.5 of 3 min).",
            {"search": "tpe", "trials": 12, "minutes": 2.5, "cap_minutes": 3.0, "max_trials": 60},
        ),
        (
            "# (grid: 38 trials, 0.4 min, chosen",
            {"search": "grid", "trials": 38, "minutes": 0.4, "cap_minutes": None, "max_trials": None},
        ),
        ("# Found by some 20 trials by hand on validation", {"search": "hand"}),
        ("# Nobody knows.", {}),
    ],
)
def test_the_head_of_a_file_tells_the_search_behind_it(
    tmp_path: Path, head: str, ledger: dict[str, Any]
) -> None:
    write(tmp_path, head, "--factors=8")
    found = shipped_config(Config, "als", "ml-1m", asked=DEFAULTS, defaults=DEFAULTS, places=(tmp_path,))
    assert found is not None and found.ledger == {"method": "flagfile", **ledger}
