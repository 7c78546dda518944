"""Every model's search space: its values are settings, the defaults lie inside, and a search runs."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from contract_models import KINDS, SEED, cheap_config

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.models.base import Recommender
from tfrs_bench.models.space import Choice, described
from tfrs_bench.options import options_of
from tfrs_bench.tuning.ledger import Search
from tfrs_bench.tuning.search import Task, reaching, search

WITHOUT = {"random", "funnel"}  # nothing to choose; its parts are tuned as models of their own
TUNED = sorted(KINDS.keys() - WITHOUT)
KEPT_CHEAP = {"dimension", "factors", "batch_size", "history_length", "hidden", "iterations", "sample_size"}


def extremes(one: Any) -> tuple[Any, ...]:
    return one.values if isinstance(one, Choice) else (one.low, one.high)


def test_every_model_has_a_space_but_for_those_that_have_a_reason() -> None:
    assert [name for name, kind in KINDS.items() if not kind.space] == sorted(WITHOUT)


@pytest.mark.parametrize("name", TUNED)
def test_the_space_is_of_the_models_own_settings_and_holds_the_defaults(name: str) -> None:
    kind = KINDS[name]
    assert set(kind.space) <= {field.name for field in options_of(kind.Config)}
    for field, one in kind.space.items():
        assert one.holds(getattr(kind.Config(), field)), field


@pytest.mark.parametrize("name", TUNED)
def test_every_end_and_choice_is_allowed(name: str) -> None:
    kind = KINDS[name]
    for field, one in kind.space.items():
        for value in extremes(one):
            kind(kind.Config(**{field: value}))


@pytest.mark.parametrize("name", TUNED)
def test_choices_go_with_each_other(name: str) -> None:
    kind = KINDS[name]
    choices = {field: one.values for field, one in kind.space.items() if isinstance(one, Choice)}
    for values in itertools.product(*choices.values()):
        kind(kind.Config(**dict(zip(choices, values, strict=True))))


@pytest.mark.parametrize("name", TUNED)
def test_the_values_of_the_grid_lie_in_the_space(name: str) -> None:
    kind = KINDS[name]
    for field, values in kind.grid.items():
        assert all(kind.space[field].holds(value) for value in values), field


@pytest.mark.parametrize("name", TUNED)
def test_a_tiny_search_runs(
    name: str, planted_blocks: InteractionLog, rated_blocks: InteractionLog, tmp_path: Path
) -> None:
    log = rated_blocks if KINDS[name].capabilities.needs_ratings else planted_blocks
    start = cheap_config(name, max_epochs=1)
    space = reaching(KINDS[name].space, start, held=frozenset(KEPT_CHEAP))
    epochs = KINDS[name].capabilities.early_stopping

    def fit(model: Recommender, judge: Any) -> None:
        model.fit(log, seed=SEED, validate=judge if epochs else None)

    def judge(model: Recommender) -> float:
        return float(model.num_parameters)

    task = Task(lambda config: build_from(name, config), fit, judge, start, space)
    blank = Search(name, "log", "per_user", {}, "ndcg@10", 60.0, 3, described(space), {})
    found = search(
        task, tmp_path / "search.json", blank, seed=0, say=lambda text: None, progress=lambda done, of: None
    )
    assert [trial.reason for trial in found.trials] == [""] * len(found.trials)
    assert found.finished
    if space:
        assert len(found.trials) == 3
        assert all(bool(trial.curve) == epochs for trial in found.trials)


def build_from(name: str, config: Any) -> Recommender:
    return KINDS[name](config)
