"""Two-tower retrieval: a query tower and an item tower that meet in an inner product.

Model: score(q, i) = cos(Q(q), I(i)) / τ, or Q(q) · I(i) + b_i. Q adds the user's id embedding (unknown users
share one), means of the last items' embeddings weighted by learned recency and rating, and a projection of
the profile; I adds the item's id embedding and a projection of its content.
Objective: cross-entropy over the catalogue, or over the batch with logQ correction; BPR; hinge.
Solver: Adam; early stopping on full-ranking validation NDCG@10.
Source: Covington, Adams & Sargin 2016; Yi et al. 2019 (sampling-bias correction); tfrs.tasks.Retrieval.
Deviations: no deep layers unless `--hidden` names them; ratings weigh the history.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrs_bench.models.base import Capabilities
from tfrs_bench.models.keras_recommender import KerasConfig, KerasRecommender
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


class TwoTower(KerasRecommender):
    """The two-tower model on `tfrs.tasks.Retrieval`."""

    name = "two_tower"
    Config = TwoTowerConfig
    capabilities = Capabilities(
        deterministic=False, neural=True, early_stopping=True, reads_order=True, reads_content=True
    )

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
