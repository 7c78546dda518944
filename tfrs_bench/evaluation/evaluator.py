"""The one evaluator: every model's scores become lists and metrics here, and nowhere else."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.queries import Queries
from tfrs_bench.data.relevance import EvaluationSet
from tfrs_bench.evaluation.given_lists import check_lists
from tfrs_bench.evaluation.metrics import ERRORS, catalogue_metrics, list_metrics, pooled
from tfrs_bench.evaluation.popularity_thirds import counts_of_thirds, popularity_thirds, recall_of_thirds
from tfrs_bench.evaluation.scoring import Blocks, scorer
from tfrs_bench.models.base import NO_ITEM, Recommender, mask_scores
from tfrs_bench.models.ranking import top_k
from tfrs_bench.runtime import blas_single_thread, usable_cores

PRIMARY_K = 10
PRIMARY = f"ndcg@{PRIMARY_K}"
PRIMARY_ERROR = "rmse"

_BLOCK_BYTES = 24_000_000  # of scores that are ranked while the cache still holds them
_LEAST_ROWS = 32  # fewer would make a product of matrices that reads the items over and over
_MOST_ROWS = 512  # more would leave threads without a block of a chunk
_LISTS_AT_ONCE = 4096
_RANK_BYTES = 60  # what `top_k` holds per score when every score ties


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What one model answered to every query of an evaluation set, and how good it was.

    Attributes:
      users: [n] int32 the log's index of each query's user.
      cold: [n] bool.
      num_relevant: [n] int64.
      metrics: [n] float64 by name such as `ndcg@10`; NaN where the relevant set is empty, or of an error
        where nothing was rated.
      lists: [n, k_max] int32 items, best first, −1 = missing.
      list_metrics: one number over all lists, by name such as `coverage@10` or `recall_tail@10`; records
        of earlier versions lack some.
      score_us_per_user: microseconds in `model.score`, divided by n.
      known: [n] int8 interactions that a newcomer's query knows of, see `data.newcomers`; else None.
      num_rated: [n] int64 ratings that were predicted, where they were; else None.
      of_thirds: [n] counts by popularity third, see `popularity_thirds.counts_of_thirds`, at 10 places; empty
        in records of earlier versions.
    """

    users: NDArray[np.int32]
    cold: NDArray[np.bool_]
    num_relevant: NDArray[np.int64]
    metrics: dict[str, NDArray[np.float64]]
    lists: NDArray[np.int32]
    list_metrics: dict[str, float]
    score_us_per_user: float
    known: NDArray[np.int8] | None = None
    num_rated: NDArray[np.int64] | None = None
    of_thirds: dict[str, NDArray[Any]] = dataclasses.field(default_factory=dict)

    @property
    def primary(self) -> str:
        """The metric that verdicts follow: RMSE where ratings were predicted, else NDCG@10."""
        return PRIMARY if self.num_rated is None else PRIMARY_ERROR

    @property
    def _members(self) -> dict[str, NDArray[np.bool_]]:
        everyone = {"all": np.ones_like(self.cold)}
        if self.known is None:
            return everyone | {"regular": ~self.cold, "cold": self.cold}
        return everyone | {f"{level} known": self.known == level for level in np.unique(self.known)}

    @property
    def segments(self) -> tuple[str, ...]:
        """Names of the groups of queries: all, regular and cold; of newcomers all, 0 known to 4 known."""
        return tuple(self._members)

    def counted(self, segment: str = "all", metric: str = PRIMARY) -> NDArray[np.bool_]:
        """Returns the [n] bool mask of a segment's queries that a metric counts.

        These are the queries with a non-empty relevant set, or with ratings if it is an error of these.

        Raises:
          ValueError: the segment is not one of `segments`.
        """
        members = self._members
        if segment not in members:
            raise ValueError(f"a segment is one of {', '.join(members)}. Received: {segment!r}.")
        return members[segment] & ((self._rated if metric in ERRORS else self.num_relevant) > 0)

    def per_user(self, metric: str, segment: str = "all") -> NDArray[np.float64]:
        """Returns a metric of a segment's counted users, a newcomer's several queries averaged.

        Of an error it is the sum over the user's ratings, of squares for RMSE: see `pooled`.
        """
        values: NDArray[np.float64] = self.metrics[metric][self.counted(segment, metric)]
        if metric in ERRORS:
            values = values ** ERRORS[metric] * self._rated[self.counted(segment, metric)]
        return self._averaged(values, segment)

    def per_user_rated(self, segment: str = "all") -> NDArray[np.float64]:
        """Returns how many ratings each user that errors count has, a newcomer's several queries averaged."""
        counted = self.counted(segment, PRIMARY_ERROR)
        return self._averaged(self._rated[counted].astype(np.float64), segment)

    @property
    def _rated(self) -> NDArray[np.int64]:
        if self.num_rated is None:
            raise ValueError("no ratings were predicted")
        return self.num_rated

    def _averaged(self, values: NDArray[np.float64], segment: str) -> NDArray[np.float64]:
        if self.known is not None and segment == "all":
            values = values.reshape(len(np.unique(self.known)), -1).mean(axis=0)
        return values

    def mean(self, metric: str, segment: str = "all") -> float:
        """Returns a metric's mean over a segment's users, or an error over all their ratings; NaN if none."""
        values = self.metrics[metric][self.counted(segment, metric)]
        if not len(values):
            return float("nan")
        if metric in ERRORS:
            sums, counts = self.per_user(metric, segment), self.per_user_rated(segment)
            return float(pooled(metric, sums.mean(), counts.mean()))
        return float(values.mean())


class Evaluator:
    """Scores, masks, ranks and measures any `Recommender`, exactly and over the whole catalogue.

    Queries go through in chunks, so peak memory does not grow with the number of users; a chunk's scores are
    masked and ranked block by block, on every core.

    Attributes:
      metric: what `primary` reads.
    """

    metric: ClassVar[str] = PRIMARY

    def __init__(
        self,
        evaluation_set: EvaluationSet,
        item_keys: NDArray[np.uint64],
        item_counts: NDArray[np.integer],
        *,
        ks: tuple[int, ...] = (5, 10, 20),
        seed: int = 0,
        memory_mb: int = 512,
    ) -> None:
        """Prepares the relevant sets for lookup.

        Args:
          evaluation_set: n queries and their answers.
          item_keys: [m] uint64 hash of each item's raw id; breaks ties.
          item_counts: [m] integers, training rows of each item, for novelty and popularity.
          ks: cut-offs; 10 is added if absent, because NDCG@10 is primary.
          seed: of the tie hash.
          memory_mb: megabytes for a chunk's scores and for the temporaries of ranking them.
        """
        self.evaluation_set = evaluation_set
        self.item_keys = item_keys
        self.item_counts = item_counts
        self.ks = tuple(sorted({*ks, PRIMARY_K}))
        self.seed = seed
        num_items = max(len(item_keys), 1)
        self._half = half = memory_mb * 1_000_000 // 2
        # never by the number of cores: the last bit of a product can depend on the shape of the matrices
        fit_cache = min(max(_BLOCK_BYTES // (4 * num_items), _LEAST_ROWS), _MOST_ROWS)
        self._block_rows = max(min(fit_cache, half // (4 * num_items)), 1)
        self._threads = min(usable_cores(), max(half // (4 * num_items * self._block_rows), 1))
        self._rank_rows = max(half // (_RANK_BYTES * num_items * self._threads), 1)
        rows = np.repeat(np.arange(len(evaluation_set)), evaluation_set.num_relevant)
        keys = np.sort(rows * len(item_keys) + evaluation_set.relevant_items)
        self._relevant_keys = np.append(keys, np.iinfo(np.int64).max)  # so that every lookup lands inside

    def evaluate(self, model: Recommender, progress: Callable[[int, int], None] | None = None) -> Evaluation:
        """Asks a model every query, cold users included.

        Args:
          model: a fitted model.
          progress: called after each chunk with the queries done and their total.

        Returns:
          The lists and every metric, per user and over all lists.

        Raises:
          ValueError: the model's scores have the wrong shape or type, or are not finite.
        """
        n, k = len(self.evaluation_set), max(self.ks)
        lists = np.full((n, k), NO_ITEM, dtype=np.int32)
        seconds = 0.0
        for positions, ranked, spent in self._ranked(model, np.arange(n), k):
            lists[positions] = ranked
            seconds += spent
            if progress is not None:
                progress(int(positions[-1]) + 1, n)
        return self._measured(lists, 1e6 * seconds / max(n, 1))

    def evaluate_lists(self, lists: NDArray[np.int32], us_per_user: float = float("nan")) -> Evaluation:
        """Measures lists that were made elsewhere, as by an index, like those of a model.

        Args:
          lists: [n, k_max] int32 items of every query, best first, `NO_ITEM` at the end of a short list.
          us_per_user: microseconds that it took to make one, if that is known.

        Raises:
          ValueError: the lists have another shape, or one holds an item twice or one that may not be listed.
        """
        shape = (len(self.evaluation_set), max(self.ks))
        if lists.shape != shape:
            raise ValueError(f"lists should be of shape {list(shape)}. Received: {list(lists.shape)}.")
        check_lists(lists, self.evaluation_set, len(self.item_keys))
        return self._measured(lists, us_per_user)

    def _measured(self, lists: NDArray[np.int32], us_per_user: float) -> Evaluation:
        asked = self.evaluation_set
        parts = [
            list_metrics(np.zeros((0, lists.shape[1]), dtype=bool), np.zeros(0, dtype=np.int64), self.ks)
        ]
        hits = np.zeros(lists.shape, dtype=bool)
        for start in range(0, len(lists), _LISTS_AT_ONCE):
            positions = np.arange(start, min(start + _LISTS_AT_ONCE, len(lists)))
            hits[positions] = self._hits(positions, lists[positions])
            parts.append(list_metrics(hits[positions], asked.num_relevant[positions], self.ks))
        thirds = popularity_thirds(self.item_counts, asked.candidates, self.item_keys)
        of_thirds = counts_of_thirds(lists[:, :PRIMARY_K], hits[:, :PRIMARY_K], asked, thirds)
        return Evaluation(
            users=asked.users,
            cold=asked.cold,
            known=asked.known,
            num_relevant=asked.num_relevant,
            metrics={name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
            lists=lists,
            list_metrics=catalogue_metrics(lists, self.item_counts, asked.candidates, self.ks)
            | recall_of_thirds(of_thirds, PRIMARY_K),
            score_us_per_user=us_per_user,
            of_thirds=of_thirds,
        )

    def primary(self, model: Recommender) -> float:
        """Returns the mean NDCG@10 of regular users, all that early stopping and tuning may read.

        The same number as `evaluate(model).mean("ndcg@10", "regular")`, but only those users who have a
        relevant item are asked, and only for ten items.

        Raises:
          ValueError: the model's scores have the wrong shape or type, or are not finite.
        """
        num_relevant = self.evaluation_set.num_relevant
        chosen = np.flatnonzero((num_relevant > 0) & ~self.evaluation_set.cold)
        values = [
            list_metrics(self._hits(positions, ranked), num_relevant[positions], (PRIMARY_K,))[PRIMARY]
            for positions, ranked, _ in self._ranked(model, chosen, PRIMARY_K)
        ]
        return float(np.concatenate(values).mean()) if values else float("nan")

    def _ranked(
        self, model: Recommender, chosen: NDArray[np.int64], k: int
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32], float]]:
        """Yields positions [c], lists [c, k] and the seconds of scoring, chunk by chunk of queries."""
        asked, scores = self.evaluation_set, scorer(model, len(self.item_keys), self._half)
        with ThreadPoolExecutor(self._threads) as pool:
            for start in range(0, len(chosen), scores.most_queries):
                positions = chosen[start : start + scores.most_queries]
                queries = asked.queries.take(positions)
                blocks, seconds = scores.blocks(queries)
                rank = functools.partial(self._rank_block, queries, blocks, k)
                rows = range(0, len(queries), self._block_rows)
                with contextlib.nullcontext() if self._threads == 1 else blas_single_thread():
                    parts = list(pool.map(rank, rows))
                lists = np.concatenate([ranked for ranked, _ in parts])
                yield positions, lists, seconds + sum(spent for _, spent in parts) / self._threads

    def _rank_block(
        self, queries: Queries, blocks: Blocks, k: int, start: int
    ) -> tuple[NDArray[np.int32], float]:
        """Returns the lists [b, k] of a block's queries, and the seconds until its scores were there."""
        began = time.perf_counter()
        rows = slice(start, start + self._block_rows)
        scores = blocks(rows)
        seconds = time.perf_counter() - began
        queries = queries.take(rows)
        mask_scores(scores, queries, self.evaluation_set.candidates, self.evaluation_set.mask_seen)
        lists = np.empty((len(queries), k), dtype=np.int32)
        for row in range(0, len(queries), self._rank_rows):
            few = slice(row, row + self._rank_rows)
            lists[few], _ = top_k(scores[few], k, queries.keys[few], self.item_keys, self.seed)
        return lists, seconds

    def _hits(self, positions: NDArray[np.int64], lists: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Looks up which places of the lists [c, k] of the queries at `positions` [c] are relevant."""
        keys = positions[:, None] * len(self.item_keys) + lists
        nearest = self._relevant_keys[np.searchsorted(self._relevant_keys, keys)]
        hits: NDArray[np.bool_] = (nearest == keys) & (lists != NO_ITEM)
        return hits
