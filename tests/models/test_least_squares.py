"""Ridge regressions of sparse rows, against NumPy's, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.models import least_squares
from tfrs_bench.models.least_squares import SparseRows


@pytest.mark.parametrize("cells", [1, 12, 60_000])
def test_every_row_is_the_closed_form_solution(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    monkeypatch.setattr(least_squares, "_CELLS", cells)
    random = np.random.default_rng(0)
    rows = np.array([0, 4, 0, 2, 4, 4, 4, 0, 5, 4])  # 1 and 3 have none
    columns = random.integers(0, 7, len(rows))
    vectors = random.normal(size=(7, 3)).astype(np.float32)
    targets = random.normal(size=len(rows)).astype(np.float32)
    ridge = np.array([0.5, 1.0, 2.0])
    solved = SparseRows.of(rows, columns, 6).solve(vectors, targets, ridge)
    for row in range(6):
        mine = rows == row
        x = vectors[columns[mine]].astype(float)
        expected = np.linalg.solve(x.T @ x + np.diag(ridge), x.T @ targets[mine])
        np.testing.assert_allclose(solved[row], expected, rtol=1e-5, atol=1e-6)
    assert not solved[[1, 3]].any()


def test_no_rows_are_no_solutions() -> None:
    none = np.zeros(0, np.int64)
    rows = SparseRows.of(none, none, 0)
    assert rows.solve(np.ones((3, 2), np.float32), np.zeros(0, np.float32), np.ones(2)).shape == (0, 2)
