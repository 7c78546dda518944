"""A report with one block of each kind, and texts that would be commands to HTML or Typst."""

from __future__ import annotations

from pathlib import Path

from tfrs_bench.reporting.document import Bullets, Drawing, Paragraph, Report, Section, Table
from tfrs_bench.reporting.figures import drawing

HOSTILE = '#panic() <script>alert(1)</script> & "quoted" $x$ [a] \\ @b = */'
RECORDS = (Path("runs/log/als-seed0"), Path("runs/log/als-seed1"))


def svg(label: str = "als") -> str:
    with drawing() as drawn:
        drawn.axes.plot([1, 2], [2, 1], marker="o", label=label)
        drawn.axes.legend()
    return drawn.svg


def report(*blocks: Paragraph | Bullets | Table | Drawing, title: str = "A title") -> Report:
    answers = Section("Answers", (Bullets(("**better** by `als`",)),))
    return Report(title, answers, (Section("Results", blocks),))


def whole() -> Report:
    return report(
        Paragraph(HOSTILE, RECORDS),
        Table("Who leads.", ("model", "NDCG@10"), (("als", "0.1000"), (HOSTILE, "0.2000")), RECORDS),
        Drawing("one", "Falls.", svg(), RECORDS),
        Drawing("two", "Falls too.", svg()),
    )
