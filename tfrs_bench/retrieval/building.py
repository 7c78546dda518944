"""From a model, or from vectors, to the index that suits them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfrs_bench import registry
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import FactorizedRecommender, Recommender
from tfrs_bench.retrieval.config import IndexConfig
from tfrs_bench.retrieval.effort import fastest
from tfrs_bench.retrieval.exact_index import ExactIndex
from tfrs_bench.retrieval.index import ItemIndex
from tfrs_bench.retrieval.scann_index import FEWEST_FOR_TREE, ScannIndex

FEWEST_FOR_SCANN = 20_000  # items; ScaNN's own guidance


def index_of(
    model: Recommender,
    config: IndexConfig | None = None,
    *,
    items: NDArray[np.integer] | None = None,
    held_back: NDArray[np.float32] | None = None,
) -> ItemIndex:
    """Builds the index of a model's items.

    Args:
      model: a fitted model.
      config: settings; None for the defaults.
      items: [c] the items to hold, such as the catalogue; None for all.
      held_back: see `build_index`.

    Raises:
      UserError: the model's score is no inner product, or the index cannot be used here.
    """
    vectors = factorized(model).item_embeddings()
    items = np.arange(len(vectors)) if items is None else items
    return build_index(vectors[items], config, items=items, held_back=held_back)


def build_index(
    vectors: NDArray[np.float32],
    config: IndexConfig | None = None,
    *,
    items: NDArray[np.integer] | None = None,
    similarity: str = "dot",
    held_back: NDArray[np.float32] | None = None,
) -> ItemIndex:
    """Builds an index of vectors; its `reason` says why it is of its kind.

    Args:
      vectors: [c, d] float32.
      config: settings; None for the defaults.
      items: [c] the item of each vector; None for 0 … c − 1.
      similarity: `dot`, or `cosine` to search among normalized vectors.
      held_back: [n, d] float32 queries that `config.target_recall` is reached on.

    Raises:
      UserError: the index that was asked for is not installed.
      ValueError: a recall is to be reached, and no queries are there to see it.
    """
    config = IndexConfig() if config is None else config
    items = np.arange(len(vectors)) if items is None else items
    kind, reason = chosen(config, len(vectors))
    problem = kind.problem()
    if problem is not None:
        if not kind.replaceable:
            raise UserError(problem)
        kind, reason = ExactIndex, problem
    index = kind(items.astype(np.int32), config, similarity)
    index.reason = reason
    index.build(vectors)
    if config.target_recall is None or not index.efforts()[0]:
        return index
    if held_back is None or not len(held_back):
        raise ValueError("target_recall needs held-back queries")
    exact = ExactIndex(index.items, config, similarity).build(vectors)
    tuned = fastest(index, exact, held_back, config.target_recall)
    tuned.index.reason = "; ".join(filter(None, (reason, tuned.sentence())))
    return tuned.index


def factorized(model: Recommender) -> FactorizedRecommender:
    """Returns a model if its score is an inner product.

    Raises:
      UserError: it is not; the message names the models that are.
    """
    if isinstance(model, FactorizedRecommender):
        return model
    models = {name: registry.resolve(registry.MODELS, name, "model") for name in registry.MODELS}
    able = [name for name, one in models.items() if issubclass(one, FactorizedRecommender)]
    raise UserError(
        f"{model.name} scores every item anew for each query, so no index of items can serve it. Those that "
        f"have one: {', '.join(able)}."
    )


def chosen(config: IndexConfig, num_items: int) -> tuple[type[ItemIndex], str]:
    """Returns the kind of index that is asked for or suits a catalogue, and why; no reason if asked for."""
    if config.index != "auto":
        return registry.resolve(registry.INDEXES, config.index, "index"), ""
    catalogue = f"catalogue of {num_items:,} items"
    if num_items < FEWEST_FOR_SCANN:
        return ExactIndex, f"{catalogue}: exact search takes microseconds and misses nothing"
    tree = num_items > FEWEST_FOR_TREE or config.leaves is not None
    over = "a tree over hashes" if tree else "hashes"
    return ScannIndex, f"{catalogue}: ScaNN, {over}, the best of them scored exactly"
