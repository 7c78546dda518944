"""What newcomers get of every model, against the interactions known of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tfrs_bench.reporting.budgets import differ_in_short
from tfrs_bench.reporting.cold_start import figure, findings, level_row, of_newcomers
from tfrs_bench.reporting.comparison import known_levels, mean_of
from tfrs_bench.reporting.document import Bullets, Drawing, Section, Table
from tfrs_bench.reporting.judgements import cautions
from tfrs_bench.reporting.study import Study


def cold_start(studies: Sequence[Study]) -> Section:
    """Returns figure, findings and table of each study whose users were held out of training."""
    newcomers = [study for study in studies if of_newcomers(study)]
    found = sorted(newcomers, key=lambda one: -one.comparison.rows[0].num_users)  # the surest first
    drawings, tables = map(_drawing, found), map(_table, found)
    lines = tuple(
        f"{_where(study)}: {one}" for study in found for one in (*findings(study), *_caution(study))
    )
    bullets = [Bullets(lines, tuple(folder for study in found for folder in study.folders))] if found else []
    return Section("Cold start", (*drawings, *bullets, *tables))


def _caution(study: Study) -> Iterator[str]:
    """Says what makes the words above weaker than those on known users."""
    shipped = [
        name
        for name, runs in study.runs.items()
        if re.search(rf"flags/([^/]+/)?{study.first.split}/", runs[0].record.tuning)
    ]
    if shipped:
        yield (
            f"the settings of {', '.join(shipped)} are shipped; where they were found on these data, "
            "newcomers were among the users, which may help these models."
        )
    yield from cautions(study)


def _where(study: Study) -> str:
    return f"{study.first.dataset}, {study.first.split}"


def _drawing(study: Study) -> Drawing:
    return Drawing(
        f"cold_start, {study.name}",
        f"NDCG@10 of {study.comparison.rows[0].num_users:,} newcomers of {_where(study)}, by "
        "interactions known, with bands of 95 %. Look where lines cross; words for pairs stand below.",
        figure(study),
        study.folders,
    )


def _table(study: Study) -> Table:
    levels = known_levels(study)
    return Table(
        f"NDCG@10 of {study.comparison.rows[0].num_users:,} newcomers of {_where(study)}. Words above are "
        f"corrected for the number of pairs (Holm), intervals are not.{differ_in_short(study)}",
        ("model", *levels),
        tuple((name, *(mean_of(level_row(study, name, one)) for one in levels)) for name in study.runs),
        study.folders,
    )
