"""`python -m tfrs_bench.main` trains models on a log and weighs them against tuned baselines."""

from __future__ import annotations

import dataclasses
import io
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tfrs_bench import settings as flags
from tfrs_bench.errors import UserError
from tfrs_bench.runtime import remembered_interrupts
from tfrs_bench.settings import Settings

if TYPE_CHECKING:
    from tfrs_bench.preparation import Prepared
    from tfrs_bench.reporting.console import Console
    from tfrs_bench.runner import Finished


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
      argv: program name and flags; None for the process's own.

    Returns:
      The exit status, see `attend`.
    """
    return attend(lambda given: run(flags.parse(given)), argv)


def attend(command: Callable[[Sequence[str]], int | None], argv: Sequence[str] | None) -> int:
    """Runs a command and says in a sentence what stopped it.

    Args:
      command: takes program name and flags; may return an exit status.
      argv: these; None for the process's own.

    Returns:
      What the command returned, or 0; 2 after what the user can mend, 1 after a defect of the program, 130
      after Ctrl-C.
    """
    argv = sys.argv if argv is None else argv
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a character shows another
        sys.stdout.reconfigure(errors="replace")
    again = "the same command" + (" without --rerun" if any("-rerun" in one for one in argv) else "")
    debug = bool({"--debug", "--debug=true", "--debug=1", "-debug"} & set(argv))
    try:
        with remembered_interrupts():
            return command(argv) or 0
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        sys.stdout = None
    except KeyboardInterrupt:
        _tell(f"stopped. Finished runs, trials and epochs are kept; {again} goes on after them.")
        return 130
    except Exception as error:
        if debug:
            raise
        _tell(_sentence(error))
        return 2 if isinstance(error, UserError | OSError | MemoryError) else 1
    return 0


def _tell(text: str) -> None:
    """Prints an error; a name's control characters, which could command the terminal, become escapes."""
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    print(f"\ntfrs_bench: {shown}", file=sys.stderr)


def _sentence(error: Exception) -> str:
    """Says what happened and what to do next."""
    if isinstance(error, UserError):
        return str(error)
    kept = "Finished runs, trials and epochs are kept."
    if isinstance(error, MemoryError):
        return f"memory ran out. Lower --evaluation_memory_mb, or give fewer rows. {kept}"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return (
            f"{where}{error.strerror or error}. Mend that and type the same command again, with --debug to "
            f"see where it stops. {kept}"
        )
    return (
        f"{type(error).__name__}: {error}. This is a defect of the program and not of what you typed: type"
        f" --debug after the same command to see where, and report that. {kept}"
    )


def run(settings: Settings) -> None:
    """Carries out what the flags ask for."""
    from tfrs_bench.reporting.console import Console

    shown = Console()
    if settings.plan.describe:
        describe(settings, shown)
    else:
        report(settings, carry_out([settings], shown), shown)


def carry_out(asked: Sequence[Settings], shown: Console) -> list[Finished]:
    """Runs what is asked for on one log, all of it checked before the first run.

    Args:
      asked: data, protocol and output of all are those of the first; the models differ.
      shown: where stages are printed.

    Returns:
      Every run, in order; one that was asked for before is in the list once.
    """
    from pathlib import Path

    from tfrs_bench.requests import requests
    from tfrs_bench.runner import Runner

    plan, prepared = asked[0].plan, prepare_as_asked(asked[0], shown)
    plans = []
    for settings in asked:
        runner = Runner(prepared, Path(plan.results_dir), shown, rerun=plan.rerun, asked=settings.asked())
        plans.append((runner, requests(settings, truth_is_known=prepared.dataset.truth is not None)))
        runner.check(plans[-1][1])
    searched = {
        (one.name, one.config, one.held): one.name
        for runner, its in plans
        for request in its
        if runner.will_search(request)
        for one in request.searches
    }
    if plan.tune_minutes is not None and searched:
        announce(list(searched.values()), plan.tune_minutes, shown)
    finished: dict[Path, Finished] = {}
    failed: dict[str, UserError] = {}
    for runner, its in plans:
        for request in its:
            folder = runner.folder(request)
            if folder in finished or request.name in failed:
                continue
            try:
                finished[folder] = runner.run(request)
            except UserError as error:
                if request.budget is None:
                    raise
                shown.note(request.name, str(error))  # the others may be searched all night
                failed[request.name] = error
    if failed:
        reasons = " ".join(map(str, failed.values()))
        left = ", ".join(failed)
        done = "The other models are done" if finished else "No model is done"
        raise UserError(
            f"Not run: {left}. {reasons} {done}: the same command without {left} in --model and --baselines "
            "shows the table."
        )
    return list(finished.values())


def announce(models: Sequence[str], minutes: float, shown: Console) -> None:
    """Says what searches will take at most, before the first begins."""
    count = "1 model" if len(models) == 1 else f"{len(models)} models"
    shown.line(
        f"tuning {count} ({', '.join(models)}): {minutes:g} min each and {len(models) * minutes:g} min in all"
        " at most, beyond which a trial under way may run to its end"
    )


def prepare_as_asked(settings: Settings, shown: Console) -> Prepared:
    """Makes the log ready under its label, once the places of the output are known to be writable."""
    from pathlib import Path

    from tfrs_bench.data.tabular import safe_name
    from tfrs_bench.preparation import prepare
    from tfrs_bench.storage import check_writable

    plan = settings.plan
    check_writable(Path(plan.results_dir), "--results_dir=DIR")
    if plan.summary is not None:
        check_writable(Path(plan.summary).parent, "--summary=FILE")
    prepared = prepare(settings.experiment, shown, memory_mb=plan.evaluation_memory_mb)
    if plan.label is not None:
        named = dataclasses.replace(prepared.dataset, name=safe_name(Path(plan.label)))
        prepared = dataclasses.replace(prepared, dataset=named)
    return prepared


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


def report(settings: Settings, finished: list[Finished], shown: Console) -> None:
    """Prints the table and the verdicts, and writes the summary."""
    from pathlib import Path

    from tfrs_bench.reporting import comparison as page
    from tfrs_bench.reporting.funnel import print_funnels
    from tfrs_bench.reporting.study import study_of

    study = study_of(finished)
    shown.rich.print()
    page.print_conclusion(study, shown)
    shown.rich.print()
    print_funnels(study, shown)
    for line in page.chosen_settings(study):
        shown.paragraph(line, style="dim")
    shown.line(f"runs: {finished[0].folder.parent}", style="dim")
    shown.line(f"curves: tensorboard --logdir {settings.plan.results_dir}", style="dim")
    if settings.plan.summary is not None:
        page.write_summary(Path(settings.plan.summary), study)
        shown.line(f"summary: {settings.plan.summary}", style="dim")


if __name__ == "__main__":
    sys.exit(console())
