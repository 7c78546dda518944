"""How the figures came about: one protocol for every model."""

from __future__ import annotations

from collections.abc import Sequence

from tfrs_bench.evaluation.uncertainty import DRAWS
from tfrs_bench.reporting.document import Paragraph, Section
from tfrs_bench.reporting.records import cores_told
from tfrs_bench.reporting.study import Study


def method(studies: Sequence[Study]) -> Section:
    """Returns the protocol in a few sentences; what differs among studies stands in their tables."""
    if not studies:
        return Section("Method and protocol")
    environments = [run.record.environment for study in studies for its in study.runs.values() for run in its]
    machines = dict.fromkeys(
        f"{cores_told(one['cores'])} of {one['cpu']}" for one in environments if "cpu" in one
    )
    lines = (
        "**One evaluator.** Models only score. What a user has is masked, ties are broken and metrics are "
        "taken outside the models, over the whole catalogue, never over sampled items.",
        "**Two questions.** `per_user` asks for the last tenth of each user's own list; `global` asks, after "
        "one moment that is the same for all, what everybody takes next, as a service would. A "
        "newcomers' study "
        "holds users out of training altogether.",
        "**A strong opponent.** Settings are searched on validation NDCG@10 alone, and tables of results say "
        "for each model whether they were, how long, or that its defaults had to do. Then all models are "
        "fitted again on training and validation rows, and the test rows are scored once.",
        "**Relevance.** A test row counts if its rating reaches the threshold (4 of 5 unless the "
        "command of a "
        "study says otherwise; every row where there are no ratings), its item is in the catalogue, "
        "and the user "
        "does not have it.",
        "**Users with little history.** Who has fewer than five training rows is trained on by nobody and "
        "answered by everybody; where there are such users, tables of results show them apart.",
        f"**How sure.** Intervals are of 95 % by a bootstrap over users with {DRAWS:,} draws, paired for "
        "differences; a word is said after Holm's correction for all pairs of a study, and where "
        "none can be, "
        "the difference that these users would have shown with power 0.8 stands beside. Seeds of a model are "
        "averaged for each user first.",
        f"**Machine.** {'; '.join(machines) or 'Not recorded'}.",
    )
    return Section("Method and protocol", tuple(map(Paragraph, lines)))
