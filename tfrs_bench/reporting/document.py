"""A report as blocks of text, tables and figures, before it is known how they are set.

HTML, PDF and Markdown are made of the same blocks. Text may hold **strong** words and `code`, nothing else.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path


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
    """

    caption: str
    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    records: tuple[Path, ...] = ()


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
