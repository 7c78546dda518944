"""The command that tunes: what it asks, what it writes, what it leaves alone, and what main makes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from planted_files import write_planted_csv

from tfrs_bench import main, report, tune
from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.evaluator import Evaluator
from tfrs_bench.models.als import ALS
from tfrs_bench.reporting.document import Table
from tfrs_bench.reporting.sections.tuning import tuning
from tfrs_bench.reporting.study import read_studies
from tfrs_bench.settings import parse
from tfrs_bench.staleness import stale_records
from tfrs_bench.tuning.ledger import read_searches

FEW = ("--max_trials=4", "--budget_minutes=5")
SMALL = ("--dimension=4", "--batch_size=16", "--max_epochs=3", "--history_length=4")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a log, in which commands run."""
    write_planted_csv(tmp_path / "log.csv")
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def tuned(*flags: str) -> None:
    assert tune.console(["tune", "--interactions=log.csv", *FEW, *flags]) == 0


def weighed(*flags: str) -> dict[str, Any]:
    """What main makes of the log: its records by model."""
    assert main.console(["main", "--interactions=log.csv", *flags]) == 0
    records = [json.loads(path.read_text()) for path in Path("runs/log").rglob("record.json")]
    return {record["model"]: record for record in records}


def test_the_winner_is_written_and_main_takes_it_up(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tuned("--model=ease")
    printed = capsys.readouterr().out
    assert "tuning 1 model (ease): 5 min each and 5 min in all at most" in printed
    assert "written: flags/log/per_user/ease.cfg" in printed
    (search,) = read_searches(Path("runs"))
    assert search.best is not None
    lines = Path("flags/log/per_user/ease.cfg").read_text().splitlines()
    assert lines[0] == "# ease on log, per_user split."
    assert "python -m tfrs_bench.tune --interactions=log.csv --model=ease --budget_minutes=5" in lines[1]
    assert lines[2].startswith("# (tpe: 4 trials, ")
    assert f"chosen on validation NDCG@10 {search.best.quality:.4f})." in lines[2]
    assert lines[3] == f"# A fit took {search.best.seconds:.1f} s, validation included."
    record = weighed("--model=ease", "--baselines=popularity")["ease"]
    assert record["config"] == search.start | search.best.settings
    assert record["tuning"] == "flags/log/per_user/ease.cfg"
    assert record["ledger"]["cap_minutes"] == 5.0
    assert (record["ledger"]["trials"], record["ledger"]["max_trials"]) == (4, 4)
    assert "ease (flags/log/per_user/ease.cfg; tpe: 4 trials, " in capsys.readouterr().out


def test_a_file_of_flags_that_was_written_can_be_named(place: Path) -> None:
    tuned("--model=ease")
    given = parse(["main", "--flagfile=flags/log/per_user/ease.cfg"])
    assert (given.plan.model, given.experiment.interactions) == (("ease",), "log.csv")
    assert given.hyper_parameters["regularization"] > 0


def test_main_does_not_take_what_was_tuned_under_another_protocol(place: Path) -> None:
    tuned("--model=ease", "--relevance_threshold=1")
    assert weighed("--model=ease", "--baselines=")["ease"]["tuning"].startswith("grid: ")


def test_a_label_stands_for_the_log(place: Path) -> None:
    tuned("--model=ease", "--label=shop")
    assert "--label=shop" in Path("flags/shop/per_user/ease.cfg").read_text().splitlines()
    (place / "log.csv").rename("later.csv")
    assert (
        main.console(["main", "--interactions=later.csv", "--label=shop", "--model=ease", "--baselines="])
        == 0
    )
    (path,) = Path("runs/shop").rglob("ease*/record.json")
    assert json.loads(path.read_text())["tuning"] == "flags/shop/per_user/ease.cfg"


def test_the_test_part_is_not_looked_at(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, made = [], []
    prepare = main.prepare_as_asked

    def watch(name: str) -> None:
        judge = getattr(Evaluator, name)
        monkeypatch.setattr(Evaluator, name, lambda self, *more: asked.append(self) or judge(self, *more))

    def prepared(*given: Any) -> Any:
        made.append(prepare(*given))
        for name in ("evaluate", "primary"):  # from here on: the self-test judges no model
            watch(name)
        return made[0]

    monkeypatch.setattr(main, "prepare_as_asked", prepared)
    tuned("--model=ease,als", "--flags_dir=elsewhere")
    assert len(asked) == 8
    assert all(one is made[0].validation for one in asked)
    assert made[0].test is not made[0].validation


def test_a_better_file_stays_unless_replaced(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tuned("--model=ease", "--regularization=1e-6", "--max_trials=1")
    assert "ease has nothing left to search on these data" in capsys.readouterr().out
    tuned("--model=itemknn", "--max_trials=12")
    path = Path("flags/log/per_user/itemknn.cfg")
    better = path.read_text()
    capsys.readouterr()
    tuned("--model=itemknn", "--max_trials=1", "--neighbors=1", "--similarity=jaccard")
    printed = " ".join(capsys.readouterr().out.split())
    assert "itemknn.cfg has NDCG@10" in printed
    assert "measured in the same way; the search found NDCG@10" in printed
    assert "itemknn.cfg stays. --replace writes" in printed
    assert path.read_text() == better
    tuned("--model=itemknn", "--max_trials=1", "--neighbors=1", "--similarity=jaccard", "--replace")
    assert "--neighbors=1" in path.read_text().splitlines()


def test_a_file_of_another_protocol_stays(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tuned("--model=ease", "--relevance_threshold=1")
    tuned("--model=ease")
    assert "is of another protocol." in capsys.readouterr().out
    assert "--relevance_threshold=1" in Path("flags/log/per_user/ease.cfg").read_text()


def test_a_network_is_searched_epoch_by_epoch_and_what_is_given_is_held(place: Path) -> None:
    tuned("--model=two_tower", *SMALL, "--max_trials=2")
    (search,) = read_searches(Path("runs"))
    assert not {"dimension", "batch_size", "history_length"} & search.space.keys()
    assert "temperature" in search.space
    for trial in search.trials:
        assert len(trial.curve) == trial.epochs
        assert trial.quality == max(trial.curve)
    assert sum(1 for _ in Path("runs/tuning").rglob("trial-*/*.trial")) == 2
    assert "--dimension=4" in Path("flags/log/per_user/two_tower.cfg").read_text().splitlines()


def test_ratings_are_tuned_by_their_error(place: Path) -> None:
    tuned("--task=rating", "--model=mean")
    (search,) = read_searches(Path("runs"))
    assert search.metric == "rmse"
    assert search.best is not None
    assert search.best.quality == max(trial.quality or -9 for trial in search.trials) < 0
    text = Path("flags/rating/log/per_user/mean.cfg").read_text()
    assert f"RMSE {-search.best.quality:.4f}" in text
    assert "--task=rating" in text.splitlines()
    record = weighed("--task=rating", "--model=mean", "--baselines=")["mean"]
    assert record["tuning"] == "flags/rating/log/per_user/mean.cfg"


def test_rerun_searches_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tuned("--model=ease")
    tuned("--model=ease")
    assert "was searched: tpe: 4 trials" in capsys.readouterr().out
    (path,) = Path("runs/tuning").rglob("*.json")
    found = path.read_bytes()
    tuned("--model=ease", "--rerun")
    assert "was searched" not in capsys.readouterr().out
    assert path.with_name(f"{path.name}.before").read_bytes() == found
    assert len(read_searches(Path("runs"))) == 1


def test_a_model_whose_trials_all_fail_does_not_keep_the_others_from_being_tuned(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def diverging(self: ALS, train: Any, context: Any) -> Any:
        raise UserError("The loss became nan.")

    monkeypatch.setattr(ALS, "_fit", diverging)
    assert tune.console(["tune", "--interactions=log.csv", *FEW, "--model=als,ease"]) == 2
    assert "Not tuned: als. No trial of als succeeded, the first because: The loss" in capsys.readouterr().err
    assert [path.name for path in Path("flags").rglob("*.cfg")] == ["ease.cfg"]


def test_a_log_without_times_is_not_asked_for_half_lives(place: Path) -> None:
    records = weighed(
        "--model=popularity", "--baselines=", "--order=file", "--tune_minutes=5", "--rating_column=none"
    )
    assert records["popularity"]["ledger"]["trials"] == 1


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--baselines=als", "--baselines is a flag of tfrs_bench.main."),
        ("--summary=out.json", "--summary is a flag of tfrs_bench.main."),
        ("--seeds=3", "--seeds is a flag of tfrs_bench.main."),
        ("--tune_minutes=3", "--tune_minutes is a flag of tfrs_bench.main."),
        ("--budget_minutes=0", "--budget_minutes=0.0 is outside its range"),
        ("--max_trials=0", "--max_trials=0 is outside its range"),
        ("--flags_dir=log.csv", "log.csv cannot be written"),
    ],
)
def test_what_makes_no_sense_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], flag: str, told: str
) -> None:
    assert tune.console(["tune", "--interactions=log.csv", "--model=ease", flag]) == 2
    assert told in capsys.readouterr().err


def test_a_model_without_a_space_is_told_and_left(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tuned("--model=random,ease,funnel")
    told = " ".join(capsys.readouterr().out.split())
    assert "random has nothing to search." in told
    assert "funnel has nothing to search. Its parts have: --model=two_tower,ncf, or main with" in told


def test_the_report_takes_runs_of_what_was_tuned(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuned("--model=ease")
    weighed("--model=ease", "--baselines=popularity")
    (record,) = (read for read in Path("runs/log").rglob("ease*/record.json"))
    assert json.loads(record.read_text())["ledger"]["cap_minutes"] == 5.0
    assert report.console(["report", "--runs=runs", "--output=told"]) == 0


def test_searches_of_one_model_from_different_settings_are_announced_apart(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--model=funnel", "--retriever=als", "--ranker=ease", "--factors=4", "--baselines=als")
    weighed(*asked, "--tune_minutes=5", "--tune_trials=2")
    assert "tuning 3 models (als, als, ease): 5 min each and 15 min in all" in capsys.readouterr().out


# The same within main.


def test_main_gives_every_model_the_same_budget_and_says_so_before(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--model=ease", "--baselines=popularity,als", "--tune_minutes=5", "--tune_trials=3")
    records = weighed(*asked)
    printed = capsys.readouterr().out
    assert "tuning 3 models (popularity, als, ease): 5 min each and 15 min in all at most" in printed
    assert printed.index("15 min in all") < printed.index("random      NDCG@10")
    for name in ("popularity", "als", "ease"):
        ledger = records[name]["ledger"]
        assert (ledger["method"], ledger["cap_minutes"], ledger["max_trials"]) == ("tpe", 5.0, 3)
        assert 1 <= ledger["trials"] <= 3
        assert ledger["best_so_far"]
        assert records[name]["tuning"].startswith("tpe: ")
        assert records[name]["asked"]["tune_minutes"] == "5.0"
    assert records["random"]["ledger"] == {}
    again = weighed(*asked)
    assert again == records
    printed = capsys.readouterr().out
    assert "reused from" in printed and "min in all" not in printed
    (record,) = Path("runs/log").rglob("als*/record.json")
    record.unlink()
    weighed(*asked)
    assert "tuning 1 model (als): 5 min each" in capsys.readouterr().out


def test_records_of_searched_models_are_fresh_until_their_settings_are_edited(place: Path) -> None:
    weighed("--model=ease", "--baselines=popularity", "--tune_minutes=5", "--tune_trials=3")
    assert stale_records(read_studies(Path("runs")), Path("runs")) == []
    (path,) = Path("runs/log").rglob("ease*/record.json")
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"config": {"regularization": 1234.0}}))
    (told,) = stale_records(read_studies(Path("runs")), Path("runs"))
    assert "ease: regularization is 1234.0 in the record" in told


def test_a_run_without_anything_to_search_announces_nothing(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weighed("--model=random", "--baselines=", "--tune_minutes=5")
    assert "min in all" not in capsys.readouterr().out


def test_seeds_share_one_search(place: Path) -> None:
    weighed("--model=als", "--baselines=", "--tune_minutes=5", "--tune_trials=3", "--seeds=2")
    assert len(read_searches(Path("runs"))) == 1
    records = [json.loads(path.read_text()) for path in Path("runs/log").rglob("als*/record.json")]
    assert len(records) == 2
    assert records[0]["ledger"] == records[1]["ledger"]
    assert records[0]["config"] == records[1]["config"]


def test_a_funnel_is_made_of_what_its_parts_searches_found(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = ("--model=funnel,ease", "--retriever=pure_svd", "--ranker=ease", "--baselines=")
    records = weighed(*parts, "--tune_minutes=5", "--tune_trials=3")
    told = " ".join(capsys.readouterr().out.split())
    assert "tuning 2 models (pure_svd, ease): 5 min each and 10 min in all" in told
    assert sorted(one.model for one in read_searches(Path("runs"))) == ["ease", "pure_svd"]
    funnel, ease = records["funnel"], records["ease"]
    assert funnel["config"]["ranker_settings.regularization"] == ease["config"]["regularization"]
    assert funnel["ledger"]["parts"]["ease"] == ease["ledger"]
    assert funnel["ledger"]["trials"] == sum(one["trials"] for one in funnel["ledger"]["parts"].values())
    assert funnel["tuning"].startswith("parts: pure_svd tpe: ")
    assert "Searches of 5 min or 3 trials for each of its parts: funnel" in told
    studies = read_studies(Path("runs"))
    assert stale_records(studies, Path("runs")) == []
    table = next(one for one in tuning(studies).blocks if isinstance(one, Table))
    assert [row[0] for row in table.rows] == ["ease", "pure_svd of funnel"]
    again = weighed(*parts, "--tune_minutes=5", "--tune_trials=3")
    assert again == records and "min in all" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--tune_trials=3",), "--tune_trials limits a search: add --tune_minutes=N."),
        (("--tune_minutes=1", "--tune_baselines=false"), "takes it from some"),
        (("--tune_minutes=0",), "--tune_minutes=0.0 is outside its range"),
    ],
)
def test_main_refuses_a_budget_that_makes_no_sense(
    place: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], told: str
) -> None:
    assert main.console(["main", "--interactions=log.csv", "--model=ease", *flags]) == 2
    assert told in capsys.readouterr().err


def test_a_model_whose_trials_all_fail_does_not_stop_the_others(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise UserError("The loss became nan.")

    asked = ("main", "--interactions=log.csv", "--model=ease", "--baselines=popularity,als")
    budget = ("--tune_minutes=5", "--tune_trials=2")
    with monkeypatch.context() as patch:
        patch.setattr("tfrs_bench.models.als.ALS.fit", fails)
        assert main.console([*asked, *budget]) == 2
    told = capsys.readouterr()
    assert "Not run: als. No trial of als succeeded, the first because: The loss became nan." in told.err
    assert "The other models are done" in told.err
    done = sorted(path.parent.name.split("-")[0] for path in Path("runs/log").rglob("record.json"))
    assert done == ["ease", "popularity", "random"]


def test_a_file_that_can_no_longer_be_fitted_is_replaced(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned("--model=ease")
    path = Path("flags/log/per_user/ease.cfg")
    path.write_text(re.sub(r"--regularization=.*", "--regularization=7777", path.read_text()))

    def fails(*_: Any, **__: Any) -> None:
        raise UserError("The matrix is singular.")

    monkeypatch.setattr("tfrs_bench.searching.quality_of", fails)
    tuned("--model=ease")
    told = capsys.readouterr().out
    assert "cannot be fitted any more: The matrix is singular." in " ".join(told.split())
    assert "7777" not in path.read_text()
