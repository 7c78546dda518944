"""Queries that are nothing but their histories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfrs_bench.data.queries import Histories, Queries


def queries_with(histories: Sequence[Sequence[int]]) -> Queries:
    items = np.array([item for history in histories for item in history], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(history) for history in histories])]).astype(np.int64)
    nothing = np.zeros(len(items), dtype=np.int64)
    own = Histories(items, nothing, None, np.ones(len(items), bool), offsets)
    n = len(histories)
    return Queries(np.arange(n, dtype=np.int32), np.arange(n, dtype=np.uint64), own)
