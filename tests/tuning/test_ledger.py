"""The ledger: what is written is read back, the best and its edges are named, other layouts are refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tfrs_bench.errors import UserError
from tfrs_bench.tuning.ledger import Search, Trial, read_search, read_searches, write_search

SPACE = {
    "factors": {"low": 8, "high": 256, "log": True},
    "share": {"low": 0.0, "high": 1.0, "log": False},
    "rate": {"low": 1.0, "high": 50.0, "log": True},
    "window": {"low": 1, "high": 16, "log": True},
    "loss": {"choices": ["bce", "bpr"]},
    "half_life": {"choices": [None, 10.0, 30.0, 100.0]},
    "decay": {"choices": [0.0, 0.01, 0.1]},
}


def trial(number: int, quality: float | None, state: str = "complete", **settings) -> Trial:
    settings = {"factors": 64, "share": 0.5, "rate": 7.0, "window": 4} | settings
    return Trial(number, settings, state, quality, seconds=30.0)


def search(*trials: Trial, lost_s: float = 0.0) -> Search:
    return Search(
        model="als",
        dataset="log",
        split="per_user",
        identity={"seed": 0},
        metric="ndcg@10",
        cap_minutes=10.0,
        max_trials=60,
        space=SPACE,
        start={"factors": 64, "share": 0.5, "loss": "bce"},
        trials=list(trials),
        lost_s=lost_s,
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = search(trial(0, 0.1), trial(1, None, "failed"))
    write_search(tmp_path / "tuning" / "log" / "per_user" / "als-1.json", written)
    assert read_search(tmp_path / "tuning" / "log" / "per_user" / "als-1.json") == written
    assert read_searches(tmp_path) == [written]
    assert read_search(tmp_path / "none.json") is None


def test_the_best_is_the_first_of_equals_and_neither_pruned_nor_failed() -> None:
    tried = search(
        trial(0, 0.1),
        trial(1, 0.3, "pruned"),
        trial(2, 0.2, "stopped"),
        trial(3, 0.2),
        trial(4, None, "failed"),
    )
    assert tried.best is not None
    assert tried.best.number == 2
    assert tried.best_so_far() == [[0.5, 0.1], [1.5, 0.2]]
    assert search(trial(0, None, "failed")).best is None


def test_errors_are_negated_and_zero_is_a_quality() -> None:
    rating = search(trial(0, -0.95), trial(1, -0.93), trial(2, -0.94))
    assert rating.best is not None
    assert rating.best.number == 1
    zero = search(trial(0, -0.1), trial(1, 0.0))
    assert zero.best is not None
    assert zero.best.number == 1


def test_minutes_hold_what_was_cut_short() -> None:
    assert search(trial(0, 0.1), trial(1, 0.2), lost_s=60.0).minutes == 2.0


@pytest.mark.parametrize(
    ("settings", "edges"),
    [
        ({"factors": 255, "rate": 1.01}, ["factors=255", "rate=1.01"]),
        ({"factors": 200, "rate": 1.5}, []),
        ({"factors": 8}, ["factors=8"]),
        ({"share": 0.001}, []),  # nothing is beyond 0, 1 or a count of one
        ({"share": 1.0}, []),
        ({"window": 1}, []),
        ({"window": 16}, ["window=16"]),
        ({"half_life": None, "decay": 0.0, "loss": "bpr"}, []),
        ({"half_life": 10.0, "decay": 0.1}, ["half_life=10", "decay=0.1"]),
        ({"half_life": 100.0, "decay": 0.01}, []),
    ],
)
def test_a_best_value_at_an_end_beyond_which_there_is_more_is_named(settings: dict, edges: list[str]) -> None:
    assert search(trial(0, 0.1, **settings)).edges() == edges


def test_the_ledger_of_a_record_is_json(tmp_path: Path) -> None:
    told = search(trial(0, 0.1), trial(1, 0.05, "pruned")).ledger()
    assert json.loads(json.dumps(told)) == told
    assert (told["trials"], told["pruned"], told["quality"], told["cap_minutes"]) == (2, 1, 0.1, 10.0)


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 1}', '{"schema": 1, "trials": [{"colour": 1}]}'])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "als.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"als\.json is damaged.*Delete it.*--results_dir"):
        read_search(path)


def test_a_search_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "als.json"
    write_search(path, dataclasses.replace(search(trial(0, 0.1)), schema=2))
    with pytest.raises(UserError, match=r"als\.json is a search of layout 2.*reads 1.*--results_dir"):
        read_search(path)
