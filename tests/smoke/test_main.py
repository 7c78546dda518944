"""The real command in real processes: what is printed, what is written, what is reused, how it stops."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest
from planted_files import write_planted_csv

from tfrs_bench.experiment import Experiment
from tfrs_bench.main import console
from tfrs_bench.models.als import ALS
from tfrs_bench.models.two_tower import TwoTower
from tfrs_bench.preparation import prepare
from tfrs_bench.reporting.console import Console

TINY = ("--dimension=8", "--batch_size=64", "--max_epochs=2", "--hidden=8")
NUMBER = r"\d\.\d{4}"


class Ran(NamedTuple):
    folder: Path
    out: str
    err: str
    status: int

    @property
    def runs(self) -> dict[str, Path]:
        """Folders of the runs with seed 0, by model."""
        found = (self.folder / "runs" / "log" / "per_user").glob("*-seed0-*")
        return {path.name.split("-seed")[0]: path for path in found}

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.folder / "new" / "summary.json").read_text())

    @property
    def table(self) -> str:
        return self.out[self.out.index("log, per_user split") :]


def command(folder: Path, *flags: str) -> list[str]:
    places = (f"--interactions={folder / 'log.csv'}", f"--results_dir={folder / 'runs'}")
    return [sys.executable, "-m", "tfrs_bench.main", *places, *flags]


def execute(folder: Path, *flags: str) -> Ran:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    done = subprocess.run(
        command(folder, *flags), capture_output=True, text=True, timeout=300, env=environment
    )
    return Ran(folder, done.stdout, done.stderr, done.returncode)


def experiment(folder: Path, **fields: Any) -> Experiment:
    return Experiment(interactions=str(folder / "log.csv"), **fields)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smoke")
    write_planted_csv(folder / "log.csv")
    return folder


@pytest.fixture(scope="module")
def first(folder: Path) -> Ran:
    """Two-tower beside popularity and a tuned ALS."""
    return execute(folder, *TINY, f"--summary={folder / 'new' / 'summary.json'}")


@pytest.fixture(scope="module")
def again(first: Ran) -> Ran:
    """The same command once more."""
    return execute(first.folder, *TINY, f"--summary={first.folder / 'new' / 'summary.json'}")


# The first run.


def test_every_stage_has_a_line_and_nothing_complains(first: Ran) -> None:
    assert (first.status, first.err) == (0, "")
    starts = [
        line[2:14].strip() for line in first.out.splitlines() if line.startswith("  ") and line[2] != " "
    ]
    stages = list(dict.fromkeys(starts))
    assert stages[:7] == ["load", "split", "self-test", "random", "popularity", "als", "two_tower"]
    assert "leakage:" in first.out and "cold" in first.out


def test_table_has_the_models_as_rows_and_fits(first: Ran) -> None:
    head = first.table.splitlines()[:8]
    assert [line.split()[0] for line in head[4:8]] == ["random", "popularity", "als", "two_tower"]
    for line in head[4:8]:
        assert re.search(rf"{NUMBER} +{NUMBER} \({NUMBER}–{NUMBER}\) +{NUMBER} +{NUMBER} +\d+\.\d +\d", line)
    verdict_lines = first.summary["sentences"]
    long = [line for line in first.table.splitlines() if len(line) > 80 and line not in verdict_lines]
    assert not [line for line in long if str(first.folder) not in line]
    assert "…" not in first.out


def test_verdicts_are_sentences_of_the_promised_form(first: Ran) -> None:
    for baseline in ("popularity", "als"):
        number = r"[+-]\d\.\d{3}"
        form = rf"two_tower vs {baseline}: NDCG@10 {number} \[{number}, {number}\] \([+-]\d+ %\): (better|worse|cannot tell)"  # noqa: E501
        assert re.search(form, first.table), baseline


def test_table_says_what_was_chosen(first: Ran) -> None:
    text = " ".join(first.table.split())
    assert re.search(r"als \(grid: \d+ trials, \d\.\d min\): factors=\d+ regularization=", text)
    chosen = re.search(r"two_tower \(flags; epochs kept: [12]\): (.*) runs: ", text)
    assert chosen is not None
    assert {"dimension=8", "batch_size=64", "hidden=8"} <= set(chosen[1].split())


def test_planted_halves_are_learned(first: Ran) -> None:
    # 26 unseen items, 6 of the user's half: chance among all reads about 0.17, within the half 0.55.
    means = {
        row["model"]: row["mean"]
        for row in first.summary["rows"]
        if (row["segment"], row["metric"]) == ("regular", "ndcg@10")
    }
    assert means["als"] > 0.45 and means["random"] < 0.35
    assert means["two_tower"] > means["random"]


def test_summary_holds_every_model_segment_and_metric(first: Ran) -> None:
    content = first.summary
    assert (content["dataset"], content["split"]) == ("log", "per_user")
    models = ["random", "popularity", "als", "two_tower"]
    names = [f"{name}@{k}" for name in ("hr", "ndcg", "map", "map_full") for k in (5, 10, 20)]
    found = {(row["model"], row["segment"], row["metric"]) for row in content["rows"]}
    assert {
        (model, segment, name) for model in models for segment in ("all", "regular", "cold") for name in names
    } <= found
    assert [cost["model"] for cost in content["costs"]] == models
    assert all(cost["peak_memory_mb"] > 0 and cost["fit_s"] >= 0 for cost in content["costs"])
    pairs = {(one["model"], one["baseline"]) for one in content["comparisons"]}
    assert pairs == {("two_tower", "popularity"), ("two_tower", "als")}
    assert content["audit"]["rows"] == {"train": 670, "validation": 110, "test": 115}
    users = {row["segment"]: row["num_users"] for row in content["rows"]}
    assert users == {"all": 60, "regular": 55, "cold": 5}
    assert "NaN" not in (first.folder / "new" / "summary.json").read_text()


def test_every_run_folder_is_whole(first: Ran) -> None:
    assert first.runs.keys() == {"random", "popularity", "als", "two_tower"}
    for path in first.runs.values():
        assert {"record.json", "per_user.parquet", "model"} <= {one.name for one in path.iterdir()}
        assert not [one for one in path.rglob("*") if one.suffix in (".pkl", ".pickle", ".partial")]


def test_record_tells_the_search_and_the_epochs(first: Ran) -> None:
    als = json.loads((first.runs["als"] / "record.json").read_text())
    qualities = [quality for _, quality in als["trials"]]
    (chosen,) = [quality for config, quality in als["trials"] if config == als["config"]]
    assert len(qualities) >= math.prod(map(len, ALS.grid.values())) and chosen == max(qualities)
    tower = json.loads((first.runs["two_tower"] / "record.json").read_text())
    assert tower["epochs"] in (1, 2) and len(tower["curve"]) == 2
    best = max(tower["curve"], key=lambda one: one["validation/ndcg@10"])
    assert tower["curve"].index(best) + 1 == tower["epochs"]
    assert tower["config"]["dimension"] == 8 and tower["config"]["hidden"] == [8]
    assert tower["environment"]["packages"]["tensorflow"]


def test_records_agree_with_their_per_user_files(first: Ran) -> None:
    for path in first.runs.values():
        record = json.loads((path / "record.json").read_text())
        users = pq.read_table(path / "per_user.parquet").to_pandas()
        assert record["metrics"]["all"]["ndcg@10"] == pytest.approx(users["ndcg@10"].mean(), abs=1e-12)


def test_saved_two_tower_gives_its_metrics_again(first: Ran) -> None:
    ready = prepare(experiment(first.folder), Console())
    record = json.loads((first.runs["two_tower"] / "record.json").read_text())
    loaded = ready.test.evaluate(TwoTower.load(first.runs["two_tower"] / "model"))
    assert loaded.mean("ndcg@10") == pytest.approx(record["metrics"]["all"]["ndcg@10"], abs=1e-9)


def test_tensorboard_has_curves_flags_and_labelled_embeddings_of_the_two_tower(first: Ran) -> None:
    events = first.runs["two_tower"] / "tensorboard"
    assert list((events / "search").glob("*tfevents*")) and list((events / "refit").glob("*tfevents*"))
    assert list(events.glob("*tfevents*"))
    assert "i1\t" in next(events.rglob("metadata.tsv")).read_text() + "\t"


# The second run, and others that find its folders.


def test_the_same_command_reuses_every_run_and_says_so(first: Ran, again: Ran) -> None:
    assert (again.status, again.err) == (0, "")
    assert again.out.count("reused from") == 4 and "--rerun" in again.out
    assert "epoch 1:" not in again.out


def test_the_same_command_prints_the_same_table_to_the_digit(first: Ran, again: Ran) -> None:
    assert again.table == first.table


def test_another_seed_is_another_run(again: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--model=popularity", "--baselines=popularity", "--seed=1")
    assert console(command(again.folder, *flags)[2:]) == 0
    assert "reused" not in capsys.readouterr().out
    names = [path.name for path in (again.folder / "runs" / "log" / "per_user").glob("popularity-*")]
    assert sorted(name.split("-")[1] for name in names) == ["seed0", "seed1"]


def test_rerun_runs_again(again: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--model=popularity", "--baselines=popularity", "--rerun")
    assert console(command(again.folder, *flags)[2:]) == 0
    assert "reused" not in capsys.readouterr().out


def test_a_damaged_run_is_a_sentence(again: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--model=popularity", "--baselines=popularity", "--seed=2")
    assert console(command(again.folder, *flags)[2:]) == 0
    (folder,) = (again.folder / "runs" / "log" / "per_user").glob("popularity-seed2-*")
    (folder / "record.json").write_text("{")
    capsys.readouterr()
    assert console(command(again.folder, *flags)[2:]) == 2
    assert "--rerun" in capsys.readouterr().err


# Other ways to run.


def test_baselines_can_go_untuned_and_table_and_record_say_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = (f"--interactions={folder / 'log.csv'}", f"--results_dir={tmp_path}")
    assert console(["main", *where, "--model=popularity", "--baselines=als", "--tune_baselines=false"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "als has default settings because of --tune_baselines=false" in text
    assert f"als (defaults, untuned): factors={ALS.Config().factors}" in text
    assert "No verdicts:" in text
    (record,) = tmp_path.glob("log/per_user/als-*/record.json")
    assert json.loads(record.read_text())["tuning"] == "defaults, untuned"


def test_seeds_are_one_row_and_a_label_names_table_and_folder_and_leads_nowhere_else(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = (f"--interactions={folder / 'log.csv'}", f"--results_dir={tmp_path / 'runs'}")
    only = ("--model=als", "--factors=8", "--baselines=popularity")
    assert console(["main", *where, *only, "--seeds=2", "--label=../../My Shop"]) == 0
    out = capsys.readouterr().out
    assert "my-shop, per_user split, seed 0" in out
    assert len(re.findall(r"^ als  ", out, re.MULTILINE)) == 1 and "als 2 seeds ± 0." in " ".join(out.split())
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    names = [path.name.split("-")[:2] for path in (tmp_path / "runs" / "my-shop" / "per_user").iterdir()]
    assert sorted(names) == [["als", "seed0"], ["als", "seed1"], ["popularity", "seed0"], ["random", "seed0"]]


def test_random_split_is_named_in_the_table(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = (f"--interactions={folder / 'log.csv'}", f"--results_dir={tmp_path}")
    only = ("--model=popularity", "--baselines=popularity")
    assert console(["main", *where, *only, "--split=random", "--order=none"]) == 0
    assert "The split is random: models have seen the future" in " ".join(capsys.readouterr().out.split())


def test_describe_prints_facts_and_neither_trains_nor_loads_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys, atexit\n"
        "heavy = ('tensorflow', 'implicit')\n"
        "atexit.register(lambda: print('LOADED', [one for one in heavy if one in sys.modules]))\n"
        "from tfrs_bench.main import console\n"
        "sys.exit(console(['main', '--describe', '--interactions=log.csv']))\n"
    )
    write_planted_csv(tmp_path / "log.csv")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "895" in done.stdout and "60" in done.stdout and done.stdout.endswith("LOADED []\n")
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--split=globl",), "--split=globl is not known. Did you mean global?"),
        (("--interactions=/no/log.csv",), "--interactions=/no/log.csv does not exist."),
        (
            ("--results_dir={folder}/log.csv", "--interactions={folder}/log.csv"),
            "Choose another --results_dir=DIR.",
        ),
    ],
)
def test_errors_are_one_sentence_on_stderr(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], message: str
) -> None:
    assert console(["main", *(flag.format(folder=folder) for flag in flags)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.strip().startswith("tfrs_bench: ")
    assert len(error.strip().splitlines()) == 1


def test_an_error_has_a_traceback_only_if_asked_for(tmp_path: Path) -> None:
    plain, debugged = (
        subprocess.run(
            [sys.executable, "-m", "tfrs_bench.main", "--split=globl", *more],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=60,
        )
        for more in ((), ("--debug",))
    )
    assert plain.returncode == 2 and plain.stdout == "" and "Traceback" not in plain.stderr
    assert debugged.returncode != 0 and "Traceback" in debugged.stderr and "UserError" in debugged.stderr


def test_ctrl_c_says_what_is_kept_and_the_next_run_goes_on(folder: Path, tmp_path: Path) -> None:
    write_planted_csv(tmp_path / "log.csv")
    endless = (
        "--dimension=8",
        "--batch_size=8",
        "--max_epochs=100000",
        "--patience=100000",
        "--baselines=popularity",
    )
    with subprocess.Popen(
        command(tmp_path, *endless), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            if "epoch 1:" in line:
                process.send_signal(signal.SIGINT)
                break
        began = time.monotonic()
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and time.monotonic() - began < 30
    assert "Traceback" not in error
    assert "stopped. Finished runs, trials and epochs are kept; the same command goes on after them." in error
    whole = [path.parent.name.split("-")[0] for path in tmp_path.rglob("record.json")]
    assert sorted(whole) == ["popularity", "random"]
    done = execute(tmp_path, "--model=popularity", "--baselines=popularity")
    assert done.status == 0 and done.out.count("reused from") == 2


def test_a_reader_that_has_seen_enough_is_no_error(folder: Path, tmp_path: Path) -> None:
    describe = " ".join(map(repr, command(folder, "--describe")))
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{describe} | head -n 1"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr and done.returncode == 0


def test_numbers_of_popularity_are_those_of_counting(first: Ran) -> None:
    """From the file alone, without the package: the nearest an outsider can check."""
    lines = (line.split(",") for line in (first.folder / "log.csv").read_text().splitlines()[1:])
    rows: dict[str, list[tuple[int, str, int]]] = {}
    for user, item, rating, moment in lines:
        rows.setdefault(user, []).append((int(moment), item, int(rating)))
    fitted = [row for own in rows.values() if len(own) == 16 for row in sorted(own)[:14]]
    counts = {item: sum(row[1] == item and row[2] >= 4 for row in fitted) for _, item, _ in fitted}
    users = pq.read_table(first.runs["popularity"] / "per_user.parquet").to_pandas().set_index("user_id")
    checked = 0
    for user, own in rows.items():
        known, tested = (
            (sorted(own)[:14], sorted(own)[14:]) if len(own) == 16 else (sorted(own)[:2], sorted(own)[2:])
        )
        (wanted,) = [item for _, item, rating in tested if rating >= 4]
        seen = {item for _, item, _ in known}
        others = [counts[item] for item in counts if item not in seen and item != wanted]
        above, level = (
            sum(one > counts[wanted] for one in others),
            sum(one == counts[wanted] for one in others),
        )
        possible = [1 / np.log2(rank + 2) if rank < 10 else 0.0 for rank in range(above, above + level + 1)]
        assert any(users.loc[user, "ndcg@10"] == pytest.approx(one) for one in possible), user
        checked += level == 0
    assert checked > 0
