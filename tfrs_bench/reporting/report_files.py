"""The files of a report: HTML, PDF, leaderboards and figures, by name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tfrs_bench.reporting.answers import answers
from tfrs_bench.reporting.document import Report
from tfrs_bench.reporting.html import html
from tfrs_bench.reporting.leaderboard import leaderboard, leaderboard_csv
from tfrs_bench.reporting.markdown import drawings
from tfrs_bench.reporting.pdf import pdf, png
from tfrs_bench.reporting.sections.order import sections
from tfrs_bench.reporting.study import Study

FIGURES = "figures"
_TITLE = "Deep against classical recommenders: what the records say"


def report_of(studies: Sequence[Study]) -> Report:
    """Writes the report of some studies, see `answers` and `sections.order`."""
    return Report(_TITLE, answers(studies), sections(studies))


def made_from(page: bytes) -> str:
    """Returns a PDF's mark, by which it can be told without typesetting which page it belongs to."""
    return f"html-sha256-{hashlib.sha256(page).hexdigest()}"


def report_files(studies: Sequence[Study], *, typeset: bool = True) -> dict[str, bytes]:
    """Returns the files of a report by their names below the report's folder.

    Args:
      studies: any.
      typeset: PDF and PNG too; they say what HTML and SVG say, and their last bits are a machine's.

    Raises:
      UserError: the PDF would have too many pages.
    """
    report = report_of(studies)
    files = {
        "report.html": html(report).encode(),
        "leaderboard.md": leaderboard(studies).encode(),
        "leaderboard.csv": leaderboard_csv(studies).encode(),
    }
    figures = drawings(block for one in report.sections for block in one.blocks)
    files |= {f"{FIGURES}/{name}": svg.encode() for name, svg in figures.items()}
    if typeset:
        files["report.pdf"] = pdf(report, made_from(files["report.html"]))
        files |= {f"{FIGURES}/{name.removesuffix('.svg')}.png": png(svg) for name, svg in figures.items()}
    return files
