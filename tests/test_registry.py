"""Names on the command line resolve, or say what would have."""

from __future__ import annotations

import pytest

from tfrs_bench import registry
from tfrs_bench.errors import UserError


def test_resolve_imports_what_the_table_names() -> None:
    assert registry.resolve({"x": "fractions:Fraction"}, "x", "model").__name__ == "Fraction"


def test_unknown_name_names_the_flag_and_the_nearest() -> None:
    with pytest.raises(UserError, match=r"^--model=two_towers is not known\. Did you mean two_tower\?"):
        registry.resolve(registry.MODELS, "two_towers", "model")


@pytest.mark.parametrize("table", [registry.MODELS, registry.DATASETS, registry.INDEXES])
def test_entries_are_module_colon_symbol(table: dict[str, str]) -> None:
    for target in table.values():
        module, symbol = target.split(":")
        assert module.startswith("tfrs_bench.") and symbol.isidentifier()


def test_aliases_are_short_names_of_known_data_sets() -> None:
    assert registry.DATASET_ALIASES["ml-1m"] == "movielens/1m"
    assert set(registry.DATASET_ALIASES.values()) <= set(registry.DATASETS)
    assert not set(registry.DATASET_ALIASES) & set(registry.DATASETS)
