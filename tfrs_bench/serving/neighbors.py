"""What is near an item, as a model sees it."""

from __future__ import annotations

import dataclasses

import numpy as np
from rich.table import Table
from rich.text import Text

from tfrs_bench.models.base import NO_ITEM, FactorizedRecommender
from tfrs_bench.opened_run import OpenedRun
from tfrs_bench.retrieval.building import build_index
from tfrs_bench.retrieval.config import IndexConfig
from tfrs_bench.serving.answer import Listed
from tfrs_bench.serving.answer_page import table_of
from tfrs_bench.serving.people import person_told
from tfrs_bench.serving.titles import Titles

_HELD_BACK = 1000  # items that ask for their own neighbors, where a recall is to be reached


@dataclasses.dataclass(frozen=True)
class Neighbors:
    """Items near one.

    Attributes:
      item: whose neighbors these are.
      listed: the nearest first.
      measure: what the scores are.
    """

    item: int
    listed: Listed
    measure: str


def neighbors(run: OpenedRun, item: int, config: IndexConfig, *, k: int) -> Neighbors:
    """Finds the items nearest to one.

    By the cosine of their embeddings, where a model has some; else what the model recommends to somebody who
    has had nothing but this item.

    Args:
      run: the model and its catalogue.
      item: whose neighbors to find.
      config: of the index.
      k: how many.
    """
    candidates = run.prepared.test.evaluation_set.candidates
    model = run.model
    if isinstance(model, FactorizedRecommender):
        vectors, held = model.item_embeddings(), np.flatnonzero(candidates)
        own = vectors[held]
        index = build_index(own, config, items=held, similarity="cosine", held_back=own[:_HELD_BACK])
        found, scores = (one[0] for one in index.search(vectors[[item]], k + 1))
        name, note, measure = index.name, index.reason, "cosine"
    else:
        query = person_told(run, [item]).query
        found, scores = (one[0] for one in model.recommend(query, k + 1, candidates=candidates))
        name, measure = model.name, "score"
        note = f"{model.name} has no item vectors: this is its list for somebody who has this item alone"
    kept = (found != NO_ITEM) & (found != item)
    return Neighbors(item, Listed(name, found[kept][:k], scores[kept][:k], note), measure)


def neighbors_table(run: OpenedRun, near: Neighbors, titles: Titles) -> Table:
    """Returns the neighbors for rich to print, with what is known of each."""
    log = run.prepared.dataset.log
    counts = np.bincount(log.items, minlength=log.num_items)
    table = table_of(f"Nearest to {titles.texts[near.item]}, by {run.record.model}")
    table.add_column("", justify="right", style="dim", no_wrap=True)
    table.add_column(near.measure, justify="right", no_wrap=True)
    table.add_column("title", overflow="ellipsis", no_wrap=True, ratio=1)
    table.add_column("rows", justify="right", style="dim", no_wrap=True)
    features = log.item_features
    if features is not None:
        table.add_column("content", overflow="ellipsis", no_wrap=True, style="dim", ratio=1)
    for place, (item, score) in enumerate(zip(near.listed.items, near.listed.scores, strict=True), start=1):
        cells: list[Text | str] = [str(place), f"{score:.3f}", Text(titles.texts[item]), f"{counts[item]:,}"]
        if features is not None:
            own = np.flatnonzero(features.values[item])
            cells.append(Text(", ".join(features.names[one].partition("=")[2] for one in own)))
        table.add_row(*cells)
    return table
