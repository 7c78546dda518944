"""A map keeps what two directions can tell of embeddings, and is read as it was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from finished_runs import AUDIT, evaluation, record

from tfrs_bench.data.interactions import FeatureTable
from tfrs_bench.embedding_map import first_labels
from tfrs_bench.errors import UserError
from tfrs_bench.reporting.document import Drawing
from tfrs_bench.reporting.embedding_map import FILE, MOST, EmbeddingMap, embedding_map, read_map, write_map
from tfrs_bench.reporting.sections.embeddings import embeddings
from tfrs_bench.reporting.study import Run, study_of

RUN = {"model": "two_tower", "dataset": "log", "split": "per_user", "seed": 0}


def planted(n: int = 30) -> EmbeddingMap:
    """Two genres that lie apart along one of five directions; one item without a genre."""
    rng = np.random.default_rng(0)
    genre = np.arange(n) % 2
    vectors = 0.1 * rng.standard_normal((n, 5))
    vectors[:, 3] += 4 * genre
    names = ["" if item == 0 else ("Comedy", "Drama")[genre[item]] for item in range(n)]
    return embedding_map(vectors.astype(np.float32), names, np.arange(n), RUN)


def test_what_lies_apart_lies_apart_on_the_map() -> None:
    found = planted()
    x, group = np.array(found.x), np.array([found.groups[number] for number in found.group])
    assert x[group == "Drama"].min() > x[group == "Comedy"].max() + 2
    assert found.explained[0] > 0.9 and found.groups[-1] == "other" and list(group).count("other") == 1


def test_the_most_popular_are_kept_and_axes_are_those_of_all() -> None:
    found = planted(MOST + 50)
    assert len(found.x) == len(found.y) == len(found.group) == MOST and found.items == MOST + 50


def test_a_map_is_read_as_it_was_written_and_shown(tmp_path: Path) -> None:
    write_map(tmp_path, planted())
    assert read_map(tmp_path) == planted() and read_map(tmp_path / "none") is None
    (drawing,) = embeddings(
        [study_of([Run(record("two_tower", audit=AUDIT), evaluation(), tmp_path)])]
    ).blocks
    assert isinstance(drawing, Drawing) and "Comedy" in drawing.svg and drawing.records == (tmp_path,)


def test_a_damaged_map_says_what_to_type(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"schema": 9}')
    with pytest.raises(UserError, match=r"layout 9.*python -m tfrs_bench.embedding_map --run="):
        read_map(tmp_path)


def test_the_first_genre_counts_and_other_labels_do_not() -> None:
    values = np.array([[1, 1, 1], [0, 1, 1], [1, 0, 0]], dtype=np.float32)
    features = FeatureTable(("decade=1990s", "genre=Comedy", "genre=Drama"), values)
    assert first_labels(features, 3) == ["Comedy", "Comedy", ""] and first_labels(None, 2) == ["", ""]
