"""Figures as SVG text that is the same byte for byte whenever it is drawn from the same numbers."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Okabe & Ito 2008: told apart by color-blind readers; with markers, also in black and white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_TAG, _LONG_NUMBER, _DIGITS = re.compile(r"<[^>]*>"), re.compile(r"\d+\.\d{4,}"), 3
_DEFINED = re.compile(r'id="([a-z][0-9a-f]{10})"')


class Figure:
    """One drawing: `axes` to draw on, and afterwards `svg`."""

    def __init__(self, axes: Any) -> None:
        """Takes the axes to draw on."""
        self.axes, self.svg = axes, ""


def file_name(title: str) -> str:
    """Returns the name of a figure's file.

    >>> file_name("cold_start, ml-100k, global, cold_start_fraction=0.3")
    'cold_start-ml-100k-global-cold_start_fraction=0_3.svg'
    """
    words = re.findall(r"[\w.=-]+", title.replace(".", "_"))
    return f"{'-'.join(words)}.svg"


@contextmanager
def drawing(width: float = 6.0, height: float = 3.6) -> Iterator[Figure]:
    """Opens a figure; its `svg` is there when the block has ended.

    Args:
      width: inches.
      height: inches.
    """
    import matplotlib

    # The object-oriented interface leaves no global state, and needs no screen.
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context({"svg.hashsalt": "tfrs_bench", "svg.fonttype": "none", "font.size": 9}):
        canvas = Canvas(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(canvas)
        figure = Figure(canvas.add_subplot())
        figure.axes.spines[["top", "right"]].set_visible(False)
        figure.axes.grid(axis="y", alpha=0.3)
        yield figure
        out = io.StringIO()
        canvas.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    figure.svg = _identified(_rounded(_trimmed(out.getvalue())))


def _trimmed(svg: str) -> str:
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def _rounded(svg: str) -> str:
    """Returns the drawing with fewer digits: the last of Matplotlib's six differs between processors."""

    def number(found: re.Match[str]) -> str:
        return f"{float(found[0]):.{_DIGITS}f}".rstrip("0").rstrip(".")

    return _TAG.sub(lambda tag: _LONG_NUMBER.sub(number, tag[0]), svg)


def _identified(svg: str) -> str:
    """Returns the drawing with identifiers made from its text, so that no two drawings of a page share one.

    Matplotlib makes them from numbers of full precision, whose last bits differ between processors.
    """
    places = {name: str(place) for place, name in enumerate(dict.fromkeys(_DEFINED.findall(svg)))}
    if not places:
        return svg
    names = re.compile(rf"(?<=[\"#])(?:{'|'.join(places)})(?=[\")])")
    drawn = hashlib.sha256(names.sub(lambda found: places[found[0]], svg).encode()).hexdigest()[:10]
    return names.sub(lambda found: f"d{drawn}_{places[found[0]]}", svg)
