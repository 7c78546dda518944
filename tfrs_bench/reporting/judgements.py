"""Sentences that judge, each by a stated rule from paired intervals: nothing is said that these deny."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from tfrs_bench.evaluation.metrics import ERRORS
from tfrs_bench.evaluation.verdicts import Table, Verdict
from tfrs_bench.reporting.budgets import SEARCH, UNTUNED, budgets_differ, kind_of, tuned_models
from tfrs_bench.reporting.study import CEILING, FLOOR, Study, capability, is_neural

COST_RULE = (
    "Of those not surely worse than the best mean, the one that trains fastest; of those that train within a "
    "minute, the one that answers fastest."
)
_SOON_S = 60.0  # what trains sooner is not chosen for that
MATTERS = 0.05  # of the opponent's mean: what a reader would call a difference
FACTORIZATION = ("als", "ials", "bpr", "pure_svd", "biased_mf")


def weighed(study: Study) -> list[str]:
    """Returns the models that compete: all but floor and ceiling."""
    return [name for name in study.runs if registered(study, name) not in (FLOOR, CEILING)]


def deep(study: Study) -> list[str]:
    """Returns the neural models that compete."""
    return [name for name in weighed(study) if is_neural(registered(study, name))]


def classical(study: Study) -> list[str]:
    """Returns the models that compete and are not neural."""
    return [name for name in weighed(study) if not is_neural(registered(study, name))]


def tuned_alike(study: Study) -> list[str]:
    """Returns the models that competed with the same tuning.

    These are the ones that were searched for within the budget of both a neural and a classical model, and
    those that have nothing to tune; all that compete where no budget was shared.
    """
    return _share_a_budget(study) or weighed(study)


def on_equal_terms(study: Study) -> bool:
    """Tells whether neural and classical models were searched for within one budget, or nobody was tuned."""
    return bool(_share_a_budget(study)) or {*map(kind_of, tuned_models(study).values())} <= {UNTUNED}


def of_one_seed(study: Study) -> list[str]:
    """Returns the models that depend on chance and were run with one seed."""
    return [
        name
        for name in weighed(study)
        if len(study.runs[name]) == 1 and capability(registered(study, name), "deterministic") is False
    ]


def cautions(study: Study) -> list[str]:
    """Says how models were tuned where that differs, and of which there is one seed."""
    once = of_one_seed(study)
    told = [budgets_differ(study), f"one seed of {', '.join(once)}." if once else None]
    return [one for one in told if one]


def _share_a_budget(study: Study) -> list[str]:
    tuned = {name: kind_of(record) for name, record in tuned_models(study).items()}
    budgets = [kind for kind in dict.fromkeys(tuned.values()) if kind.startswith(SEARCH)]
    for budget in budgets:
        alike = [name for name in weighed(study) if tuned.get(name, budget) == budget]
        if {*alike} & {*deep(study)} and {*alike} & {*classical(study)}:
            return alike
    return []


def reads_order(study: Study) -> list[str]:
    """Returns the models that compete and whose answer depends on the order of a history."""
    return [name for name in weighed(study) if capability(registered(study, name), "reads_order")]


def registered(study: Study, name: str) -> str:
    """Returns what a model of a study is registered as."""
    return study.runs[name][0].record.model


def best(study: Study, names: Sequence[str], segment: str = "all") -> str | None:
    """Returns the model with the best mean of the primary metric; None if none was measured."""
    sign = -1 if study.primary in ERRORS else 1
    rows = {name: row for name in names if (row := study.comparison.row(name, segment=segment))}
    return max(rows, key=lambda name: sign * rows[name].mean) if rows else None


def pair(study: Study, model: str, other: str, segment: str = "all") -> Verdict | None:
    """Returns how one model stands against another on the same users; None if nobody counts.

    It is the study's own verdict where it has one, adjusted for all its comparisons.
    """
    own = (one for one in study.comparison.verdicts if (one.model, one.baseline) == (model, other))
    found = [one for one in own if (one.segment, one.metric) == (segment, study.primary)]
    return found[0] if found else against(study, other, segment).get(model)


def told_apart(study: Study, one: str, other: str, segment: str = "all") -> bool:
    """Tells whether a word is given between two models, by the study's own verdict where it has one."""
    ours, theirs = (one, other) if one in deep(study) else (other, one)
    verdict = pair(study, ours, theirs, segment)
    return verdict is not None and verdict.verdict != "cannot tell"


def against(study: Study, reference: str, segment: str = "all") -> dict[str, Verdict]:
    """Returns every competing model against one of them, adjusted for that many comparisons.

    It is empty if the segment has no user that counts.
    """
    table = _bootstrapped(study, segment)
    others = [name for name in weighed(study) if name != reference]
    verdicts = [] if table is None else table.verdicts(segment, study.primary, others, [reference])
    return {one.model: one for one in verdicts}


def judged(verdict: Verdict) -> str:
    """Says a verdict as a sentence without its end: who is better, by how much, or that nobody can tell."""
    amount = f"{verdict.metric.upper()} {verdict.amount(3)}"
    if not np.isnan(verdict.relative):
        amount += f" ({100 * verdict.relative:+z.0f} %)"
    if verdict.verdict != "cannot tell":
        return f"{verdict.model} is **{verdict.verdict}** than {verdict.baseline}: {amount}"
    leaves_out_0 = verdict.low > 0 or verdict.high < 0
    corrected = ", too close to 0 once corrected for the number of pairs" if leaves_out_0 else ""
    return (
        f"**cannot tell** {verdict.model} from {verdict.baseline}: {amount}{corrected}; "
        f"{verdict.num_users:,} "
        f"users could have shown a difference of {verdict.detectable:.3f}"
    )


@dataclasses.dataclass(frozen=True)
class Choice:
    """A model to take, and what that rests on.

    Attributes:
      model: the cheapest that may be as good as the best.
      best: the model with the best mean.
      verdict: of `model` against `best`; None if they are one.
    """

    model: str
    best: str
    verdict: Verdict | None


def cost_of(study: Study, name: str) -> tuple[float, float]:
    """Returns what the cheapest model has least of, see `COST_RULE`."""
    return max(study.mean(name, "fit_s"), _SOON_S), study.mean(name, "score_us_per_user")


def recommended(study: Study) -> Choice | None:
    """Chooses the cheapest model whose paired interval does not say that it is worse than the best.

    Returns:
      The choice; None if fewer than two models compete.
    """
    names = weighed(study)
    top = best(study, names)
    if top is None or len(names) < 2:
        return None
    verdicts = against(study, top)
    eligible = [name for name in names if name == top or not surely_worse(verdicts[name])]
    chosen = min(eligible, key=lambda name: (cost_of(study, name), names.index(name)))
    return Choice(chosen, top, verdicts.get(chosen))


def surely_worse(verdict: Verdict) -> bool:
    """Tells whether the unadjusted interval lies on the worse side of 0 as a whole."""
    return verdict.low > 0 if verdict.metric in ERRORS else verdict.high < 0


def agreement(words: dict[str, str]) -> str | None:
    """Says how the words of one data set's splits go together; None where they are the same.

    >>> agreement({"per_user": "better", "global": "worse"})
    '**The splits disagree**: better by per_user, worse by global'
    >>> agreement({"per_user": "better", "global": "cannot tell"})
    'shown by one split alone: better by per_user, cannot tell by global'
    """
    if len({*words.values()}) < 2:
        return None
    told = ", ".join(f"{word} by {split}" for split, word in words.items())
    if {"better", "worse"} <= {*words.values()}:
        return f"**The splits disagree**: {told}"
    return f"shown by one split alone: {told}"


@functools.lru_cache(maxsize=256)  # one drawing of a study's users serves every pair
def _bootstrapped(study: Study, segment: str) -> Table | None:
    evaluations = {name: study.primary_alone(name) for name in weighed(study)}
    counted = next(iter(evaluations.values())).counted(segment, study.primary)
    return Table.of(evaluations, segment, [study.primary]) if counted.any() else None
