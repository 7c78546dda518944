"""What stands in the terminal: a line a stage, nothing cut, and whole lines where programs read."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console as RichConsole

from tfrs_bench.reporting.console import Console

Written = Callable[[], list[str]]
EPOCH = {"train/loss": 1.23456, "train/examples_per_second": 12345.6}


@pytest.fixture
def piped() -> tuple[Console, Written]:
    out = io.StringIO()
    return Console(RichConsole(file=out, width=60, highlight=False)), lambda: out.getvalue().splitlines()


@pytest.fixture
def terminal() -> tuple[Console, Written]:
    out = io.StringIO()
    rich = RichConsole(file=out, width=60, force_terminal=True, color_system=None, highlight=False)
    return Console(rich), lambda: out.getvalue().splitlines()


def test_a_stage_is_a_line_with_its_seconds_and_what_it_found(piped: tuple[Console, Written]) -> None:
    console, written = piped
    with console.stage("load") as stage:
        stage.say("ml-1m: 5 rows", "a note")
        assert not written()
    first, second = written()
    assert first.startswith("  load        ml-1m: 5 rows  (0.") and first.endswith(" s)")
    assert second == "              a note"


def test_a_stage_that_found_nothing_to_say_still_has_its_line(piped: tuple[Console, Written]) -> None:
    console, written = piped
    with console.stage("load"):
        pass
    assert written()[0].startswith("  load")


def test_long_findings_wrap_between_words_under_their_stage(piped: tuple[Console, Written]) -> None:
    console, written = piped
    words = [f"word{number}" for number in range(30)]
    with console.stage("split") as stage:
        stage.say("x", " ".join(words))
    _, *lines = written()
    assert all(line.startswith(" " * 13) and len(line) <= 60 for line in lines)
    assert " ".join(lines).split() == words


def test_an_error_inside_a_stage_passes_and_prints_no_line(piped: tuple[Console, Written]) -> None:
    console, written = piped
    with pytest.raises(ValueError, match="inside"), console.stage("load"):
        raise ValueError("inside")
    assert not written()
    console.progress("after")(1, 2)  # and no bar is left to move


def test_paragraphs_wrap_with_later_lines_indented_and_long_words_whole(
    piped: tuple[Console, Written],
) -> None:
    console, written = piped
    path = "/a/very/long/path/" + "x" * 60
    console.paragraph(f"curves: {path} and some more words that do not fit in a single line of sixty")
    lines = written()
    assert any(path in line for line in lines)
    assert all(line.startswith("  ") for line in lines[1:])


def test_lines_for_programs_stay_whole_when_piped_and_wrap_on_a_terminal(
    piped: tuple[Console, Written], terminal: tuple[Console, Written]
) -> None:
    text = " ".join(["two_tower vs als: better"] * 5)
    for console, _ in (piped, terminal):
        console.line(text)
    assert piped[1]() == [text]
    assert len(terminal[1]()) == 3 and all(len(line) <= 60 for line in terminal[1]())


def test_text_in_brackets_is_no_markup(piped: tuple[Console, Written]) -> None:
    console, written = piped
    console.line("[bold]x[/bold] [+0.028, +0.035]")
    console.paragraph("[red]y")
    assert written() == ["[bold]x[/bold] [+0.028, +0.035]", "[red]y"]


def test_every_epoch_has_a_line_that_names_model_and_fit(piped: tuple[Console, Written]) -> None:
    console, written = piped
    with console.stage("two_tower"):
        search, refit = console.training("search"), console.training("refit")
        search.step(1, 20, 1, 10, 2.0)
        search.epoch(1, EPOCH | {"validation/ndcg@10": 0.15})
        search.epoch(2, EPOCH | {"validation/rmse": 0.95})
        refit.epoch(2, EPOCH)
    assert written()[:3] == [
        "  two_tower   epoch 1: loss 1.2346, validation NDCG@10 0.1500, 12,346 examples/s",
        "  two_tower   epoch 2: loss 1.2346, validation RMSE 0.9500, 12,346 examples/s",
        "  two_tower   refit epoch 2: loss 1.2346, 12,346 examples/s",
    ]


def test_a_reused_run_names_its_folder_and_what_repeats_it(piped: tuple[Console, Written]) -> None:
    console, written = piped
    console.reused("als", Path("runs/log/per_user/als-seed0-12345678"))
    assert written() == [
        "  als         reused from runs/log/per_user/als-seed0-12345678 (--rerun repeats it)"
    ]


def test_bars_are_drawn_on_a_terminal_only(
    piped: tuple[Console, Written], terminal: tuple[Console, Written]
) -> None:
    for console, _ in (piped, terminal):
        with console.stage("als") as stage:
            stage.progress("tuning")(3, 27)
    assert "tuning" not in "\n".join(piped[1]())
    assert any("tuning" in line and "3/27" in line for line in terminal[1]())


def test_the_longest_bar_fits_eighty_columns() -> None:
    out = io.StringIO()
    rich = RichConsole(file=out, width=80, force_terminal=True, color_system=None, highlight=False)
    console = Console(rich)
    with console.stage("popularity"):
        console.training("search").step(20, 20, 7000, 7735, 10.123)
    bar = next(line for line in out.getvalue().splitlines() if "7,000/7,735" in line)
    assert "…" not in bar and "search epoch 20/20" in bar and "loss 10.123" in bar and "0:00:00" in bar
