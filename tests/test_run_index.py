"""The index of a run holds what may be listed, and is tuned on nothing of its test."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from tfrs_bench import run_index
from tfrs_bench.data.interactions import build_log
from tfrs_bench.opened_run import OpenedRun


def opened(**prepared: Any) -> OpenedRun:
    return cast(OpenedRun, SimpleNamespace(prepared=SimpleNamespace(**prepared)))


def test_held_back_queries_know_the_train_rows_of_their_users_and_no_more(monkeypatch) -> None:
    users, items = np.array([0, 0, 0, 1, 2, 2]), np.array([5, 3, 4, 3, 5, 4])
    everything = build_log(users, items, np.arange(6))
    train = everything.select(np.array([True, True, False, True, False, False]))  # user 2 has no row of it
    asked = run_index.held_back_queries(opened(train=train))
    assert asked.users.tolist() == [0, 1]
    histories = np.split(asked.histories.items, asked.histories.offsets[1:-1])
    assert [list(everything.item_ids.ids[items]) for items in histories] == [["5", "3"], ["3"]]
    monkeypatch.setattr(run_index, "_HELD_BACK", 1)
    assert len(run_index.held_back_queries(opened(train=train))) == 1


def test_the_catalogue_is_what_lists_may_hold() -> None:
    answers = SimpleNamespace(candidates=np.array([True, False, True]))
    run = opened(test=SimpleNamespace(evaluation_set=answers))
    assert run_index.catalogue(run).tolist() == [0, 2]
