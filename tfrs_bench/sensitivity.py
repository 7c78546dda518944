"""`python -m tfrs_bench.sensitivity` runs a model at several values of one setting, all else equal."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import ClassVar

from tfrs_bench import main, registry
from tfrs_bench import settings as flags
from tfrs_bench.errors import UserError
from tfrs_bench.experiment import MODELS
from tfrs_bench.options import did_you_mean, option, options_of
from tfrs_bench.settings import Settings


@dataclasses.dataclass(frozen=True)
class Variation:
    """The command's flag beside those of main."""

    INTRODUCTION: ClassVar[str] = """\
Runs a model at several values of one of its settings, all else equal, and
shows what the setting is worth: a table, the differences with intervals, and a
figure. Takes the flags of main; runs are kept and reused like any, under
--label, by default the data set's name with the ending -sensitivity.

  python -m tfrs_bench.sensitivity --model=als --vary=factors:16,32,64,128
  python -m tfrs_bench.sensitivity --vary=negatives:in_batch,in_batch_uncorrected"""

    vary: str | None = option(
        None,
        "A setting of the one model in --model and its values, such as factors:16,32,64; values that hold "
        "commas themselves are parted by spaces.",
        group=MODELS,
    )


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command; arguments and exit status as of `main.console`."""
    return main.attend(run, argv)


def run(argv: Sequence[str]) -> None:
    """Carries out what the command line asks for."""
    from tfrs_bench.reporting.console import Console
    from tfrs_bench.reporting.records import write_atomically
    from tfrs_bench.reporting.study import study_of
    from tfrs_bench.reporting.sweeps import LABEL, differences, figure, section, sweeps

    asked, shown = variants(argv), Console()
    if asked[0].plan.describe:
        main.describe(asked[0], shown)
        return
    finished = main.carry_out(asked, shown)
    main.report(asked[0], finished, shown)
    study, folder = study_of(finished), finished[0].folder.parent
    for sweep in sweeps(study):
        name = f"{LABEL}-{sweep.model}-{sweep.setting}"
        write_atomically(folder / f"{name}.svg", figure(study, sweep))
        write_atomically(folder / f"{name}.md", "\n".join(section(study, sweep, f"{name}.svg")) + "\n")
        shown.rich.print()
        for sentence in differences(study, sweep):
            shown.line(sentence)
        shown.line(f"sensitivity: {folder / name}.md and .svg", style="dim")


def variants(argv: Sequence[str]) -> list[Settings]:
    """Returns what main would be asked for, once for each value; baselines stand beside the first alone.

    Args:
      argv: program name and flags.

    Raises:
      UserError: `--vary` is missing or names no setting of the model, or a value is not allowed.
    """
    given = flags.parse(argv, Variation)
    name, values = _varied(given)
    label = [] if given.plan.label is not None else [f"--label={_default_label(given)}"]
    return [
        flags.parse([*argv, *label, f"--{name}={value}", *(["--baselines="] if number else [])], Variation)
        for number, value in enumerate(values)
    ]


def _varied(given: Settings) -> tuple[str, list[str]]:
    """Reads `--vary`: the setting's name and the texts of its values."""
    if given.own.vary is None:
        raise UserError("--vary is missing. Name a setting and its values, such as --vary=factors:16,32,64.")
    if len(given.plan.model) != 1:
        raise UserError(f"--model={','.join(given.plan.model)} names several models. Vary one at a time.")
    (model,) = given.plan.model
    name, _, text = given.own.vary.partition(":")
    known = [field.name for field in options_of(registry.resolve(registry.MODELS, model, "model").Config)]
    if name not in known:
        hint = did_you_mean(name, known) if known else " It has none."
        raise UserError(f"--vary={given.own.vary}: {name} is not a setting of {model}.{hint}")
    if name in given.hyper_parameters:
        raise UserError(f"--{name} and --vary={given.own.vary} both set {name}. Leave one of them out.")
    values = list(dict.fromkeys(text.split() if " " in text else filter(None, text.split(","))))
    if len(values) < 2:
        raise UserError(f"--vary={given.own.vary} needs two values or more, such as --vary={name}:A,B.")
    return name, values


def _default_label(given: Settings) -> str:
    from pathlib import Path

    from tfrs_bench.data.tabular import safe_name
    from tfrs_bench.reporting.sweeps import LABEL

    own = given.experiment.interactions
    name = registry.short_name(given.experiment.dataset) if own is None else safe_name(Path(own))
    return f"{name}-{LABEL}"


if __name__ == "__main__":
    sys.exit(console())
