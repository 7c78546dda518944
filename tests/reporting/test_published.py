"""Published figures stand beside ours only where the data are the same."""

from __future__ import annotations

from pathlib import Path

from finished_runs import evaluation, record

from tfrs_bench.reporting.pages import BLOCKS
from tfrs_bench.reporting.published import PUBLISHED, published_table
from tfrs_bench.reporting.study import Run, study_of

PAGES = Path(__file__).parents[2] / "docs" / "models"


def test_ours_stands_beside_theirs_on_the_same_data_alone() -> None:
    (theirs,) = [one for one in PUBLISHED if one.model == "bpr"]
    here = study_of([Run(record("bpr", dataset=theirs.dataset), evaluation(), Path("runs/bpr"))])
    elsewhere = study_of([Run(record("bpr"), evaluation(), Path("runs/bpr"))])
    assert published_table("bpr", [elsewhere]) is None
    table = published_table("bpr", [elsewhere, here])
    assert table is not None
    mean = here.comparison.row("bpr", "ndcg@10")
    assert mean is not None
    _, _, row, *_ = table.splitlines()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == [theirs.dataset, "ndcg@10", "0.4450"] and cells[-1] == f"{mean.mean:.4f}"


def test_every_model_with_a_published_figure_shows_it_on_its_page() -> None:
    for model in {one.model for one in PUBLISHED}:
        assert f"<!-- begin published {model} -->" in (PAGES / f"{model}.md").read_text()
        assert f"published {model}" in BLOCKS
