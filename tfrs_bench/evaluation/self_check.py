"""The evaluator's test of itself on the split at hand, before anything is scored on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries
from tfrs_bench.data.relevance import EvaluationSet
from tfrs_bench.evaluation.evaluator import PRIMARY_K, Evaluation, Evaluator
from tfrs_bench.evaluation.metrics import discounts
from tfrs_bench.models.base import FitContext, FitReport, Recommender

METRICS = tuple(f"{name}@{PRIMARY_K}" for name in ("hr", "ndcg", "map"))
STANDARD_ERRORS = 5.0
_MOST_CELLS = 8_000_000  # users times items that a check may score: about a second


class SelfCheckError(RuntimeError):
    """The evaluator or the split gives numbers that cannot be right; nothing on it may be reported."""


@dataclasses.dataclass(frozen=True)
class Check:
    """One comparison of what the evaluator read with what it had to read.

    Attributes:
      scorer: constant, random, oracle or popularity.
      metric: such as `ndcg@10`, or `same lists`.
      observed: the evaluator's mean over the users checked.
      expected: the exact value or expectation.
      tolerance: the largest difference that passes.
      num_users: users checked.
    """

    scorer: str
    metric: str
    observed: float
    expected: float
    tolerance: float
    num_users: int

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance."""
        return abs(self.observed - self.expected) <= self.tolerance


def self_check(
    evaluation_set: EvaluationSet,
    item_keys: NDArray[np.uint64],
    item_counts: NDArray[np.integer],
    popularity: Recommender,
    *,
    seed: int = 0,
    max_users: int = 2000,
    memory_mb: int = 512,
) -> list[Check]:
    """Checks the evaluator against answers that are known on any data.

    A constant and a random scorer must agree with the chance expectation, a scorer that knows the labels
    must read 1, and a model evaluated twice must give the same lists.

    Args:
      evaluation_set: the queries and answers that models are about to be measured on.
      item_keys: [m] uint64 hash of each item's raw id.
      item_counts: [m] integers, training rows of each item.
      popularity: a fitted popularity model, or any other deterministic one.
      seed: of the ties, the random scorer and the choice of users.
      max_users: users to check at most; fewer where the catalogue is large.
      memory_mb: as for `Evaluator`.

    Returns:
      The checks, all passed; none if no user has a relevant item.

    Raises:
      SelfCheckError: a check failed; the message lists every one that did.

    Source: own; chance expectations from the hypergeometric distribution.
    """
    sample = _sample(evaluation_set, min(max_users, _MOST_CELLS // max(len(item_keys), 1) + 1), seed)
    if not len(sample):
        return []
    evaluator = Evaluator(sample, item_keys, item_counts, ks=(PRIMARY_K,), seed=seed, memory_mb=memory_mb)
    num_items = len(item_keys)
    chance = chance_moments(num_candidates(sample), sample.num_relevant, PRIMARY_K)
    checks: list[Check] = []
    random = np.random.default_rng(seed)
    for name, score in (
        ("constant", lambda queries: np.zeros((len(queries), num_items), dtype=np.float32)),
        ("random", lambda queries: random.random((len(queries), num_items), dtype=np.float32)),
    ):
        read = evaluator.evaluate(_Planted(name, score))
        for metric, (mean, variance) in chance.items():
            checks.append(_check(read, metric, name, float(mean.mean()), tolerance(variance)))
    read = evaluator.evaluate(_Planted("oracle", _oracle(sample, num_items)))
    checks += [_check(read, metric, "oracle", 1.0, 1e-9) for metric in METRICS]
    first, second = (evaluator.evaluate(popularity).lists for _ in range(2))
    same = float(np.mean((first == second).all(axis=1)))
    checks.append(Check("popularity", "same lists", same, 1.0, 0.0, len(sample)))
    _raise_failures(checks)
    return checks


def num_candidates(evaluation_set: EvaluationSet) -> NDArray[np.int64]:
    """Returns the [n] int64 number of items each query may be shown: candidates less a masked history."""
    candidates, histories = evaluation_set.candidates, evaluation_set.queries.histories
    total = np.full(len(evaluation_set), np.count_nonzero(candidates), dtype=np.int64)
    if not evaluation_set.mask_seen:
        return total
    masked = candidates[histories.items]
    pairs = np.unique(histories.rows[masked] * len(candidates) + histories.items[masked])
    return total - np.bincount(pairs // len(candidates), minlength=len(total))


def chance_moments(
    num_items: NDArray[np.integer], num_relevant: NDArray[np.integer], k: int
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Mean and variance of a random ranking's metrics.

    With c items of which r are relevant and h_i the hit at rank i, E h_i = p = r / c,
    E h_i h_j = p (r − 1) / (c − 1), and no hit in K places has probability C(c − r, K) / C(c, K).

    >>> chance = chance_moments(np.array([4]), np.array([2]), k=2)  # the 6 ways to place 2 hits in 4
    >>> {metric: round(float(mean[0]), 4) for metric, (mean, _) in chance.items()}
    {'hr@2': 0.8333, 'ndcg@2': 0.5, 'map@2': 0.4167}

    Args:
      num_items: [n] integers, c, the items each query may be shown.
      num_relevant: [n] integers, r, at least 1 and at most c.
      k: list length, may exceed c.

    Returns:
      By metric, [n] float64 means and [n] float64 variances: exact for HR and NDCG, for MAP the bound
      μ(1 − μ), which holds for every variable in [0, 1] (Bhatia and Davis 2000).

    Source: own.
    """
    c, r = (np.asarray(column, dtype=np.float64)[:, None] for column in (num_items, num_relevant))
    ranks = np.arange(1, k + 1, dtype=np.float64)
    filled = ranks <= c
    p = r / c
    again = (r - 1) / np.maximum(c - 1, 1)  # P(another place is a hit | this one is)
    miss = np.where(filled, np.maximum(c - r - ranks + 1, 0) / np.maximum(c - ranks + 1, 1), 1.0)
    hit_rate = 1 - miss.prod(axis=1)
    weights = discounts(k) * filled
    ideal = np.cumsum(discounts(k))[np.minimum(num_relevant, k) - 1]
    ndcg = p[:, 0] * weights.sum(axis=1) / ideal
    squares = np.square(weights).sum(axis=1)
    pairs = np.square(weights.sum(axis=1)) - squares
    covariance = (p * (again - p))[:, 0] * (c[:, 0] > 1)
    variance = (squares * (p * (1 - p))[:, 0] + pairs * covariance) / np.square(ideal)
    average_precision = (p * filled * (1 + (ranks - 1) * again) / ranks).sum(axis=1) / np.minimum(r[:, 0], k)
    return {
        f"hr@{k}": (hit_rate, hit_rate * (1 - hit_rate)),
        f"ndcg@{k}": (ndcg, np.maximum(variance, 0)),
        f"map@{k}": (average_precision, average_precision * (1 - average_precision)),
    }


def tolerance(variance: NDArray[np.float64], standard_errors: float = STANDARD_ERRORS) -> float:
    """How far a mean of independent users in [0, 1] may lie from its expectation.

    Five standard errors presume a normal mean; with few users and rare hits one lucky hit is far outside.
    Bernstein's inequality holds for any number of users: with L = 5² / 2 it allows a mean
    (L / 3 + √(L² / 9 + 2 L Σ variance)) / n, which tends to five standard errors as hits accumulate.

    >>> round(tolerance(np.full(1_000_000, 0.25)) / 0.0005, 2)  # in standard errors, √(0.25 / 10⁶)
    5.01
    >>> tolerance(np.zeros(5)) > 1  # five users can prove nothing
    True

    Source: Bernstein's inequality, Boucheron, Lugosi and Massart 2013, corollary 2.11.
    """
    exponent = standard_errors**2 / 2
    spread = np.sqrt((exponent / 3) ** 2 + 2 * exponent * variance.sum())
    return float((exponent / 3 + spread) / len(variance))


def _sample(evaluation_set: EvaluationSet, most: int, seed: int) -> EvaluationSet:
    """Takes up to `most` queries that have an answer, one of each user: the checks count on independence."""
    answerable = np.flatnonzero(evaluation_set.num_relevant > 0)
    _, first = np.unique(evaluation_set.queries.keys[answerable], return_index=True)
    chosen = answerable[np.sort(first)]
    if len(chosen) > most:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, most, replace=False))
    starts, sizes = evaluation_set.relevant_offsets[chosen], evaluation_set.num_relevant[chosen]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    flat = np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])
    return dataclasses.replace(
        evaluation_set,
        queries=evaluation_set.queries.take(chosen),
        users=evaluation_set.users[chosen],
        cold=evaluation_set.cold[chosen],
        relevant_items=evaluation_set.relevant_items[flat],
        relevant_offsets=offsets,
        known=None if evaluation_set.known is None else evaluation_set.known[chosen],
    )


def _oracle(sample: EvaluationSet, num_items: int) -> Callable[[Queries], NDArray[np.float32]]:
    """Scores 1 what is relevant and 0 the rest, finding each query by its user's key."""
    answers = np.split(sample.relevant_items, sample.relevant_offsets[1:-1])
    by_key = dict(zip(sample.queries.keys.tolist(), answers, strict=True))

    def score(queries: Queries) -> NDArray[np.float32]:
        scores = np.zeros((len(queries), num_items), dtype=np.float32)
        for row, key in enumerate(queries.keys.tolist()):
            scores[row, by_key[key]] = 1.0
        return scores

    return score


def _check(read: Evaluation, metric: str, scorer: str, expected: float, allowed: float) -> Check:
    return Check(scorer, metric, read.mean(metric), expected, allowed, len(read.users))


def _raise_failures(checks: list[Check]) -> None:
    failed = [
        f"{check.scorer} scorer, {check.metric}: read {check.observed:.4f}, "
        f"expected {check.expected:.4f} ± {check.tolerance:.4f} ({check.num_users} users)"
        for check in checks
        if not check.passed
    ]
    if failed:
        raise SelfCheckError(
            "the evaluator failed its self-test on this split, so nothing was scored. "
            + "; ".join(failed)
            + ". Look for relevant items that are masked or outside the catalogue, and at the tie rule."
        )


@dataclasses.dataclass(frozen=True)
class _NoSettings:
    """A planted scorer has nothing to set."""


class _Planted(Recommender):
    """A scorer whose quality is known beforehand."""

    name: ClassVar[str] = "planted"
    Config: ClassVar[type[Any]] = _NoSettings

    def __init__(self, name: str, score: Callable[[Queries], NDArray[np.float32]]) -> None:
        super().__init__()
        self.name = name  # type: ignore[misc]  # so that an error names which scorer
        self._score = score

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        return FitReport()

    def score(self, queries: Queries) -> NDArray[np.float32]:
        return self._score(queries)

    def state(self) -> dict[str, NDArray[Any]]:
        return {}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        pass
