"""NCF: neural collaborative filtering, a score learned from pairs of a user and an item.

Model: score(u, i) = h · (p_u ⊙ q_i) + w · MLP([p'_u, q'_i]) + b_i: GMF, MLP, or both side by side (NeuMF).
Objective: binary cross-entropy of each positive and its drawn negatives; BPR; sampled softmax. Or squared
errors of ratings, of which the score then is what is left beyond the means.
Solver: Adam; early stopping on full-ranking validation NDCG@10. Users whose history is not that of training
are solved for with everything else fixed.
Source: He, Liao, Zhang, Nie, Hu & Chua 2017, "Neural collaborative filtering", equations 8–12.
Deviations: both branches are trained at once and not beforehand; item biases; content and profiles.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.negatives import NegativeOptions, negative_shares
from tfrs_bench.data.pipeline import BatchOptions
from tfrs_bench.data.queries import Queries, everybody
from tfrs_bench.data.rated_examples import RatedExamples
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import Capabilities, FactorizedRecommender, FitContext, FitReport
from tfrs_bench.models.network_recommender import NetworkRecommender
from tfrs_bench.models.rating_recommender import RatingRecommender
from tfrs_bench.models.rating_residuals import RatingResiduals
from tfrs_bench.models.space import Choice, Range, Space
from tfrs_bench.models.training_config import TrainingConfig
from tfrs_bench.options import option

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

SAMPLE = 1024  # items that stand for the negatives of a history
PAIRS = 100_000  # scored at once


@dataclasses.dataclass(frozen=True)
class GMFConfig(TrainingConfig):
    """Settings of GMF, and of every NCF model."""

    dimension: int = option(32, "Dimensions of the embeddings.", low=1)
    loss: str = option(
        "bce",
        "Training loss: of a positive and its negatives, or mse of ratings.",
        choices=("bce", "bpr", "sampled_softmax", "mse"),
    )
    num_negatives: int = option(4, "Negatives drawn for each positive, anew every epoch.", low=1)
    negative_sampling: str = option(
        "uniform",
        "Draw negatives alike, or by popularity.",
        choices=("uniform", "popularity"),
    )
    popularity_exponent: float = option(
        0.75, "With --negative_sampling=popularity, draw by counts to this power.", low=0
    )
    reject_positives: bool = option(True, "Whether what is a positive of the user's is drawn again.")
    regularization: float = option(0.0, "Weight of the squared norms of a batch's vectors.", low=0)


@dataclasses.dataclass(frozen=True)
class NCFConfig(GMFConfig):
    """Settings of the models that have an MLP."""

    hidden: tuple[int, ...] = option((64, 32, 16), "Widths of the MLP's layers, such as 64,32,16.", low=1)
    dropout: float = option(0.0, "Share of the MLP's activations left out in training.", low=0, high=0.99)

    def __post_init__(self) -> None:
        """Checks that there is a layer.

        Raises:
          UserError: there is none.
        """
        if not self.hidden:
            raise UserError("--hidden is empty, and an MLP needs a layer. For none, use --model=gmf.")


class PairRecommender(NetworkRecommender, RatingRecommender):
    """What the NCF models share: one network, some of whose branches each of them has."""

    branches: ClassVar[tuple[str, ...]]
    rates_with = "--loss=mse"
    capabilities = Capabilities(
        deterministic=False, neural=True, early_stopping=True, reads_content=True, draws_negatives=True
    )
    # Dimensions, rates and batches of He et al. 2017 and of Rendle et al. 2020, who add regularization; more
    # negatives as in sampled softmax.
    space: ClassVar[Space] = {
        "dimension": Range(8, 192, log=True),
        "learning_rate": Range(1e-4, 0.01, log=True),
        "batch_size": Range(128, 4096, log=True),
        "loss": Choice(("bce", "bpr", "sampled_softmax")),
        "num_negatives": Range(1, 64, log=True),
        "negative_sampling": Choice(("uniform", "popularity")),
        "popularity_exponent": Range(0.25, 1.0),
        "regularization": Choice((0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)),
        "weight_averaging": Range(0.0, 0.95),
    }
    _among: NDArray[np.int32] | None = None  # what negatives are drawn from, while it is fitted

    @property
    def rates(self) -> bool:
        """Whether ratings are what it learns."""
        return bool(self.config.loss == "mse")

    def _negatives(self) -> NegativeOptions:
        config = self.config
        return NegativeOptions(
            count=config.num_negatives,
            sampling=config.negative_sampling,
            exponent=config.popularity_exponent,
            reject_positives=config.reject_positives,
            among=self._among,
        )

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        self._among = context.negatives_among
        try:
            return super()._fit(train, context)
        finally:
            self._among = None

    def _facts_of(self, train: InteractionLog) -> dict[str, NDArray[Any]]:
        shares = negative_shares(train, self._negatives())
        facts = {"catalogue": train.catalogue, "negative_share": shares.astype(np.float32)}
        if not self.rates:
            return facts | {
                "history_prints": fingerprints(everybody(train).histories.positive_matrix(train.num_items))
            }
        residuals = RatingResiduals.of(train)
        facts |= {f"rating_{name}": value for name, value in residuals.state().items()}
        return facts | {"history_prints": fingerprints(residuals.matrix(everybody(train)))}

    @property
    def _residuals(self) -> RatingResiduals:
        names = ("mean", "item_bias", "variance")
        return RatingResiduals.restored({name: self._facts[f"rating_{name}"] for name in names})

    def rated_examples(self, train: InteractionLog) -> RatedExamples | None:
        """Returns every row with its rating if ratings are what it learns."""
        return self._residuals.examples(train) if self.rates else None

    def _histories(self, queries: Queries) -> csr_matrix:
        """Returns the [n, num_items] matrix of what a history says: its positives, or residual ratings."""
        if self.rates:
            return self._residuals.matrix(queries)
        return queries.histories.positive_matrix(len(self._facts["catalogue"]))

    def _batch_options(self, train: InteractionLog, seed: int) -> BatchOptions:
        return BatchOptions(
            batch_size=self.config.batch_size,
            history_length=0,
            half_life_days=self.config.half_life_days,
            user_balance=self.config.user_balance,
            negatives=None if self.rates else self._negatives(),
            seed=seed,
        )

    def _build(self, seed: int) -> None:
        from tfrs_bench.models.encoders import ItemTower
        from tfrs_bench.models.fold_in import FoldIn
        from tfrs_bench.models.ncf_network import NCFNetwork

        config, facts = self.config, self._facts
        width = config.dimension * len(self.branches)
        self._model = NCFNetwork(
            ItemTower(width, facts["catalogue"], facts.get("content"), seed),
            num_users=int(facts["num_users"]),
            branches=self.branches,
            dimension=config.dimension,
            hidden=getattr(config, "hidden", ()),
            dropout=getattr(config, "dropout", 0.0),
            loss=config.loss,
            regularization=config.regularization,
            log_rarity=self._log_rarity(),
            has_profiles="num_profile_features" in facts,
            seed=seed,
            mean_rating=float(facts.get("rating_mean", 0.0)),
        )
        self._model.make_weights(int(facts.get("num_profile_features", 0)))
        sample, weight = _representative(facts["negative_share"][: 0 if self.rates else None])
        self._fold_in = FoldIn(
            self._model,
            loss=config.loss,
            num_negatives=config.num_negatives,
            sample=sample,
            weight=weight,
            reject_positives=config.reject_positives,
            variance=float(facts.get("rating_variance", 1.0)),
        )

    def _user_vectors(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, D]: as trained where the history is that of training, else solved from it."""
        from tfrs_bench.models.fold_in import Prior

        trained, histories = self._facts["history_prints"], self._histories(queries)
        table = np.asarray(self._model.users.rows)
        asked = fingerprints(histories)
        known = (queries.users >= 0) & (asked != 0)
        known &= asked == trained[np.maximum(queries.users, 0)]
        prior = Prior(table[trained != 0])
        profiles = self._profiles(queries.profiles)
        ids = np.where(known[:, None], table[np.maximum(queries.users, 0)], prior.mean)
        vectors: NDArray[np.float32] = np.array(self._model.user_vectors(ids, profiles))
        vectors[~known] = self._fold_in(vectors[~known], prior.spread, histories[~known])
        return vectors

    def rate(
        self, queries: Queries, query_of_pair: NDArray[np.int64], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Returns [p] float32: the means, and the score beside them."""
        users = self._model.user_parts(self._user_vectors(queries)[query_of_pair])
        parts = self._model.item_parts(self._model.items(items))
        scores = np.asarray(self._model.pair_scores(users, parts, [len(items), 1]))[:, 0]
        residuals = self._residuals
        means = residuals.of_users(queries)[query_of_pair] + residuals.of_items[items]
        rated: NDArray[np.float32] = means + scores + np.asarray(self._model.bias)[items]
        return rated

    def _log_rarity(self) -> NDArray[np.float32]:
        share = self._facts["negative_share"]
        if self.config.loss != "sampled_softmax" or self._among is not None:  # a user's own come alike
            return np.zeros_like(share)
        tiny = np.finfo(np.float32).tiny
        rarity: NDArray[np.float32] = -np.log(np.maximum(share, tiny)).astype(np.float32)
        return rarity


def fingerprints(positives: csr_matrix) -> NDArray[np.uint64]:
    """Returns [n] uint64 numbers that tell an [n, num_items] matrix's rows apart by their items; 0 if empty.

    Sums, modulo 2**64, of a random number for each item: the order does not matter.
    """
    numbers = np.random.default_rng(0).integers(1, 2**64 - 1, positives.shape[1], dtype=np.uint64)
    sums: NDArray[np.uint64] = np.concatenate(
        [np.zeros(1, np.uint64), np.cumsum(numbers[positives.indices], dtype=np.uint64)]
    )
    return np.diff(sums[positives.indptr])


def _representative(share: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Returns items that stand for all that may be drawn, and their weights: all of a small catalogue."""
    items = np.flatnonzero(share)
    weight = share[items].astype(np.float64)
    if len(items) > SAMPLE:
        drawn = np.random.default_rng(0).choice(items, SAMPLE, p=weight / weight.sum())
        items, counts = np.unique(drawn, return_counts=True)
        weight = counts.astype(np.float64)
    return items.astype(np.int32), (weight / weight.sum()).astype(np.float32)


class NCF(PairRecommender):
    """NeuMF: both branches."""

    name = "ncf"
    Config = NCFConfig
    branches: ClassVar[tuple[str, ...]] = ("gmf", "mlp")
    space: ClassVar[Space] = PairRecommender.space | {
        "hidden": Choice(((64, 32, 16), (32, 16, 8), (128, 64, 32), (64, 32), (128, 64, 32, 16))),
        "dropout": Range(0.0, 0.7),
    }

    def score(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, num_items] float32."""
        scores: NDArray[np.float32] = self._model.score_everything(self._user_vectors(queries)).numpy()
        if self.rates:
            scores += self._residuals.of_users(queries)[:, None] + self._residuals.of_items
        return scores

    def score_pairs(self, queries: Queries, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Returns [n, c] float32, of these pairs alone."""
        vectors, known = self._user_vectors(queries), np.maximum(items, 0)
        scores = np.empty(items.shape, dtype=np.float32)
        rows = max(PAIRS // max(items.shape[1], 1), 1)
        for start in range(0, len(items), rows):
            few = slice(start, start + rows)
            users = self._model.user_parts(vectors[few])
            parts = self._model.item_parts(self._model.items(known[few].ravel()))
            scores[few] = self._model.pair_scores(users, parts, known[few].shape)
        scores += np.asarray(self._model.bias)[known]
        if self.rates:
            residuals = self._residuals
            scores += residuals.of_users(queries)[:, None] + residuals.of_items[known]
        return scores


class MLP(NCF):
    """The MLP branch alone."""

    name = "mlp"
    branches: ClassVar[tuple[str, ...]] = ("mlp",)


class GMF(PairRecommender, FactorizedRecommender):
    """The GMF branch alone, an inner product."""

    name = "gmf"
    Config = GMFConfig
    branches: ClassVar[tuple[str, ...]] = ("gmf",)

    def query_embeddings(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, dimension + 1] float32: a 1 meets the item's bias; with mse one more for the user's."""
        weighted, _ = self._model.user_parts(self._user_vectors(queries))
        own = [self._residuals.of_users(queries)] if self.rates else []
        return np.column_stack([weighted, np.ones(len(queries), np.float32), *own])

    def item_embeddings(self) -> NDArray[np.float32]:
        """Returns [num_items, dimension + 1] float32; the last coordinate is the item's bias."""
        items, bias = np.asarray(self._model.items.everything()), np.asarray(self._model.bias)
        if not self.rates:
            return np.column_stack([items, bias])
        return np.column_stack([items, bias + self._residuals.of_items, np.ones_like(bias)])
