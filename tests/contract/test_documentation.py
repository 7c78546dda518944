"""A model's page tells every setting and its default, as they are in the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from contract_models import KINDS

from tfrs_bench.options import options_of

PAGES = {path.stem: path for path in (Path(__file__).parents[2] / "docs" / "models").glob("*.md")}
ROW = re.compile(r"^\| `--(\w+)` \| ([^|]+) \|", re.MULTILINE)


def written(default: Any) -> str:
    if default is None or default == ():
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


@pytest.mark.parametrize("documented", sorted(PAGES))
def test_a_page_lists_every_setting_with_its_default(documented: str) -> None:
    listed = dict(ROW.findall(PAGES[documented].read_text()))
    fields = options_of(KINDS[documented].Config)
    assert listed == {field.name: written(field.default) for field in fields}


def test_every_model_has_a_page_or_shares_that_of_its_module() -> None:
    for name, kind in KINDS.items():
        assert {name, kind.__module__.rpartition(".")[2]} & {*PAGES}, name
