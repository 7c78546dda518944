"""Who is asked for, on runs of popularity over a planted log."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from planted_files import write_planted_csv
from rich.console import Console as RichConsole

from tfrs_bench import main
from tfrs_bench.errors import UserError
from tfrs_bench.opened_run import OpenedRun, open_run
from tfrs_bench.reporting.console import Console
from tfrs_bench.serving.people import person_named, person_picked, person_told


def opened(folder: Path, *flags: str) -> OpenedRun:
    """Runs popularity on the planted log, to which a user without a positive test row is added."""
    write_planted_csv(folder / "log.csv")
    with (folder / "log.csv").open("a") as file:
        file.writelines(f"early,i{item},5,{999_000_000 + item}\n" for item in range(6))
    places = [f"--interactions={folder / 'log.csv'}", f"--results_dir={folder / 'runs'}"]
    assert main.console(["main", "--model=popularity", "--baselines=", *places, *flags]) == 0
    (run,) = (folder / "runs").rglob("popularity-seed0-*")
    quiet = Console(RichConsole(file=io.StringIO()))
    return open_run(run, quiet, {"interactions": str(folder / "log.csv")})


@pytest.fixture(scope="module")
def per_user(tmp_path_factory: pytest.TempPathFactory) -> OpenedRun:
    return opened(tmp_path_factory.mktemp("per_user"))


def test_a_user_is_asked_as_in_the_test(per_user: OpenedRun) -> None:
    log, asked = per_user.prepared.dataset.log, per_user.prepared.test.evaluation_set
    person = person_named(per_user, "u1")
    user = log.user_ids.index(["u1"])[0]
    place = asked.users.tolist().index(user)
    np.testing.assert_array_equal(
        person.query.histories.items, asked.queries.take(np.array([place])).histories.items
    )
    own = log.items[log.users == user]
    assert sorted(own) == sorted([*person.query.histories.items, *person.met])
    # The last two of 16 rows are tested; the 15th, turn 14, is rated 4, and the 16th, turn 15, is rated 2.
    assert len(person.met) == 2 and len(person.liked) == 1


def test_the_user_that_is_picked_has_the_median_of_those_with_a_hit(per_user: OpenedRun) -> None:
    person = person_picked(per_user)
    evaluation = per_user.evaluation
    lengths = np.diff(per_user.prepared.test.evaluation_set.queries.histories.offsets)
    eligible = (np.nan_to_num(evaluation.metrics["hr@10"]) > 0) & (lengths >= 10)
    ranked = np.sort(evaluation.metrics["ndcg@10"][eligible])
    user = per_user.prepared.dataset.log.user_ids.index([person.user_id])[0]
    (place,) = np.flatnonzero(evaluation.users == user)
    assert eligible[place]
    assert evaluation.metrics["ndcg@10"][place] == ranked[(len(ranked) - 1) // 2]
    assert "median" in person.why


def test_a_user_without_test_rows_is_asked_after_all_they_did(tmp_path: Path) -> None:
    run = opened(tmp_path, "--split=global")
    person = person_named(run, "early")
    assert run.prepared.dataset.log.item_ids.ids[person.query.histories.items].tolist() == [
        f"i{item}" for item in range(6)
    ]
    assert not len(person.met) and not len(person.liked)
    assert run.model.recommend(person.query, 3)[0].shape == (1, 3)


def test_a_newcomer_is_asked_with_most_that_is_known(tmp_path: Path) -> None:
    run = opened(tmp_path, "--cold_start_fraction=0.3")
    asked = run.prepared.test.evaluation_set
    newcomer = str(run.prepared.dataset.log.user_ids.ids[asked.users[0]])
    assert len(person_named(run, newcomer).query.histories.items) == 4
    assert person_picked(run).user_id is not None


def test_somebody_told_is_unknown_and_liked_everything(per_user: OpenedRun) -> None:
    person = person_told(per_user, [3, 1])
    assert person.user_id is None and person.query.users.tolist() == [-1]
    assert person.query.histories.items.tolist() == [3, 1]
    assert person.query.histories.ratings is not None
    assert person.query.histories.ratings.tolist() == [5, 5]
    assert person.query.histories.positives.all()


def test_nobody_has_a_strange_id(per_user: OpenedRun) -> None:
    with pytest.raises(UserError, match=r"--user=u01 is nobody in log\. Did you mean u0?1?\d?\? Its 61 ids"):
        person_named(per_user, "u01")
