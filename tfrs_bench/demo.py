"""`python -m tfrs_bench.demo` shows what a finished model recommends to one person, and why."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from tfrs_bench import settings as flags
from tfrs_bench.errors import UserError
from tfrs_bench.experiment import OUTPUT
from tfrs_bench.main import attend
from tfrs_bench.opened_run import OpenedRun, WhichRun
from tfrs_bench.options import check_options, option
from tfrs_bench.retrieval.config import IndexConfig

if TYPE_CHECKING:
    from tfrs_bench.reporting.console import Console
    from tfrs_bench.retrieval.index import ItemIndex

PERSON = "Who is asked for"


@dataclasses.dataclass(frozen=True)
class Demonstration(IndexConfig, WhichRun):
    """The command's flags."""

    INTRODUCTION: ClassVar[str] = """\
Shows what a finished model recommends to one person: what they watched last,
the candidates of an index beside those of exact search and of classical
models, what of it they liked in the test part, which item of the history is
behind each, and how long each stage took. Without flags: the newest run, and a
user whom the model answered neither best nor worst.

  python -m tfrs_bench.demo --run=runs/ml-1m/per_user/two_tower-seed0-1a2b3c4d
  python -m tfrs_bench.demo --user=42 --data_dir=DIR
  python -m tfrs_bench.demo --history="toy story,matrix"
  python -m tfrs_bench.demo --items_like=alien"""

    user: str | None = option(None, "Raw id of a user of the log.", group=PERSON)
    history: tuple[str, ...] | None = option(
        None,
        "Titles, or parts of them, or raw ids: what somebody who is not in the data liked, latest last.",
        group=PERSON,
    )
    items_like: str | None = option(
        None, "A title, a part of one, or a raw id: show the items nearest to it instead.", group=PERSON
    )
    k: int = option(10, "Length of the lists.", low=1, high=1_000, group=OUTPUT)
    json: bool = option(False, "Print JSON instead of tables.", group=OUTPUT)
    index: str = dataclasses.field(
        default="scann", metadata=IndexConfig.__dataclass_fields__["index"].metadata
    )

    def __post_init__(self) -> None:
        """Checks every option.

        Raises:
          UserError: one is outside its range, or two name different people.
        """
        check_options(self)
        if self.history == ():
            raise UserError("--history is empty. Give titles, or parts of them: --history=alien,heat.")
        if (self.user is not None) + (self.history is not None) + (self.items_like is not None) > 1:
            raise UserError("--user, --history and --items_like ask for different things. Give one of them.")

    @property
    def index_config(self) -> IndexConfig:
        """The settings of the index alone."""
        fields = dataclasses.fields(IndexConfig)
        return IndexConfig(**{field.name: getattr(self, field.name) for field in fields})


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command; arguments and exit status as of `main.console`."""
    return attend(lambda given: run(flags.parse_alone(given, Demonstration)), argv)


def run(asked: Demonstration) -> None:
    """Carries out what the flags ask for."""
    from rich.console import Console as RichConsole

    from tfrs_bench.reporting.console import Console

    # With --json, standard output is for programs alone.
    shown = Console(RichConsole(stderr=True, highlight=False) if asked.json else None)
    with shown.stage("open") as stage:
        opened = asked.open(Console(RichConsole(quiet=True)))
        stage.say(str(opened.folder))
    if asked.items_like is None:
        _recommend(asked, opened, shown)
    else:
        _neighbors(asked, opened, shown)


def _recommend(asked: Demonstration, opened: OpenedRun, shown: Console) -> None:
    from tfrs_bench.serving.answer import answer
    from tfrs_bench.serving.answer_page import as_json, page
    from tfrs_bench.serving.opponents import opponents
    from tfrs_bench.serving.people import person_named, person_picked, person_told
    from tfrs_bench.serving.titles import Titles

    titles = Titles(opened.prepared.dataset.log)
    if asked.history is not None:
        person = person_told(opened, [titles.find(one, "history") for one in asked.history])
    else:
        person = person_picked(opened) if asked.user is None else person_named(opened, asked.user)
    with shown.stage("ask") as stage:
        others = opponents(opened)
        answered = answer(opened, person, _index(asked, opened), others, k=asked.k)
        stage.say(", ".join((opened.record.model, *(one.model.name for one in others))))
    if asked.json:
        print(json.dumps(as_json(opened, person, answered, titles), indent=1))
        return
    shown.rich.print()
    shown.rich.print(page(opened, person, answered, titles))


def _index(asked: Demonstration, opened: OpenedRun) -> ItemIndex | None:
    """Returns the approximate index that is kept with the run, unless another is asked for, else a new one.

    None if the model has none. A kept index of another kind, or whose library is not usable here,
    is passed over: exact search is shown anyway, and a new index says what is missing.
    """
    from tfrs_bench.models.base import FactorizedRecommender
    from tfrs_bench.retrieval.kept_index import kept_kind, load_index
    from tfrs_bench.run_index import FOLDER, index_of_run

    if not isinstance(opened.model, FactorizedRecommender):
        return None
    folder = opened.folder / FOLDER
    if asked.index_config == Demonstration().index_config and folder.is_dir():
        kind = kept_kind(folder)
        if kind.name == asked.index and kind.problem() is None:
            return load_index(folder, opened.model)
    return index_of_run(opened, asked.index_config)


def _neighbors(asked: Demonstration, opened: OpenedRun, shown: Console) -> None:
    from tfrs_bench.serving.neighbors import neighbors, neighbors_table
    from tfrs_bench.serving.titles import Titles

    assert asked.items_like is not None
    titles = Titles(opened.prepared.dataset.log)
    near = neighbors(opened, titles.find(asked.items_like, "items_like"), asked.index_config, k=asked.k)
    if asked.json:
        found = [
            {"item_id": titles.ids[item], "title": titles.texts[item], near.measure: float(score)}
            for item, score in zip(near.listed.items, near.listed.scores, strict=True)
        ]
        whose = {"item_id": titles.ids[near.item], "title": titles.texts[near.item]}
        print(json.dumps({"run": str(opened.folder), **whose, "items": found}, indent=1))
        return
    shown.rich.print()
    shown.rich.print(neighbors_table(opened, near, titles))
    if near.listed.note:
        shown.line(f"{near.listed.note}.", style="dim")


if __name__ == "__main__":
    sys.exit(console())
