"""Figures come out byte for byte, on whatever processor."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tfrs_bench.reporting.figures import drawing


def drawn(height: float, up_to: float = 1.0) -> str:
    with drawing(height=height) as figure:
        figure.axes.errorbar([0, 1], [0, up_to], yerr=0.1, marker="o")
        figure.axes.axhline(0.5)
    return figure.svg


@pytest.mark.parametrize("inches", [3.3, 3.6, 4.1])
def test_the_last_bit_of_a_number_changes_nothing(inches: float) -> None:
    nearly = float(np.nextafter(inches, 5))
    assert nearly != inches
    assert drawn(inches) == drawn(nearly)


def test_numbers_of_a_drawing_are_short_and_what_is_written_in_it_stays() -> None:
    with drawing() as figure:
        figure.axes.plot([0, 1 / 3], [0, 1 / 7], label="0.123456789")
        figure.axes.legend()
    assert ">0.123456789<" in figure.svg
    assert not re.findall(r"\d\.\d{4}", figure.svg.replace("0.123456789", ""))


def test_every_reference_has_its_definition_and_two_drawings_share_none() -> None:
    names = []
    for svg in (drawn(3.6), drawn(3.6, up_to=2.0)):
        defined = set(re.findall(r'id="(d[0-9a-f]{10}_\d+)"', svg))
        referred = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
        assert referred and referred <= defined
        names.append(defined)
    assert not names[0] & names[1]
