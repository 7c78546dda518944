"""Labels, such as the genres of films, as a table of zeros and ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from tfrs_bench.data.interactions import FeatureTable


def multi_hot(labels: Sequence[Sequence[str]], cap: int | None = None) -> FeatureTable | None:
    """Turns each row's labels into zeros and ones.

    >>> multi_hot([["b"], [], ["a", "b"]]).values.tolist()
    [[0.0, 1.0], [0.0, 0.0], [1.0, 1.0]]

    Args:
      labels: [n] the labels of each row, such as `genre=Comedy`; repeats count once.
      cap: keep only this many, those of most rows (of equals, the first by name); None for all.

    Returns:
      A table of n rows, its columns in order of name; None if there is no label at all.
    """
    counts = Counter(label for row in labels for label in set(row))
    kept = sorted(sorted(counts), key=lambda label: -counts[label])[:cap]
    if not kept:
        return None
    place = {label: column for column, label in enumerate(sorted(kept))}
    values = np.zeros((len(labels), len(place)), dtype=np.float32)
    for row, ones in enumerate(labels):
        for label in ones:
            if label in place:
                values[row, place[label]] = 1.0
    return FeatureTable(tuple(place), values)
