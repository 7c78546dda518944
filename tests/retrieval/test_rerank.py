"""Lists by hand: what maximal marginal relevance, labels and freshness do to them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tfrs_bench.models.base import NO_ITEM
from tfrs_bench.retrieval import rerank as module
from tfrs_bench.retrieval.rerank import Rules, freshness, rerank

# Items 0 and 1 are the same, 2 is unlike both, 3 lies between.
VECTORS = np.array([[1, 0], [1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
LABELS = np.array([[1, 0], [1, 0], [0, 1], [1, 1]], dtype=bool)


def one_list(items: list[int], relevance: list[float], rules: Rules) -> list[int]:
    asked = np.array([items], np.int32), np.array([relevance], np.float32)
    return rerank(*asked, rules)[0].tolist()


def test_without_rules_the_order_is_that_of_relevance_and_of_equals_the_one_given_first() -> None:
    assert one_list([3, 0, 2, 1], [1.0, 2.0, 1.0, 5.0], Rules()) == [1, 0, 3, 2]


def test_missing_candidates_stay_at_the_end_whatever_their_relevance() -> None:
    for rules in (Rules(), Rules(0.5, VECTORS), Rules(most_per_label=1, labels=LABELS)):
        assert one_list([2, 0, NO_ITEM], [0.0, 1.0, 9.0], rules) == [0, 2, NO_ITEM]


def test_marginal_relevance_by_hand() -> None:
    # Relevance scaled: 0 → 1, 1 → .9, 2 → .5, 3 → 0; λ = .5. First 0. Then 1: .45 − .5 = −.05; 2: .25 − 0;
    # 3: 0 − .3: item 2. Then 1: −.05; 3: 0 − .5 · max(.6, .8) = −.4: item 1, then 3.
    assert one_list([0, 1, 2, 3], [10.0, 9.0, 5.0, 0.0], Rules(0.5, VECTORS)) == [0, 2, 1, 3]
    # λ = .04: 1: .864 − .04 = .824, 2: .48.
    assert one_list([0, 1, 2, 3], [10.0, 9.0, 5.0, 0.0], Rules(0.04, VECTORS)) == [0, 1, 2, 3]


def test_a_label_fills_up_and_what_has_it_waits_until_nothing_else_is_left() -> None:
    # 0 fills the first label; 1 and 3 have it too and wait; 2 comes next; then relevance alone.
    assert one_list([0, 1, 3, 2], [4.0, 3.0, 2.0, 1.0], Rules(most_per_label=1, labels=LABELS)) == [
        0,
        2,
        1,
        3,
    ]
    assert one_list([0, 1, 3, 2], [4.0, 3.0, 2.0, 1.0], Rules(most_per_label=2, labels=LABELS)) == [
        0,
        1,
        2,
        3,
    ]


def test_lists_are_reranked_alike_together_and_in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    items = np.stack([random.permutation(4) for _ in range(50)]).astype(np.int32)
    relevance = random.random((50, 4), dtype=np.float32)
    rules = Rules(0.3, VECTORS, 2, LABELS)
    together = rerank(items, relevance, rules)
    monkeypatch.setattr(module, "_CELLS", 100)
    assert_array_equal(rerank(items, relevance, rules), together)
    assert_array_equal(np.sort(together, axis=1), np.tile(np.arange(4), (50, 1)))


def test_no_list_is_reranked_to_none() -> None:
    none = np.zeros((0, 4), np.int32)
    assert rerank(none, none.astype(np.float32), Rules(0.3, VECTORS)).shape == (0, 4)


def test_what_will_only_come_up_later_is_as_new_as_can_be() -> None:
    now = np.array([[0], [2 * 86_400]])
    assert_array_equal(freshness(np.array([[86_400], [0]]), now, 2.0), np.float32([[1.0], [0.5]]))
