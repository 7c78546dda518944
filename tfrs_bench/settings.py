"""Flags: the only module that knows absl's.

Every flag is a field of `Experiment`, of `Plan`, or of a registered model's `Config`; help, choices and
defaults are read from there. Hyper-parameter flags default to None, so that the model's own default holds.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from tfrs_bench import registry
from tfrs_bench.errors import UserError
from tfrs_bench.experiment import BASELINES, DATA, FILES, MODELS, Experiment, Plan
from tfrs_bench.manual import config_of, manual, opening, owners_of_flags, owners_of_settings, shown_value
from tfrs_bench.options import options_of, parse_value

_ASKED_OF_PLAN = [field for field in dataclasses.fields(Plan) if field.metadata["group"] in (DATA, MODELS)]

# Kept, because the same classes are read for every record that is checked.
_types: Callable[..., dict[str, Any]] = functools.cache(typing.get_type_hints)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the command line said.

    Attributes:
      experiment: data and protocol.
      plan: models and output.
      hyper_parameters: what was given explicitly, by field name.
      own: the flags that the command has beside those of main, or None.
    """

    experiment: Experiment
    plan: Plan
    hyper_parameters: dict[str, Any]
    own: Any = None

    @property
    def baselines(self) -> tuple[str, ...]:
        """The opponents that were named, or those of the task."""
        named = self.plan.baselines
        return BASELINES[self.experiment.task] if named is None else named

    def config(self, model: str, start: Any | None = None) -> Any:
        """Builds the settings of one model.

        Args:
          model: a registered name.
          start: a `Config` to start from, such as shipped settings; None for the defaults.

        Returns:
          The start, with the hyper-parameter flags that this model has; flags never reach a model that
          is only a baseline.
        """
        known = config_of(model)
        start = known() if start is None else start
        if model not in self.plan.model:
            return start
        return dataclasses.replace(start, **self.stated(model))

    def stated(self, model: str) -> dict[str, Any]:
        """Returns the hyper-parameter flags that were given and that a model has."""
        names = {field.name for field in options_of(config_of(model))}
        return {name: value for name, value in self.hyper_parameters.items() if name in names}

    def asked(self) -> dict[str, str]:
        """Returns the flags that decide a number or its name and differ from their defaults, as texts.

        Of a path only the last part is told, and of `--data_dir` nothing: records name no place of a machine.
        """
        given = {
            field.name: getattr(owner, field.name)
            for owner, fields in (
                (self.experiment, dataclasses.fields(Experiment)),
                (self.plan, _ASKED_OF_PLAN),
            )
            for field in fields
            if getattr(owner, field.name) != field.default
        } | self.hyper_parameters
        shown = {name: "" if value == () else shown_value(value) for name, value in given.items()}
        places = {name: Path(text).name for name, text in shown.items() if name in FILES}
        own = {"dataset": registry.short_name(self.experiment.dataset), "data_dir": "DIR"}
        return {name: (places | own).get(name, text) for name, text in shown.items()}


def parse(argv: Sequence[str], own: type[Any] | None = None) -> Settings:
    """Reads flags; `--help` prints the manual and exits with status 0.

    Args:
      argv: program name and arguments.
      own: a dataclass of the flags that the command has beside those of main; its `INTRODUCTION` opens the
        manual.

    Raises:
      UserError: a flag is unknown or has a bad value, or something that is not a flag was given.
    """
    values = _read(argv, _define(own), lambda: manual(own), "python -m tfrs_bench.main --help")
    given = _given(values, Experiment)
    if "dataset" in given and "interactions" in given:
        raise UserError(
            f"--dataset={given['dataset']} and --interactions={given['interactions']} both say what to read."
            " Leave one of them out."
        )
    experiment = Experiment(**given)
    stated = None if own is None else own(**_given(values, own))
    settings = Settings(experiment, Plan(**_given(values, Plan)), _hyper_parameters(values), stated)
    _check_hyper_parameters(settings)
    return settings


def parse_alone(argv: Sequence[str], own: type[Any]) -> Any:
    """Reads the flags of a command that has none of main's.

    Args:
      argv: program name and arguments.
      own: a dataclass of all its flags; its `INTRODUCTION` opens the manual.

    Raises:
      UserError: as `parse`.
    """
    values = flags.FlagValues()  # type: ignore[no-untyped-call]
    _define_all(values, own)
    read = _read(
        argv, values, lambda: "\n".join(opening(own.INTRODUCTION, [own])), "the same command with --help"
    )
    return own(**_given(read, own))


def _read(
    argv: Sequence[str], values: flags.FlagValues, manual: Callable[[], str], where_all_are: str
) -> flags.FlagValues:
    """Gives flags their values, or prints the manual and exits."""
    if any(one in ("--help", "-h", "-help", "--helpfull", "--helpshort") for one in argv[1:]):
        print(manual())
        sys.exit(0)
    try:
        rest = values(list(argv))
    except (flags.Error, OSError, ValueError) as error:
        raise UserError(f"{_sentence(error, values)} All flags: {where_all_are}") from error
    if len(rest) > 1:
        stray = rest[1]
        near = stray.split("=")[0].lstrip("-")
        hint = f"Did you mean --{stray}?" if near in values else "Flags begin with two dashes: --name=value."
        raise UserError(f"{stray!r} is not a flag. {hint}")
    return values


def _sentence(error: Exception, values: flags.FlagValues) -> str:
    """Says in our words what absl found wrong."""
    if isinstance(error, flags.UnrecognizedFlagError):
        near = difflib.get_close_matches(error.flagname, list(values), n=1, cutoff=0.5)
        return f"--{error.flagname} is not a flag." + (f" Did you mean --{near[0]}?" if near else "")
    if isinstance(error, flags.IllegalFlagValueError):  # only true-or-false flags are read by absl
        return f"{str(error).partition(': ')[0].removeprefix('flag ')} is not true or false."
    if isinstance(error, flags.CantOpenFlagFileError | OSError | UnicodeDecodeError):
        reason = str(error).removeprefix("ERROR:: Unable to open flagfile: ")
        return f"--flagfile cannot be read ({reason}). Give a text file, one --name=value a line."
    return f"{error}."


def _define(own: type[Any] | None) -> flags.FlagValues:
    values = flags.FlagValues()  # type: ignore[no-untyped-call]
    for owner in owners_of_flags(own):
        _define_all(values, owner)
    for name, owners in owners_of_settings().items():
        model, field = owners[0]
        _define_one(values, name, _types(config_of(model))[name], field.metadata["help"])
    return values


def _define_all(values: flags.FlagValues, owner: type[Any]) -> None:
    hints = _types(owner)
    for field in dataclasses.fields(owner):
        _define_one(values, field.name, hints[field.name], field.metadata["help"])


def _define_one(values: flags.FlagValues, name: str, hint: Any, text: str) -> None:
    if bool in (hint, *typing.get_args(hint)):
        flags.DEFINE_bool(name, None, text, flag_values=values)
    else:
        flags.DEFINE_string(name, None, text, flag_values=values)


def _given(values: flags.FlagValues, owner: Any) -> dict[str, Any]:
    hints = _types(owner)
    found = {field.name: values[field.name].value for field in options_of(owner)}
    return {name: _typed(name, value, hints[name]) for name, value in found.items() if value is not None}


def _hyper_parameters(values: flags.FlagValues) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for model in registry.MODELS:
        given |= _given(values, config_of(model))
    return given


def _typed(name: str, value: Any, hint: Any) -> Any:
    if isinstance(value, bool):
        return value
    if "\0" in value or not _is_unicode(value):
        raise UserError(f"--{name}={value!r} is not readable text. Rename the file, or mend the flag.")
    if " #" in value:
        raise UserError(
            f"--{name}={value} ends in a comment. In a file of flags, comments have lines of their own."
        )
    return parse_value(name, value, hint)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of the command line that are not UTF-8
        return False
    return True


def _check_hyper_parameters(settings: Settings) -> None:
    owners = owners_of_settings()
    named = set(settings.plan.model)
    for model in settings.plan.model:
        named |= {*registry.resolve(registry.MODELS, model, "model").parts(settings.config(model))}
    for name in settings.hyper_parameters:
        having = [model for model, _ in owners[name]]
        if not named & set(having):
            raise UserError(
                f"--{name} is a setting of {', '.join(having)}, and --model={','.join(settings.plan.model)} "
                "has none such. Drop the flag, or add one of these to --model."
            )
    for model in settings.plan.model:
        registry.resolve(registry.MODELS, model, "model")(settings.config(model))
