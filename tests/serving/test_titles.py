"""Titles by part: what is found, and what is said where nothing or several are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tfrs_bench.data.interactions import build_log
from tfrs_bench.errors import UserError
from tfrs_bench.serving.titles import Titles, one_line

TITLES = ("Toy Story (1995)", "Toy Story 2 (1999)", "Alien (1979)", "Aliens (1986)", "ÉTÉ", "12", " ")


@pytest.fixture
def titles() -> Titles:
    raw = np.array([f"i{at}" for at in range(len(TITLES))])
    log = build_log(np.array(["u"] * len(raw)), raw, np.arange(len(raw)))
    return Titles(dataclasses.replace(log, item_titles=np.array(TITLES, dtype=object)))


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("toy story (1995)", 0),
        ("TOY STORY", 0),  # a whole title but for its year
        ("story 2", 1),
        ("alien", 2),
        ("aliens", 3),
        ("été", 4),
        ("i1", 1),
        ("i6", 6),  # which has no title
        ("12", 5),
    ],
)
def test_a_title_is_found_by_part_whatever_its_case(titles: Titles, text: str, item: int) -> None:
    assert titles.find(text, "history") == item


def test_an_item_without_a_title_is_called_by_its_id(titles: Titles) -> None:
    assert titles.texts[6] == "i6"
    bare = build_log(np.array(["u"]), np.array(["x"]), np.arange(1))
    assert Titles(bare).texts == ["x"]


def test_several_matches_are_listed_with_their_ids(titles: Titles) -> None:
    with pytest.raises(UserError) as caught:
        titles.find("stor", "history")
    text = str(caught.value)
    assert text.startswith(
        "--history: 'stor' is in 2 titles: Toy Story (1995) [i0]; Toy Story 2 (1999) [i1]."
    )


def test_no_match_offers_the_nearest(titles: Titles) -> None:
    with pytest.raises(UserError, match=r"no title has 'allien' in it\. Near: Alien \(1979\)"):
        titles.find("allien", "items_like")
    with pytest.raises(UserError, match=r"Titles look like Toy Story \(1995\)"):
        titles.find("qqqqq", "items_like")


def test_nothing_in_a_title_commands_the_terminal() -> None:
    assert one_line("two\nlines\x1b[31mred\u202e") == "two lines [31mred"
