"""What a model adds that predicts ratings beside scores for ranking."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.queries import Queries
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import Recommender
from tfrs_bench.registry import MODELS, resolve


class RatingRecommender(Recommender):
    """A recommender that can also tell how highly a query's user would rate an item.

    Predictions are compared with ratings outside, where those beyond the scale are clipped.

    Attributes:
      rates_with: flags that make the model one that rates, such as `--rating_weight=1`; empty if it always
        is.
    """

    rates_with: ClassVar[str] = ""

    @property
    def rates(self) -> bool:
        """Whether the model, set as it is, predicts ratings."""
        return True

    @abstractmethod
    def rate(
        self, queries: Queries, query_of_pair: NDArray[np.int64], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Predicts the ratings of some items, in the units of the log's ratings, not clipped.

        Args:
          queries: n queries; a user unseen in training is answered from the history.
          query_of_pair: [p] int64, ascending, the query that each pair belongs to.
          items: [p] int32, the item of each pair; it may have no training rows.

        Returns:
          [p] float32, finite.
        """


def check_rates(model: Recommender) -> None:
    """Finds out whether a model, set as it is, predicts ratings.

    Raises:
      UserError: it does not; the message names what does.
    """
    if isinstance(model, RatingRecommender) and model.rates:
        return
    kinds = {name: resolve(MODELS, name, "model") for name in MODELS}
    able = {name: kind.rates_with for name, kind in kinds.items() if issubclass(kind, RatingRecommender)}
    if able.get(model.name):
        raise UserError(
            f"{model.name} predicts no ratings as it is set. For --task=rating add {able[model.name]}."
        )
    names = ", ".join(f"{name} (with {flags})" if flags else name for name, flags in able.items())
    raise UserError(
        f"{model.name} predicts no ratings. For --task=rating leave it out of --model and --baselines; "
        f"those that do: {names}."
    )
