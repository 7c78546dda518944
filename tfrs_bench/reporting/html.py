"""A report as one HTML file: text, tables and figures inside, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from tfrs_bench.reporting.document import (
    Block,
    Bullets,
    Drawing,
    Paragraph,
    Report,
    Section,
    Table,
    numbered,
    spans,
)

_TAGS = {"strong": "strong", "code": "code"}
_STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")


def html(report: Report) -> str:
    """Sets a report as a page for screen and paper, light and dark.

    Args:
      report: what to tell.

    Returns:
      The whole file's text, the same for the same report.
    """
    body = [_section(section, report) for section in (report.summary, *report.sections)]
    entries = (
        f'<li><a href="#{_anchor(one.title)}">{escape(one.title)}</a></li>'
        for one in (report.summary, *report.sections)
    )
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            '<head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(report.title)}</title>",
            f"<style>\n{_STYLE}</style></head>",
            "<body>",
            f"<header><h1>{escape(report.title)}</h1></header>",
            f'<nav aria-label="Contents"><ol>{"".join(entries)}</ol></nav>',
            "<main>",
            *body,
            "</main>",
            "</body></html>",
            "",
        ]
    )


def _section(section: Section, report: Report) -> str:
    numbers = numbered(report)
    blocks = "\n".join(_block(block, numbers.get(id(block), "")) for block in section.blocks)
    anchor = _anchor(section.title)
    return f'<section id="{anchor}">\n<h2>{escape(section.title)}</h2>\n{blocks}\n</section>'


def _block(block: Block, number: str) -> str:
    records = _records(block.records)
    if isinstance(block, Paragraph):
        return f"<p>{_text(block.text)}</p>{records}"
    if isinstance(block, Bullets):
        items = "".join(f"<li>{_text(line)}</li>" for line in block.lines)
        return f"<ul>{items}</ul>{records}"
    caption = f"<figcaption><b>{number}.</b> {_text(block.caption)}</figcaption>"
    if isinstance(block, Drawing):
        return f'<figure class="drawing">{_inline(block)}{caption}{records}</figure>'
    return f"<figure>{caption}{_table(block)}{records}</figure>"


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{_text(title)}</th>' for title in table.titles)
    rows = "".join(
        f'<tr><th scope="row">{_text(first)}</th>{"".join(f"<td>{_text(cell)}</td>" for cell in cells)}</tr>'
        for first, *cells in table.rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _text(text: str) -> str:
    told = ((_TAGS.get(kind), escape(part)) for kind, part in spans(text))
    return "".join(part if tag is None else f"<{tag}>{part}</{tag}>" for tag, part in told)


def _records(folders: Sequence[Path]) -> str:
    if not folders:
        return ""
    names: dict[Path, list[str]] = {}
    for folder in folders:
        names.setdefault(folder.parent, []).append(folder.name)
    lines = "".join(
        f"<br><code>{escape(where.as_posix())}/</code> {escape(', '.join(its))}"
        for where, its in names.items()
    )
    places = [where.as_posix() for where in names]
    told = f"{len(folders)} record{'s' * (len(folders) > 1)}: {escape(', '.join(places))}"
    return f'<details class="records"><summary>{told}</summary>{lines}</details>'


def _inline(drawing: Drawing) -> str:
    """Returns a drawing's SVG element; its ids are made its own, as a page may hold each but once."""
    own = _anchor(drawing.name)
    svg = drawing.svg[drawing.svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{own}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{own}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{own}-\1)", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(drawing.caption)}"', 1)


def _anchor(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-")
