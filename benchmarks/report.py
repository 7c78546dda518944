"""Puts the committed results into pages of docs, and draws how time and memory grow and what recall costs.

A block `<!-- begin NAME -->` of a page is filled with `benchmarks/results/NAME.md`.

  ./run python -m benchmarks.report
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.size import READY
from tfrs_bench.reporting.index_cost import speed_against_recall
from tfrs_bench.reporting.pages import fill

ROOT = Path(__file__).resolve().parent.parent
RESULTS, DOCS = ROOT / "benchmarks" / "results", ROOT / "docs"
PAGES = (DOCS / "performance.md", DOCS / "retrieval.md")
FIGURE, CURVE = RESULTS / "growth.svg", RESULTS / "index_curve.json"


def main() -> None:
    for page in PAGES:
        page.write_text(page_with(page.read_text(), RESULTS))
    sizes = sorted(RESULTS.glob("size*.json"))
    if sizes:
        draw_growth([run for path in sizes for run in json.loads(path.read_text())["runs"]], FIGURE)
    if CURVE.exists():
        CURVE.with_suffix(".svg").write_text(drawn_curve(json.loads(CURVE.read_text())))


def page_with(page: str, results: Path) -> str:
    """Returns a page whose blocks hold the tables of the same names."""
    for name in re.findall(r"<!-- begin (\S+) -->", page):  # blocks of runs have names of several words
        path = results / f"{name}.md"
        text = path.read_text().strip() if path.exists() else f"Not measured yet: `{name}`."
        page = fill(page, name, re.sub(r"^# (.*)$", r"**\1**", text, flags=re.MULTILINE))
    return page


def draw_growth(runs: list[dict[str, Any]], path: Path) -> None:
    """Draws seconds and peak memory until ready to train against rows, both axes logarithmic.

    Args:
      runs: of `benchmarks.size`.
      path: an SVG file; the same runs give the same bytes.
    """
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "tfrs_bench"
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for form in sorted({run["format"] for run in runs}):
        own = sorted((run for run in runs if run["format"] == form), key=lambda run: run["rows"])
        rows = [run["rows"] for run in own]
        ready = [[run["stages"][name] for name in READY if name in run["stages"]] for run in own]
        left.plot(rows, [sum(one["seconds"] for one in stages) for stages in ready], "o-", label=form)
        left.plot(rows, [run["stages"]["load"]["seconds"] for run in own], ".:", label=f"{form}, load alone")
        right.plot(
            rows, [max(one["peak_mb"] for one in stages) / 2**10 for stages in ready], "o-", label=form
        )
    for axes, what in ((left, "seconds until ready to train"), (right, "peak memory, GB")):
        axes.set(xscale="log", yscale="log", xlabel="rows", title=what)
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def drawn_curve(figures: dict[str, Any]) -> str:
    """Returns the SVG of queries per second against recall@10, a line for each index.

    Args:
      figures: of `benchmarks.index_speed`, along its efforts.
    """
    lines: dict[str, list[tuple[float, float]]] = {}
    for one in figures["points"]:
        lines.setdefault(one["index"], []).append((one["recall@10"], one["queries_per_second"]))
    title = f"{figures['facts']['items']:,} items of {figures['facts']['dimension']} dimensions"
    return speed_against_recall(lines, title, figures["environment"]["cores"])


if __name__ == "__main__":
    main()
