"""Two-tower retrieval: a query tower and an item tower that meet in an inner product.

Model: score(q, i) = cos(Q(q), I(i)) / τ, or Q(q) · I(i) + b_i. Q adds the user's id embedding (unknown users
share one), means of the last items' embeddings weighted by learned recency and rating, and a projection of
the profile; I adds the item's id embedding and a projection of its content.
Objective: cross-entropy over the catalogue, or over the batch with logQ correction; BPR; hinge. With
`--rating_weight`, weighted with the squared error of a head that predicts ratings from both towers.
Solver: Adam; early stopping on full-ranking validation NDCG@10, or RMSE where ratings are weighed.
Source: Covington, Adams & Sargin 2016; Yi et al. 2019 (sampling-bias correction); tfrs.tasks.Retrieval.
Deviations: no deep layers unless `--hidden` names them; ratings weigh the history.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries
from tfrs_bench.data.rated_examples import RatedExamples, rated_examples
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import Capabilities
from tfrs_bench.models.keras_recommender import KerasConfig, KerasRecommender
from tfrs_bench.models.mean import Mean
from tfrs_bench.models.rating_recommender import RatingRecommender
from tfrs_bench.models.space import Choice, Range, Space
from tfrs_bench.options import option


@dataclasses.dataclass(frozen=True)
class TwoTowerConfig(KerasConfig):
    """Settings of the two-tower model."""

    recency: str = option(
        "learned", "Weights of history positions: learned, or fixed.", choices=("learned", "fixed")
    )
    history_decay: float = option(
        0.9,
        "Weight of a history row relative to the one after it: fixed, or the start of learning.",
        low=1e-3,
        high=1,
    )
    history_heads: int = option(2, "Pooled views of the history, each with weights of its own.", low=1)
    use_user_id: bool = option(True, "Whether the query tower has an embedding per user.")
    hidden: tuple[int, ...] = option(
        (), "Widths of the query tower's hidden layers, such as 128,64; none by default.", low=1
    )
    retrieval_weight: float = option(
        1.0, "Weight of the retrieval loss beside that of ratings.", low=0, silent=True
    )
    rating_weight: float = option(
        0.0, "Weight of the squared error of predicted ratings; 0 predicts none.", low=0, silent=True
    )


class TwoTower(KerasRecommender, RatingRecommender):
    """The two-tower model on `tfrs.tasks.Retrieval`, and `tfrs.tasks.Ranking` for ratings."""

    rates_with = "--rating_weight=1"

    name = "two_tower"
    Config = TwoTowerConfig
    capabilities = Capabilities(
        deterministic=False, neural=True, early_stopping=True, reads_order=True, reads_content=True
    )
    # Yi et al. 2019 have temperatures of 0.05–0.1; recency and dropout as this model's own tables show them.
    space: ClassVar[Space] = {
        "dimension": Range(16, 256, log=True),
        "learning_rate": Range(3e-4, 0.03, log=True),
        "batch_size": Range(128, 4096, log=True),
        "temperature": Range(0.05, 0.5, log=True),
        "horizon": Choice(("next", "future", "any")),
        "num_targets": Range(1, 8, log=True),
        "history_length": Range(5, 200, log=True),
        "history_decay": Range(0.5, 1.0),
        "history_dropout": Range(0.0, 0.7),
        "use_user_id": Choice((True, False)),
        "half_life_days": Choice((None, 10.0, 30.0, 100.0, 300.0), needs_times=True),
        "user_balance": Range(0.0, 1.0),
        "weight_averaging": Range(0.0, 0.95),
    }

    @property
    def rates(self) -> bool:
        """Whether there is a rating head."""
        return bool(self.config.rating_weight)

    def rated_examples(self, train: InteractionLog) -> RatedExamples | None:
        """Returns every row with its rating, if there is a rating head."""
        if not self.rates:
            return None
        config = self._means.config
        facts = self._facts["rating_mean"], self._facts["rating_item_bias"]
        return rated_examples(train, float(facts[0]), facts[1], config.item_shrinkage, config.user_shrinkage)

    def _facts_of(self, train: InteractionLog) -> dict[str, NDArray[Any]]:
        facts = super()._facts_of(train)
        if not self.rates:
            return facts
        if train.ratings is None:
            raise UserError("--rating_weight needs ratings, and these data have none. Leave it out.")
        means = Mean()
        means.fit(train)
        return facts | {f"rating_{name}": value for name, value in means.state().items()}

    @property
    def _means(self) -> Mean:
        means = Mean()
        means.restore({name: self._facts[f"rating_{name}"] for name in ("mean", "item_bias")})
        return means

    def _rating_head(self, seed: int) -> dict[str, Any]:
        if not self.rates:
            return {}
        from tfrs_bench.models.rating_head import RatingHead

        weights = self.config.retrieval_weight, self.config.rating_weight
        head = RatingHead(self.config.dimension, float(self._facts["rating_mean"]), seed + 100)
        return {"rating_head": head, "weights": weights}

    def _build(self, seed: int) -> None:
        super()._build(seed)
        if self.rates:
            none = np.zeros(1, np.int32)
            self._model.rate(self._one_empty_query(), none, none, np.zeros((1, 2), np.float32))

    def rate(
        self, queries: Queries, query_of_pair: NDArray[np.int64], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Returns [p] float32: the head's, from the last rows of the history and the mean of them all."""
        means = self._means
        own, theirs = means.user_bias(queries)[query_of_pair], self._facts["rating_item_bias"][items]
        biases = np.column_stack([own, theirs]).astype(np.float32)
        rated = self._model.rate(self._inputs(queries), query_of_pair, items, biases)
        return np.asarray(rated, dtype=np.float32)

    def _query_encoder(self, item_tower: Any, num_users: int, num_levels: int, seed: int) -> Any:
        from tfrs_bench.models.encoders import PooledHistoryEncoder

        return PooledHistoryEncoder(
            item_tower,
            dimension=self.config.dimension,
            num_users=num_users,
            num_levels=num_levels,
            history_length=self.config.history_length,
            learn_recency=self.config.recency == "learned",
            history_decay=self.config.history_decay,
            history_heads=self.config.history_heads,
            use_user_id=self.config.use_user_id,
            hidden=self.config.hidden,
            seed=seed,
        )
