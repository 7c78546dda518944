"""In every world whose winner is known, the whole pipeline finds that winner, and nobody beats the truth."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console as RichConsole

from tfrs_bench.data.worlds import WORLDS
from tfrs_bench.evaluation.verdicts import Comparison, Verdict, compare
from tfrs_bench.preparation import prepare
from tfrs_bench.reporting.console import Console
from tfrs_bench.reporting.study import CEILING
from tfrs_bench.requests import requests
from tfrs_bench.runner import Runner
from tfrs_bench.settings import parse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Comparison]:
    """comparison(world) runs every model in a world as the command does, and compares each with each."""

    @cache
    def run(world: str) -> Comparison:
        folder = tmp_path_factory.mktemp(world)
        commands = [[], WORLDS[world].command_line] if WORLDS[world].flags else [[]]
        return compared(world, commands, folder)

    return run


def compared(world: str, commands: list[list[str]], folder: Path) -> Comparison:
    """The last command's models go by their plain names, those of an earlier one by `name, defaults`."""
    console = Console(RichConsole(file=io.StringIO(), width=80))
    evaluations = {}
    for number, flags in enumerate(commands, start=1):
        settings = parse(["main", f"--dataset={world}", *flags])
        runner = Runner(prepare(settings.experiment, console), folder, console)
        for request in requests(settings, truth_is_known=True):
            finished = runner.run(request)
            other = number < len(commands) and request.name == WORLDS[world].made_for
            evaluations[f"{request.name}, defaults" if other else request.name] = finished.evaluation
    return compare(evaluations, list(evaluations), list(evaluations))


def differences(comparison: Comparison, model: str) -> dict[str, Verdict]:
    """How a model's NDCG@10 stands against every other's."""
    return {
        one.baseline: one
        for one in comparison.verdicts
        if (one.model, one.metric, one.segment) == (model, "ndcg@10", "all") and one.baseline != model
    }


@pytest.mark.parametrize("world", WORLDS)
def test_the_model_made_for_a_world_wins_and_nobody_exceeds_its_truth(
    world: str, comparison: Callable[[str], Comparison]
) -> None:
    table, known = comparison(world), WORLDS[world]
    winner, oracle = differences(table, known.made_for), differences(table, CEILING)
    assert {"random", "popularity", "als", "two_tower", CEILING} <= {known.made_for, *winner}
    assert all(one.high >= 0 for other, one in winner.items() if other != CEILING), winner
    assert all(winner[other].low > 0 for other in known.beats), winner
    assert all(one.high >= 0 for one in oracle.values()), oracle
    ceiling = table.row(CEILING)
    assert ceiling is not None and ceiling.mean < 0.5
