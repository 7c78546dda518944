"""Where a model's settings come from: flags over shipped over a grid or the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tfrs_bench import registry
from tfrs_bench import requests as module
from tfrs_bench.models.als import ALSConfig
from tfrs_bench.models.two_tower import TwoTowerConfig
from tfrs_bench.runner import Request
from tfrs_bench.settings import parse
from tfrs_bench.tuning.shipped import PROTOCOL_FLAGS, Shipped, read_flagfile, split_config

FLAGS = Path(__file__).parent.parent / "flags"
RATING = FLAGS / "rating"
COMMITTED = sorted([*FLAGS.glob("*/*/*.cfg"), *RATING.glob("*/*/*.cfg")])
OF_A_SPLIT = sorted({*FLAGS.glob("*/*.cfg")} - {*RATING.glob("*.cfg")})
SHIPPED = (ALSConfig(factors=99, confidence=7.0), "flags/ml-1m/per_user/als.cfg")


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ALS has shipped settings, whatever the data."""
    path = tmp_path / "als.cfg"
    path.touch()
    one = Shipped(*SHIPPED, path)
    monkeypatch.setattr(module, "_shipped", lambda name, *_: one if name == "als" else None)


@pytest.fixture
def unshipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_shipped", lambda *_: None)


def requests(*flags: str, truth: bool = False) -> dict[str, Request]:
    return {one.name: one for one in module.requests(parse(["main", *flags]), truth_is_known=truth)}


@pytest.mark.usefixtures("unshipped")
def test_random_comes_first_then_baselines_models_and_the_oracle_where_truth_is_known() -> None:
    assert list(requests()) == ["random", "popularity", "als", "two_tower"]
    assert list(requests("--model=als,two_tower", "--baselines=als")) == ["random", "als", "two_tower"]
    assert list(requests("--baselines=", truth=True)) == ["random", "two_tower", "oracle"]


@pytest.mark.usefixtures("unshipped")
def test_a_baseline_that_nobody_tuned_is_tuned_by_its_grid() -> None:
    assert requests()["als"] == Request("als", ALSConfig(), tune=True)
    assert requests("--model=als")["als"].tune


@pytest.mark.usefixtures("unshipped")
def test_a_baseline_without_a_grid_or_settings_is_run_as_it_is() -> None:
    asked = requests()
    assert (asked["popularity"].tuning, asked["popularity"].tune) == ("defaults", False)
    assert asked["random"].tuning == "no settings"


@pytest.mark.usefixtures("unshipped")
def test_untuned_baselines_say_so() -> None:
    assert requests("--tune_baselines=false")["als"] == Request("als", ALSConfig(), "defaults, untuned")


@pytest.mark.usefixtures("shipped")
def test_shipped_settings_stand_for_a_grid() -> None:
    for flags in ((), ("--model=als",)):
        assert requests(*flags)["als"] == Request("als", *SHIPPED, ledger={"method": "flagfile"})


@pytest.mark.usefixtures("shipped")
def test_flags_stand_over_shipped_settings() -> None:
    (als,) = (one for name, one in requests("--model=als", "--factors=8").items() if name == "als")
    assert als.config == ALSConfig(factors=8, confidence=7.0)
    assert (als.tuning, als.tune) == ("flags over flags/ml-1m/per_user/als.cfg", False)


@pytest.mark.usefixtures("shipped")
def test_untuned_baselines_do_not_get_shipped_settings_but_named_models_do() -> None:
    assert requests("--tune_baselines=false")["als"].config == ALSConfig()
    assert requests("--tune_baselines=false", "--model=als")["als"].config == SHIPPED[0]


@pytest.mark.usefixtures("unshipped")
def test_stated_settings_are_kept_even_where_they_equal_the_defaults() -> None:
    asked = requests("--model=als", f"--factors={ALSConfig().factors}")["als"]
    assert asked == Request("als", ALSConfig(), "flags", tune=False)


@pytest.mark.usefixtures("unshipped")
def test_flags_of_the_model_leave_the_baselines_to_their_grid() -> None:
    asked = requests("--model=two_tower", "--dimension=8")
    assert asked["two_tower"] == Request("two_tower", TwoTowerConfig(dimension=8), "flags")
    assert asked["als"].tune


@pytest.fixture
def flagfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only settings shipped are some of ALS for ml-1m, split by user, with all else at its default."""
    path = tmp_path / "ml-1m" / "per_user" / "als.cfg"
    path.parent.mkdir(parents=True)
    path.write_text("--dataset=ml-1m\n--factors=99\n")
    for finds in (module.tuned_settings, split_config):
        monkeypatch.setitem(finds.__kwdefaults__, "places", (tmp_path,))


def found(*flags: str, model: str = "als") -> tuple[Any, str] | None:
    kind = registry.resolve(registry.MODELS, model, "model")
    one = module._shipped(model, kind, parse(["main", *flags]))
    return None if one is None else (one.config, one.name)


@pytest.mark.usefixtures("flagfile")
@pytest.mark.parametrize("dataset", ["ml-1m", "movielens/1m"])
def test_shipped_settings_are_found_for_their_data_by_either_name(dataset: str) -> None:
    assert found(f"--dataset={dataset}") == (ALSConfig(factors=99), SHIPPED[1])


@pytest.mark.usefixtures("flagfile")
@pytest.mark.parametrize(
    "flag",
    ["--relevance_threshold=3", "--train_on=all", "--nomask_seen", "--cold_start_below=9", "--split=global"],
)
def test_shipped_settings_are_refused_for_another_protocol(flag: str) -> None:
    assert found("--dataset=ml-1m", flag) is None


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: str(path.relative_to(FLAGS)))
def test_committed_settings_are_found_for_what_they_say_they_are_for(path: Path) -> None:
    *task, dataset, split, model = path.relative_to(FLAGS).with_suffix("").parts
    stated = read_flagfile(path)
    assert (stated["dataset"], stated["split"], stated["model"]) == (dataset, split, model)
    assert stated.get("task") == (task[0] if task else None)
    protocol = [f"--{flag}={stated[flag]}" for flag in PROTOCOL_FLAGS if flag in stated]
    settings, source = found(*protocol, model=model)  # type: ignore[misc]
    assert source == f"flags/{path.relative_to(FLAGS).as_posix()}"
    assert settings == parse(["main", f"--flagfile={path}"]).config(model)


@pytest.mark.usefixtures("flagfile")
def test_what_suits_a_split_stands_where_nobody_tuned(tmp_path: Path) -> None:
    path = tmp_path / "per_user" / "als.cfg"
    path.parent.mkdir()
    path.write_text("--split=per_user\n--factors=7\n")
    assert found("--dataset=ml-1m") == (ALSConfig(factors=99), SHIPPED[1])
    general = (ALSConfig(factors=7), "flags/per_user/als.cfg")
    assert found("--dataset=ml-20m") == general
    assert found("--dataset=ml-1m", "--relevance_threshold=3") == general
    assert found("--interactions=ml-1m.csv") == general
    assert found("--interactions=ml-1m.csv", "--split=global") is None


@pytest.mark.parametrize("path", sorted(RATING.glob("*.cfg")), ids=lambda path: path.stem)
@pytest.mark.parametrize("split", ["per_user", "global"])
def test_committed_settings_of_ratings_are_found_for_any_log_and_split(path: Path, split: str) -> None:
    stated = read_flagfile(path)
    assert (stated["task"], stated["model"], "split" in stated) == ("rating", path.stem, False)
    flags = ("--task=rating", f"--split={split}", "--interactions=log.csv")
    settings, source = found(*flags, model=path.stem)  # type: ignore[misc]
    assert source == f"flags/rating/{path.name}"
    assert settings == parse(["main", f"--flagfile={path}"]).config(path.stem)


def test_a_table_of_ratings_has_its_own_opponents_and_neither_floor_nor_ceiling() -> None:
    assert list(requests("--task=rating", truth=True)) == ["mean", "biased_mf", "two_tower"]
    assert list(requests("--task=rating", "--baselines=mean")) == ["mean", "two_tower"]


@pytest.mark.parametrize("path", OF_A_SPLIT, ids=lambda path: str(path.relative_to(FLAGS)))
def test_committed_settings_of_a_split_are_found_for_any_log(path: Path) -> None:
    split, model = path.relative_to(FLAGS).with_suffix("").parts
    stated = read_flagfile(path)
    assert (stated["split"], stated["model"], "dataset" in stated) == (split, model, False)
    settings, source = found(f"--split={split}", "--interactions=log.csv", model=model)  # type: ignore[misc]
    assert source == f"flags/{path.relative_to(FLAGS).as_posix()}"
    assert settings == parse(["main", f"--flagfile={path}"]).config(model)


@pytest.mark.usefixtures("flagfile")
def test_a_log_of_ones_own_gets_nothing_by_its_file_name() -> None:
    assert found("--interactions=ml-1m.csv") is None


def seeds(*flags: str, truth: bool = False) -> dict[str, list[int]]:
    asked: dict[str, list[int]] = {}
    for one in module.requests(parse(["main", *flags]), truth_is_known=truth):
        asked.setdefault(one.name, []).append(one.seed)
    return asked


def test_every_model_that_depends_on_chance_is_asked_for_once_a_seed() -> None:
    ones = {"random": [4], "popularity": [4], "oracle": [4]}
    assert seeds("--seeds=3", "--seed=4", truth=True) == ones | {"als": [4, 5, 6], "two_tower": [4, 5, 6]}


def test_without_the_flag_there_is_one_seed() -> None:
    assert set(map(tuple, seeds("--seed=2").values())) == {(2,)}


def test_another_label_still_finds_the_settings_of_the_data() -> None:
    plain, labelled = (
        requests("--dataset=ml-1m", *label)["als"] for label in ((), ("--label=ml-1m-rebuilt",))
    )
    assert plain == labelled and plain.tuning == "flags/ml-1m/per_user/als.cfg"


def test_parts_of_a_funnel_get_what_they_would_get_alone() -> None:
    asked = requests("--model=funnel,two_tower", "--dataset=ml-1m", "--ranker=als", "--baselines=als")
    config = asked["funnel"].config
    assert config.retriever_settings == asked["two_tower"].config != TwoTowerConfig()
    assert config.ranker_settings == asked["als"].config != ALSConfig()


def test_a_funnel_at_its_defaults_tells_where_its_parts_have_their_settings_from() -> None:
    asked = requests("--model=funnel", "--dataset=ml-100k", "--baselines=")["funnel"]
    assert asked.tuning == "flags/ml-100k/per_user/ncf.cfg of parts"
    assert requests("--model=funnel", "--baselines=")["funnel"].tuning == "defaults"


def test_within_a_budget_the_parts_of_a_funnel_are_searched_for_as_they_would_be_alone() -> None:
    asked = requests("--model=funnel,two_tower", "--dataset=ml-1m", "--ranker=als", "--tune_minutes=2")
    funnel = asked["funnel"]
    assert funnel.tune and funnel.searches == funnel.parts == (asked["two_tower"], asked["als"])
    assert funnel.config.ranker_settings == ALSConfig()  # what is shipped was found by other means


def test_within_a_budget_flags_hold_the_settings_of_parts() -> None:
    asked = requests("--model=funnel", "--ranker=als", "--factors=9", "--tune_minutes=2")
    als = asked["funnel"].parts[1]
    assert (als.config.factors, als.held) == (9, frozenset({"factors"}))
    assert asked["funnel"].config.ranker_settings == als.config != asked["als"].config


def test_a_part_that_has_nothing_to_tune_is_not_searched_for() -> None:
    funnel = requests("--model=funnel", "--ranker=random", "--tune_minutes=2")["funnel"]
    assert [one.name for one in funnel.searches] == ["two_tower"]


def test_flags_reach_the_parts_of_a_funnel_and_not_the_baseline_of_the_same_name() -> None:
    asked = requests("--model=funnel", "--ranker=als", "--factors=9", "--dimension=8", "--baselines=als")
    config = asked["funnel"].config
    assert (config.ranker_settings.factors, config.retriever_settings.dimension) == (9, 8)
    assert asked["als"].config.factors != 9
