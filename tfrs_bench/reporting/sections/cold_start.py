"""What newcomers get of every model, against the interactions known of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfrs_bench.reporting.cold_start import figure, findings, level_row, of_newcomers
from tfrs_bench.reporting.comparison import known_levels, mean_of
from tfrs_bench.reporting.document import Block, Bullets, Drawing, Section, Table
from tfrs_bench.reporting.study import Study


def cold_start(studies: Sequence[Study]) -> Section:
    """Returns figure, findings and table of each study whose users were held out of training."""
    found = [study for study in studies if of_newcomers(study)]
    return Section("Cold start", tuple(block for study in found for block in _blocks(study)))


def _blocks(study: Study) -> Iterator[Block]:
    levels, users = known_levels(study), study.comparison.rows[0].num_users
    where = f"{study.first.dataset}, {study.first.split}"
    yield Drawing(
        f"cold_start, {study.name}",
        f"NDCG@10 of {users:,} newcomers of {where}, by interactions known: where lines cross, another model "
        "should answer.",
        figure(study),
        study.folders,
    )
    yield Bullets(tuple(f"{where}: {one}" for one in findings(study)), study.folders)
    yield Table(
        f"NDCG@10 of {users:,} newcomers of {where}.",
        ("model", *levels),
        tuple((name, *(mean_of(level_row(study, name, one)) for one in levels)) for name in study.runs),
        study.folders,
    )
