from __future__ import annotations

import pytest

from benchmarks.generated_logs import write_log
from benchmarks.report import draw_growth, page_with
from benchmarks.size import StageTimes, table
from tfrs_bench.experiment import Experiment
from tfrs_bench.preparation import prepare


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_generated_log_is_made_ready(tmp_path, form):
    path = tmp_path / f"log.{form}"
    write_log(path, 3000)
    console = StageTimes()
    prepared = prepare(Experiment(interactions=str(path)), console)
    assert len(prepared.dataset.log) == 3000
    assert prepared.dataset.log.num_users <= 300
    assert set(prepared.dataset.log.ratings) == {1, 2, 3, 4, 5}
    assert list(console.stages) == ["load", "split", "self-test"]


def runs():
    one = {"seconds": 2.0, "peak_mb": 512.0}
    stages = {"load": one, "split": one, "describe": {"seconds": 9.0, "peak_mb": 9000.0}}
    return [{"rows": rows, "format": "csv", "file_mb": 3.0, "stages": stages} for rows in (100, 1000)]


def test_ready_leaves_out_what_comes_after():
    page = table({"title": "Size", "environment": {"line": "a machine"}, "runs": runs()})
    assert "| 100 | csv, 3 MB | 2.0 | 2.0 | 9.0 | 4.0 | 0.50 |" in page


def test_a_figure_of_the_same_runs_is_the_same(tmp_path):
    paths = tmp_path / "a.svg", tmp_path / "b.svg"
    for path in paths:
        draw_growth(runs(), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert b"<svg" in first


def test_a_page_s_blocks_are_filled_with_tables(tmp_path):
    (tmp_path / "size.md").write_text("# Size\n\nfacts\n")
    page = page_with(
        "<!-- begin size -->\nold\n<!-- end size -->\n<!-- begin x -->\n<!-- end x -->", tmp_path
    )
    assert "**Size**\n\nfacts" in page
    assert "old" not in page
    assert "Not measured yet: `x`." in page
