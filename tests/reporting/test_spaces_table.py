"""The table of spaces tells every searched setting of every model, as the classes have it."""

from __future__ import annotations

from tfrs_bench import registry
from tfrs_bench.reporting.spaces import spaces


def test_every_searched_setting_has_a_row() -> None:
    rows = [line.split(" | ") for line in spaces([]).splitlines()[2:]]
    listed = {(model.removeprefix("| "), setting.strip("`-")) for model, setting, *_ in rows}
    models = {name: registry.resolve(registry.MODELS, name, "model") for name in registry.MODELS}
    assert listed == {(name, field) for name, model in models.items() for field in model.space}


def test_ranges_choices_and_starts_are_told_as_they_are_typed() -> None:
    lines = spaces([]).splitlines()
    assert "| als | `--factors` | 8 to 256, by ratio | 64 |" in lines
    assert (
        "| popularity | `--half_life_days` | unset or 3 or 10 or 30 or 100 or 300 or 1000 | unset |" in lines
    )
    assert "| two_tower | `--use_user_id` | true or false | true |" in lines
    assert any(line.startswith("| ncf | `--hidden` | 64,32,16 or 32,16,8 or ") for line in lines)
