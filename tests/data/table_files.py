"""What the tests of files share: a log as plain tuples, and the message of a refusal."""

from __future__ import annotations

import pytest

from tfrs_bench.data.tabular import load_table
from tfrs_bench.errors import UserError


def rows(log):
    """Every row as (user id, item id, time, rating), in the log's order."""
    ratings = [None] * len(log) if log.ratings is None else log.ratings.tolist()
    users, items = log.user_ids.ids[log.users], log.item_ids.ids[log.items]
    return list(zip(users, items, log.timestamps.tolist(), ratings, strict=True))


def refused(*args, **options):
    with pytest.raises(UserError) as caught:
        load_table(*args, **options)
    return str(caught.value)
