"""The command that varies a setting: what it asks main for, what it refuses, and what it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from planted_files import write_planted_csv

from tfrs_bench import report, sensitivity
from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.verdicts import compare
from tfrs_bench.models.two_tower import TwoTowerConfig


def variants(*given: str) -> list[tuple[dict[str, str], object]]:
    """What every value's record will say was asked, and the model's settings."""
    asked = sensitivity.variants(["sensitivity", *given])
    return [(one.asked(), one.config(one.plan.model[0])) for one in asked]


def refused(*given: str) -> str:
    with pytest.raises(UserError) as caught:
        sensitivity.variants(["sensitivity", *given])
    return str(caught.value)


def test_main_is_asked_once_a_value_with_baselines_beside_the_first_alone() -> None:
    first, second = variants("--vary=dimension:8,16", "--dataset=ml-1m", "--temperature=0.1")
    shared = {"dataset": "ml-1m", "label": "ml-1m-sensitivity", "temperature": "0.1"}
    assert first == (shared | {"dimension": "8"}, TwoTowerConfig(dimension=8, temperature=0.1))
    assert second[0] == shared | {"baselines": "", "dimension": "16"}
    assert second[1] == TwoTowerConfig(dimension=16, temperature=0.1)


def test_an_option_of_the_protocol_is_varied_with_every_model_and_baseline() -> None:
    asked = sensitivity.variants(["sensitivity", "--model=als,ease", "--vary=train_fraction:0.25,1"])
    assert [one.experiment.train_fraction for one in asked] == [0.25, 1.0]
    assert {(one.plan.model, one.baselines) for one in asked} == {(("als", "ease"), ("popularity", "als"))}
    assert {one.plan.label for one in asked} == {"simulated-sensitivity"}


@pytest.mark.parametrize(
    ("vary", "setting", "values"),
    [
        ("use_user_id:true,false", "use_user_id", [True, False]),
        ("negatives:in_batch,in_batch_uncorrected", "negatives", ["in_batch", "in_batch_uncorrected"]),
        ("learning_rate:1e-3,0.01,0.01", "learning_rate", [0.001, 0.01]),
        ("hidden:64 128,64", "hidden", [(64,), (128, 64)]),
    ],
)
def test_values_take_the_type_of_the_setting(vary: str, setting: str, values: list[object]) -> None:
    assert [getattr(config, setting) for _, config in variants(f"--vary={vary}")] == values


def test_a_label_of_ones_own_is_kept_and_a_file_gives_its_name() -> None:
    assert {asked["label"] for asked, _ in variants("--vary=dimension:8,16", "--label=mine")} == {"mine"}
    own = variants("--vary=dimension:8,16", "--interactions=some/My Shop.csv")
    assert {asked["label"] for asked, _ in own} == {"my-shop-sensitivity"}


def test_a_file_of_flags_may_hold_what_is_varied(tmp_path: Path) -> None:
    (tmp_path / "some.cfg").write_text("--model=als\n--vary=factors:8,16\n")
    assert len(variants(f"--flagfile={tmp_path / 'some.cfg'}")) == 2


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "--vary is missing. Name a setting and its values"),
        (
            ("--vary=dimensoin:8,16",),
            "dimensoin is neither a setting of two_tower nor of the protocol. Did you mean dimension? Known:",
        ),
        (
            ("--model=als", "--vary=dimension:8,16"),
            "dimension is neither a setting of als nor of the protocol.",
        ),
        (("--model=random", "--vary=x:8,16"), "x is neither a setting of random nor of the protocol. Known:"),
        (("--vary=train_fraction:0.5,2",), "--train_fraction=2.0 is outside its range"),
        (("--vary=train_fraction:0.5,1", "--train_fraction=0.1"), "both set train_fraction."),
        (("--vary=task:ranking,rating",), "task is neither a setting"),
        (
            ("--vary=dimension:8",),
            "--vary=dimension:8 needs two values or more, such as --vary=dimension:A,B",
        ),
        (("--vary=dimension",), "needs two values or more"),
        (("--vary=dimension:8,8",), "needs two values or more"),
        (("--vary=dimension:8,x",), "--dimension=x is not a whole number."),
        (("--vary=dimension:8,0",), "--dimension=0 is outside its range"),
        (("--vary=loss:softmax,sofmax",), "--loss=sofmax is not known. Did you mean softmax?"),
        (("--vary=dimension:8,16", "--dimension=4"), "both set dimension. Leave one of them out."),
        (
            ("--vary=factors:8,16", "--model=als,two_tower"),
            "names several models. Vary the settings of one at a time.",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_type(flags: tuple[str, ...], told: str) -> None:
    assert told in refused(*flags)


def test_the_manual_opens_with_the_command_and_holds_every_flag_of_main(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        sensitivity.console(["sensitivity", "--help"])
    text = capsys.readouterr().out
    assert text.startswith("Runs a model at several values of one of its settings")
    assert text.count("\n  --vary\n") == text.count("\n  --dataset\n") == text.count("\n  --factors\n") == 1


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose results are a sweep of ALS' factors on the planted log."""
    folder = tmp_path_factory.mktemp("sweep")
    write_planted_csv(folder / "log.csv")
    (folder / "docs").mkdir()
    (folder / "docs" / "sensitivity.md").write_text("<!-- begin sensitivity -->\n<!-- end sensitivity -->\n")
    return folder


def vary(values: str) -> int:
    flags = ("--interactions=log.csv", "--results_dir=results/runs", "--baselines=popularity", "--model=als")
    return sensitivity.console(["sensitivity", *flags, "--iterations=2", f"--vary=factors:{values}"])


def test_a_sweep_leaves_records_a_table_and_a_figure_and_is_reused_and_reported(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(made)
    monkeypatch.setitem(compare.__kwdefaults__, "draws", 100)  # nothing here looks at an interval
    assert vary("2,4") == 0
    told = capsys.readouterr().out
    assert "als (factors=4) vs als (factors=2): NDCG@10 " in told

    place = made / "results" / "runs" / "log-sensitivity" / "per_user"
    records = [json.loads(path.read_text()) for path in place.glob("*/record.json")]
    assert sorted(one["model"] for one in records) == ["als", "als", "popularity", "random"]
    assert "| als (factors=2) |" in (place / "sensitivity-als-factors.md").read_text()
    assert (place / "sensitivity-als-factors.svg").read_text().startswith("<?xml")

    assert vary("2,4,8") == 0  # a value more: the others are there
    assert capsys.readouterr().out.count("reused from") == 4
    assert "als (factors=8)" in (place / "sensitivity-als-factors.md").read_text()

    assert report.console(["report"]) == 0 == report.console(["report", "--check"])
    page = (made / "docs" / "sensitivity.md").read_text()
    (figure,) = (made / "results").glob("*.svg")
    assert "### log-sensitivity, per_user: factors of als" in page and f"](../results/{figure.name})" in page


def test_a_network_is_varied_like_any_model(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    monkeypatch.setitem(compare.__kwdefaults__, "draws", 100)
    flags = ("--interactions=log.csv", "--baselines=", "--epochs=1", "--dimension=4", "--batch_size=64")
    values = "--vary=negatives:in_batch,in_batch_uncorrected"
    assert sensitivity.console(["sensitivity", *flags, values]) == 0
    place = made / "runs" / "log-sensitivity" / "per_user"
    text = (place / "sensitivity-two_tower-negatives.md").read_text()
    assert "- two_tower (negatives=in_batch_uncorrected) vs two_tower (negatives=in_batch): NDCG@10 " in text


@pytest.mark.parametrize("vary", ["train_fraction:1,0.3", "shuffle_histories:never,test"])
def test_an_option_leaves_records_of_every_value_a_table_and_a_figure(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], vary: str
) -> None:
    option, _, values = vary.partition(":")
    reference, other = values.split(",")
    monkeypatch.chdir(made)
    monkeypatch.setitem(compare.__kwdefaults__, "draws", 100)
    flags = ("--interactions=log.csv", "--results_dir=options", "--baselines=popularity", "--model=markov")
    assert sensitivity.console(["sensitivity", *flags, "--label=mine", f"--vary={vary}"]) == 0
    told = capsys.readouterr().out
    assert f"markov ({option}={reference}) vs markov ({option}={other}): NDCG@10 " in " ".join(told.split())
    place = made / "options" / "mine" / "per_user"
    page = (place / f"sensitivity-{option}.md").read_text()
    assert f"| model | {option}=" in page and "| markov |" in page
    assert (place / f"{option}-mine-per_user.svg").read_text().startswith("<?xml")
    assert f"({option}-mine-per_user.svg)" in page.replace("./", "")


def test_a_search_at_every_value_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--model=als", "--vary=factors:8,16", "--tune_minutes=1")
    assert sensitivity.console(["sensitivity", *flags]) == 2
    assert "--tune_minutes would search anew at every value" in capsys.readouterr().err
