"""One training loop for every neural retrieval model; TensorFlow loads when a fit or a load begins."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import FactorizedRecommender, FitContext, FitReport
from tfrs_bench.models.rating_levels import RatingLevels
from tfrs_bench.options import option
from tfrs_bench.runtime import import_tensorflow, seed_tensorflow

SMALL_CATALOGUE = 20_000


@dataclasses.dataclass(frozen=True)
class KerasConfig:
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
    half_life_days: float | None = option(
        None, "Days after which a row is drawn half as often; without it, all alike.", low=1e-6
    )
    user_balance: float = option(
        0.0,
        "Draw each row of a user with n rows with weight n to the power of minus this: 0 draws rows alike, 1 "
        "users.",
        low=0,
        high=1,
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
    batch_size: int = option(1024, "Examples in a step.", low=1)
    learning_rate: float = option(3e-3, "Step size of Adam.", low=1e-9)
    schedule: str = option(
        "constant",
        "Learning rate over the epochs: constant, or a cosine down to zero.",
        choices=("constant", "cosine"),
    )
    weight_decay: float = option(0.0, "Decoupled weight decay (AdamW).", low=0)
    weight_averaging: float = option(
        0.0,
        "Share of the former average in a running average of the weights over epochs; 0 keeps the last.",
        low=0,
        high=0.999,
    )
    clip_norm: float | None = option(None, "Clip the gradients' global norm to this.", low=1e-9)
    max_epochs: int = option(20, "Epochs at most, while validation decides.", low=1)
    patience: int = option(3, "Stop after this many epochs without a better validation NDCG@10.", low=1)
    epochs: int | None = option(
        None, "Train exactly this many epochs, on train and validation, without stopping.", low=1
    )

    def __post_init__(self) -> None:
        """Checks that no setting contradicts another.

        Raises:
          UserError: a limit is set on a draw that is not made.
        """
        if self.horizon != "future" and self.horizon_items is not None:
            raise UserError("--horizon_items limits a drawn future: add --horizon=future.")


class KerasRecommender(FactorizedRecommender):
    """Trains a `RetrievalModel` by Keras `fit`; a subclass chooses the query encoder.

    A history is read in windows of the last `history_length` rows, every row of any rating, with the
    level of its rating beside it.
    """

    @abstractmethod
    def _query_encoder(self, item_tower: Any, num_users: int, num_levels: int, seed: int) -> Any:
        """Returns the Keras layer that encodes queries."""

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        if not train.positives.any():
            raise UserError(
                "No training row is a positive. Lower --relevance_threshold or use --train_on=all."
            )
        from tfrs_bench.models.training import train_model

        import_tensorflow()
        seed_tensorflow(context.seed)
        self._levels = RatingLevels.of(train)
        shares = np.bincount(train.items[train.positives], minlength=train.num_items) / train.positives.sum()
        self._facts = {
            "num_users": np.array(train.num_users),
            "catalogue": train.catalogue,
            "target_share": shares.astype(np.float32),
        }
        if train.item_features is not None:
            self._facts["content"] = train.item_features.values
        if train.user_features is not None:
            self._facts["num_profile_features"] = np.array(train.user_features.values.shape[1])
        self._build(context.seed)
        return train_model(
            self,
            self._model,
            train,
            self._levels.of_log(train),
            context,
        )

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
        tf, _ = import_tensorflow()
        items, flat = queries.histories.window(self.config.history_length)
        inputs = {
            "users": queries.users,
            "history_items": items,
            "history_levels": np.where(
                items >= 0, self._levels.of_ratings(queries.histories.ratings, flat), 0
            ),
        }
        if "num_profile_features" in self._facts:
            if queries.profiles is None:
                raise ValueError("this model was trained with profiles, and the queries have none")
            inputs["profiles"] = queries.profiles
        embedded = self._model.queries({name: tf.constant(value) for name, value in inputs.items()})
        return np.asarray(embedded, dtype=np.float32)

    def item_embeddings(self) -> NDArray[np.float32]:
        """Returns [num_items, dimension + 1] float32; the last coordinate is the item's bias."""
        return np.asarray(self._model.all_items(), dtype=np.float32)

    def weights(self) -> list[NDArray[Any]]:
        """Returns copies of the network's weights, in Keras order."""
        return [np.array(weight) for weight in self._model.get_weights()]

    def set_weights(self, weights: list[NDArray[Any]]) -> None:
        """Takes what `weights` returned."""
        self._model.set_weights(weights)

    @property
    def num_parameters(self) -> int:
        """Trainable weights."""
        return sum(math.prod(weight.shape) for weight in self._model.trainable_weights)

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns the weights and the facts of the training log that the network's shape depends on."""
        weights = {f"weight_{number:03d}": weight for number, weight in enumerate(self.weights())}
        facts = {f"fact_{name}": value for name, value in self._facts.items()}
        return weights | facts | {"rating_levels": self._levels.bounds}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Builds the network again and takes its weights."""
        self._levels = RatingLevels(state["rating_levels"])
        self._facts = {
            name.removeprefix("fact_"): value for name, value in state.items() if name.startswith("fact_")
        }
        self._build(seed=0)
        self.set_weights([state[name] for name in sorted(state) if name.startswith("weight_")])
