"""`python -m tfrs_bench.export` writes a finished model as a TensorFlow SavedModel."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from tfrs_bench import settings as flags
from tfrs_bench.errors import UserError
from tfrs_bench.experiment import OUTPUT
from tfrs_bench.main import attend
from tfrs_bench.opened_run import WhichRun
from tfrs_bench.options import check_options, option
from tfrs_bench.retrieval.config import INDEX, IndexConfig


def _of_index(name: str) -> Any:
    field = IndexConfig.__dataclass_fields__[name]
    return dataclasses.field(default=field.default, metadata=field.metadata)


@dataclasses.dataclass(frozen=True)
class Export(WhichRun):
    """The command's flags."""

    INTRODUCTION: ClassVar[str] = """\
Writes a finished model as a TensorFlow SavedModel that takes a user id and a
history of raw item ids and returns raw ids and scores, with a model card. It
needs TensorFlow to be loaded, and not this package.

  python -m tfrs_bench.export --run=DIR --output=served
  python -m tfrs_bench.export --run=DIR --output=served --index=scann"""

    output: str | None = option(
        None, "Folder for the export; an earlier export there is replaced.", group=OUTPUT
    )
    k: int = option(10, "Length of the lists.", low=1, high=1_000, group=OUTPUT)
    index: str = option(
        "exact",
        "What finds candidates in the export: all items are scored, or ScaNN's tree is searched.",
        choices=("exact", "scann"),
        group=INDEX,
    )
    leaves: int | None = _of_index("leaves")
    leaves_to_search: int | None = option(
        None, "How many of them a query looks into; without it, a quarter.", low=1, group=INDEX
    )
    reorder: int = _of_index("reorder")
    dimensions_per_block: int = _of_index("dimensions_per_block")

    def __post_init__(self) -> None:
        """Checks every option.

        Raises:
          UserError: one is outside its range, there is no place to write to, or ScaNN's are set without it.
        """
        check_options(self)
        if self.output is None:
            raise UserError("--output is missing. Name a folder for the export: --output=DIR.")
        tuned = ("leaves", "leaves_to_search", "reorder", "dimensions_per_block")
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        set_here = [name for name in tuned if getattr(self, name) != defaults[name]]
        if self.index == "exact" and set_here:
            raise UserError(f"--{set_here[0]} is a setting of ScaNN. Add --index=scann, or leave it out.")


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command; arguments and exit status as of `main.console`."""
    return attend(lambda given: run(flags.parse_alone(given, Export)), argv)


def run(asked: Export) -> None:
    """Carries out what the flags ask for."""
    from rich.console import Console as RichConsole

    from tfrs_bench.reporting.console import Console
    from tfrs_bench.serving.exporting import Form, check_output, export, exportable
    from tfrs_bench.storage import check_writable

    assert asked.output is not None
    shown, output = Console(), Path(asked.output).absolute()
    check_output(output)
    check_writable(output.parent, "--output=DIR")
    with shown.stage("open") as stage:
        opened = asked.open(Console(RichConsole(quiet=True)))
        exportable(opened.model)
        stage.say(str(opened.folder))
    with shown.stage("export") as stage:
        fields = [field.name for field in dataclasses.fields(Form)]
        proof = export(opened, Form(**{name: getattr(asked, name) for name in fields}), output)
        stage.say(
            f"{opened.record.model}, {asked.index}: {proof.recall:.2%} of the model's own lists for "
            f"{proof.users:,} users of the test"
        )
    shown.line(f"written: {asked.output} (its README says how to load and serve it)")


if __name__ == "__main__":
    sys.exit(console())
