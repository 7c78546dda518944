"""`python -m tfrs_bench.tune` searches models' settings on validation, each within the same budget."""

from __future__ import annotations

import dataclasses
import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tfrs_bench import main, registry
from tfrs_bench import settings as flags
from tfrs_bench.errors import UserError
from tfrs_bench.experiment import OUTPUT, Experiment, Plan
from tfrs_bench.options import check_options, option
from tfrs_bench.settings import Settings

if TYPE_CHECKING:
    from tfrs_bench.preparation import Prepared
    from tfrs_bench.reporting.console import Console
    from tfrs_bench.searching import Searched

BUDGET = "Budget (the same for every model)"
# What main weighs and shows.
_NOT_OF_TUNE = ("baselines", "tune_baselines", "tune_minutes", "tune_trials", "seeds", "summary")


@dataclasses.dataclass(frozen=True)
class Tuning:
    """The command's flags beside those of main."""

    INTRODUCTION: ClassVar[str] = """\
Searches the settings of every model in --model on the validation part, each
within the same budget, and writes the best as flags/DATASET/SPLIT/MODEL.cfg,
which main takes up by itself. The test part is not looked at. A search that
was stopped goes on where it was; all trials are kept below --results_dir. Takes
the flags of main; a setting that is given stays as it is given.

  python -m tfrs_bench.tune --model=als,ease,two_tower --budget_minutes=10
  python -m tfrs_bench.tune --dataset=ml-1m --split=global --model=ncf
  python -m tfrs_bench.tune --interactions=log.csv --label=shop --model=als"""

    budget_minutes: float = option(
        10.0,
        "Minutes of each model's search: no trial starts after them, and one with epochs stops at its next.",
        low=0.01,
        group=BUDGET,
    )
    max_trials: int = option(60, "Trials of each model's search at most.", low=1, group=BUDGET)
    flags_dir: str = option("flags", "Folder for the files of settings that are found.", group=OUTPUT)
    replace: bool = option(
        False,
        "Replace a file of settings that is there, even where it is better on validation.",
        group=OUTPUT,
    )

    def __post_init__(self) -> None:
        """Checks every option.

        Raises:
          UserError: one is outside its range.
        """
        check_options(self)


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command; arguments and exit status as of `main.console`."""
    return main.attend(run, argv)


def run(argv: Sequence[str]) -> None:
    """Carries out what the command line asks for."""
    from tfrs_bench.reporting.console import Console
    from tfrs_bench.storage import check_writable

    given, shown = flags.parse(argv, Tuning), Console()
    _check(given)
    if given.plan.describe:
        main.describe(given, shown)
        return
    check_writable(Path(given.own.flags_dir), "--flags_dir=DIR")
    prepared = main.prepare_as_asked(given, shown)
    models = [name for name in dict.fromkeys(given.plan.model) if _is_searched(name, prepared, given, shown)]
    if models:
        main.announce(models, given.own.budget_minutes, shown)
    failed = {}
    for name in models:
        try:
            _tune(name, prepared, given, shown)
        except UserError as error:  # the others may be searched all night
            shown.note(name, str(error))
            failed[name] = error
    if failed:
        raise UserError(f"Not tuned: {', '.join(failed)}. {next(iter(failed.values()))}")


def _check(given: Settings) -> None:
    defaults = Plan()
    for name in _NOT_OF_TUNE:
        if getattr(given.plan, name) != getattr(defaults, name):
            raise UserError(
                f"--{name} is a flag of tfrs_bench.main. Name what to tune in --model, and leave it out."
            )


def _is_searched(name: str, prepared: Prepared, given: Settings, shown: Console) -> bool:
    """Tells whether there is something to search; raises UserError if the model cannot be fitted."""
    from tfrs_bench.fitting import new_model
    from tfrs_bench.searching import space_of

    request = _request(name, given)
    if not registry.resolve(registry.MODELS, name, "model").space:
        parts = ",".join(part.name for part in request.searches if part.name != name)
        instead = f" Its parts have: --model={parts}, or main with --tune_minutes=N." if parts else ""
        shown.line(f"{name} has nothing to search.{instead}")
        return False
    new_model(prepared, name, request.config).check(prepared.train)
    _ = prepared.validation
    if not space_of(prepared, name, request.config, request.held):
        shown.line(f"{name} has nothing left to search on these data: every setting is given.")
        return False
    return True


def _request(name: str, given: Settings) -> Any:
    from tfrs_bench.requests import searched_request
    from tfrs_bench.tuning.search import Budget

    return searched_request(name, given, Budget(given.own.budget_minutes, given.own.max_trials))


def _tune(name: str, prepared: Prepared, given: Settings, shown: Console) -> None:
    """Searches one model and writes its winner."""
    from tfrs_bench.searching import search_settings

    request = _request(name, given)
    with shown.stage(name) as stage:
        found = search_settings(
            prepared,
            name,
            request.config,
            request.budget,
            held=request.held,
            results_dir=Path(given.plan.results_dir),
            console=shown,
            afresh=given.plan.rerun,
        )
        stage.say(f"{_figure(prepared, found.quality)} on validation ({found.summary()})")
        stage.say(*_write(name, prepared, given, found))
        stage.say(f"ledger: {found.path}")


def _write(name: str, prepared: Prepared, given: Settings, found: Searched) -> list[str]:
    """Writes the winner, unless the file that is there is as good; returns what was done, in sentences."""
    from tfrs_bench.requests import flagfile_name
    from tfrs_bench.searching import quality_of
    from tfrs_bench.tuning.flagfile import flagfile, write_flagfile

    path = Path(given.own.flags_dir) / flagfile_name(name, given)
    text = flagfile(
        found.search, found.config, _protocol(given), command=_command(name, given), quality=found.quality
    )
    told = []
    if path.exists() and path.read_text(encoding="utf-8") != text:
        standing = _standing(name, path, given)
        if standing is None:
            told.append(f"{path} is of another protocol.")
        elif standing != found.config:
            try:
                before = quality_of(prepared, name, standing)
                told.append(
                    f"{path} has {_figure(prepared, before)}, measured in the same way; the search found "
                    f"{_figure(prepared, found.quality)}."
                )
            except UserError as error:
                before = -math.inf
                told.append(f"{path} cannot be fitted any more: {error}")
        keeps = standing is None or (standing != found.config and before >= found.quality)
        if keeps and not given.own.replace:
            return [*told, f"{path} stays. --replace writes what was found, --flags_dir=DIR elsewhere."]
    write_flagfile(path, text)
    return [*told, f"written: {path}"]


def _standing(name: str, path: Path, given: Settings) -> Any | None:
    """Returns the settings of the file that is there, or None if it means other data or protocol."""
    from tfrs_bench.requests import tuned_settings

    found = tuned_settings(name, given, places=(Path(given.own.flags_dir),))
    return None if found is None else found.config


def _figure(prepared: Prepared, quality: float) -> str:
    return f"{prepared.validation.metric.upper()} {abs(quality):.4f}"


def _protocol(given: Settings) -> dict[str, Any]:
    """Returns the flags of data and protocol that the settings were found under."""
    own = given.experiment.interactions is not None
    always = ("interactions" if own else "dataset", "split", "relevance_threshold")
    values = {field.name: getattr(given.experiment, field.name) for field in dataclasses.fields(Experiment)}
    differing = [
        field.name for field in dataclasses.fields(Experiment) if values[field.name] != field.default
    ]
    names = [one for one in dict.fromkeys((*always, *differing)) if one not in ("data_dir", "dataset")]
    told = {} if own else {"dataset": registry.short_name(given.experiment.dataset)}
    if given.plan.label is not None:
        told["label"] = given.plan.label
    return told | {name: values[name] for name in names}


def _command(name: str, given: Settings) -> str:
    """Returns what to type to search this model again; files are told by their names."""
    told = given.asked() | {"model": name}
    own = {field.name: getattr(given.own, field.name) for field in dataclasses.fields(Tuning)}
    told |= {key: f"{own[key]:g}" for key in ("budget_minutes", "max_trials")}
    return " ".join(
        ["python -m tfrs_bench.tune", *(f"--{key}={shlex.quote(value)}" for key, value in told.items())]
    )


if __name__ == "__main__":
    sys.exit(console())
