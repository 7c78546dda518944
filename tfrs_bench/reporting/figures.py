"""Figures as SVG text that is the same byte for byte whenever it is drawn from the same numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Okabe & Ito 2008: told apart by color-blind readers; with markers, also in black and white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


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
    figure.svg = "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
