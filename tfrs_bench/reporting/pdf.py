"""A report as a PDF of a few pages, set by Typst, and drawings as PNG."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfrs_bench.errors import UserError
from tfrs_bench.reporting.document import (
    Block,
    Bullets,
    Drawing,
    Paragraph,
    Report,
    Section,
    Table,
    spans,
)

MOST_PAGES = 10
# What a section keeps at most: figures, tables, lines of lists, and rows of a table where they are fewer than
# usual. The first that gives few enough pages counts.
_LIMITS = (
    (99, 99, 99), (6, 4, 16), (4, 4, 12), (4, 2, 10), (2, 2, 12), (2, 2, 8), (2, 2, 6), (2, 2, 4), (2, 1, 8),
    (2, 1, 6), (2, 1, 5), (2, 1, 4), (2, 1, 3), (2, 1, 2), (2, 1, 2, 12), (2, 1, 3, 9), (2, 1, 2, 9),
    (2, 1, 2, 7), (2, 1, 2, 5), (2, 1, 1, 5), (1, 1, 1, 5), (1, 0, 2), (0, 0, 2), (0, 0, 0),
)  # fmt: skip
_MOST_ROWS = 18  # of a table, where a report is shortened at all
_MOST_PLACES = 2  # named below a table or a figure; of all records the HTML report tells
_PIXELS_PER_INCH = 110
_PREAMBLE = (Path(__file__).parent / "report.typ").read_text(encoding="utf-8")


def pdf(report: Report, made_from: str = "", most_pages: int = MOST_PAGES) -> bytes:
    """Sets a report on A4 pages.

    Where it would take more pages than asked for, each section keeps its first figures, tables and lines of
    lists, and says how many more the HTML report has.

    Args:
      report: what to tell.
      made_from: stands among the file's keywords, as it is.
      most_pages: that it may have.

    Returns:
      The file, the same byte for byte for the same report.

    Raises:
      UserError: its text alone takes more pages.
    """
    fewer, enough = -1, len(_LIMITS)  # places of limits: of one known to keep too much, and one that does not
    found: dict[int, bytes] = {}
    while enough - fewer > 1:
        tried = (fewer + enough) // 2
        found[tried] = _set(_shortened(report, *_LIMITS[tried]), made_from)
        pages = _pages(found[tried])
        fewer, enough = (fewer, tried) if pages <= most_pages else (tried, enough)
    if enough == len(_LIMITS):
        raise UserError(f"The report's text alone takes {pages} pages, and {most_pages} are asked for.")
    return found[enough]


def png(svg: str) -> bytes:
    """Returns a drawing as PNG, for pages that show no SVG."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "drawing.svg").write_text(svg, encoding="utf-8")
        page = '#set page(width: auto, height: auto, margin: 0pt)\n#image("drawing.svg")\n'
        (Path(folder) / "main.typ").write_text(page, encoding="utf-8")
        image: bytes = _compiler(Path(folder)).compile(format="png", ppi=_PIXELS_PER_INCH)
        return image


def _set(report: Report, made_from: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        for number, drawing in enumerate(_drawings(report)):
            (Path(folder) / f"{number}.svg").write_text(drawing.svg, encoding="utf-8")
        (Path(folder) / "main.typ").write_text(typst_source(report, made_from), encoding="utf-8")
        file: bytes = _compiler(Path(folder)).compile(format="pdf", timestamp=0)
        return file


def _pages(file: bytes) -> int:
    return max(int(count) for count in re.findall(rb"/Type/Pages/Count (\d+)", file))


def _compiler(folder: Path) -> Any:
    import matplotlib
    import typst

    # Nothing of the machine's own: figures are in matplotlib's font, which its wheel brings.
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return typst.Compiler(str(folder / "main.typ"), font_paths=[str(fonts)], ignore_system_fonts=True)


def typst_source(report: Report, made_from: str = "") -> str:
    """Returns the report in Typst's language; drawings are files `0.svg`, `1.svg` and so on beside it."""
    numbers = {id(drawing): number for number, drawing in enumerate(_drawings(report))}
    parts = [
        _PREAMBLE,
        f"#show: report.with(title: {_string(report.title)}, made_from: {_string(made_from)})",
    ]
    for section in (report.summary, *report.sections):
        parts.append(f"= #{_string(section.title)}")
        for drawn, group in itertools.groupby(_figures_together(section.blocks), _is_drawing):
            blocks = [*group]
            parts += _row_of_drawings(blocks, numbers) if drawn else map(_block, blocks)
    return "\n\n".join(parts) + "\n"


def _shortened(report: Report, figures: int, tables: int, lines: int, rows: int = _MOST_ROWS) -> Report:
    sections = tuple(_with_first(section, figures, tables, lines, rows) for section in report.sections)
    return dataclasses.replace(report, sections=sections)


def _with_first(section: Section, figures: int, tables: int, lines: int, rows: int) -> Section:
    """Returns a section with some of its blocks of each kind, and a sentence that says what it lacks.

    The first of every data set come before the second of any.
    """
    shown = _evenly(section.blocks, Drawing, figures) | _evenly(section.blocks, Table, tables)
    room = _lines(section.blocks, lines)
    blocks: list[Block] = []
    lacking = {Drawing: 0, Table: 0, Bullets: 0}
    for place, block in enumerate(section.blocks):
        if isinstance(block, Paragraph):
            blocks.append(block)
        elif isinstance(block, Bullets):
            kept = block.lines[: room[place]]
            blocks += [Bullets(kept, block.records)] if kept else []
            lacking[Bullets] += len(block.lines) - len(kept)
        elif place in shown:
            blocks.append(_of_few_rows(block, rows) if isinstance(block, Table) and figures < 99 else block)
        else:
            lacking[type(block)] += 1
    nouns = {Drawing: "figure", Table: "table", Bullets: "line"}
    told = [f"{count} {nouns[kind]}{'s' * (count > 1)}" for kind, count in lacking.items() if count]
    if told:
        blocks.append(Paragraph(f"Left to report.html: {', '.join(told)} of this section."))
    return Section(section.title, tuple(blocks))


def _evenly(blocks: Sequence[Block], kind: type[Block], most: int) -> set[int]:
    """Returns the places of the blocks of a kind to show: every data set's first, then their second."""
    before: collections.Counter[str] = collections.Counter()
    order = []
    for place, block in enumerate(blocks):
        if isinstance(block, kind):
            order.append((before[_data_of(block)], place))
            before[_data_of(block)] += 1
    return {place for _, place in sorted(order)[:most]}


def _lines(blocks: Sequence[Block], most: int) -> dict[int, int]:
    """Deals lines out to the lists of a section, one to each in turn; returns how many by a list's place."""
    wanted = {place: len(block.lines) for place, block in enumerate(blocks) if isinstance(block, Bullets)}
    turns = sorted((turn, place) for place, count in wanted.items() for turn in range(count))
    dealt = collections.Counter(place for _, place in turns[: max(most, 0)])
    return {place: dealt[place] for place in wanted}


def _data_of(block: Block) -> str:
    """Returns the folder of the data set a block tells of; of one that tells of several, of the first."""
    return block.records[0].parent.parent.name if block.records else ""


def _of_few_rows(table: Table, most: int) -> Table:
    more = len(table.rows) - most
    if more <= 0 or table.whole:
        return table
    caption = f"{table.caption} The first {most} rows; {more} more in report.html."
    return dataclasses.replace(table, caption=caption, rows=table.rows[:most])


def _figures_together(blocks: Sequence[Block]) -> list[Block]:
    """Moves a section's figures to its first one, so that two can stand side by side."""
    drawings = [block for block in blocks if isinstance(block, Drawing)]
    first = next((place for place, block in enumerate(blocks) if isinstance(block, Drawing)), 0)
    others = [block for block in blocks if not isinstance(block, Drawing)]
    return [*others[:first], *drawings, *others[first:]]


def _drawings(report: Report) -> Iterator[Drawing]:
    for section in (report.summary, *report.sections):
        yield from (block for block in section.blocks if isinstance(block, Drawing))


def _is_drawing(block: Block) -> bool:
    return isinstance(block, Drawing)


def _row_of_drawings(drawings: Sequence[Any], numbers: dict[int, int]) -> Iterator[str]:
    for start in range(0, len(drawings), 2):
        row = drawings[start : start + 2]
        cells = ", ".join(
            f'drawing("{numbers[id(one)]}.svg", {_caption(one)}, alone: {str(len(row) == 1).lower()})'
            for one in row
        )
        yield f"#side-by-side({cells})"


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"#par{_content(block.text)}"
    if isinstance(block, Bullets):
        return f"#list({', '.join(map(_content, block.lines))})"
    assert isinstance(block, Table)
    cells = "".join(f"{_content(cell)}, " for row in block.rows for cell in row)
    heads = "".join(f"{_content(title)}, " for title in block.titles)
    return f"#figures({len(block.titles)}, ({heads}), ({cells}), {_caption(block)})"


def _caption(block: Drawing | Table) -> str:
    """Returns a caption and the folders of the records behind it, or how many where they are many."""
    places = list(dict.fromkeys("/".join(folder.parts[-3:-1]) for folder in block.records))
    few = len(places) <= _MOST_PLACES
    told = ", ".join(places) if few else f"{len(places)} folders named in report.html"
    told = f" Records: {told}." if places else ""
    return _content(block.caption + told)


def _content(text: str) -> str:
    functions = {"strong": "strong", "code": "raw", "plain": "text"}
    return "[" + "".join(f"#{functions[kind]}({_string(part)});" for kind, part in spans(text)) + "]"


def _string(text: str) -> str:
    r"""Returns text as a Typst string, which nothing in it can end or command.

    >>> print(_string('a "b" #c'))
    "a \"b\" #c"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else f"\\u{{{ord(one):x}}}" for one in escaped) + '"'
