"""What every model with a Keras network shares; TensorFlow loads when a fit or a load begins."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.pipeline import BatchOptions
from tfrs_bench.data.rated_examples import RatedExamples
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import FitContext, FitReport, Recommender
from tfrs_bench.models.rating_levels import RatingLevels
from tfrs_bench.runtime import import_tensorflow, seed_tensorflow


class NetworkRecommender(Recommender):
    """Trains a `tfrs.Model` by Keras `fit`.

    A subclass says which facts of the log its network's shape depends on, builds the network from them alone,
    so that a saved model can be built again, and says how examples become batches.
    """

    _model: Any
    _levels: RatingLevels
    _facts: dict[str, NDArray[Any]]

    @abstractmethod
    def _facts_of(self, train: InteractionLog) -> dict[str, NDArray[Any]]:
        """Returns, beside the content that every network reads, what `_build` must know of the log."""

    @abstractmethod
    def _build(self, seed: int) -> None:
        """Makes `_model` and all its weights from `config`, `_facts` and `_levels`."""

    @abstractmethod
    def _batch_options(self, train: InteractionLog, seed: int) -> BatchOptions:
        """Returns how a fit's examples become batches."""

    def rated_examples(self, train: InteractionLog) -> RatedExamples | None:
        """Returns ratings to train on beside what is chosen; none, unless the network predicts ratings."""
        return None

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        if not train.positives.any():
            raise UserError(
                "No training row is a positive. Lower --relevance_threshold or use --train_on=all."
            )
        from tfrs_bench.models.training import train_model

        import_tensorflow()
        seed_tensorflow(context.seed)
        self._levels = RatingLevels.of(train)
        self._facts = {"num_users": np.array(train.num_users)} | self._facts_of(train)
        if train.item_features is not None:
            self._facts["content"] = train.item_features.values
        if train.user_features is not None:
            self._facts["num_profile_features"] = np.array(train.user_features.values.shape[1])
        self._build(context.seed)
        options = self._batch_options(train, context.seed)
        return train_model(
            self, self._model, train, self._levels.of_log(train), options=options, context=context
        )

    def _profiles(self, profiles: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        """Returns the profiles of queries if the network reads any.

        Raises:
          ValueError: it does, and there are none.
        """
        if "num_profile_features" not in self._facts:
            return None
        if profiles is None:
            raise ValueError("this model was trained with profiles, and the queries have none")
        return profiles

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
