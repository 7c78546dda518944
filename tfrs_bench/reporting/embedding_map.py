"""A map of item embeddings in two dimensions: kept as JSON beside a run's record, and drawn from it."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.reporting.figures import COLORS, MARKERS, drawing
from tfrs_bench.reporting.records import read_beside, write_atomically

SCHEMA = 1
FILE = "embedding_map.json"
MOST = 800  # items on the map: more would be a cloud
OTHER = "other"


@dataclasses.dataclass(frozen=True)
class EmbeddingMap:
    """The most popular items of a model, where its embeddings vary most.

    Attributes:
      run: model, dataset, split and seed, by name.
      items: that have an embedding.
      explained: shares of the embeddings' variance along the two axes.
      groups: names of genres, the commonest first.
      group: [n] number of each item's genre in `groups`.
      x: [n] places along the first axis.
      y: [n] places along the second.
      schema: version of this layout.
    """

    run: dict[str, Any]
    items: int
    explained: list[float]
    groups: list[str]
    group: list[int]
    x: list[float]
    y: list[float]
    schema: int = SCHEMA


def embedding_map(
    embeddings: NDArray[np.float32],
    genres: Sequence[str],
    popularity: NDArray[np.integer[Any]],
    run: dict[str, Any],
) -> EmbeddingMap:
    """Projects items on the two directions of largest variance (principal components).

    Args:
      embeddings: [n, d] of items.
      genres: [n] each item's genre; empty if it has none.
      popularity: [n] interactions in training.
      run: model, dataset, split and seed, by name.

    Returns:
      The map of the most popular items. Axes of all items; each points to where the largest item lies.
    """
    centered = np.asarray(embeddings, np.float64) - np.mean(embeddings, axis=0, dtype=np.float64)
    _, strengths, axes = np.linalg.svd(centered, full_matrices=False)
    places = centered @ axes[:2].T
    places *= np.where(places[np.abs(places).argmax(axis=0), [0, 1]] < 0, -1, 1)
    kept = np.argsort(-popularity, kind="stable")[:MOST]
    named = Counter(genres[item] for item in kept if genres[item])
    groups = [name for name, _ in named.most_common(len(COLORS) - 1)]
    numbers = {name: number for number, name in enumerate(groups)}
    shares = strengths[:2] ** 2 / np.sum(strengths**2)
    return EmbeddingMap(
        run=run,
        items=len(embeddings),
        explained=[round(float(one), 4) for one in shares],
        groups=[*groups, OTHER],
        group=[numbers.get(genres[item], len(groups)) for item in kept],
        x=np.round(places[kept, 0], 4).tolist(),
        y=np.round(places[kept, 1], 4).tolist(),
    )


def write_map(folder: Path, found: EmbeddingMap) -> None:
    """Writes a map to a run's folder.

    Raises:
      UserError: it cannot be written.
    """
    write_atomically(folder / FILE, json.dumps(dataclasses.asdict(found), allow_nan=False) + "\n")


def read_map(folder: Path) -> EmbeddingMap | None:
    """Reads the map of a run, or returns None if there is none.

    Raises:
      UserError: it is damaged or of another version.
    """
    again = f"Draw it again: python -m tfrs_bench.embedding_map --run={folder}"
    return read_beside(folder / FILE, SCHEMA, lambda content: EmbeddingMap(**content), again)


def figure(found: EmbeddingMap) -> str:
    """Returns the SVG of a map, items colored by genre."""
    x, y, group = np.array(found.x), np.array(found.y), np.array(found.group)
    with drawing(width=5.2, height=4.4) as drawn:
        for number, name in enumerate(found.groups):
            its = group == number
            aside = name == OTHER
            drawn.axes.plot(
                x[its],
                y[its],
                color="#BBBBBB" if aside else COLORS[number % len(COLORS)],
                marker=MARKERS[number % len(MARKERS)],
                markersize=2.6,
                linestyle="none",
                alpha=0.8,
                label=name,
                zorder=1 if aside else 2,
            )
        for axis, share in zip(("x", "y"), found.explained, strict=True):
            getattr(drawn.axes, f"set_{axis}label")(f"{share:.0%} of the variance")
        drawn.axes.set_title(
            f"{found.run['dataset']}, {found.run['split']}: {found.run['model']}", loc="left"
        )
        drawn.axes.legend(
            frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, markerscale=2
        )
    return drawn.svg
