"""A report as a PDF of a few pages, set by Typst, and drawings as PNG."""

from __future__ import annotations

import dataclasses
import itertools
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
_KEPT = (None, 6, 4, 3, 2, 1, 0)  # figures and tables of a section, tried until the pages suffice
_PIXELS_PER_INCH = 110
_PREAMBLE = (Path(__file__).parent / "report.typ").read_text(encoding="utf-8")


def pdf(report: Report, most_pages: int = MOST_PAGES) -> bytes:
    """Sets a report on A4 pages.

    Where it would take more pages than asked for, each section keeps its first figures and tables, as many
    as fit, and says how many more the HTML report has.

    Args:
      report: what to tell.
      most_pages: that it may have.

    Returns:
      The file, the same byte for byte for the same report.

    Raises:
      UserError: its text alone takes more pages.
    """
    for kept in _KEPT:
        shortened = report if kept is None else _shortened(report, kept)
        file, pages = _set(shortened)
        if pages <= most_pages:
            return file
    raise UserError(f"The report's text alone takes {pages} pages, and {most_pages} are asked for.")


def png(svg: str) -> bytes:
    """Returns a drawing as PNG, for pages that show no SVG."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "drawing.svg").write_text(svg, encoding="utf-8")
        page = '#set page(width: auto, height: auto, margin: 0pt)\n#image("drawing.svg")\n'
        (Path(folder) / "main.typ").write_text(page, encoding="utf-8")
        image: bytes = _compiler(Path(folder)).compile(format="png", ppi=_PIXELS_PER_INCH)
        return image


def _set(report: Report) -> tuple[bytes, int]:
    """Returns the PDF and how many pages it has."""
    with tempfile.TemporaryDirectory() as folder:
        for number, drawing in enumerate(_drawings(report)):
            (Path(folder) / f"{number}.svg").write_text(drawing.svg, encoding="utf-8")
        (Path(folder) / "main.typ").write_text(typst_source(report), encoding="utf-8")
        compiler = _compiler(Path(folder))
        pages = int(compiler.query("<pages>", field="value", one=True))
        return compiler.compile(format="pdf", timestamp=0), pages


def _compiler(folder: Path) -> Any:
    import matplotlib
    import typst

    # Nothing of the machine's own: figures are in matplotlib's font, which its wheel brings.
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return typst.Compiler(str(folder / "main.typ"), font_paths=[str(fonts)], ignore_system_fonts=True)


def typst_source(report: Report) -> str:
    """Returns the report in Typst's language; drawings are files `0.svg`, `1.svg` and so on beside it."""
    numbers = {id(drawing): number for number, drawing in enumerate(_drawings(report))}
    parts = [_PREAMBLE, f"#show: report.with(title: {_string(report.title)})"]
    for section in (report.summary, *report.sections):
        parts.append(f"= #{_string(section.title)}")
        for drawn, group in itertools.groupby(section.blocks, lambda block: isinstance(block, Drawing)):
            blocks = [*group]
            parts += _row_of_drawings(blocks, numbers) if drawn else map(_block, blocks)
    return "\n\n".join(parts) + "\n"


def _shortened(report: Report, kept: int) -> Report:
    sections = tuple(_with_first(section, kept) for section in report.sections)
    return dataclasses.replace(report, sections=sections)


def _with_first(section: Section, kept: int) -> Section:
    blocks: list[Block] = []
    left_out = 0
    shown = 0
    for block in section.blocks:
        if not isinstance(block, Drawing | Table):
            blocks.append(block)
        elif shown < kept:
            blocks.append(block)
            shown += 1
        else:
            left_out += 1
    if left_out:
        noun = "figure or table" if left_out == 1 else "figures and tables"
        blocks.append(Paragraph(f"{left_out} more {noun} of this section: report.html."))
    return Section(section.title, tuple(blocks))


def _drawings(report: Report) -> Iterator[Drawing]:
    for section in (report.summary, *report.sections):
        yield from (block for block in section.blocks if isinstance(block, Drawing))


def _row_of_drawings(drawings: Sequence[Any], numbers: dict[int, int]) -> Iterator[str]:
    for start in range(0, len(drawings), 2):
        row = drawings[start : start + 2]
        cells = ", ".join(
            f'drawing("{numbers[id(one)]}.svg", {_content(one.caption)}, alone: {str(len(row) == 1).lower()})'
            for one in row
        )
        yield f"#side-by-side({cells})"


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"#par{_content(block.text)}"
    if isinstance(block, Bullets):
        return f"#list({', '.join(map(_content, block.lines))})"
    assert isinstance(block, Table)
    cells = ", ".join(_content(cell) for row in block.rows for cell in row)
    heads = ", ".join(map(_content, block.titles))
    return f"#figures({len(block.titles)}, ({heads},), ({cells},), {_content(block.caption)})"


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
