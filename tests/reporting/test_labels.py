"""Names in a figure keep clear of each other and of the points."""

from __future__ import annotations

import itertools

import numpy as np

from tfrs_bench.reporting.figures import drawing
from tfrs_bench.reporting.labels import label_points


def test_names_of_crowded_points_cover_neither_each_other_nor_points() -> None:
    random = np.random.default_rng(0)
    points = {
        f"model_{number}": (10 ** random.uniform(-1, 1), random.uniform(0.1, 0.2)) for number in range(14)
    }
    with drawing() as drawn:
        axes = drawn.axes
        axes.scatter(*zip(*points.values(), strict=True))
        axes.set_xscale("log")
        axes.margins(0.15)
        label_points(axes, points)
        axes.figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in axes.texts]
        sheet = axes.get_window_extent()
        places = axes.transData.transform([*points.values()])
    assert len(boxes) == len(points)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert not any(box.contains(*place) for box in boxes for place in places)
    assert all(sheet.x0 <= box.x0 and box.x1 <= sheet.x1 + 3 for box in boxes)


def test_a_name_that_had_to_go_away_has_a_line_to_its_point() -> None:
    with drawing() as drawn:
        drawn.axes.plot([0, 1], [0, 1])
        label_points(
            drawn.axes, {f"model_{number}": (0.5, 0.5) for number in range(7)} | {"alone": (0.1, 0.1)}
        )
    texts = {text.get_text(): text for text in drawn.axes.texts}
    lines = {name: text.arrow_patch for name, text in texts.items()}
    assert lines["alone"] is None
    near = [name for name, line in lines.items() if line is None and name != "alone"]
    assert 0 < len(near) < 7
    far = max(texts, key=lambda name: abs(texts[name].xyann[1]))
    assert lines[far] is not None


def test_the_same_points_give_the_same_drawing() -> None:
    def svg() -> str:
        with drawing() as drawn:
            drawn.axes.plot([0, 1], [0, 1])
            label_points(drawn.axes, {"one": (0.5, 0.5), "two": (0.5, 0.5)})
        return drawn.svg

    assert svg() == svg()
