"""Titles and categories meet the items of a log by id."""

from __future__ import annotations

import numpy as np
import pytest

from tfrs_bench.data.interactions import build_log
from tfrs_bench.data.item_file import MAX_CATEGORIES, attach_items
from tfrs_bench.data.multi_hot import multi_hot
from tfrs_bench.errors import UserError


@pytest.fixture
def attach(tmp_path):
    def attach_text(text, item_ids=("x", "y", "z"), **options):
        path = tmp_path / "items.csv"
        path.write_text(text)
        users = np.array(["u"] * len(item_ids))
        log = build_log(users, np.array(item_ids), np.arange(len(item_ids)))
        return attach_items(log, path, **options)

    return attach_text


def test_titles_and_genres_by_id(attach):
    log, notes = attach(
        "item_id,title,genres\nz,Zorro,Action|Comedy\nx,Xanadu,Comedy\nx,again,Drama\nq,None,War\n"
    )
    assert log.item_titles.tolist() == ["Xanadu", "y", "Zorro"]  # the first row of x counts; y is not there
    assert log.item_features.names == ("genre=Action", "genre=Comedy")  # no item of the log is Drama or War
    assert log.item_features.values.tolist() == [[0, 1], [0, 0], [1, 1]]
    assert notes == ["items.csv: 1 of 3 items are not in it and go by their id"]


def test_only_titles(attach):
    log, notes = attach("StockCode,Description\nx, A LAMP \ny,\nz,B\n")
    assert log.item_titles.tolist() == ["A LAMP", "y", "B"]
    assert log.item_features is None
    assert notes == []


def test_only_categories(attach):
    log, _ = attach("id,category\nx,1\ny,2\nz,1\n")
    assert log.item_titles is None
    assert log.item_features.names == ("category=1", "category=2")


def test_the_column_of_the_interactions_is_looked_for(attach):
    log, _ = attach("sku,item_id,title\nx,1,X\ny,2,Y\nz,3,Z\n", item_column="sku")
    assert log.item_titles.tolist() == ["X", "Y", "Z"]


def test_unusable_tables_are_refused(attach):
    with pytest.raises(UserError, match=r"has no column of item ids.*who, title"):
        attach("who,title\nx,X\n")
    with pytest.raises(UserError, match=r"neither a title nor a genres column.*item, price"):
        attach("item,price\nx,3\n")


def test_ragged_rows_follow_the_same_flag(attach):
    text = "item,title\nx,X\ny,Y,more\nz,Z\n"
    with pytest.raises(UserError, match=r"line 3 has 3 of 2 fields"):
        attach(text)
    log, notes = attach(text, on_bad_rows="skip")
    assert log.item_titles.tolist() == ["X", "y", "Z"]
    assert "1 row dropped" in notes[0]


def test_the_most_frequent_categories_are_kept(attach):
    # Item x has the categories 0 ... 299, item y the categories 200 ... 299: those hundred are of two items,
    # and of the others the first 156 by name fill the table.
    both = "|".join(f"c{number:03}" for number in range(300))
    late = "|".join(f"c{number:03}" for number in range(200, 300))
    log, notes = attach(f"item,genres\nx,{both}\ny,{late}\nz,\n")
    expected = [*range(MAX_CATEGORIES - 100), *range(200, 300)]
    assert log.item_features.names == tuple(f"genre=c{number:03}" for number in expected)
    assert "of 300 categories" in notes[0]


def test_no_labels_are_no_table():
    assert multi_hot([[], []]) is None
