"""Blocks of a report as Markdown."""

from __future__ import annotations

from tfrs_bench.reporting.document import Bullets, Drawing, Paragraph, Table
from tfrs_bench.reporting.markdown import drawings, markdown

BLOCKS = (
    Paragraph("Some **words**."),
    Table("Two rows.", ("model", "NDCG@10"), (("als", "0.1"), ("ease", "–"))),
    Drawing("cost, log 1.5", "What to see.", "<svg/>"),
    Bullets(("one", "two")),
)


def test_every_block_is_set_with_an_empty_line_after_it() -> None:
    assert markdown(BLOCKS, "../figures") == [
        "Some **words**.", "",
        "Two rows.", "", "| model | NDCG@10 |", "|---|---:|", "| als | 0.1 |", "| ease | – |", "",
        "![What to see.](../figures/cost-log-1_5.svg)", "", "What to see.", "",
        "- one", "- two", "",
    ]  # fmt: skip


def test_drawings_have_the_names_that_the_page_asks_for() -> None:
    assert drawings(BLOCKS) == {"cost-log-1_5.svg": "<svg/>"}
