"""Names beside points of a figure, placed so that none covers another or a point."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

_SIZE = 7.0  # points
_WIDTH, _HEIGHT = 0.56 * _SIZE, 1.25 * _SIZE  # of a letter
_GAP = 4.0
_FAR = 1.3
_RINGS = 9

Box = tuple[float, float, float, float]


def label_points(axes: Any, points: Mapping[str, tuple[float, float]]) -> None:
    """Writes the name of each point near it; where points crowd, further away at a thin line.

    Limits and scales of the axes have to be final.

    Args:
      axes: of matplotlib.
      points: places by name, in data.
    """
    axes.figure.draw_without_rendering()  # so that places on the sheet are known
    inches = axes.figure.dpi / 72
    places = {name: tuple(axes.transData.transform(point) / inches) for name, point in points.items()}
    sheet = tuple(value / inches for value in axes.get_window_extent().extents)
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in places.values()]
    for name, place in sorted(places.items(), key=lambda one: (one[1], one[0])):
        box = _free(place, len(name) * _WIDTH, taken, sheet)
        taken.append(box)
        across, up = box[0] - place[0], (box[1] + box[3]) / 2 - place[1]
        aside = max(box[0] - place[0], place[0] - box[2])
        far = abs(up) > _FAR * _HEIGHT or aside > _FAR * _GAP
        axes.annotate(
            name,
            points[name],
            xytext=(across, up),
            textcoords="offset points",
            fontsize=_SIZE,
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.3},
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "0.6"} if far else None,
        ).set_in_layout(False)


def _free(place: tuple[float, ...], width: float, taken: list[Box], sheet: Box) -> Box:
    """Returns the first box around a place that covers nothing taken and stays on the sheet."""
    x, y = place
    tried = []
    for ring, side in itertools.product(range(_RINGS), range(6)):
        rise = ring * _HEIGHT * 0.6
        left = (x + _GAP, x - _GAP - width, x - width / 2)[side // 2]
        middle = y + (rise if side % 2 else -rise) + ((_HEIGHT if side % 2 else -_HEIGHT) if side > 3 else 0)
        box = (left, middle - _HEIGHT / 2, left + width, middle + _HEIGHT / 2)
        tried.append(box)
        inside = sheet[0] <= box[0] and box[2] <= sheet[2] and sheet[1] <= box[1] and box[3] <= sheet[3]
        if inside and not any(_cover(box, one) for one in taken):
            return box
    return tried[0]


def _cover(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
