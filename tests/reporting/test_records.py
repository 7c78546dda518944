"""A run on disk is whole or not there; what is read equals what was written."""

from __future__ import annotations

import dataclasses
import json
import resource
from pathlib import Path

import numpy as np
import pytest
from finished_runs import USER_IDS, evaluation, record

from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.popularity_thirds import COLUMNS
from tfrs_bench.reporting.records import (
    SCHEMA,
    disagreements,
    prepare_folder,
    read_run,
    without_nan,
    write_atomically,
    write_run,
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A whole run's folder."""
    folder = tmp_path / "runs" / "als"
    prepare_folder(folder)
    write_run(folder, record(), evaluation(), USER_IDS)
    return folder


def edit(folder: Path, **fields: object) -> None:
    path = folder / "record.json"
    content = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({key: value for key, value in content.items() if value != "drop"}))


def test_what_is_read_is_what_writing_returned(tmp_path: Path) -> None:
    written = write_run(tmp_path, record(), evaluation(), USER_IDS)
    found, _ = read_run(tmp_path)  # type: ignore[misc]
    assert found == written
    assert found.data == {"rows": 7} and found.config["hidden"] == [4, 2]


def test_counts_of_popularity_thirds_survive_and_are_no_metrics(tmp_path: Path) -> None:
    counts = {name: np.arange(4, dtype=np.int16) for name in COLUMNS}
    result = dataclasses.replace(evaluation(), of_thirds=counts)
    write_run(tmp_path, record(), result, USER_IDS)
    _, found = read_run(tmp_path)  # type: ignore[misc]
    assert found.metrics.keys() == result.metrics.keys()
    assert found.of_thirds.keys() == counts.keys()
    assert all(np.array_equal(found.of_thirds[name], values) for name, values in counts.items())


def test_per_user_metrics_survive_to_the_last_bit(run: Path) -> None:
    _, found = read_run(run)  # type: ignore[misc]
    wanted = evaluation()
    for field in ("users", "cold", "num_relevant"):
        column = getattr(found, field)
        assert np.array_equal(column, getattr(wanted, field))
        assert column.dtype == getattr(wanted, field).dtype
    assert list(found.metrics) == list(wanted.metrics)
    for name, values in wanted.metrics.items():
        assert np.array_equal(found.metrics[name], values, equal_nan=True)
    assert found.list_metrics == pytest.approx(wanted.list_metrics, nan_ok=True)
    assert found.score_us_per_user == 12.5
    assert found.of_thirds == {}  # as of a record of before they were counted
    assert found.mean("ndcg@10") == pytest.approx((0.25 + 0.75 + 1) / 3)
    assert found.mean("ndcg@10", "cold") == 1.0


def test_per_user_file_names_users_by_their_raw_ids(run: Path) -> None:
    import pyarrow.parquet as pq

    assert pq.read_table(run / "per_user.parquet")["user_id"].to_pylist() == ["ann", "bob", "dee", "eve"]


def test_record_is_json_without_nan(run: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    content = json.loads((run / "record.json").read_text(), parse_constant=refuse)
    assert content["list_metrics"] == {"coverage@10": 0.5, "gini@10": None}
    assert content["schema"] == SCHEMA
    assert content.keys() == {field.name for field in dataclasses.fields(record())}


def test_no_partial_file_stays(run: Path) -> None:
    assert sorted(path.name for path in run.iterdir()) == ["per_user.parquet", "record.json"]
    assert [path.name for path in run.parent.iterdir()] == ["als"]


def test_there_is_no_run_without_a_record(run: Path, tmp_path: Path) -> None:
    (run / "record.json").unlink()
    assert read_run(run) is None
    assert read_run(tmp_path / "never") is None


def test_a_newer_layout_is_refused_with_what_to_do(run: Path) -> None:
    edit(run, schema=SCHEMA + 1, invented="later")
    with pytest.raises(
        UserError, match=rf"record\.json has layout {SCHEMA + 1}, .* reads {SCHEMA}\..*--rerun"
    ):
        read_run(run)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "3", "{}", '{"schema": 1}', "\x00"],
    ids=["empty", "cut", "list", "number", "no schema", "fields", "zero"],
)
def test_a_damaged_record_names_rerun(run: Path, content: str) -> None:
    (run / "record.json").write_text(content)
    with pytest.raises(UserError, match=r"als is damaged \(.*\)\. Type --rerun to run it again\.$"):
        read_run(run)


def test_a_record_with_a_field_too_few_or_too_many_names_rerun(run: Path) -> None:
    edit(run, fit_s="drop")
    with pytest.raises(UserError, match="--rerun"):
        read_run(run)
    edit(run, fit_s=1.0, invented=1)
    with pytest.raises(UserError, match="--rerun"):
        read_run(run)


def test_a_missing_or_foreign_per_user_file_names_rerun(run: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), run / "per_user.parquet")
    with pytest.raises(UserError, match="--rerun"):
        read_run(run)
    (run / "per_user.parquet").unlink()
    with pytest.raises(UserError, match="--rerun"):
        read_run(run)


def test_a_whole_run_is_put_aside_until_the_next_is_whole(run: Path) -> None:
    prepare_folder(run)
    assert not any(run.iterdir())
    old = run.with_name("als.old")
    assert read_run(old) is not None
    (run / "model").mkdir()
    prepare_folder(run)  # the second attempt was interrupted; the whole run is still there
    assert not any(run.iterdir()) and read_run(old) is not None
    write_run(run, record(), evaluation(), USER_IDS)
    assert not old.exists() and read_run(run) is not None


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be written .*--results_dir=DIR\.$"):
        prepare_folder(tmp_path / "file" / "als")


def test_text_is_written_into_folders_that_did_not_exist(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b.json", "x")
    assert (tmp_path / "a" / "b.json").read_text() == "x"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.json"]


def test_text_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(UserError, match=r"a cannot be written \(.*\)\. Choose another place\."):
        write_atomically(tmp_path / "a", "x")


def test_numbers_that_json_lacks_become_null() -> None:
    content = {"a": [float("nan"), (1.5, float("inf"))], "b": "nan", "c": True}
    assert without_nan(content) == {"a": [None, [1.5, None]], "b": "nan", "c": True}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", 3),
        ("seed", "0"),
        ("seed", True),
        ("metrics", []),
        ("metrics", {"all": {"ndcg@10": "high"}}),
        ("metrics", {"all": 0.5}),
        ("curve", [0.5]),
        ("epochs", 1.5),
        ("fit_s", None),
        ("asked", {"seed": 1}),
    ],
)
def test_a_record_with_a_value_of_another_kind_names_the_field(run: Path, field: str, value: object) -> None:
    edit(run, **{field: value})
    with pytest.raises(
        UserError, match=rf"is damaged \(record\.json has values of another kind for {field}\)"
    ):
        read_run(run)


def test_an_older_and_a_newer_layout_have_their_own_advice(run: Path) -> None:
    edit(run, schema=SCHEMA + 1)
    with pytest.raises(UserError, match=r"Update tfrs_bench, choose another .* main with --rerun"):
        read_run(run)
    edit(run, schema=SCHEMA - 1)
    with pytest.raises(UserError, match="Use the version that wrote it, choose another"):
        read_run(run)


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_truncated_per_user_file_names_rerun(run: Path, share: float) -> None:
    whole = (run / "per_user.parquet").read_bytes()
    (run / "per_user.parquet").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=r"is damaged \(.*\)\. Type --rerun to run it again"):
        read_run(run)


def test_disagreements_name_what_was_edited(run: Path) -> None:
    found, users = read_run(run)  # type: ignore[misc]
    assert not list(disagreements(found, users))
    edited = dataclasses.replace(found, metrics={"all": {"ndcg@10": 0.9, "mrr@10": 0.1}})
    # (0.25 + 0.75 + 1) / 3; bob has no relevant item.
    assert list(disagreements(edited, users)) == [
        f"ndcg@10 of all is 0.9 in the record and {2 / 3} from its users' metrics",
        "mrr@10 of all is 0.1 in the record and None from its users' metrics",
    ]


@pytest.mark.parametrize("size", [0, 1000])
def test_a_full_disk_at_the_end_is_a_sentence_and_keeps_what_the_run_goes_on_from(
    tmp_path: Path, size: int
) -> None:
    prepare_folder(tmp_path / "als")
    (tmp_path / "als" / "unfinished").mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(UserError, match=r"per_user\.parquet cannot be written .*the same command again"):
            write_run(tmp_path / "als", record(), evaluation(), USER_IDS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in (tmp_path / "als").iterdir()] == ["unfinished"]
    assert read_run(tmp_path / "als") is None


def test_an_interrupted_run_keeps_what_it_goes_on_from_and_nothing_else(tmp_path: Path) -> None:
    for name in (
        "unfinished/search.npz",
        "unfinished/a.npz.7.partial",
        "tensorboard/search/e",
        "model/a",
        "tensorboard/i.9.partial",
        "b",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    prepare_folder(tmp_path)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["tensorboard/search/e", "unfinished/search.npz"]
    write_run(tmp_path, record(), evaluation(), USER_IDS)
    assert not (tmp_path / "unfinished").exists()


def test_what_a_killed_run_left_half_written_is_removed_wherever_it_lies(tmp_path: Path) -> None:
    for name in (
        "per_user.parquet.partial",
        "model.partial/config.json.partial",
        "tensorboard/curve.partial",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    prepare_folder(tmp_path)
    assert not list(tmp_path.rglob("*.partial"))
