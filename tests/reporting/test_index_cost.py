"""The table, figure and sentences of what an index costs, from figures chosen by hand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from finished_runs import evaluation, record

from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.approximation import Point
from tfrs_bench.reporting.index_cost import (
    COST,
    FIGURE,
    IndexCost,
    cells,
    cost_figures,
    costs_page,
    figure,
    footnote,
    labels,
    markdown,
    read_cost,
    sentences,
    write_cost,
)
from tfrs_bench.reporting.study import Run, study_of


def point(index="scann", *, reorder=50, recall=0.97, difference=-0.001, rate=50_000.0, chosen=False):
    return Point(
        index=index,
        effort={} if index == "exact" else {"leaves_to_search": 3, "reorder": reorder},
        recall={"recall@10": recall, "recall@100": 0.9},
        metrics={"hr@10": 0.5, "ndcg@10": 0.2 + difference},
        differences={"hr@10": [0.0] * 3, "ndcg@10": [difference, difference - 0.002, difference + 0.002]},
        queries_per_second=rate,
        lists_per_second=rate,
        p50_ms=0.05,
        p99_ms=0.1234,
        build_s=2.0,
        index_mb=1.5,
        chosen=chosen,
    )


def exact(rate=10_000.0, chosen=True):
    return point("exact", recall=1.0, difference=0.0, rate=rate, chosen=chosen)


def cost(*points, embedding_us=50.0, reason="a small catalogue", load=0.0):
    run = {"model": "two_tower", "dataset": "ml-1m", "split": "global", "seed": 0}
    return IndexCost(
        run, 3_706, 6_040, embedding_us, reason, list(points), {"cores": 2}, load, {"index": "x"}
    )


def test_a_row_says_what_a_search_gives_up_and_gains() -> None:
    assert cells(point()) == {
        "recall@10": "0.970",
        "@100": "0.900",
        "HR@10": "0.5000",
        "NDCG@10": "0.1990",
        "difference": "-0.0010 [-0.0030, +0.0010]",
        "lists/s": "50,000",
        "queries/s": "50,000",
        "p50 ms": "0.050",
        "p99 ms": "0.123",
        "build s": "2.0",
        "MB": "1.5",
    }
    assert not cells(exact())["difference"]


def test_a_label_says_what_differs_among_the_points_of_an_index() -> None:
    assert labels([exact(), point(), point(reorder=100, chosen=True)]) == [
        "exact *", "scann reorder 50", "scann reorder 100 *",
    ]  # fmt: skip
    assert labels([point()]) == ["scann 3 leaves, reorder 50"]


def test_where_embedding_costs_more_than_searching_exact_search_is_right() -> None:
    # 50 µs + 100 µs against 50 µs + 20 µs: 53 % saved; with 100 µs of embedding it is 40 %
    fast, slow = cost(exact(), point()), cost(exact(), point(), embedding_us=100.0)
    assert sentences(fast)[-1].startswith(
        "scann pays: embedding a query takes 50 µs, exact search 100 µs, and"
    )
    assert sentences(fast)[-1].endswith("0.95 20 µs, which saves 53% of an answer's time")
    assert sentences(slow)[-1].startswith("exact search is the right choice: embedding a query takes 100 µs")
    assert sentences(slow)[-1].endswith("saves 40% of an answer's time")


def test_what_is_kept_is_said_first_and_held_against_exact() -> None:
    told = sentences(cost(exact(chosen=False), point(chosen=True), reason=""))
    assert told[:2] == [
        "kept: scann",
        "scann (3 leaves, reorder 50): recall@10 0.970, NDCG@10 0.1990, difference to exact -0.0010 "
        "[-0.0030, +0.0010], at 5.0 times its lists per second",
    ]
    assert len(told) == 3


def test_nothing_is_said_of_an_index_that_finds_too_little() -> None:
    assert sentences(cost(exact(), point(recall=0.9))) == ["kept: exact (a small catalogue)"]


def test_a_busy_machine_is_named() -> None:
    assert "busy with 3.2 other processes on 2 cores" in footnote(cost(exact(), load=3.2))
    assert "busy" not in footnote(cost(exact(), load=0.3))


def test_the_page_shows_every_point_and_the_figure_exact_search(tmp_path: Path) -> None:
    shown = cost(exact(), point(), point(reorder=100))
    lines = markdown(shown, "picture.svg")
    assert sum(line.startswith(("| exact", "| scann")) for line in lines) == 3
    assert "![queries per second against recall@10](picture.svg)" in lines
    assert figure(shown) == figure(shown)
    assert ">exact<" in figure(shown)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = cost(exact(), point())
    write_cost(tmp_path, written)
    assert read_cost(tmp_path) == written
    assert (tmp_path / FIGURE).read_text() == figure(written)
    assert read_cost(tmp_path / "elsewhere") is None


@pytest.mark.parametrize("content", ["{", "{}", '{"schema": 2}', '{"schema": 1, "points": [{}]}'])
def test_a_damaged_file_is_refused_with_what_to_type(tmp_path: Path, content: str) -> None:
    (tmp_path / COST).write_text(content)
    with pytest.raises(
        UserError, match=r"index_cost\.json cannot be read .*python -m tfrs_bench\.index --run="
    ):
        read_cost(tmp_path)


def test_a_number_that_json_lacks_is_read_as_none(tmp_path: Path) -> None:
    missing = dataclasses.replace(point(), differences={"ndcg@10": [float("nan")] * 3})
    write_cost(tmp_path, cost(exact(), missing))
    assert json.loads((tmp_path / COST).read_text())["points"][1]["differences"]["ndcg@10"] == [None] * 3


def test_pages_show_the_runs_whose_index_was_measured(tmp_path: Path) -> None:
    als = Run(record("als"), evaluation(), tmp_path / "als")
    studies = [study_of([als, Run(record("ease"), evaluation(), tmp_path / "ease")], "log, per_user")]
    assert costs_page(studies) is None and cost_figures(studies) == {}
    measured = cost(exact(), point())
    (tmp_path / "als").mkdir()
    write_cost(tmp_path / "als", measured)
    page = costs_page(studies)
    assert page is not None and page.startswith("### ml-1m, global: two_tower")
    assert "`python -m tfrs_bench.index --run=DIR --index=x`" in page
    assert "](../results/index-ml-1m-global-two_tower.svg)" in page
    assert cost_figures(studies) == {"index-ml-1m-global-two_tower.svg": figure(measured)}
