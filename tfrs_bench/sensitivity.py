"""`python -m tfrs_bench.sensitivity` runs models at several values of a setting or option, all else equal."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from tfrs_bench import main, registry
from tfrs_bench import settings as flags
from tfrs_bench.errors import UserError
from tfrs_bench.experiment import FILES, MODELS, PROTOCOL, Experiment
from tfrs_bench.options import did_you_mean, option, options_of
from tfrs_bench.settings import Settings

if TYPE_CHECKING:
    from tfrs_bench.reporting.console import Console

# What can be varied of the protocol, with its default: figures of another task are not of the same kind.
_OPTIONS = {
    field.name: field.default
    for field in options_of(Experiment)
    if field.metadata["group"] == PROTOCOL and field.name not in (*FILES, "task")
}


@dataclasses.dataclass(frozen=True)
class Variation:
    """The command's flag beside those of main."""

    INTRODUCTION: ClassVar[str] = """\
Runs a model at several values of one of its settings, or all models at several
values of an option of the protocol, all else equal, and shows what it is worth:
a table, the differences with intervals, and a figure. Takes the flags of main;
runs are kept and reused like any, under --label, by default the data set's name
with the ending -sensitivity.

  python -m tfrs_bench.sensitivity --model=als --vary=factors:16,32,64,128
  python -m tfrs_bench.sensitivity --vary=negatives:in_batch,in_batch_uncorrected
  python -m tfrs_bench.sensitivity --vary=train_fraction:0.1,0.25,0.5,1"""

    vary: str | None = option(
        None,
        "A setting of the one model in --model, or an option of the protocol, and its values, such as "
        "factors:16,32,64; values that hold commas themselves are parted by spaces.",
        group=MODELS,
    )


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command; arguments and exit status as of `main.console`."""
    return main.attend(run, argv)


def run(argv: Sequence[str]) -> None:
    """Carries out what the command line asks for."""
    from tfrs_bench.reporting.console import Console

    asked, shown = variants(argv), Console()
    if asked[0].plan.describe:
        main.describe(asked[0], shown)
    elif _varied(asked[0])[0] in _OPTIONS:
        _vary_protocol(asked, shown)
    else:
        _vary_setting(asked, shown)


def _vary_setting(asked: Sequence[Settings], shown: Console) -> None:
    """Runs one model at each value on one log, and shows what was varied."""
    from tfrs_bench.reporting.records import write_atomically
    from tfrs_bench.reporting.study import study_of
    from tfrs_bench.reporting.sweeps import LABEL, differences, figure, section, sweeps

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


def _vary_protocol(asked: Sequence[Settings], shown: Console) -> None:
    """Runs every model at each value, each on a log made ready for it, and shows what was varied."""
    from tfrs_bench.reporting import protocol_sweeps
    from tfrs_bench.reporting.markdown import drawings, markdown
    from tfrs_bench.reporting.records import write_atomically
    from tfrs_bench.reporting.study import study_of
    from tfrs_bench.reporting.sweeps import LABEL

    (option, _), studies = _varied(asked[0]), []
    for settings in asked:
        finished = main.carry_out([settings], shown)
        main.report(settings, finished, shown)
        studies.append(study_of(finished))
    sweep = protocol_sweeps.sweep_of(studies, option, _OPTIONS[option])
    told, folder = [*protocol_sweeps.blocks(sweep)], finished[0].folder.parent
    for name, text in drawings(told).items():
        write_atomically(folder / name, text)
    page = [f"### {sweep.title}: {option}", "", *markdown(told, ".")]
    write_atomically(folder / f"{LABEL}-{option}.md", "\n".join(page).rstrip() + "\n")
    shown.rich.print()
    for model in sweep.models:
        for verdict in sweep.against_reference(model).values():
            shown.line(verdict.sentence())
    shown.line(f"sensitivity: {folder / f'{LABEL}-{option}.md'}", style="dim")


def variants(argv: Sequence[str]) -> list[Settings]:
    """Returns what main would be asked for, once for each value.

    Of a model's setting baselines stand beside the first value alone; of an option of the protocol, which
    concerns them too, beside every value.

    Args:
      argv: program name and flags.

    Raises:
      UserError: `--vary` is missing or names neither a setting of the model nor an option, or a value is not
        allowed.
    """
    given = flags.parse(argv, Variation)
    name, values = _varied(given)
    _check_free(name, given)
    label = [] if given.plan.label is not None else [f"--label={_default_label(given)}"]
    alone = [] if name in _OPTIONS else ["--baselines="]
    return [
        flags.parse([*argv, *label, f"--{name}={value}", *(alone if number else [])], Variation)
        for number, value in enumerate(values)
    ]


def _varied(given: Settings) -> tuple[str, list[str]]:
    """Reads `--vary`: the setting's name and the texts of its values."""
    if given.plan.tune_minutes is not None:
        raise UserError(
            "--tune_minutes would search anew at every value, so that more than one thing differs. Leave it "
            "out; python -m tfrs_bench.tune writes settings that are taken here too."
        )
    if given.own.vary is None:
        raise UserError("--vary is missing. Name a setting and its values, such as --vary=factors:16,32,64.")
    name, _, text = given.own.vary.partition(":")
    values = list(dict.fromkeys(text.split() if " " in text else filter(None, text.split(","))))
    if len(values) < 2:
        raise UserError(f"--vary={given.own.vary} needs two values or more, such as --vary={name}:A,B.")
    return name, values


def _check_free(name: str, given: Settings) -> None:
    """Raises UserError unless a name is an option, or a setting of the one model, that no flag sets."""
    stated = name in given.hyper_parameters
    if name in _OPTIONS:
        stated = getattr(given.experiment, name) != _OPTIONS[name]
    elif len(given.plan.model) != 1:
        raise UserError(
            f"--model={','.join(given.plan.model)} names several models. Vary the settings of one at a time."
        )
    else:
        (model,) = given.plan.model
        known = [field.name for field in options_of(registry.resolve(registry.MODELS, model, "model").Config)]
        if name not in known:
            hint = did_you_mean(name, [*known, *_OPTIONS])
            raise UserError(
                f"--vary={given.own.vary}: {name} is neither a setting of {model} nor of the protocol.{hint}"
            )
    if stated:
        raise UserError(f"--{name} and --vary={given.own.vary} both set {name}. Leave one of them out.")


def _default_label(given: Settings) -> str:
    from pathlib import Path

    from tfrs_bench.data.tabular import safe_name
    from tfrs_bench.reporting.sweeps import LABEL

    own = given.experiment.interactions
    name = registry.short_name(given.experiment.dataset) if own is None else safe_name(Path(own))
    return f"{name}-{LABEL}"


if __name__ == "__main__":
    sys.exit(console())
