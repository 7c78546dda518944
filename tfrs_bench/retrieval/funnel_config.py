"""Which models make a funnel, how they are put together, and the settings of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from tfrs_bench import registry
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import FactorizedRecommender, Recommender
from tfrs_bench.options import option
from tfrs_bench.retrieval.config import KINDS

RETRIEVER, RANKER = ROLES = ("retriever", "ranker")
SAMPLED, RETRIEVED = "sampled", "retrieved"


@dataclasses.dataclass(frozen=True)
class FunnelConfig:
    """Settings of the funnel; those of its parts are told as `retriever_settings` and `ranker_settings`.

    Attributes:
      retriever_settings: the retriever's `Config`; None for its defaults.
      ranker_settings: the ranker's.
    """

    retriever: str = option("two_tower", "Which model finds candidates; its score is an inner product.")
    ranker: str = option("ncf", "Which model ranks the candidates.")
    num_candidates: int = option(200, "Candidates of a query, beyond what its history holds.", low=1)
    index: str = option(
        "auto",
        "What finds the candidates; auto is exact search for a small catalogue, else ScaNN.",
        choices=("auto", *KINDS),
    )
    retriever_weight: float = option(
        0.0,
        "Weight of the retriever's score beside the ranker's, each standardized over the candidates.",
        low=0,
    )
    ranker_negatives: str = option(
        "sampled",
        "What a ranker that draws negatives draws them from: all items, or the retriever's candidates of the "
        "user.",
        choices=(SAMPLED, RETRIEVED),
    )
    diversity: float = option(
        0.0,
        "Maximal marginal relevance: weight of being unlike what is listed; 0 looks at relevance alone.",
        low=0,
        high=1,
    )
    max_per_genre: int | None = option(None, "Items of a genre at the front of a list, at most.", low=1)
    freshness: float = option(
        0.0,
        "Added to the score of an item that is new, in standard deviations of the candidates' scores.",
        low=0,
    )
    freshness_half_life_days: float = option(
        30.0, "With --freshness, days since an item's first row after which half of it is left.", low=1e-6
    )
    retriever_settings: Any = None
    ranker_settings: Any = None

    def __post_init__(self) -> None:
        """Looks the parts up, and makes settings that were read from a file what they were.

        Raises:
          UserError: a part is not known, is a funnel, or cannot be what it is named for.
        """
        for role in ROLES:
            name = getattr(self, role)
            object.__setattr__(self, role, registry.MODEL_ALIASES.get(name, name))
            kind, settings = self.kind(role), getattr(self, f"{role}_settings")
            if issubclass(kind.Config, FunnelConfig):
                raise UserError(f"--{role}={name} would be a funnel in a funnel. Name another model.")
            if isinstance(settings, Mapping):
                object.__setattr__(self, f"{role}_settings", kind.saved_config(settings))
        if not issubclass(self.kind(RETRIEVER), FactorizedRecommender):
            able = _models(lambda kind: issubclass(kind, FactorizedRecommender))
            raise UserError(
                f"--retriever={self.retriever} scores by no inner product, which an index of items needs. "
                f"Name one of {able}; --ranker can be any model."
            )
        if self.ranker_negatives == RETRIEVED and not self.kind(RANKER).capabilities.draws_negatives:
            able = _models(lambda kind: kind.capabilities.draws_negatives)
            raise UserError(
                f"--ranker_negatives={RETRIEVED} needs a ranker that draws negatives, and {self.ranker} "
                f"draws none. Name one of {able} with --ranker, or leave the flag out."
            )

    def kind(self, role: str) -> type[Recommender]:
        """Returns the model behind `retriever` or `ranker`."""
        kind: type[Recommender] = registry.resolve(registry.MODELS, getattr(self, role), role)
        return kind


def _models(able: Callable[[Any], bool]) -> str:
    kinds = {name: registry.resolve(registry.MODELS, name, "model") for name in registry.MODELS}
    return ", ".join(name for name, kind in kinds.items() if able(kind))
