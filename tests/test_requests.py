"""Where a model's settings come from: flags over shipped over a grid or the defaults."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tfrs_bench import main
from tfrs_bench.models.als import ALS, ALSConfig
from tfrs_bench.models.two_tower import TwoTowerConfig
from tfrs_bench.runner import Request
from tfrs_bench.settings import parse

SHIPPED = (ALSConfig(factors=99, confidence=7.0), "flags/ml-1m/per_user/als.cfg")


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """ALS has shipped settings, whatever the data."""
    monkeypatch.setattr(main, "_shipped", lambda name, *_: SHIPPED if name == "als" else None)


@pytest.fixture
def unshipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "_shipped", lambda *_: None)


def requests(*flags: str, truth: Any = None) -> dict[str, Request]:
    prepared: Any = SimpleNamespace(dataset=SimpleNamespace(name="ml-1m", truth=truth))
    return {one.name: one for one in main.requests(parse(["main", *flags]), prepared)}


@pytest.mark.usefixtures("unshipped")
def test_random_comes_first_then_baselines_models_and_the_oracle_where_truth_is_known() -> None:
    assert list(requests()) == ["random", "popularity", "als", "two_tower"]
    assert list(requests("--model=als,two_tower", "--baselines=als")) == ["random", "als", "two_tower"]
    assert list(requests("--baselines=", truth=object())) == ["random", "two_tower", "oracle"]


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
        assert requests(*flags)["als"] == Request("als", *SHIPPED)


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


def really_shipped(*flags: str) -> tuple[Any, str] | None:
    prepared: Any = SimpleNamespace(dataset=SimpleNamespace(name="ml-1m"))
    return main._shipped("als", ALS, parse(["main", *flags]), prepared)


def test_what_the_project_ships_is_found_for_its_data_and_protocol() -> None:
    for name in ("ml-1m", "movielens/1m"):
        config, source = really_shipped(f"--dataset={name}")  # type: ignore[misc]
        assert source == "flags/ml-1m/per_user/als.cfg" and config != ALSConfig()


@pytest.mark.parametrize(
    "flag", ["--relevance_threshold=3", "--train_on=all", "--nomask_seen", "--cold_start_below=9"]
)
def test_what_the_project_ships_is_refused_for_another_protocol(flag: str) -> None:
    assert really_shipped("--dataset=ml-1m", flag) is None


def test_a_log_of_ones_own_gets_nothing_by_its_file_name() -> None:
    assert really_shipped("--interactions=ml-1m.csv") is None
