"""What counts as the same answer of an export and its model."""

from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.serving.exporting import share_found

WANTED, SCORES = np.array(["a", "b", "c"], dtype=object), np.array([3.0, 2.0, 1.0], np.float32)


@pytest.mark.parametrize(
    ("found", "scores", "share"),
    [
        ("abc", [3, 2, 1], 1),
        ("abd", [3, 2, 1], 1),  # d is as good as c
        ("abd", [3, 2, 0.5], 2 / 3),
        ("bcd", [3, 2, 1], 2 / 3),  # a is missing, and is better than the last
        ("xyz", [3, 2, 1], 1 / 3),  # z alone may stand for c
    ],
)
def test_ties_at_the_end_of_a_list_may_stand_for_each_other(
    found: str, scores: list[float], share: float
) -> None:
    given = np.array(list(found), dtype=object), np.array(scores, np.float32)
    assert share_found(WANTED, SCORES, *given, 1e-4) == pytest.approx(share)


def test_a_list_without_items_is_found() -> None:
    nothing = np.array([""], dtype=object), np.array([-np.inf], np.float32)
    assert share_found(*nothing, *nothing, 1e-4) == 1
