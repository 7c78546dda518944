"""The evaluator of predicted ratings: errors beside the ranking metrics of the same models."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.rated_pairs import RatedPairs
from tfrs_bench.data.relevance import EvaluationSet
from tfrs_bench.evaluation.evaluator import PRIMARY_ERROR, Evaluation, Evaluator
from tfrs_bench.evaluation.metrics import ERRORS, error_metrics, pooled
from tfrs_bench.models.base import Recommender
from tfrs_bench.models.rating_recommender import RatingRecommender

CLIPPED = "clipped"  # a list metric: how many predictions lay outside the scale
_MOST_QUERIES = 4096


class RatingEvaluator(Evaluator):
    """Ranks like its parent, and compares predicted ratings with those given.

    Predictions outside the scale are clipped to it, for every model alike, and counted.
    """

    metric: ClassVar[str] = PRIMARY_ERROR

    def __init__(
        self,
        evaluation_set: EvaluationSet,
        item_keys: NDArray[np.uint64],
        item_counts: NDArray[np.integer],
        pairs: RatedPairs,
        scale: tuple[float, float],
        *,
        ks: tuple[int, ...] = (5, 10, 20),
        seed: int = 0,
        memory_mb: int = 512,
    ) -> None:
        """Takes what the parent takes, and the ratings.

        Args:
          evaluation_set: n queries and their answers.
          item_keys: see `Evaluator`.
          item_counts: see `Evaluator`.
          pairs: what the queries' users rated.
          scale: the lowest and the highest rating there is.
          ks: see `Evaluator`.
          seed: see `Evaluator`.
          memory_mb: see `Evaluator`.
        """
        super().__init__(evaluation_set, item_keys, item_counts, ks=ks, seed=seed, memory_mb=memory_mb)
        self.pairs, self.scale = pairs, scale
        self._num_rated = np.bincount(pairs.queries, minlength=len(evaluation_set))

    def evaluate(self, model: Recommender, progress: Callable[[int, int], None] | None = None) -> Evaluation:
        """Asks a model for scores and for ratings, cold users included.

        Args:
          model: a fitted model that rates.
          progress: see `Evaluator.evaluate`.

        Returns:
          The parent's evaluation, with RMSE and MAE of each user's ratings, and how many were clipped.

        Raises:
          ValueError: the model does not rate, or what it predicts has the wrong shape or is not finite.
        """
        errors, clipped = self._absolute_errors(model)
        ranked = super().evaluate(model, progress)
        return dataclasses.replace(
            ranked,
            metrics=error_metrics(errors, self.pairs.queries, self._num_rated) | ranked.metrics,
            list_metrics=ranked.list_metrics | {CLIPPED: float(clipped)},
            num_rated=self._num_rated,
        )

    def primary(self, model: Recommender) -> float:
        """Returns minus the RMSE over the ratings of regular users, so that higher is better.

        Raises:
          ValueError: as `evaluate`.
        """
        errors, _ = self._absolute_errors(model)
        errors = errors[~self.evaluation_set.cold[self.pairs.queries]]
        sums = np.sum(errors ** ERRORS[PRIMARY_ERROR])
        return -float(pooled(PRIMARY_ERROR, sums, len(errors))) if len(errors) else float("nan")

    def _absolute_errors(self, model: Recommender) -> tuple[NDArray[np.float64], int]:
        """Returns [p] float64, and how many predictions were outside the scale."""
        parts = [
            self._predicted(model, start, min(start + _MOST_QUERIES, len(self.evaluation_set)))
            for start in range(0, len(self.evaluation_set), _MOST_QUERIES)
        ]
        predicted = np.concatenate([np.zeros(0, np.float32), *parts]).astype(np.float64)
        inside = predicted.clip(*self.scale)
        return np.abs(inside - self.pairs.ratings), int((inside != predicted).sum())

    def _predicted(self, model: Recommender, start: int, end: int) -> NDArray[np.float32]:
        if not isinstance(model, RatingRecommender) or not model.rates:
            raise ValueError(f"{model.name} predicts no ratings")
        pairs = self.pairs.between(start, end)
        queries = self.evaluation_set.queries.take(slice(start, end))
        predicted = model.rate(queries, pairs.queries, pairs.items)
        if predicted.shape != (len(pairs),) or predicted.dtype != np.float32:
            raise ValueError(
                f"{model.name}.rate should return float32 of shape [{len(pairs)}]. "
                f"Received: {predicted.dtype} {list(predicted.shape)}."
            )
        if not np.isfinite(predicted).all():
            raise ValueError(
                f"{model.name}.rate returned NaN or an infinity. Its training may have diverged: try a "
                "smaller learning rate."
            )
        return predicted
