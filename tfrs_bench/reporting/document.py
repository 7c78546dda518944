"""A report as blocks of text, tables and figures, before it is known how they are set.

HTML, PDF and Markdown are made of the same blocks. Text may hold **strong** words and `code`, nothing else.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """Running text.

    Attributes:
      text: one paragraph.
      records: folders of the runs behind its numbers.
    """

    text: str
    records: tuple[Path, ...] = ()


@dataclasses.dataclass(frozen=True)
class Bullets:
    """A list of sentences.

    Attributes:
      lines: one a bullet.
      records: folders of the runs behind their numbers.
    """

    lines: tuple[str, ...]
    records: tuple[Path, ...] = ()


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of texts.

    Attributes:
      caption: what to see in it.
      titles: [c] heads of columns; the first column is set to the left, the others to the right.
      rows: of c texts each.
      records: folders of the runs behind its numbers.
      whole: no row is left out where a report is shortened.
    """

    caption: str
    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    records: tuple[Path, ...] = ()
    whole: bool = False


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes:
      name: of its file, without an ending.
      caption: what to see in it.
      svg: the drawing, see `figures.drawing`.
      records: folders of the runs behind it.
    """

    name: str
    caption: str
    svg: str
    records: tuple[Path, ...] = ()


Block = Paragraph | Bullets | Table | Drawing


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
      title: its heading.
      blocks: what stands in it; none if the runs hold nothing for it, which the report says in its place.
    """

    title: str
    blocks: tuple[Block, ...] = ()


@dataclasses.dataclass(frozen=True)
class Report:
    """All that is told of some studies.

    Attributes:
      title: what stands over it.
      summary: what a reader in a hurry reads, before anything else.
      sections: in order.
    """

    title: str
    summary: Section
    sections: tuple[Section, ...]


_MARKED = re.compile(r"\*\*(?P<strong>[^*]+)\*\*|`(?P<code>[^`]+)`")


def spans(text: str) -> list[tuple[Literal["plain", "strong", "code"], str]]:
    """Takes text apart at its marks.

    >>> spans("a **b** `c`")
    [('plain', 'a '), ('strong', 'b'), ('plain', ' '), ('code', 'c')]
    """
    found: list[tuple[Literal["plain", "strong", "code"], str]] = []
    end = 0
    for mark in _MARKED.finditer(text):
        found.append(("plain", text[end : mark.start()]))
        strong = mark["strong"]
        found.append(("code", mark["code"]) if strong is None else ("strong", strong))
        end = mark.end()
    return [one for one in (*found, ("plain", text[end:])) if one[1]]


def numbered(report: Report) -> dict[int, str]:
    """Returns `Figure 1`, `Table 1` and so on by the `id` of each block that has a caption."""
    counts = {Drawing: 0, Table: 0}
    found = {}
    for section in (report.summary, *report.sections):
        for block in section.blocks:
            if isinstance(block, Drawing | Table):
                counts[type(block)] += 1
                kind = "Figure" if isinstance(block, Drawing) else "Table"
                found[id(block)] = f"{kind} {counts[type(block)]}"
    return found
