"""Blocks of a report as Markdown, for pages of the repository and files beside runs."""

from __future__ import annotations

from collections.abc import Iterable

from tfrs_bench.reporting.document import Block, Bullets, Drawing, Table
from tfrs_bench.reporting.figures import file_name


def markdown(blocks: Iterable[Block], figures: str) -> list[str]:
    """Returns the lines of blocks, an empty one after each.

    Args:
      blocks: what to set.
      figures: the folder of the drawings, seen from the page; they are named by `figures.file_name`.
    """
    return [line for block in blocks for line in (*_lines(block, figures), "")]


def drawings(blocks: Iterable[Block]) -> dict[str, str]:
    """Returns the SVG of every drawing among blocks by its file name."""
    return {file_name(block.name): block.svg for block in blocks if isinstance(block, Drawing)}


def _lines(block: Block, figures: str) -> list[str]:
    if isinstance(block, Bullets):
        return [f"- {line}" for line in block.lines]
    if isinstance(block, Drawing):
        return [f"![{block.caption}]({figures}/{file_name(block.name)})", "", block.caption]
    if isinstance(block, Table):
        heads = f"|---|{'---:|' * (len(block.titles) - 1)}"
        rows = (f"| {' | '.join(row)} |" for row in (block.titles, *block.rows))
        return [block.caption, "", next(rows), heads, *rows]
    return [block.text]
