"""What all models of an experiment share: the parts they may read and the evaluators of the others."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from planted_files import COLD, write_planted_csv
from rich.console import Console as RichConsole

from tfrs_bench.errors import UserError
from tfrs_bench.experiment import Experiment
from tfrs_bench.preparation import Prepared, load_dataset, prepare, read_candidates
from tfrs_bench.reporting.console import Console


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_planted_csv(tmp_path_factory.mktemp("planted") / "log.csv")


@pytest.fixture
def prepared(log_file: Path) -> Callable[..., Prepared]:
    """prepared(**fields) prepares the planted log."""

    def build(**fields: Any) -> Prepared:
        quiet = Console(RichConsole(file=io.StringIO(), highlight=False))
        return prepare(Experiment(interactions=str(log_file), **fields), quiet)

    return build


def test_parts_have_the_rows_that_the_split_says(prepared: Callable[..., Prepared]) -> None:
    ready = prepared()
    assert len(ready.train) == 55 * 12
    assert len(ready.refit) == 55 * 14
    assert len(ready.test.evaluation_set) == 60
    assert len(ready.validation.evaluation_set) == 55
    assert ready.audit.rows == {"train": 55 * 12 + 5 * 2, "validation": 55 * 2, "test": 55 * 2 + 5}


def test_cold_users_are_asked_and_never_fitted_on(prepared: Callable[..., Prepared]) -> None:
    ready = prepared()
    cold = ready.dataset.log.user_ids.index([f"u{user}" for user in COLD])
    assert not ready.refit.rows_per_user[cold].any()
    assert set(ready.test.evaluation_set.users[ready.test.evaluation_set.cold]) == set(cold)


@pytest.mark.parametrize("split", ["per_user", "global"])
def test_newcomers_alone_are_asked_at_five_levels_and_no_fit_or_count_holds_them(
    prepared: Callable[..., Prepared], split: str
) -> None:
    ready = prepared(split=split, cold_start_fraction=0.3)
    asked = ready.test.evaluation_set
    newcomers = np.unique(asked.users)
    assert 5 <= len(newcomers) <= 30 and asked.known is not None
    assert np.bincount(asked.known).tolist() == [len(newcomers)] * 5
    for fitted in (ready.train, ready.refit):
        assert not fitted.rows_per_user[newcomers].any()
    assert np.array_equal(ready.test.item_counts, np.bincount(ready.refit.items, minlength=40))
    assert np.array_equal(asked.candidates, ready.refit.catalogue)
    validated = ready.validation.evaluation_set
    assert len(validated) and not np.isin(validated.users, newcomers).any() and validated.known is None


def test_without_refit_the_train_rows_are_all_there_is(prepared: Callable[..., Prepared]) -> None:
    ready = prepared(refit=False)
    assert ready.refit is ready.train
    assert np.array_equal(ready.test.item_counts, np.bincount(ready.train.items, minlength=40))


def test_test_catalogue_is_what_the_tested_models_were_fitted_on(tmp_path: Path) -> None:
    # Ten rows each: eight for training, the ninth for validation. Only u's ninth is a new item.
    of_user = {"u": [*"abcdefgh", "late", "a"], "v": [*"abcdefgh", "b", "a"]}
    rows = [f"{user},{item},{time}" for user, items in of_user.items() for time, item in enumerate(items)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["user,item,timestamp", *rows]))
    quiet = Console(RichConsole(file=io.StringIO()))

    def listed(refit: bool) -> set[str]:
        asked = Experiment(interactions=str(path), refit=refit, mask_seen=False)
        ready = prepare(asked, quiet)
        return set(ready.dataset.log.item_ids.ids[ready.test.evaluation_set.candidates])

    assert listed(refit=True) == {*"abcdefgh", "late"}
    assert listed(refit=False) == {*"abcdefgh"}


def test_validation_is_made_only_for_those_who_need_it(tmp_path: Path) -> None:
    # Ten rows each, of which the ninth, the validation row, is rated low.
    rows = [
        f"{user},{'abcdefghij'[(time + shift) % 10]},{2 if time == 8 else 5},{time}"
        for shift, user in enumerate("uvw")
        for time in range(10)
    ]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["user,item,rating,timestamp", *rows]))
    ready = prepare(Experiment(interactions=str(path)), Console(RichConsole(file=io.StringIO())))
    assert ready.audit.relevant == 3
    with pytest.raises(UserError, match=r"No validation row is relevant.*: 3 rated below the threshold"):
        _ = ready.validation


def test_a_split_without_validation_rows_is_audited_and_tested(tmp_path: Path) -> None:
    # Five rows each: four for training, the fifth for the test.
    rows = [
        f"{user},{'abcdefg'[(time + shift) % 7]},{time}"
        for shift, user in enumerate("uvw")
        for time in range(5)
    ]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["user,item,timestamp", *rows]))
    said = io.StringIO()
    asked = Experiment(interactions=str(path), cold_start_below=4)
    ready = prepare(asked, Console(RichConsole(file=said, width=80)))
    assert ready.audit.rows == {"train": 12, "validation": 0, "test": 3}
    assert "validation: 0 rows, 0 users, 0 items\n" in said.getvalue()
    with pytest.raises(UserError, match=r"leaves no validation row .* tuning and early stopping need some"):
        _ = ready.validation


def test_evaluators_count_the_rows_their_models_are_fitted_on(prepared: Callable[..., Prepared]) -> None:
    ready = prepared(ks=(3,), seed=5)
    for evaluator, fitted_on in ((ready.validation, ready.train), (ready.test, ready.refit)):
        assert np.array_equal(evaluator.item_counts, np.bincount(fitted_on.items, minlength=40))
        assert (evaluator.ks, evaluator.seed) == ((3, 10), 5)


def test_positives_follow_the_threshold_unless_every_row_is_one(prepared: Callable[..., Prepared]) -> None:
    for fields, counted in (
        ({}, 55 * 9),
        ({"relevance_threshold": 2.0}, 55 * 12),
        ({"train_on": "all"}, 55 * 12),
    ):
        # Rows 0, 5 and 10 of a user's twelve are rated 2.
        assert prepared(**fields).train.positives.sum() == counted


def test_training_on_all_rows_does_not_make_them_relevant(prepared: Callable[..., Prepared]) -> None:
    plain, everything = prepared(), prepared(train_on="all")
    assert plain.audit.relevant == everything.audit.relevant
    assert prepared(relevance_threshold=2.0).audit.relevant > plain.audit.relevant


def test_what_happens_is_said_in_lines(log_file: Path) -> None:
    out = io.StringIO()
    prepare(Experiment(interactions=str(log_file)), Console(RichConsole(file=out, width=80)))
    text = out.getvalue()
    assert "load        log: 895 rows, 60 users, 40 items" in text  # 55 · 16 + 5 · 3
    assert "split       per_user: temporal" in text
    assert "self-test" in text and "checks hold" in text
    assert max(map(len, text.splitlines())) <= 80


def test_candidates_replace_the_catalogue(log_file: Path, tmp_path: Path) -> None:
    (tmp_path / "items.txt").write_text(
        "\n".join(["never-seen", "", " i0 ", *(f"i{item}" for item in range(1, 20))])
    )
    said = io.StringIO()
    asked = Experiment(interactions=str(log_file), candidates=str(tmp_path / "items.txt"))
    ready = prepare(asked, Console(RichConsole(file=said, width=80)))
    assert "candidates: 20 items of the file are in the log" in said.getvalue()
    listed = ready.dataset.log.item_ids.ids[ready.test.evaluation_set.candidates]
    assert set(listed) == {f"i{item}" for item in range(20)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x\ny\n", "none of its 2 ids is an item of log"),
        (b"\xff\xfe", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_candidates_that_name_nothing_are_refused(
    log_file: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "items.txt"
    if content is not None:
        path.write_bytes(content)
    dataset = load_dataset(Experiment(interactions=str(log_file)))
    with pytest.raises(UserError, match=message) as caught:
        read_candidates(str(path), dataset)
    assert str(caught.value).startswith("--candidates=")


def test_the_same_data_from_another_folder_have_the_same_fingerprint(log_file: Path, tmp_path: Path) -> None:
    moved = tmp_path / "log.csv"
    moved.write_bytes(log_file.read_bytes())
    one, other = (load_dataset(Experiment(interactions=str(path))) for path in (log_file, moved))
    assert one.log.fingerprint == other.log.fingerprint
    assert one.name == other.name == "log"
    changed = dataclasses.replace(one.log, ratings=one.log.ratings + 1)  # type: ignore[operator]
    assert changed.fingerprint != one.log.fingerprint


def test_a_share_of_the_users_is_fitted_and_all_are_asked_the_same(
    prepared: Callable[..., Prepared],
) -> None:
    ready, whole = prepared(train_fraction=0.5), prepared()
    fitted = np.flatnonzero(ready.refit.rows_per_user)
    assert 15 <= len(fitted) <= 40 and len(ready.train) == 12 * len(fitted)
    assert_array_equal(ready.validation.evaluation_set.users, fitted)
    for field in ("users", "cold", "relevant_items", "candidates"):
        assert_array_equal(
            getattr(ready.test.evaluation_set, field), getattr(whole.test.evaluation_set, field)
        )
    assert_array_equal(ready.test.item_counts, whole.test.item_counts)
    assert "train_fraction" not in whole.experiment.identity()
    assert ready.experiment.identity()["train_fraction"] == 0.5


@pytest.mark.parametrize(("how", "changed"), [("test", (False, False, True)), ("always", (True, True, True))])
def test_histories_are_shuffled_where_it_is_said(
    prepared: Callable[..., Prepared], how: str, changed: tuple[bool, ...]
) -> None:
    ready, whole = prepared(shuffle_histories=how), prepared()

    def orders(one: Prepared) -> list[Any]:
        validated, tested = one.validation.evaluation_set, one.test.evaluation_set
        return [one.refit.items, validated.queries.histories.items, tested.queries.histories.items]

    pairs = zip(orders(ready), orders(whole), strict=True)
    assert tuple(bool((mixed != plain).any()) for mixed, plain in pairs) == changed
    assert_array_equal(
        ready.test.evaluation_set.queries.histories.timestamps,
        whole.test.evaluation_set.queries.histories.timestamps,
    )
    assert "shuffle_histories" not in whole.experiment.identity()


def test_an_order_that_does_not_exist_is_not_shuffled(prepared: Callable[..., Prepared]) -> None:
    with pytest.raises(
        UserError, match="--shuffle_histories asks what order is worth, and this log has none"
    ):
        prepared(order="none", split="random", shuffle_histories="test")
