"""An example of a rating knows what came before and what others gave, and never its own rating."""

from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.data.interactions import build_log
from tfrs_bench.data.rated_examples import rated_examples


def test_biases_by_hand() -> None:
    """a gives p 5 and q 1, b gives p 4 and then r 2; μ = 3, and an item's mean is shrunk with 1."""
    log = build_log(
        np.array(list("aabb")), np.array(list("pqpr")), np.arange(4), np.array([5, 1, 4, 2], np.float32)
    )
    # b_p = (2 + 1) / 3, b_q = -2 / 2, b_r = -1 / 2
    item_bias = np.array([1.0, -1.0, -0.5])
    examples = rated_examples(log, 3.0, item_bias, 1.0, 2.0)
    assert examples.ratings.tolist() == [5, 1, 4, 2]
    # Without the own rating p has 1 / 2 or 2 / 2, q and r nothing.
    assert examples.biases[:, 1].tolist() == pytest.approx([1 / 2, 0, 2 / 2, 0])
    # a, before q: (5 - 3 - 1) / 3; b, before r: (4 - 3 - 1) / 3
    assert examples.biases[:, 0].tolist() == pytest.approx([0, 1 / 3, 0, 0])
    assert examples.biases.dtype == np.float32


def test_the_own_rating_does_not_matter() -> None:
    random = np.random.default_rng(0)
    users, items = np.repeat(np.arange(5), 6), random.integers(0, 4, 30)
    ratings = random.integers(1, 6, 30).astype(np.float32)

    def biases_of(ratings: np.ndarray) -> np.ndarray:
        log = build_log(users, items, np.arange(30), ratings)
        sums = np.bincount(log.items, log.ratings - 3.0)
        return rated_examples(log, 3.0, sums / (np.bincount(log.items) + 5.0), 5.0, 5.0).biases

    plain = biases_of(ratings)
    for row in range(30):
        changed = ratings.copy()
        changed[row] = 6 - changed[row] + 0.5
        after = biases_of(changed)
        assert after[row, 1] == pytest.approx(plain[row, 1], abs=1e-6)
