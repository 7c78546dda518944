"""`python -m tfrs_bench.index` builds the index of a run's items and measures what approximation costs."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from tfrs_bench import main
from tfrs_bench import settings as flags
from tfrs_bench.opened_run import OpenedRun, WhichRun
from tfrs_bench.options import option
from tfrs_bench.retrieval.config import INDEX, KINDS, IndexConfig

if TYPE_CHECKING:
    from tfrs_bench.reporting.console import Console
    from tfrs_bench.reporting.index_cost import IndexCost
    from tfrs_bench.retrieval.index import ItemIndex


@dataclasses.dataclass(frozen=True)
class IndexCommand(IndexConfig, WhichRun):
    """The command's flags."""

    INTRODUCTION: ClassVar[str] = """\
Builds the index of a finished run's items, keeps it in the run's folder, and
measures what approximate search gives up: recall against exact search, HR@10
and NDCG@10 by the evaluator of all tables, and how fast it answers.

  python -m tfrs_bench.index
  python -m tfrs_bench.index --run=DIR --index=scann --target_recall=0.95"""

    compare: tuple[str, ...] = option(
        ("scann",), "Kinds of index to measure beside exact search and --index.", choices=KINDS, group=INDEX
    )

    @property
    def config(self) -> IndexConfig:
        """The index's own settings."""
        names = [field.name for field in dataclasses.fields(IndexConfig)]
        return IndexConfig(**{name: getattr(self, name) for name in names})

    def asked(self) -> dict[str, str]:
        """Returns the flags about the index that differ from their defaults, as texts."""
        own = [field for field in dataclasses.fields(self) if field.metadata["group"] == INDEX]
        given = {
            field.name: getattr(self, field.name)
            for field in own
            if field.default != getattr(self, field.name)
        }
        return {
            name: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in given.items()
        }


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command; arguments and exit status as of `main.console`."""
    return main.attend(lambda given: run(flags.parse_alone(given, IndexCommand)), argv)


def run(asked: IndexCommand) -> None:
    """Carries out what the command line asks for."""
    from tfrs_bench.reporting.console import Console
    from tfrs_bench.reporting.index_cost import COST, FIGURE, write_cost
    from tfrs_bench.retrieval.kept_index import save_index
    from tfrs_bench.run_index import FOLDER, index_of_run

    shown, load = Console(), os.getloadavg()[0]
    opened = asked.open(shown)
    with shown.stage("index") as stage:
        index = index_of_run(opened, asked.config)
        stage.say(f"{index.name} of {len(index):,} items" + (f": {index.reason}" if index.reason else ""))
        save_index(index, opened.folder / FOLDER, opened.model, opened.prepared.dataset.log.item_ids.ids)
    cost = dataclasses.replace(measured(opened, index, asked, shown), load=load)
    write_cost(opened.folder, cost)
    _print(cost, shown)
    shown.line(f"index: {opened.folder / FOLDER}; {COST} and {FIGURE} beside it", style="dim")


def measured(opened: OpenedRun, index: ItemIndex, asked: IndexCommand, shown: Console) -> IndexCost:
    """Measures the kept index and those beside it.

    Args:
      opened: the run.
      index: the one that is kept.
      asked: names the others.
      shown: where progress is printed.
    """
    from tfrs_bench.evaluation.approximation import Approximation, along_the_curve
    from tfrs_bench.reporting.index_cost import IndexCost
    from tfrs_bench.retrieval.building import factorized
    from tfrs_bench.runtime import environment

    model, prepared, record = factorized(opened.model), opened.prepared, opened.record
    queries = prepared.test.evaluation_set.queries
    model.query_embeddings(queries.take(slice(0, 1)))  # what only a first call costs is not measured
    built = {index.name: index} | {one.name: one for one in _others(opened, index, asked, shown)}
    with shown.stage("measuring") as stage:
        exact = built.pop("exact")
        against = Approximation(exact, lambda: model.query_embeddings(queries), prepared.test)
        points = [against.measure(exact, exact.saved_mb(), chosen=exact is index)]
        for one in built.values():
            size, kept = one.saved_mb(), one is index
            steps = along_the_curve(one)
            if kept and all(step.config != one.config for step in steps):
                steps.append(one)
            for done, step in enumerate(steps):
                stage.progress(one.name)(done, len(steps))
                points.append(against.measure(step, size, chosen=kept and step.config == one.config))
        stage.say(f"{len(points)} points")
    return IndexCost(
        run={name: getattr(record, name) for name in ("model", "dataset", "split", "seed")},
        items=len(index),
        queries=len(queries),
        embedding_us=against.embedding_us,
        reason=index.reason,
        points=points,
        environment=environment(),
        load=0.0,
        asked=asked.asked(),
    )


def _others(opened: OpenedRun, index: ItemIndex, asked: IndexCommand, shown: Console) -> list[ItemIndex]:
    """Builds exact search and what `--compare` names, each once; one that cannot be used is named instead."""
    from tfrs_bench import registry
    from tfrs_bench.retrieval.building import index_of
    from tfrs_bench.run_index import catalogue

    others = []
    for name in dict.fromkeys(("exact", *asked.compare)):
        if name == index.name:
            continue
        problem = registry.resolve(registry.INDEXES, name, "compare").problem()
        if problem is not None:
            if index.reason != problem:
                shown.note(name, problem)
            continue
        config = dataclasses.replace(asked.config, index=name, target_recall=None)
        with shown.stage(name) as stage:
            others.append(index_of(opened.model, config, items=catalogue(opened)))
            stage.say("built")
    return others


def _print(cost: IndexCost, shown: Console) -> None:
    from rich.table import Table

    from tfrs_bench.reporting.index_cost import QUALITY, SPEED, cells, footnote, labels, sentences

    shown.rich.print()
    shown.line(cost.title, style="bold")
    for columns in (QUALITY, SPEED):
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for title in ("index", *columns):
            table.add_column(title, justify="left" if title == "index" else "right", no_wrap=True)
        for label, point in zip(labels(cost.points), cost.points, strict=True):
            figures = cells(point)
            table.add_row(label, *(figures[title] for title in columns), style="bold" if point.chosen else "")
        shown.rich.print()
        shown.rich.print(table)
    shown.rich.print()
    shown.paragraph(footnote(cost), style="dim")
    shown.rich.print()
    for sentence in sentences(cost):
        shown.line(sentence)


if __name__ == "__main__":
    sys.exit(console())
