"""What every neural retrieval model shares: its settings, its network, and its embeddings."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.pipeline import BatchOptions
from tfrs_bench.data.queries import Queries
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import FactorizedRecommender
from tfrs_bench.models.network_recommender import NetworkRecommender
from tfrs_bench.models.training_config import TrainingConfig
from tfrs_bench.options import option
from tfrs_bench.runtime import import_tensorflow

SMALL_CATALOGUE = 20_000


@dataclasses.dataclass(frozen=True)
class KerasConfig(TrainingConfig):
    """Settings that every neural retrieval model shares."""

    dimension: int = option(64, "Dimensions of the embeddings.", low=1)
    history_length: int = option(
        20, "How many of a user's last interactions the query reads; 0 for ids alone.", low=0
    )
    horizon: str = option(
        "next",
        "What is predicted: the next item, items drawn from the user's training future, or from any of the "
        "user's training rows, which the history then hides.",
        choices=("next", "future", "any"),
    )
    horizon_items: int | None = option(
        None, "With --horizon=future, draw from at most this many positives; without it, from all.", low=1
    )
    num_targets: int = option(
        1, "With --horizon=future or any, targets drawn for each history; more make an epoch cheaper.", low=1
    )
    similarity: str = option(
        "cosine",
        "Normalized embeddings with a temperature, or a plain dot product with item bias.",
        choices=("cosine", "dot"),
    )
    temperature: float = option(0.2, "Divides the cosine similarity.", low=1e-3)
    learn_temperature: bool = option(False, "Whether the temperature is learned.")
    loss: str = option(
        "softmax", "Training loss; bpr and hinge use in-batch negatives.", choices=("softmax", "bpr", "hinge")
    )
    negatives: str = option(
        "auto",
        f"Softmax over the batch, or over the full catalogue; auto is full up to {SMALL_CATALOGUE:,} items. "
        "in_batch_uncorrected leaves out the logQ correction.",
        choices=("auto", "in_batch", "full", "in_batch_uncorrected"),
    )
    user_dropout: float = option(
        0.1, "Share of examples whose user id is hidden, so that unknown users are learned.", low=0, high=0.99
    )
    history_dropout: float = option(0.2, "Share of history rows left out of an example.", low=0, high=0.99)

    def __post_init__(self) -> None:
        """Checks that no setting contradicts another.

        Raises:
          UserError: a limit is set on a draw that is not made.
        """
        if self.horizon != "future" and self.horizon_items is not None:
            raise UserError("--horizon_items limits a drawn future: add --horizon=future.")


class KerasRecommender(NetworkRecommender, FactorizedRecommender):
    """Trains a `RetrievalModel`; a subclass chooses the query encoder.

    A history is read in windows of the last `history_length` rows, every row of any rating, with the
    level of its rating beside it.
    """

    @property
    def network(self) -> Any:
        """The `RetrievalModel`, for those who take it elsewhere."""
        return self._model

    @property
    def rating_bounds(self) -> NDArray[np.float32]:
        """[levels − 1] float32 ascending; a rating's level is how many of them it reaches."""
        return self._levels.bounds

    @abstractmethod
    def _query_encoder(self, item_tower: Any, num_users: int, num_levels: int, seed: int) -> Any:
        """Returns the Keras layer that encodes queries."""

    def _facts_of(self, train: InteractionLog) -> dict[str, NDArray[Any]]:
        shares = np.bincount(train.items[train.positives], minlength=train.num_items) / train.positives.sum()
        return {"catalogue": train.catalogue, "target_share": shares.astype(np.float32)}

    def _batch_options(self, train: InteractionLog, seed: int) -> BatchOptions:
        config = self.config
        return BatchOptions(
            batch_size=config.batch_size,
            history_length=config.history_length,
            horizon=config.horizon,
            horizon_items=config.horizon_items,
            num_targets=1 if config.horizon == "next" else config.num_targets,
            half_life_days=config.half_life_days,
            user_balance=config.user_balance,
            user_dropout=config.user_dropout,
            history_dropout=config.history_dropout,
            seed=seed,
        )

    def _rating_head(self, seed: int) -> dict[str, Any]:
        """Returns a head and the losses' weights, as arguments of `RetrievalModel`; nothing without one."""
        return {}

    def _build(self, seed: int) -> None:
        from tfrs_bench.models.encoders import ItemTower
        from tfrs_bench.models.retrieval_model import RetrievalModel

        config, facts = self.config, self._facts
        catalogue = facts["catalogue"]
        items = ItemTower(config.dimension, catalogue, facts.get("content"), seed)
        queries = self._query_encoder(items, int(facts["num_users"]), len(self._levels), seed)
        full = config.negatives == "full" or (
            config.negatives == "auto" and catalogue.sum() <= SMALL_CATALOGUE
        )
        shares = facts["target_share"]
        if config.negatives == "in_batch_uncorrected":  # as if all items came into batches alike
            shares = np.full_like(shares, 1 / len(shares))
        self._model = RetrievalModel(
            queries,
            items,
            similarity=config.similarity,
            loss=config.loss,
            full_softmax=full and config.loss == "softmax",
            temperature=config.temperature,
            learn_temperature=config.learn_temperature,
            catalogue=catalogue,
            target_share=shares,
            **self._rating_head(seed),
        )
        self._model.queries(self._one_empty_query())
        self._model.all_items()

    def _one_empty_query(self) -> dict[str, Any]:
        tf, _ = import_tensorflow()
        padding = -np.ones((1, self.config.history_length), np.int32)
        inputs = {"users": np.array([-1], np.int32), "history_items": padding, "history_levels": padding * 0}
        if "num_profile_features" in self._facts:
            inputs["profiles"] = np.zeros((1, int(self._facts["num_profile_features"])), np.float32)
        return {name: tf.constant(value) for name, value in inputs.items()}

    def query_embeddings(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, dimension + 1] float32; the last coordinate is 1 and meets the item's bias."""
        embedded = self._model.queries(self._inputs(queries))
        return np.asarray(embedded, dtype=np.float32)

    def _inputs(self, queries: Queries) -> dict[str, Any]:
        """Returns what the query tower reads, as tensors."""
        tf, _ = import_tensorflow()
        items, flat = queries.histories.window(self.config.history_length)
        inputs = {
            "users": queries.users,
            "history_items": items,
            "history_levels": np.where(
                items >= 0, self._levels.of_ratings(queries.histories.ratings, flat), 0
            ),
        }
        profiles = self._profiles(queries.profiles)
        if profiles is not None:
            inputs["profiles"] = profiles
        return {name: tf.constant(value) for name, value in inputs.items()}

    def item_embeddings(self) -> NDArray[np.float32]:
        """Returns [num_items, dimension + 1] float32; the last coordinate is the item's bias."""
        return np.asarray(self._model.all_items(), dtype=np.float32)
