"""What a model's item embeddings look like, by genre."""

from __future__ import annotations

from collections.abc import Sequence

from tfrs_bench.reporting.document import Drawing, Section
from tfrs_bench.reporting.embedding_map import figure, read_map
from tfrs_bench.reporting.study import Study


def embeddings(studies: Sequence[Study]) -> Section:
    """Returns the map of each run that keeps one."""
    runs = (run for study in studies for its in study.runs.values() for run in its)
    drawings = [
        Drawing(
            f"embeddings, {found.run['dataset']}, {found.run['split']}, {found.run['model']}",
            f"The {len(found.x):,} most popular of {found.items:,} items of {found.run['dataset']}, "
            f"{found.run['split']}, where the embeddings of {found.run['model']} vary most (principal "
            "components), by first genre: a genre lies together as far as people who like one item of it "
            "like others.",
            figure(found),
            (run.folder,),
        )
        for run in runs
        if (found := read_map(run.folder)) is not None
    ]
    return Section("Embedding map", tuple(drawings))
