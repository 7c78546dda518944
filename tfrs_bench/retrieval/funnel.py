"""Funnel: one model retrieves candidates, another ranks them, rules re-rank them.

Model: the retriever's best `num_candidates` items that the query does not have yet; among them the order of
r = z(ranker) + w z(retriever), where z is a score standardized over the query's candidates; then `rerank`.
Everything else follows by the retriever's score.
Objective: each part's own, on the same log; each with its own early stopping.
Solver: the parts'.
Source: Covington, Adams & Sargin 2016 (candidate generation and ranking); Carbonell & Goldstein 1998.
Deviations: any model can rank, by its own loss; what has no place among the candidates is scored too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import (
    NO_ITEM,
    Capabilities,
    FactorizedRecommender,
    FitContext,
    FitReport,
    Recommender,
)
from tfrs_bench.retrieval.building import index_of
from tfrs_bench.retrieval.config import IndexConfig
from tfrs_bench.retrieval.funnel_config import RANKER, RETRIEVED, RETRIEVER, ROLES, FunnelConfig
from tfrs_bench.retrieval.index import ItemIndex
from tfrs_bench.retrieval.recommending import recommend
from tfrs_bench.retrieval.rerank import Rules, freshness, rerank, unit_length

_QUERIES = 4096  # asked at once while fitting
_LABELS = ("genre=", "category=")  # how names of features begin that are labels


class Funnel(Recommender):
    """Two models one after the other, and rules after them."""

    name = "funnel"
    Config = FunnelConfig
    # Of the parts that are the default; others may do without.
    capabilities = Capabilities(
        deterministic=False, neural=True, early_stopping=True, reads_order=True, reads_content=True
    )
    config: FunnelConfig

    def __init__(self, config: FunnelConfig | None = None) -> None:
        """Makes the parts, untrained."""
        super().__init__(config)
        self._parts = {
            role: self.config.kind(role)(getattr(self.config, f"{role}_settings")) for role in ROLES
        }
        self._facts: dict[str, NDArray[Any]] = {}

    @classmethod
    def parts(cls, config: FunnelConfig) -> tuple[str, ...]:
        """Returns the names of retriever and ranker."""
        return config.retriever, config.ranker

    @classmethod
    def with_settings_of_parts(cls, config: FunnelConfig, settings_of: Callable[[str], Any]) -> FunnelConfig:
        """Returns the config with the parts' settings in it."""
        found = {f"{role}_settings": settings_of(getattr(config, role)) for role in ROLES}
        return dataclasses.replace(config, **found)

    @property
    def stated_epochs(self) -> dict[str, int] | None:
        """By part that trains in epochs; None if validation has to choose for one of them."""
        stated = {
            role: part.stated_epochs for role, part in self._parts.items() if part.capabilities.early_stopping
        }
        found = {role: epochs for role, epochs in stated.items() if isinstance(epochs, int)}
        return found if len(found) == len(stated) else None

    @property
    def retriever(self) -> FactorizedRecommender:
        """The model that finds candidates."""
        found = self._parts[RETRIEVER]
        assert isinstance(found, FactorizedRecommender)
        return found

    @property
    def reranks(self) -> bool:
        """Whether there is a third stage."""
        config = self.config
        return bool(config.diversity or config.freshness or config.max_per_genre is not None)

    def check(self, train: InteractionLog) -> None:
        """Raises UserError if a part, or a rule, cannot work on such a log."""
        for part in self._parts.values():
            part.check(train)
            if part.capabilities.needs_ratings and train.ratings is None:
                raise UserError(f"{part.name} needs ratings, and these data have none. Name another model.")
        if self.config.max_per_genre is not None and not _labels(train).any():
            raise UserError(
                "--max_per_genre needs genres or categories of the items, and these data have none. Leave it "
                "out, or name a file that has them with --items=FILE."
            )
        if self.config.freshness and train.clock != "time":
            raise UserError("--freshness needs times, and these data have none. Leave it out.")

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        self.check(train)
        self.__dict__.pop("index", None)  # of an earlier fit
        self._facts = {"catalogue": train.catalogue}
        reports = {RETRIEVER: self._fit_part(RETRIEVER, train, context)}
        among = self._candidates_of_users(train) if self.config.ranker_negatives == RETRIEVED else None
        reports[RANKER] = self._fit_part(RANKER, train, context, among)
        if self.config.freshness:
            first = np.full(train.num_items, np.iinfo(np.int64).max)
            np.minimum.at(first, train.items, train.timestamps)
            self._facts |= {"first_seen": first, "end": np.asarray(train.timestamps.max())}
        if self.config.max_per_genre is not None:
            self._facts["labels"] = _labels(train)
        if self.config.diversity and train.item_features is not None:
            self._facts["content"] = unit_length(train.item_features.values)
        kept = {role: one.epochs for role, one in reports.items() if isinstance(one.epochs, int)}
        return FitReport(kept, _side_by_side(reports), sum(one.earlier_s for one in reports.values()))

    def _candidates_of_users(self, train: InteractionLog) -> NDArray[np.int32]:
        """Returns [num_users, c] int32 what is retrieved for each user after all their training rows."""
        users = np.arange(train.num_users, dtype=np.int32)
        asked = queries_at_end(train, users, train.rows_per_user > 0)
        blocks = [slice(start, start + _QUERIES) for start in range(0, len(users), _QUERIES)]
        return np.concatenate([self.retrieve(asked.take(block))[0] for block in blocks])

    def _fit_part(
        self,
        role: str,
        train: InteractionLog,
        context: FitContext,
        negatives_among: NDArray[np.int32] | None = None,
    ) -> FitReport:
        part, known = self._parts[role], context.epochs
        if context.epochs_by_part is not None:
            known = context.epochs_by_part.get(role)
        elif known is None and isinstance(part.stated_epochs, int):
            known = part.stated_epochs
        return part.fit(
            train,
            seed=context.seed,
            validate=context.validate,
            epochs=known,
            monitor=None if context.monitor is None else context.monitor.part(role),
            checkpoint=None if context.checkpoint is None else context.checkpoint.part(role),
            metric=context.metric,
            negatives_among=negatives_among,
        )

    def retrieve(self, queries: Queries) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The first stage.

        Returns:
          items [n, c] int32, best first, `NO_ITEM` where the catalogue ran out, and the retriever's scores
          [n, c] float32 with −inf there.
        """
        embedded = self.retriever.query_embeddings(queries)
        return recommend(self.index, embedded, queries, self.config.num_candidates)

    @cached_property
    def index(self) -> ItemIndex:
        """The retriever's items that have a training row, built when it is first asked for."""
        config = IndexConfig(index=self.config.index)
        return index_of(self.retriever, config, items=np.flatnonzero(self._facts["catalogue"]))

    def rank(
        self, queries: Queries, items: NDArray[np.int32], retrieved: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The second stage: returns the [n, c] float32 relevance of what `retrieve` returned."""
        weight, there = self.config.retriever_weight, items != NO_ITEM
        relevance = _standardized(self._parts[RANKER].score_pairs(queries, items), there)
        return relevance + np.float32(weight) * _standardized(retrieved, there) if weight else relevance

    def rerank(
        self, queries: Queries, items: NDArray[np.int32], relevance: NDArray[np.float32]
    ) -> NDArray[np.int32]:
        """The third stage: returns the candidates [n, c] int32, best first."""
        config, facts = self.config, self._facts
        if config.freshness:
            now = np.full(len(queries), facts["end"]) if queries.times is None else queries.times
            new = freshness(facts["first_seen"][items], now[:, None], config.freshness_half_life_days)
            relevance = relevance + np.float32(config.freshness) * new
        vectors = self._vectors() if config.diversity else None
        rules = Rules(config.diversity, vectors, config.max_per_genre, facts.get("labels"))
        return rerank(items, relevance, rules)

    def _vectors(self) -> NDArray[np.float32]:
        """Returns [m, d] float32 whose inner products say how alike items are: content, else retrieval's."""
        content = self._facts.get("content")
        return unit_length(self.retriever.item_embeddings()) if content is None else content

    def score(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, num_items] float32: a candidate's place from the end, and up to 1 all that is none."""
        items, retrieved = self.retrieve(queries)
        return self.placed(queries, self.rerank(queries, items, self.rank(queries, items, retrieved)))

    def placed(self, queries: Queries, lists: NDArray[np.int32]) -> NDArray[np.float32]:
        """Returns [n, num_items] float32 scores that rank by lists [n, c], and then by the retriever."""
        scores = self.retriever.score(queries)
        low, high = (edge(axis=1, keepdims=True) for edge in (scores.min, scores.max))
        scores -= low
        scores /= np.where(high > low, high - low, 1)
        rows, places = np.nonzero(lists != NO_ITEM)
        scores[rows, lists[rows, places]] = lists.shape[1] + 1 - places
        return scores

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns what the parts need, each name behind its part's, and what the rules do."""
        parts = {
            f"{role}.{name}": array
            for role, part in self._parts.items()
            for name, array in part.state().items()
        }
        return parts | {f"{self.name}.{name}": fact for name, fact in self._facts.items()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Hands the parts what is theirs."""
        by_owner: dict[str, dict[str, NDArray[Any]]] = {role: {} for role in ROLES}
        for name, array in state.items():
            owner, _, own = name.partition(".")
            by_owner.setdefault(owner, {})[own] = array
        for role, part in self._parts.items():
            part.item_keys = self.item_keys
            part.restore(by_owner[role])
        self._facts = by_owner[self.name]

    @property
    def num_parameters(self) -> int:
        """Learned numbers of the parts."""
        return sum(part.num_parameters for part in self._parts.values())


def _labels(train: InteractionLog) -> NDArray[np.bool_]:
    """Returns [m, g] bool, which item has which genre or category."""
    table = train.item_features
    if table is None:
        return np.zeros((train.num_items, 0), dtype=bool)
    labels: NDArray[np.bool_] = table.values[:, [name.startswith(_LABELS) for name in table.names]] > 0
    return labels


def _standardized(scores: NDArray[np.float32], there: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Returns [n, c] scores with mean 0 and deviation 1 over each row's candidates; 0 elsewhere."""
    known = np.where(there, scores, 0).astype(np.float64)
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    centered = np.where(there, known - known.sum(axis=1, keepdims=True) / count, 0)
    deviation = np.sqrt((centered**2).sum(axis=1, keepdims=True) / count)
    return np.asarray(centered / np.where(deviation > 0, deviation, 1), dtype=np.float32)


def _side_by_side(reports: Mapping[str, FitReport]) -> tuple[dict[str, float], ...]:
    """Returns one curve of all parts, each tag behind its part's name; a part that stopped is silent."""
    return tuple(
        {
            f"{role}/{tag}": value
            for role, report in reports.items()
            if epoch < len(report.curve)
            for tag, value in report.curve[epoch].items()
        }
        for epoch in range(max(len(report.curve) for report in reports.values()))
    )
