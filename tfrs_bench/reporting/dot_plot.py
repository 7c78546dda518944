"""Models as dots with intervals: who leads, and what may be chance."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tfrs_bench.reporting.figures import COLORS, MARKERS, drawing
from tfrs_bench.reporting.judgements import best, deep
from tfrs_bench.reporting.study import Study

_INCHES_A_MODEL, _INCHES_AROUND = 0.24, 0.9
_LETTERS = 32  # of a name in a line


def dot_plot(study: Study, names: Sequence[str]) -> str:
    """Draws the primary metric of models, the best above, neural ones told apart by color and marker.

    Args:
      study: they are of.
      names: best first.

    Returns:
      SVG.
    """
    neural = set(deep(study))
    with drawing(width=4.6, height=_INCHES_AROUND + _INCHES_A_MODEL * len(names)) as drawn:
        axes = drawn.axes
        for place, name in enumerate(reversed(names)):
            row = study.comparison.row(name)
            assert row is not None
            kind = int(name in neural)
            axes.plot([row.low, row.high], [place, place], color=COLORS[kind], linewidth=1.6)
            axes.plot([row.mean], [place], color=COLORS[kind], marker=MARKERS[kind], markersize=5.5)
        top = best(study, names)
        level = study.comparison.row(top) if top else None
        if level is not None:
            axes.axvline(level.mean, color=COLORS[-1], linestyle=":", linewidth=0.8, zorder=0)
        axes.set_yticks(range(len(names)), [textwrap.fill(name, _LETTERS) for name in reversed(names)])
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.grid(axis="y", alpha=0)
        axes.grid(axis="x", alpha=0.3)
        axes.set_xlabel(f"{study.primary.upper()}, 95 % interval")
        axes.set_title(study.name, loc="left")
    return drawn.svg
