"""Verdicts: is a neural model better than a tuned baseline, by how much, and how sure is that."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.evaluation.evaluator import PRIMARY, Evaluation
from tfrs_bench.evaluation.metrics import ERRORS, pooled
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
_COMPARED = re.compile(rf"(hr|ndcg|map)@\d+|{'|'.join(ERRORS)}")


def asked_of(segment: str) -> str:
    """Returns how a sentence names a segment, after its model: nothing for all users."""
    group = f"{segment} users" if segment in ("regular", "cold") else segment
    return "" if segment == "all" else f", {group}"


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
      detectable: the difference these users would have shown with power 0.8 at the strictest level of
        Holm's, 5 % shared out among the pairs.
      num_users: users with a non-empty relevant set, or with ratings.
      verdict: better, worse or cannot tell; of an error, lower is better.
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

    def amount(self, digits: int = 4) -> str:
        """Returns the difference with its interval, such as `+0.030 [+0.015, +0.045]`."""
        difference, low, high = (f"{one:+.{digits}f}" for one in (self.difference, self.low, self.high))
        return f"{difference} [{low}, {high}]"

    def sentence(self) -> str:
        """Returns the verdict as one line for a person."""
        who = asked_of(self.segment)
        share = "" if np.isnan(self.relative) else f" ({100 * self.relative:+z.0f} %)"
        amount = f"{self.metric.upper()} {self.amount(3)}{share}"
        line = f"{self.model} vs {self.baseline}{who}: {amount}: {self.verdict}"
        if self.verdict != "cannot tell":
            return line
        return f"{line} ({self.num_users:,} users could have shown a difference of {self.detectable:.3f})"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Every model's metrics and every (neural × baseline) verdict of one table.

    Attributes:
      rows: per segment, model and metric.
      verdicts: per segment, pair and compared metric (HR, NDCG and MAP at every K; errors of ratings).
      primary: the metric of the sentences.
    """

    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...]
    primary: str = PRIMARY

    def row(self, model: str, metric: str | None = None, segment: str = "all") -> Row | None:
        """Returns one metric (None: the primary) of one model in a segment, or None if there is none."""
        wanted = (model, metric or self.primary, segment)
        return next((row for row in self.rows if (row.model, row.metric, row.segment) == wanted), None)

    def hardest(self, model: str) -> Verdict:
        """Returns a neural model's primary verdict, all users, against the baseline of the best mean."""
        pairs = [
            one
            for one in self.verdicts
            if (one.model, one.metric, one.segment) == (model, self.primary, "all")
        ]
        sign = -1 if self.primary in ERRORS else 1
        means = {one.baseline: row.mean for one in pairs if (row := self.row(one.baseline)) is not None}
        return max(pairs, key=lambda one: sign * means[one.baseline])

    def sentences(self) -> list[str]:
        """Returns each pair's primary verdict for all users, and for a segment whose word differs."""
        return [one.sentence() for one in (*self.overall(), *self.turned())]

    def overall(self) -> list[Verdict]:
        """Returns each pair's primary verdict for all users."""
        return [one for one in self.verdicts if (one.metric, one.segment) == (self.primary, "all")]

    def turned(self) -> dict[Verdict, Word]:
        """Returns primary verdicts of segments whose word is not that for all users, and the latter."""
        words = {(one.model, one.baseline): one.verdict for one in self.overall()}
        primary = (one for one in self.verdicts if one.metric == self.primary and one.segment != "all")
        return {one: word for one in primary if (word := words[one.model, one.baseline]) != one.verdict}


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
      Rows and verdicts; a segment is left out of a metric that counts none of its users.

    Raises:
      ValueError: two evaluations are of different users.

    Source: own; bootstrap, p and Holm as in `uncertainty`.
    """
    reference = _check_same_users(evaluations)
    rows: list[Row] = []
    verdicts: list[Verdict] = []
    errors = [name for name in reference.metrics if name in ERRORS]
    ranked = [name for name in reference.metrics if name not in ERRORS]
    for metrics in (errors, ranked) if errors else (ranked,):
        for segment in reference.segments:
            counted = reference.counted(segment, metrics[0])
            if not counted.any():
                continue
            if segment == "all" or not np.array_equal(counted, reference.counted("all", metrics[0])):
                table = Table.of(evaluations, segment, metrics, draws, seed)
            rows += table.rows(segment)
            for metric in (name for name in metrics if _COMPARED.fullmatch(name)):
                verdicts += table.verdicts(segment, metric, neural, baselines)
    return Comparison(tuple(rows), tuple(verdicts), reference.primary)


def average_seeds(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Returns one evaluation whose metrics are each user's means over a stochastic model's seeds.

    Of RMSE the squares are averaged. Lists cannot be averaged; the first seed's are kept.

    Raises:
      ValueError: the evaluations are of different users.
    """
    first = _check_same_users({f"run {number}": one for number, one in enumerate(evaluations, start=1)})
    told = [name for name in first.list_metrics if all(name in one.list_metrics for one in evaluations)]
    shown = {name: np.mean([one.list_metrics[name] for one in evaluations]) for name in told}
    counted = [name for name in first.of_thirds if all(name in one.of_thirds for one in evaluations)]
    return dataclasses.replace(
        first,
        of_thirds={name: np.mean([one.of_thirds[name] for one in evaluations], axis=0) for name in counted},
        metrics={name: _mean_over_seeds(name, evaluations) for name in first.metrics},
        list_metrics={name: float(mean) for name, mean in shown.items()},
        score_us_per_user=float(np.mean([one.score_us_per_user for one in evaluations])),
    )


def _mean_over_seeds(metric: str, evaluations: Sequence[Evaluation]) -> NDArray[np.float64]:
    values = [one.metrics[metric] for one in evaluations]
    power = ERRORS.get(metric, 1)
    if power == 1:
        return np.asarray(np.mean(values, axis=0))
    return np.asarray(np.mean([one**power for one in values], axis=0) ** (1 / power))


@dataclasses.dataclass(frozen=True)
class Table:
    """One segment's values: a column per (model, metric), bootstrapped together so that draws are shared.

    Attributes:
      models: by name.
      metrics: of each model.
      means: [models × metrics] over users, models first.
      replicates: [draws, models × metrics] of the means.
      num_users: that count.
    """

    models: list[str]
    metrics: list[str]
    means: NDArray[np.float64]
    replicates: NDArray[np.float64]
    num_users: int

    @classmethod
    def of(
        cls,
        evaluations: dict[str, Evaluation],
        segment: str,
        metrics: list[str],
        draws: int = DRAWS,
        seed: int = 0,
    ) -> Table:
        """Draws the users of a segment once for every model and metric; arguments as of `compare`."""
        models = list(evaluations)
        columns = [evaluations[model].per_user(metric, segment) for model in models for metric in metrics]
        if (
            metrics[0] in ERRORS
        ):  # users are drawn with all their ratings, so counts are drawn beside the sums
            columns.append(evaluations[models[0]].per_user_rated(segment))
        values = np.stack(columns, axis=1)
        means, replicates = values.mean(axis=0), bootstrap_means(values, draws, seed)
        if metrics[0] in ERRORS:
            means, replicates = (_errors(table, metrics * len(models)) for table in (means, replicates))
        return cls(models, metrics, means, replicates, len(values))

    def column(self, model: str, metric: str) -> int:
        """Returns the place of a model's metric among the columns."""
        return self.models.index(model) * len(self.metrics) + self.metrics.index(metric)

    def rows(self, segment: str) -> list[Row]:
        """Returns every mean with its interval."""
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
        """Returns every pair of a model and a baseline in one metric, adjusted for their number."""
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
                detectable=detectable_difference(float(errors[i]), LEVEL / len(pairs)),
                num_users=self.num_users,
                verdict=_word(metric, float(differences[i]), float(adjusted[i])),
            )
            for i, ((model, baseline), at) in enumerate(zip(pairs, theirs, strict=True))
        ]


def _errors(means: NDArray[np.float64], metrics: Sequence[str]) -> NDArray[np.float64]:
    """Returns […, c] errors over all ratings from means […, c + 1] of users' sums and, last, counts."""
    columns = [pooled(name, means[..., at], means[..., -1]) for at, name in enumerate(metrics)]
    return np.stack(columns, axis=-1)


def _word(metric: str, difference: float, p_adjusted: float) -> Word:
    if p_adjusted >= LEVEL:
        return "cannot tell"
    return "better" if (difference < 0) == (metric in ERRORS) else "worse"


def _check_same_users(evaluations: dict[str, Evaluation]) -> Evaluation:
    """Returns the first evaluation, once all are known to be comparable with it."""
    if not evaluations:
        raise ValueError("a comparison needs at least one evaluation.")
    (first, reference), *others = evaluations.items()
    for name, one in others:
        fields = ("users", "cold", "num_relevant", "num_rated")
        if not all(np.array_equal(getattr(one, field), getattr(reference, field)) for field in fields):
            raise ValueError(
                f"{name} and {first} were not asked for the same users in the same order, with the same "
                "relevant items and ratings; evaluate both on one split, threshold and mask."
            )
        if one.metrics.keys() != reference.metrics.keys():
            raise ValueError(f"{name} and {first} were evaluated at different K; use the same --ks for both.")
    return reference
