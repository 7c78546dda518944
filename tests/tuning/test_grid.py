"""The grid search: every combination once, a stated growth past the edges, and never without end."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfrs_bench.tuning.grid import MOST_STEPS_BEYOND, GridResult, grid_search


@dataclasses.dataclass(frozen=True)
class Config:
    width: int = 5
    weight: float = 0.5
    untouched: str = "as it was"


WIDTHS, WEIGHTS = (8, 16, 32), (1.0, 3.0)
GRID = {"width": WIDTHS, "weight": WEIGHTS}
START = Config(untouched="kept")


def search(quality_of, grid=GRID, progress=None) -> GridResult:
    return grid_search(START, grid, quality_of, progress)


def tried(result: GridResult, name: str) -> list[float]:
    return [getattr(config, name) for config, _ in result.trials]


def peak(width: float, weight: float):
    """A quality that falls by a tenth for every doubling away from one point."""
    return lambda one: 0.9 ** abs(math.log2(one.width / width)) * 0.9 ** abs(math.log2(one.weight / weight))


def test_every_combination_is_tried_once_and_in_order() -> None:
    asked = []
    result = search(lambda config: asked.append(config) or 0.5)
    combinations = [Config(width, weight, "kept") for width, weight in itertools.product(WIDTHS, WEIGHTS)]
    assert asked[: len(combinations)] == combinations
    assert len(set(asked)) == len(asked) == len(result.trials)


def test_a_best_inside_the_grid_is_not_grown_from() -> None:
    result = grid_search(START, {"width": WIDTHS}, lambda one: {8: 0.1, 16: 0.3, 32: 0.2}[one.width])
    assert tried(result, "width") == [8, 16, 32]
    assert (result.config, result.quality) == (Config(16, 0.5, "kept"), 0.3)


@pytest.mark.parametrize(("bound", "most"), [(20, 32), (32, 32), (33, 64), (64, 64), (65, 128)])
def test_growth_ends_with_the_first_value_no_smaller_than_a_bound(bound: float, most: int) -> None:
    result = grid_search(START, GRID, lambda one: one.width, bounds={"width": bound})
    assert max(tried(result, "width")) == most


def test_growth_past_the_upper_edge_stops_at_the_first_step_that_does_not_help() -> None:
    result = search(peak(64, 2), {"width": WIDTHS})
    assert tried(result, "width") == [8, 16, 32, 64, 128]
    assert result.config.width == 64


def test_growth_past_the_lower_edge_stops_at_the_first_step_that_does_not_help() -> None:
    result = search(peak(16, 1 / 3), {"weight": WEIGHTS})
    assert tried(result, "weight") == pytest.approx([1, 3, 1 / 3, 1 / 9])
    assert result.config.weight == pytest.approx(1 / 3)


def test_a_dimension_is_grown_again_after_another_has_moved() -> None:
    # At weight 9 the width 64 is better, at weight 3 it is not: width first, then weight, then width.
    qualities = {(32, 3.0): 0.5, (32, 9.0): 0.6, (64, 9.0): 0.7}
    result = search(lambda one: qualities.get((one.width, one.weight), 0.1))
    assert (result.config.width, result.config.weight) == (64, 9.0)


@pytest.mark.parametrize(
    ("gain", "widths"), [(1.004, [8, 16, 32, 64]), (1.006, [8, 16, 32, 64, 128, 256, 512])]
)
def test_growth_goes_on_for_half_a_percent_and_no_less(gain: float, widths: list[int]) -> None:
    result = search(lambda one: 0.01 * gain ** math.log2(one.width), {"width": WIDTHS})
    assert tried(result, "width") == widths
    assert result.config.width == widths[-1]  # the best of all trials, whether or not worth the step


def test_growth_is_capped_even_if_bigger_is_always_better() -> None:
    result = search(lambda one: float(one.width), {"width": WIDTHS})
    assert tried(result, "width") == [8, 16, 32, 64, 128, 256, 512]


def test_whole_numbers_stay_whole_and_positive() -> None:
    result = search(lambda one: 1 / one.width, {"width": (3, 6)})
    assert tried(result, "width") == [3, 6, 1]  # 1.5 and then 0.5, cut to 1 and 0
    assert all(isinstance(width, int) for width in tried(result, "width"))


@pytest.mark.parametrize("quality", [0.0, 0.3])
def test_of_equal_settings_the_first_is_taken_and_the_search_ends(quality: float) -> None:
    result = search(lambda one: quality)
    assert result.config == Config(8, 1.0, "kept")
    assert len(result.trials) == 6 + 2  # one step below each lower edge


def test_progress_counts_trials_and_never_runs_past_its_total() -> None:
    calls = []
    result = search(peak(64, 9), progress=lambda done, total: calls.append((done, total)))
    assert [done for done, _ in calls] == list(range(1, len(result.trials) + 1))
    assert all(done <= total for done, total in calls)
    assert calls[0] == (1, 6)


def test_summary_counts_trials() -> None:
    assert dataclasses.replace(search(peak(16, 1)), minutes=1.26).summary().endswith("trials, 1.3 min")


@given(data=st.data())
def test_any_quality_function_ends_with_the_best_of_its_trials(data: st.DataObject) -> None:
    quality = st.floats(0, 1) | st.sampled_from([0.0, 1e-300, 1.0])
    known: dict[Config, float] = {}
    result = search(lambda one: known.setdefault(one, data.draw(quality)))
    assert dict(result.trials) == known
    assert result.quality == max(known.values()) == known[result.config]
    lines = [len(values) + 2 * MOST_STEPS_BEYOND for values in GRID.values()]
    assert len(result.trials) <= math.prod(lines)
