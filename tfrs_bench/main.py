"""`python -m tfrs_bench.main` trains models on a log and weighs them against tuned baselines."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfrs_bench import settings as flags
from tfrs_bench.errors import UserError
from tfrs_bench.settings import Settings

if TYPE_CHECKING:
    from tfrs_bench.preparation import Prepared
    from tfrs_bench.reporting.console import Console
    from tfrs_bench.runner import Finished, Request

_NO_VERDICT = "No verdicts: they hold a neural model of --model against --baselines, and one side is empty."


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
      argv: program name and flags; None for the process's own.

    Returns:
      0, or 2 after an error of the user's, or 130 after Ctrl-C.
    """
    argv = sys.argv if argv is None else argv
    try:
        run(flags.parse(argv))
    except UserError as error:
        if {"--debug", "--debug=true", "-debug"} & set(argv):
            raise
        print(f"\ntfrs_bench: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        sys.stdout = None
    except KeyboardInterrupt:
        print(
            "\ntfrs_bench: stopped. Finished runs are kept; the same command goes on after them.",
            file=sys.stderr,
        )
        return 130
    return 0


def run(settings: Settings) -> None:
    """Carries out what the flags ask for."""
    from pathlib import Path

    from tfrs_bench.preparation import prepare
    from tfrs_bench.reporting.console import Console
    from tfrs_bench.runner import Runner

    shown, plan = Console(), settings.plan
    if plan.describe:
        describe(settings, shown)
        return
    prepared = prepare(settings.experiment, shown, memory_mb=plan.evaluation_memory_mb)
    runner = Runner(prepared, Path(plan.results_dir), shown, rerun=plan.rerun)
    report(settings, [runner.run(request) for request in requests(settings, prepared)], shown)


def describe(settings: Settings, shown: Console) -> None:
    """Prints the facts of the log."""
    from rich.table import Table
    from rich.text import Text

    from tfrs_bench.data.describe import describe as facts_of
    from tfrs_bench.preparation import load_dataset

    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    for fact, value in facts_of(load_dataset(settings.experiment)):
        text = (
            f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else value
        )
        table.add_row(fact, Text(text))
    shown.rich.print(table)


def requests(settings: Settings, prepared: Prepared) -> list[Request]:
    """Returns what to run: random first, the baselines, the models, and the oracle where truth is known."""
    from tfrs_bench.models.oracle import Oracle
    from tfrs_bench.runner import Request

    plan = settings.plan
    names = dict.fromkeys(("random", *plan.baselines, *plan.model))
    asked = [_request(name, settings, prepared) for name in names]
    if prepared.dataset.truth is not None:
        asked.append(Request(Oracle.name, Oracle.Config(), "the simulator's truth"))
    return asked


def _request(name: str, settings: Settings, prepared: Prepared) -> Request:
    """Settings from flags, else shipped for this data and protocol, else (baselines) a grid on validation."""
    from tfrs_bench import registry
    from tfrs_bench.reporting.comparison import UNTUNED
    from tfrs_bench.runner import Request

    plan = settings.plan
    model = registry.resolve(registry.MODELS, name, "model")
    asked_for = name in plan.model
    shipped = _shipped(name, model, settings, prepared) if asked_for or plan.tune_baselines else None
    start, source = shipped or (None, "defaults" if dataclasses.fields(model.Config) else "no settings")
    config = settings.config(name, start)
    if asked_for and settings.stated(name):
        return Request(name, config, "flags" if shipped is None else f"flags over {source}")
    if shipped is not None or not model.grid:
        return Request(name, config, source)
    if not plan.tune_baselines:
        return Request(name, config, UNTUNED)
    return Request(name, config, tune=True)


def _shipped(name: str, model: Any, settings: Settings, prepared: Prepared) -> tuple[Any, str] | None:
    """Looks for settings tuned for this data set and protocol; nobody has any for a log of one's own."""
    from tfrs_bench.experiment import Experiment
    from tfrs_bench.tuning.shipped import PROTOCOL_FLAGS, shipped_config

    if settings.experiment.interactions is not None:
        return None
    asked, defaults = (
        {flag: getattr(experiment, flag) for flag in PROTOCOL_FLAGS}
        for experiment in (settings.experiment, Experiment(dataset=settings.experiment.dataset))
    )
    return shipped_config(model.Config, name, prepared.dataset.name, asked=asked, defaults=defaults)


def report(settings: Settings, finished: list[Finished], shown: Console) -> None:
    """Prints the table and the verdicts, and writes the summary."""
    from pathlib import Path

    from tfrs_bench import registry
    from tfrs_bench.evaluation.verdicts import compare
    from tfrs_bench.models.random_order import RandomOrder
    from tfrs_bench.reporting import comparison as page

    records = [one.record for one in finished]
    weighed = dict.fromkeys((*settings.plan.model, *settings.plan.baselines))
    neural = [
        name for name in weighed if registry.resolve(registry.MODELS, name, "model").capabilities.neural
    ]
    baselines = [name for name in weighed if name not in neural and name != RandomOrder.name]
    compared = compare({one.record.model: one.evaluation for one in finished}, neural, baselines)
    first = records[0]
    shown.rich.print(f"\n{first.dataset}, {first.split} split, seed {first.seed}", style="bold")
    shown.rich.print(page.comparison_table(compared, records))
    shown.paragraph(page.footnote(compared), style="dim")
    for line in page.warnings(records):
        shown.paragraph(line)
    shown.rich.print()
    for line in compared.sentences() or [_NO_VERDICT]:
        shown.line(line)
    shown.rich.print()
    for line in page.chosen_settings(records):
        shown.paragraph(line, style="dim")
    shown.line(f"runs: {finished[0].folder.parent}", style="dim")
    shown.line(f"curves: tensorboard --logdir {settings.plan.results_dir}", style="dim")
    if settings.plan.summary is not None:
        page.write_summary(Path(settings.plan.summary), compared, records, settings.asked())
        shown.line(f"summary: {settings.plan.summary}", style="dim")


if __name__ == "__main__":
    sys.exit(console())
