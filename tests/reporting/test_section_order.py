"""Sections come in order; one without runs says which command makes them."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from tfrs_bench.reporting.document import Paragraph
from tfrs_bench.reporting.sections import order
from tfrs_bench.reporting.sections.order import PARTS, Part, sections


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.title)
def test_every_part_is_a_function_of_studies(part: Part) -> None:
    module, function = part.source.split(":")
    found = getattr(importlib.import_module(f"tfrs_bench.reporting.sections.{module}"), function)
    assert [*inspect.signature(found).parameters] == ["studies"]


def test_a_section_without_runs_says_which_command_makes_one() -> None:
    written = sections([])
    assert [one.title for one in written] == [part.title for part in PARTS]
    told = {
        one.title: " ".join(block.text for block in one.blocks if isinstance(block, Paragraph))
        for one in written
    }
    (cold,) = [part for part in PARTS if part.title == "Cold start"]
    assert f"`{cold.made_by}`" in told["Cold start"]


def test_every_module_of_sections_has_its_place_in_the_report() -> None:
    written = {path.stem for path in Path(order.__file__).parent.glob("*.py")} - {"__init__", "order"}
    assert written == {part.source.split(":")[0] for part in PARTS}
