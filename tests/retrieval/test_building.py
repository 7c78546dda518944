"""Which index a catalogue gets, and who cannot have one."""

from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench import registry
from tfrs_bench.errors import UserError
from tfrs_bench.models.ease import EASE
from tfrs_bench.retrieval.building import build_index, chosen, index_of
from tfrs_bench.retrieval.config import KINDS, IndexConfig


def test_a_small_catalogue_is_searched_exactly_and_says_why() -> None:
    index = build_index(np.ones((3_706, 2), np.float32))
    assert index.is_exact
    assert index.reason == "catalogue of 3,706 items: exact search takes microseconds and misses nothing"


def test_an_index_that_was_asked_for_needs_no_reason() -> None:
    assert build_index(np.ones((3, 2), np.float32), IndexConfig(index="exact")).reason == ""


@pytest.mark.parametrize(
    ("num_items", "name"), [(19_999, "exact"), (20_000, "scann"), (100_000, "scann"), (100_001, "scann")]
)
def test_auto_goes_by_the_size_of_the_catalogue(num_items: int, name: str) -> None:
    kind, reason = chosen(IndexConfig(), num_items)
    assert kind.name == name
    assert ("a tree" in reason) == (num_items > 100_000)


def test_a_model_without_inner_product_is_refused_and_those_with_one_are_named() -> None:
    with pytest.raises(UserError, match=r"^ease scores every item anew .* have one: .*als, .*two_tower"):
        index_of(EASE())


def test_an_unknown_index_is_refused() -> None:
    with pytest.raises(UserError, match=r"--index=skann is not known\. Did you mean scann\?"):
        IndexConfig(index="skann")


def test_every_kind_of_index_is_registered_under_its_name() -> None:
    assert tuple(registry.INDEXES) == KINDS
    assert [registry.resolve(registry.INDEXES, kind, "index").name for kind in KINDS] == list(KINDS)


def test_a_recall_needs_queries_to_be_reached_on() -> None:
    with pytest.raises(ValueError, match="target_recall needs held-back queries"):
        build_index(np.ones((30, 2), np.float32), IndexConfig(index="scann", target_recall=0.9))
