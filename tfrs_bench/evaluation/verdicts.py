"""Verdicts: is a neural model better than a tuned baseline, by how much, and how sure is that."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.evaluation.evaluator import PRIMARY, Evaluation
from tfrs_bench.evaluation.uncertainty import (
    DRAWS,
    bootstrap_means,
    detectable_difference,
    holm,
    interval,
    two_sided_p,
)

Word = Literal["better", "worse", "cannot tell"]
LEVEL = 0.05
_COMPARED = re.compile(r"(hr|ndcg|map)@\d+")


@dataclasses.dataclass(frozen=True)
class Row:
    """One metric of one model in one segment, with its unadjusted 95 % interval."""

    model: str
    segment: str
    metric: str
    mean: float
    low: float
    high: float
    num_users: int


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One neural model against one baseline, in one metric and segment.

    Attributes:
      model: the neural model.
      baseline: the classical one.
      segment: all, regular or cold.
      metric: such as `ndcg@10`.
      difference: mean of model − baseline over the same users.
      low: lower end of its unadjusted 95 % interval.
      high: upper end.
      relative: difference as a share of the baseline's mean; NaN if that is 0.
      p: two-sided bootstrap p.
      p_adjusted: Holm-adjusted over all pairs of this metric and segment; the word follows it.
      detectable: the difference these users would have shown with power 0.8, before adjustment.
      num_users: users with a non-empty relevant set.
      verdict: better, worse or cannot tell.
    """

    model: str
    baseline: str
    segment: str
    metric: str
    difference: float
    low: float
    high: float
    relative: float
    p: float
    p_adjusted: float
    detectable: float
    num_users: int
    verdict: Word

    def sentence(self) -> str:
        """Returns the verdict as one line for a person."""
        group = f"{self.segment} users" if self.segment in ("regular", "cold") else self.segment
        who = "" if self.segment == "all" else f", {group}"
        share = "" if np.isnan(self.relative) else f" ({100 * self.relative:+z.0f} %)"
        line = (
            f"{self.model} vs {self.baseline}{who}: {self.metric.upper()} {self.difference:+.3f} "
            f"[{self.low:+.3f}, {self.high:+.3f}]{share}: {self.verdict}"
        )
        if self.verdict != "cannot tell":
            return line
        return f"{line} ({self.num_users:,} users could have shown a difference of {self.detectable:.3f})"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Every model's metrics and every (neural × baseline) verdict of one table.

    Attributes:
      rows: per segment, model and metric.
      verdicts: per segment, pair and compared metric (HR, NDCG and MAP at every K).
    """

    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...]

    def row(self, model: str, metric: str = PRIMARY, segment: str = "all") -> Row | None:
        """Returns one metric of one model in a segment, or None if nothing was measured there."""
        wanted = (model, metric, segment)
        return next((row for row in self.rows if (row.model, row.metric, row.segment) == wanted), None)

    def sentences(self) -> list[str]:
        """Returns each pair's NDCG@10 verdict for all users, and for a segment whose word differs."""
        primary = [one for one in self.verdicts if one.metric == PRIMARY]
        overall = {(one.model, one.baseline): one.verdict for one in primary if one.segment == "all"}
        return [
            one.sentence()
            for one in primary
            if one.segment == "all" or one.verdict != overall[one.model, one.baseline]
        ]


def compare(
    evaluations: dict[str, Evaluation],
    neural: Sequence[str],
    baselines: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Comparison:
    """Compares models on the same users with one paired bootstrap per segment.

    Args:
      evaluations: by model name; all of the same users in the same order. A stochastic model's seeds are
        averaged first (`average_seeds`).
      neural: names on the neural side of the verdicts.
      baselines: names they are held against.
      draws: bootstrap replicates.
      seed: of the bootstrap.

    Returns:
      Rows and verdicts; a segment without a user who has a relevant item is left out.

    Raises:
      ValueError: two evaluations are of different users.

    Source: own; bootstrap, p and Holm as in `uncertainty`.
    """
    reference = _check_same_users(evaluations)
    rows: list[Row] = []
    verdicts: list[Verdict] = []
    for segment in reference.segments:
        counted = reference.counted(segment)
        if not counted.any():
            continue
        if segment == "all" or not np.array_equal(counted, reference.counted("all")):
            table = _Table.of(evaluations, segment, draws, seed)
        rows += table.rows(segment)
        for metric in (name for name in table.metrics if _COMPARED.fullmatch(name)):
            verdicts += table.verdicts(segment, metric, neural, baselines)
    return Comparison(tuple(rows), tuple(verdicts))


def average_seeds(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Returns one evaluation whose metrics are each user's means over a stochastic model's seeds.

    Lists cannot be averaged; the first seed's are kept.

    Raises:
      ValueError: the evaluations are of different users.
    """
    first = _check_same_users({f"run {number}": one for number, one in enumerate(evaluations, start=1)})
    shown = {name: np.mean([one.list_metrics[name] for one in evaluations]) for name in first.list_metrics}
    return dataclasses.replace(
        first,
        metrics={name: np.mean([one.metrics[name] for one in evaluations], axis=0) for name in first.metrics},
        list_metrics={name: float(mean) for name, mean in shown.items()},
        score_us_per_user=float(np.mean([one.score_us_per_user for one in evaluations])),
    )


@dataclasses.dataclass(frozen=True)
class _Table:
    """One segment's values: a column per (model, metric), bootstrapped together so that draws are shared."""

    models: list[str]
    metrics: list[str]
    means: NDArray[np.float64]
    replicates: NDArray[np.float64]
    num_users: int

    @classmethod
    def of(cls, evaluations: dict[str, Evaluation], segment: str, draws: int, seed: int) -> _Table:
        models = list(evaluations)
        metrics = list(evaluations[models[0]].metrics)
        columns = [evaluations[model].per_user(metric, segment) for model in models for metric in metrics]
        values = np.stack(columns, axis=1)
        return cls(models, metrics, values.mean(axis=0), bootstrap_means(values, draws, seed), len(values))

    def column(self, model: str, metric: str) -> int:
        return self.models.index(model) * len(self.metrics) + self.metrics.index(metric)

    def rows(self, segment: str) -> list[Row]:
        low, high = interval(self.replicates)
        columns = zip(self.means.tolist(), low.tolist(), high.tolist(), strict=True)
        names = ((model, metric) for model in self.models for metric in self.metrics)
        return [
            Row(model, segment, metric, *numbers, self.num_users)
            for (model, metric), numbers in zip(names, columns, strict=True)
        ]

    def verdicts(
        self, segment: str, metric: str, neural: Sequence[str], baselines: Sequence[str]
    ) -> list[Verdict]:
        pairs = [(model, baseline) for model in neural for baseline in baselines]
        if not pairs:
            return []
        ours = [self.column(model, metric) for model, _ in pairs]
        theirs = [self.column(baseline, metric) for _, baseline in pairs]
        replicates = self.replicates[:, ours] - self.replicates[:, theirs]
        differences = self.means[ours] - self.means[theirs]
        low, high = interval(replicates)
        errors = replicates.std(axis=0, ddof=1)
        p = two_sided_p(replicates, self.num_users)
        adjusted = holm(p)
        return [
            Verdict(
                model=model,
                baseline=baseline,
                segment=segment,
                metric=metric,
                difference=float(differences[i]),
                low=float(low[i]),
                high=float(high[i]),
                relative=float(differences[i] / self.means[at]) if self.means[at] else float("nan"),
                p=float(p[i]),
                p_adjusted=float(adjusted[i]),
                detectable=detectable_difference(float(errors[i])),
                num_users=self.num_users,
                verdict=_word(float(differences[i]), float(adjusted[i])),
            )
            for i, ((model, baseline), at) in enumerate(zip(pairs, theirs, strict=True))
        ]


def _word(difference: float, p_adjusted: float) -> Word:
    if p_adjusted >= LEVEL:
        return "cannot tell"
    return "better" if difference > 0 else "worse"


def _check_same_users(evaluations: dict[str, Evaluation]) -> Evaluation:
    """Returns the first evaluation, once all are known to be comparable with it."""
    if not evaluations:
        raise ValueError("a comparison needs at least one evaluation.")
    (first, reference), *others = evaluations.items()
    for name, one in others:
        fields = ("users", "cold", "num_relevant")
        if not all(np.array_equal(getattr(one, field), getattr(reference, field)) for field in fields):
            raise ValueError(
                f"{name} and {first} were not asked for the same users in the same order, with the same "
                "relevant items; evaluate both on one split, threshold and mask."
            )
        if one.metrics.keys() != reference.metrics.keys():
            raise ValueError(f"{name} and {first} were evaluated at different K; use the same --ks for both.")
    return reference
