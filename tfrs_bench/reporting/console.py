"""What a person sees while an experiment runs: one line a stage, bars on long work."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from tfrs_bench.runtime import stop_if_interrupted

_NAME_WIDTH = 12  # longer than the longest name of a model


class Stage:
    """One stage under way; its lines are printed when it ends."""

    def __init__(self, console: Console) -> None:
        """Belongs to a console."""
        self.lines: list[str] = []
        self._console = console

    def say(self, *lines: str) -> None:
        """Adds what the stage found."""
        self.lines += lines

    def progress(self, what: str) -> Callable[[int, int], None]:
        """Returns a callback `(done, total)` that draws a bar."""
        return self._console.progress(what)


class Console:
    """Prints stages and progress; bars only on a terminal, lines everywhere."""

    def __init__(self, rich: RichConsole | None = None) -> None:
        """Takes the console to print on; by default the process's standard output."""
        self.rich = RichConsole(highlight=False) if rich is None else rich
        self._bars: Progress | None = None
        self._tasks: dict[str, Any] = {}
        self._stage = ""

    def line(self, text: str, style: str = "") -> None:
        """Prints a line that programs may look for: wrapped on a terminal only."""
        if self.rich.is_terminal:
            self.paragraph(text, style)
        else:
            self.rich.print(Text(text, style), soft_wrap=True)

    def begin(self, name: str, what: str) -> None:
        """Says that long work begins, where no bar shows it."""
        if not self.rich.is_terminal:
            self.rich.print(Text(f"  {name:<{_NAME_WIDTH}}{what}", "dim"), soft_wrap=True)

    def paragraph(self, text: str, style: str = "", indent: str = "", hanging: str = "  ") -> None:
        """Prints text wrapped between words, the lines after the first indented."""
        wrapper = textwrap.TextWrapper(
            self.rich.width, indent, indent + hanging, break_long_words=False, break_on_hyphens=False
        )
        for line in wrapper.wrap(text):
            self.rich.print(Text(line, style), soft_wrap=True)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Shows a bar while the stage runs, then its name, what it said, and its seconds."""
        stage, began = Stage(self), time.perf_counter()
        columns = (
            TextColumn(f"  {name:<{_NAME_WIDTH}}{{task.description}}"),
            BarColumn(12),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[more]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.rich, transient=True, disable=not self.rich.is_terminal) as bars:
            self._bars, self._tasks, self._stage = bars, {}, name
            self.progress("working")(0, 0)
            try:
                yield stage
            finally:
                self._bars = None
        seconds = time.perf_counter() - began
        first, *rest = stage.lines or [""]
        self.rich.print(
            Text.assemble((f"  {name:<{_NAME_WIDTH}}", "bold"), first, (f"  ({seconds:.1f} s)", "dim")),
            soft_wrap=True,
        )
        for line in rest:
            self.paragraph(line, indent=" " * (_NAME_WIDTH + 2))

    def progress(self, what: str) -> Callable[[int, int], None]:
        """Returns a callback `(done, total)` that moves the bar of the stage under way."""
        return lambda done, total: self._move(what, done, total)

    def _move(self, what: str, done: int, total: int, more: str = "") -> None:
        stop_if_interrupted()
        if self._bars is None:
            return
        if what not in self._tasks:
            for task in self._tasks.values():
                self._bars.update(task, visible=False)
            self._tasks[what] = self._bars.add_task(what, total=total or None, count="", more="")
        count = f"{done:,}/{total:,}" if total else ""
        self._bars.update(self._tasks[what], completed=done, total=total or None, count=count, more=more)

    def training(self, phase: str) -> TrainingBar:
        """Returns a fit monitor that draws an epoch's bar and prints a line an epoch.

        Args:
          phase: `search` or `refit`.
        """
        return TrainingBar(self, phase)

    def note(self, name: str, text: str) -> None:
        """Says something that a run's reader should know, while the run goes on."""
        self.rich.print(Text(f"  {name:<{_NAME_WIDTH}}{text}", "dim"), soft_wrap=True)

    def waiting(self, name: str, folder: Path) -> None:
        """Says that another process is at this run."""
        self.note(name, f"another process is making {folder}: this one waits for it and reuses the run")

    def reused(self, name: str, folder: Path) -> None:
        """Says that a run was found and not repeated."""
        line = f"reused from {folder} (--rerun repeats it)"
        self.rich.print(Text.assemble((f"  {name:<{_NAME_WIDTH}}", "bold"), line), soft_wrap=True)


class TrainingBar:
    """A `FitMonitor` for the terminal."""

    def __init__(self, console: Console, phase: str, part: str = "") -> None:
        """Belongs to a console; see `Console.training`. `part` names a part of the model."""
        self._console, self._phase, self._part = console, phase, f"{part} " if part else ""

    def part(self, name: str) -> TrainingBar:
        """Returns the bar of a part of the model."""
        return TrainingBar(self._console, self._phase, name)

    def resumed(self, epoch: int) -> None:
        """Says where an earlier process was stopped."""
        self._console.note(
            self._console._stage, f"goes on after epoch {epoch} of the {self._part}{self._phase}"
        )

    def step(self, epoch: int, epochs: int, step: int, steps: int, loss: float) -> None:
        """Moves the epoch's bar."""
        self._console._move(
            f"{self._part}{self._phase} epoch {epoch}/{epochs}", step, steps, f"loss {loss:.3f}"
        )

    def epoch(self, epoch: int, scalars: dict[str, float]) -> None:
        """Prints the epoch's line."""
        judged = "".join(
            f", {tag.replace('/', ' ').replace(name, name.upper())} {quality:.4f}"
            for tag, quality in scalars.items()
            if (name := tag.removeprefix("validation/")) != tag
        )
        speed = f"{scalars['train/examples_per_second']:,.0f} examples/s"
        fit = self._part + ("" if self._phase == "search" else f"{self._phase} ")
        text = f"{fit}epoch {epoch}: loss {scalars['train/loss']:.4f}{judged}, {speed}"
        line = f"  {self._console._stage:<{_NAME_WIDTH}}{text}"
        self._console.rich.print(Text(line, style="dim"), soft_wrap=True)
