"""What is left of ratings beyond the means: the targets of a model that learns from squared errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Histories, Queries
from tfrs_bench.data.rated_examples import RatedExamples
from tfrs_bench.errors import UserError
from tfrs_bench.models.mean import Mean, shrunk_means

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class RatingResiduals:
    """Residuals r − μ − b_u − b_i of `Mean`'s biases, for training rows and for histories alike.

    Attributes:
      variance: mean square of the training rows' residuals.
    """

    def __init__(self, means: Mean, variance: float) -> None:
        """Takes fitted means."""
        self._means, self.variance = means, variance

    @classmethod
    def of(cls, train: InteractionLog) -> RatingResiduals:
        """Fits the means.

        Raises:
          UserError: the log has no ratings.
        """
        if train.ratings is None:
            raise UserError("--loss=mse needs ratings, and these data have none. Choose another --loss.")
        means = Mean()
        means.fit(train)
        found = cls(means, 1.0)
        examples = found.examples(train)
        left = examples.ratings - float(means.state()["mean"]) - examples.biases.sum(axis=1)
        found.variance = max(float(np.square(left).mean()), 1e-6)
        return found

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns what `restored` needs."""
        return self._means.state() | {"variance": np.array(self.variance)}

    @classmethod
    def restored(cls, state: dict[str, NDArray[Any]]) -> RatingResiduals:
        """Takes what `state` returned."""
        means = Mean()
        means.restore({name: state[name] for name in ("mean", "item_bias")})
        return cls(means, float(state["variance"]))

    def examples(self, train: InteractionLog) -> RatedExamples:
        """Returns every row with its rating and the biases that queries will have, its own part included."""
        assert train.ratings is not None
        state = self._means.state()
        of_items = state["item_bias"][train.items]
        beyond = train.ratings - state["mean"] - of_items
        own = shrunk_means(beyond, train.users, train.num_users, self._means.config.user_shrinkage)
        biases = np.column_stack([own[train.users], of_items]).astype(np.float32)
        return RatedExamples(train.ratings, biases)

    def of_users(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n] float32 μ + b_u."""
        return (self._means.state()["mean"] + self._means.user_bias(queries)).astype(np.float32)

    @property
    def of_items(self) -> NDArray[np.float32]:
        """[num_items] float32 b_i."""
        return np.asarray(self._means.state()["item_bias"], dtype=np.float32)

    def matrix(self, queries: Queries) -> csr_matrix:
        """Returns the [n, num_items] residuals of the histories, the latest of each item; zeros are kept."""
        from scipy.sparse import csr_matrix

        past, items = queries.histories, self.of_items
        assert past.ratings is not None
        last = _latest(past, len(items))
        rows, columns = past.rows[last], past.items[last]
        left = past.ratings[last] - self.of_users(queries)[rows] - items[columns]
        return csr_matrix((left, (rows, columns)), shape=(len(queries), len(items)))


def _latest(histories: Histories, num_items: int) -> NDArray[np.int64]:
    """Returns the positions of the last event of every query with every item."""
    keys = histories.rows * num_items + histories.items
    _, from_end = np.unique(keys[::-1], return_index=True)
    return np.sort(len(keys) - 1 - from_end)
