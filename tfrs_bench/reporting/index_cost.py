"""What approximate search costs a run: kept as JSON beside its record, shown as a table and a figure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfrs_bench.evaluation.approximation import Point, fastest_enough
from tfrs_bench.reporting.figures import COLORS, MARKERS, drawing, file_name
from tfrs_bench.reporting.records import as_json, cores_told, read_beside, write_atomically
from tfrs_bench.reporting.study import Study

SCHEMA = 2
COST, FIGURE = "index_cost.json", "index_cost.svg"
EXACT = "exact"
ENOUGH = 0.95  # recall@10 from which an approximate index is held against exact search
_EFFORTS = {"leaves_to_search": "{} leaves", "reorder": "reorder {}", "links_to_follow": "follow {}"}


@dataclasses.dataclass(frozen=True)
class IndexCost:
    """What was measured of one run's model.

    Attributes:
      run: model, dataset, split and seed, by name.
      items: in the index.
      queries: of the test.
      embedding_us: microseconds of embedding a query, all queries at once.
      reason: why the kept index is what it is.
      points: exact search first.
      environment: see `runtime.environment`.
      load: processes that wanted a core in the minute before, on average: more than 0 slows what is timed.
      asked: flags of the command.
      schema: version of this layout.
    """

    run: dict[str, Any]
    items: int
    queries: int
    embedding_us: float
    reason: str
    points: list[Point]
    environment: dict[str, Any]
    load: float
    asked: dict[str, str]
    schema: int = SCHEMA

    @property
    def title(self) -> str:
        """Data, split and model."""
        return f"{self.run['dataset']}, {self.run['split']}: {self.run['model']}"


def write_cost(folder: Path, cost: IndexCost) -> None:
    """Writes the JSON and the figure to a run's folder.

    Raises:
      UserError: they cannot be written.
    """
    content = json.dumps(as_json(dataclasses.asdict(cost)), indent=1, allow_nan=False)
    write_atomically(folder / COST, content + "\n")
    write_atomically(folder / FIGURE, figure(cost))


def read_cost(folder: Path) -> IndexCost | None:
    """Reads what was measured of a run's index, or returns None if nothing was.

    Raises:
      UserError: it is damaged or of another version.
    """

    def build(content: dict[str, Any]) -> IndexCost:
        return IndexCost(**content | {"points": [Point(**one) for one in content["points"]]})

    again = f"Measure again: python -m tfrs_bench.index --run={folder}"
    return read_beside(folder / COST, SCHEMA, build, again)


QUALITY = ("recall@10", "@100", "HR@10", "NDCG@10", "difference")
SPEED = ("lists/s", "queries/s", "p50 ms", "p99 ms", "build s", "MB")


def cells(point: Point) -> dict[str, str]:
    """Returns a point's figures by title; the difference is in NDCG@10 to exact search."""
    return {
        "recall@10": f"{point.recall['recall@10']:.3f}",
        "@100": f"{point.recall['recall@100']:.3f}",
        "HR@10": f"{point.metrics['hr@10']:.4f}",
        "NDCG@10": f"{point.metrics['ndcg@10']:.4f}",
        "difference": "" if point.index == EXACT else told_difference(point),
        "lists/s": f"{point.lists_per_second:,.0f}",
        "queries/s": f"{point.queries_per_second:,.0f}",
        "p50 ms": f"{point.p50_ms:.3f}",
        "p99 ms": f"{point.p99_ms:.3f}",
        "build s": f"{point.build_s:.1f}",
        "MB": f"{point.index_mb:,.1f}",
    }


def labels(points: Sequence[Point]) -> list[str]:
    """Returns each point's name: its index, and of its effort what differs among the points of that index."""
    found = []
    for point in points:
        same = [other.effort for other in points if other.index == point.index]
        told = [
            _EFFORTS[name].format(value)
            for name, value in point.effort.items()
            if len(same) == 1 or any(other[name] != value for other in same)
        ]
        found.append(" ".join([point.index, ", ".join(told)]).strip() + (" *" if point.chosen else ""))
    return found


def told_difference(point: Point) -> str:
    """Returns the difference in NDCG@10 to exact search, with its interval."""
    mean, low, high = point.differences["ndcg@10"]
    return f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"


def effort(point: Point) -> str:
    """Returns how hard a point searches, in words."""
    return ", ".join(_EFFORTS[name].format(value) for name, value in point.effort.items())


def footnote(cost: IndexCost) -> str:
    """Returns what the table's figures mean."""
    cores = cores_told(cost.environment["cores"])
    busy = (
        f" The machine was busy with {cost.load:.1f} other processes on {cores}." if (cost.load > 0.5) else ""
    )
    return (
        f"{cost.items:,} items, {cost.queries:,} queries of the test, {cores}. recall: share of exact "
        "search's best. difference: in NDCG@10 to exact search, same users, 95 % interval, unadjusted. "
        "lists/s: of those behind HR and NDCG, for which more is searched than is listed, as what a user has "
        "is left out, and with more effort where that is much. recall, queries/s and ms (one alone) are of "
        "ten items and the effort in the row. Nothing includes embedding the query. The kept index has a "
        f"star.{busy}"
    )


def sentences(cost: IndexCost) -> list[str]:
    """Says which index is kept and why, what it gives up, and whether exact search is the right choice."""
    points = cost.points
    exact = next(one for one in points if one.index == EXACT)
    kept = next(one for one in points if one.chosen)
    lines = [f"kept: {kept.index}" + (f" ({cost.reason})" if cost.reason else "")]
    if kept.index != EXACT:
        lines.append(_against_exact(kept, exact))
    rival = fastest_enough(points, ENOUGH)
    if rival is None:
        return lines
    if rival != kept:
        lines.append(_against_exact(rival, exact))
    lines.append(_choice(cost, exact, rival))
    return lines


def markdown(cost: IndexCost, picture: str) -> list[str]:
    """Returns the lines of a page's section.

    Args:
      cost: to show.
      picture: where the figure lies, seen from the page.
    """
    columns = QUALITY + SPEED
    flags = "".join(f" --{name}={value}" for name, value in cost.asked.items())
    lines = [f"### {cost.title}", "", f"`python -m tfrs_bench.index --run=DIR{flags}`", ""]
    lines += [f"| index | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for label, point in zip(labels(cost.points), cost.points, strict=True):
        shown = cells(point)
        lines.append(f"| {label} | {' | '.join(shown[column] for column in columns)} |")
    lines += ["", footnote(cost), ""]
    lines += [f"![queries per second against recall@10]({picture})", ""]
    return [*lines, *(f"- {sentence}" for sentence in sentences(cost)), ""]


def figure(cost: IndexCost) -> str:
    """Returns the SVG of every point."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for point in cost.points:
        lines.setdefault(point.index, []).append((point.recall["recall@10"], point.queries_per_second))
    return speed_against_recall(lines, f"{cost.title}, {cost.items:,} items", cost.environment["cores"])


def speed_against_recall(lines: dict[str, list[tuple[float, float]]], title: str, cores: int) -> str:
    """Returns the SVG of queries per second, logarithmic, against recall@10: up and right is better.

    Args:
      lines: recall and rate of each point, by kind of index.
      title: what was searched.
      cores: that searched.
    """
    with drawing(height=4.0) as drawn:
        for number, (kind, points) in enumerate(lines.items()):
            drawn.axes.plot(
                *zip(*sorted(points, key=lambda point: (point[0], -point[1])), strict=True),
                color=COLORS[number % len(COLORS)],
                marker=MARKERS[number % len(MARKERS)],
                label=kind,
                zorder=3 if kind == EXACT else 2,  # one point, that a line may run through
            )
        drawn.axes.set_yscale("log")
        drawn.axes.set_xlabel("recall@10 against exact search")
        drawn.axes.set_ylabel(f"queries per second, {cores_told(cores)}")
        drawn.axes.set_title(title, loc="left")
        drawn.axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=len(lines))
    return drawn.svg


def costs_page(studies: Sequence[Study]) -> str | None:
    """Returns a section for each run whose index was measured, or None if none was."""
    found = list(_costs(studies).values())
    lines = [line for cost in found for line in markdown(cost, f"../results/{_file(cost)}")]
    return "\n".join(lines).rstrip() if lines else None


def cost_figures(studies: Sequence[Study]) -> dict[str, str]:
    """Returns the SVG of each of those runs by its file name."""
    return {_file(cost): figure(cost) for cost in _costs(studies).values()}


def _costs(studies: Sequence[Study]) -> dict[Path, IndexCost]:
    folders = [run.folder for study in studies for runs in study.runs.values() for run in runs]
    return {folder: cost for folder in folders if (cost := read_cost(folder)) is not None}


def _file(cost: IndexCost) -> str:
    return file_name(f"index, {cost.run['dataset']}, {cost.run['split']}, {cost.run['model']}")


def _against_exact(point: Point, exact: Point) -> str:
    return (
        f"{point.index} ({effort(point)}): recall@10 {point.recall['recall@10']:.3f}, NDCG@10 "
        f"{point.metrics['ndcg@10']:.4f}, difference to exact {told_difference(point)}, at "
        f"{point.lists_per_second / exact.lists_per_second:.1f} times its lists per second"
    )


def _choice(cost: IndexCost, exact: Point, rival: Point) -> str:
    """Says what a faster search would save beside embedding the query, which every search needs."""
    searched, faster = 1e6 / exact.lists_per_second, 1e6 / rival.lists_per_second
    saved = 1 - (cost.embedding_us + faster) / (cost.embedding_us + searched)
    told = (
        f"embedding a query takes {cost.embedding_us:,.0f} µs, exact search {searched:,.0f} µs, and "
        f"{rival.index} at recall@10 ≥ {ENOUGH:g} {faster:,.0f} µs"
    )
    if saved < 0.5:
        return (
            f"exact search is the right choice: {told}, which saves {max(saved, 0):.0%} of an answer's time"
        )
    return f"{rival.index} pays: {told}, which saves {saved:.0%} of an answer's time"
