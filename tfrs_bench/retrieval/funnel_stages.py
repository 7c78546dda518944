"""A funnel that ends after its first, second or third stage, so that each can be measured."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries
from tfrs_bench.models.base import FitContext, FitReport, Recommender
from tfrs_bench.retrieval.funnel import Funnel
from tfrs_bench.retrieval.rerank import Rules, rerank

RETRIEVAL, RANKING, RERANKING = STAGES = ("retrieval", "ranking", "re-ranking")


class FunnelStage(Recommender):
    """Scores as its funnel does up to a stage.

    Attributes:
      seconds: spent in this stage alone, over all that was scored.
    """

    Config = Funnel.Config

    def __init__(self, funnel: Funnel, stage: str) -> None:
        """Takes a fitted funnel and one of `STAGES`."""
        super().__init__(funnel.config)
        self.name, self._funnel, self._stage = stage, funnel, stage  # type: ignore[misc]
        self.item_keys = funnel.item_keys
        self.seconds = 0.0

    def score(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, num_items] float32, see `Funnel.score`."""
        funnel = self._funnel
        began = time.perf_counter()
        items, retrieved = funnel.retrieve(queries)
        lists = items
        if self._stage != RETRIEVAL:
            began = time.perf_counter()
            relevance = funnel.rank(queries, items, retrieved)
            lists = rerank(items, relevance, Rules())
        if self._stage == RERANKING:
            began = time.perf_counter()
            lists = funnel.rerank(queries, items, relevance)
        self.seconds += time.perf_counter() - began
        return funnel.placed(queries, lists)

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        raise NotImplementedError("a stage is fitted with its funnel")

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns the funnel's."""
        return self._funnel.state()

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Hands the funnel its state."""
        self._funnel.restore(state)


def stages_of(funnel: Funnel) -> list[FunnelStage]:
    """Returns a fitted funnel's stages; re-ranking only where its settings ask for it."""
    return [FunnelStage(funnel, stage) for stage in STAGES if stage != RERANKING or funnel.reranks]
