"""`python -m tfrs_bench.embedding_map` draws a run's item embeddings in two dimensions, by genre."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tfrs_bench import main
from tfrs_bench import settings as flags
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import FactorizedRecommender
from tfrs_bench.opened_run import WhichRun

if TYPE_CHECKING:
    from tfrs_bench.opened_run import OpenedRun
    from tfrs_bench.reporting.embedding_map import EmbeddingMap


@dataclasses.dataclass(frozen=True)
class MapCommand(WhichRun):
    """The command's flags."""

    INTRODUCTION: ClassVar[str] = """\
Projects the item embeddings of a finished run on two dimensions and keeps the
map beside its record, for the report to show.

  python -m tfrs_bench.embedding_map --run=DIR"""


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command; arguments and exit status as of `main.console`."""
    return main.attend(lambda given: _run(flags.parse_alone(given, MapCommand)), argv)


def _run(asked: MapCommand) -> None:
    from tfrs_bench.reporting.console import Console
    from tfrs_bench.reporting.embedding_map import FILE, write_map

    shown = Console()
    opened = asked.open(shown)
    write_map(opened.folder, map_of(opened))
    shown.line(
        f"map: {opened.folder / FILE}. In a report: python -m tfrs_bench.report --runs={asked.results_dir}"
    )


def map_of(opened: OpenedRun) -> EmbeddingMap:
    """Returns the map of an opened run's items.

    Raises:
      UserError: its model has no embeddings of items.
    """
    from tfrs_bench.reporting.embedding_map import embedding_map

    model = opened.model
    if not isinstance(model, FactorizedRecommender):
        raise UserError(
            f"{model.name} has no embeddings of items, so there is no map of them. Give --run=DIR of a model "
            "that has, such as two_tower or als."
        )
    log, counts = opened.prepared.dataset.log, opened.prepared.test.item_counts
    listed = np.flatnonzero(counts)
    run = {field: getattr(opened.record, field) for field in ("model", "dataset", "split", "seed")}
    embedded = model.item_embeddings()[listed]
    genres = first_labels(log.item_features, len(counts))
    return embedding_map(embedded, [genres[item] for item in listed], counts[listed], run)


def first_labels(features: Any, num_items: int) -> list[str]:
    """Returns each item's first genre or category, or an empty text."""
    labels = [""] * num_items
    if features is None:
        return labels
    for column, name in reversed([*enumerate(features.names)]):
        kind, _, label = name.partition("=")
        if kind in ("genre", "category"):
            for item in np.flatnonzero(features.values[:num_items, column]):
                labels[item] = label
    return labels


if __name__ == "__main__":
    sys.exit(console())
