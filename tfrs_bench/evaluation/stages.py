"""What each stage of a funnel contributes: the evaluator's figures after it, beside those before it."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import FeatureTable
from tfrs_bench.evaluation.evaluator import PRIMARY, PRIMARY_K, Evaluation, Evaluator
from tfrs_bench.evaluation.metrics import intra_list_diversity
from tfrs_bench.evaluation.uncertainty import bootstrap_means, interval
from tfrs_bench.retrieval.funnel import Funnel
from tfrs_bench.retrieval.funnel_stages import RANKING, RETRIEVAL, FunnelStage, stages_of
from tfrs_bench.retrieval.rerank import unit_length

HR = f"hr@{PRIMARY_K}"
BY_CONTENT, BY_VECTORS = "item features", "the retriever's item vectors"


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over users with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Contribution:
    """What users get after a stage.

    Attributes:
      stage: retrieval, ranking or re-ranking.
      by: what does it.
      hr: HR@10.
      ndcg: NDCG@10.
      difference: of NDCG@10 to the stage before, paired by user; None after the first.
      diversity: mean distance 1 − cosine within lists of 10, see `metrics.intra_list_diversity`.
      coverage: share of candidates in at least one list of 10.
      us_per_user: microseconds a user in this stage alone.
    """

    stage: str
    by: str
    hr: Estimate
    ndcg: Estimate
    difference: Estimate | None
    diversity: float
    coverage: float
    us_per_user: float


@dataclasses.dataclass(frozen=True)
class FunnelFigures:
    """A funnel's stages.

    Attributes:
      num_candidates: of a query.
      recall: share of the relevant items that are candidates: what later stages can reach at most.
      alike_by: what distances within lists are measured by.
      index: which index found the candidates.
      stages: in order.
    """

    num_candidates: int
    recall: Estimate
    alike_by: str
    index: str
    stages: tuple[Contribution, ...]


def funnel_figures(funnel: Funnel, evaluator: Evaluator, content: FeatureTable | None) -> FunnelFigures:
    """Measures every stage of a fitted funnel by the evaluator's own queries, masks, ties and metrics.

    Args:
      funnel: a fitted funnel.
      evaluator: of the part to measure on.
      content: of the items, to tell how alike they are; None to tell it by the retriever's vectors.
    """
    count = funnel.config.num_candidates
    measure = Evaluator(
        evaluator.evaluation_set,
        evaluator.item_keys,
        evaluator.item_counts,
        ks=(count,),
        seed=evaluator.seed,
    )
    vectors = unit_length(funnel.retriever.item_embeddings() if content is None else content.values)
    stages = stages_of(funnel)
    found = [measure.evaluate(stage) for stage in stages]
    estimates, differences = _estimates(found, f"recall@{count}")
    return FunnelFigures(
        num_candidates=count,
        recall=estimates[0][2],
        alike_by=BY_VECTORS if content is None else BY_CONTENT,
        index=" ".join(filter(None, (funnel.index.name, funnel.index.reason and f"({funnel.index.reason})"))),
        stages=tuple(
            Contribution(
                stage=stage.name,
                by=_by(stage, funnel),
                hr=estimates[number][0],
                ndcg=estimates[number][1],
                difference=differences[number - 1] if number else None,
                diversity=intra_list_diversity(one.lists[:, :PRIMARY_K], vectors),
                coverage=one.list_metrics[f"coverage@{PRIMARY_K}"],
                us_per_user=1e6 * stage.seconds / max(len(one.users), 1),
            )
            for number, (stage, one) in enumerate(zip(stages, found, strict=True))
        ),
    )


def _estimates(found: list[Evaluation], recall: str) -> tuple[list[list[Estimate]], list[Estimate]]:
    """Returns HR, NDCG and recall of each stage, and the differences of NDCG from stage to stage."""
    values = np.column_stack([one.per_user(name) for one in found for name in (HR, PRIMARY, recall)])
    replicates = bootstrap_means(values).reshape(-1, len(found), 3)
    means = values.mean(axis=0).reshape(len(found), 3)
    each = [
        [_estimate(float(means[number, column]), replicates[:, number, column]) for column in range(3)]
        for number in range(len(found))
    ]
    steps, gains = np.diff(means[:, 1]), np.diff(replicates[:, :, 1], axis=1)
    return each, [_estimate(float(step), gains[:, number]) for number, step in enumerate(steps)]


def _estimate(mean: float, replicates: NDArray[np.float64]) -> Estimate:
    low, high = interval(replicates)
    return Estimate(mean, float(low), float(high))


def _by(stage: FunnelStage, funnel: Funnel) -> str:
    config = funnel.config
    if stage.name == RETRIEVAL:
        return config.retriever
    if stage.name == RANKING:
        weight = config.retriever_weight
        return f"{config.ranker} + {weight:g} {config.retriever}" if weight else config.ranker
    return ", ".join(
        f"{rule} {value:g}"
        for rule in ("diversity", "max_per_genre", "freshness")
        if (value := getattr(config, rule))
    )
