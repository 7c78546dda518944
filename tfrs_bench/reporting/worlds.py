"""The worlds whose winner is known: what share of the oracle's figure each model reaches in each."""

from __future__ import annotations

from collections.abc import Sequence

from tfrs_bench.data.worlds import WORLDS, KnownWorld
from tfrs_bench.registry import MODELS
from tfrs_bench.reporting.records import RunRecord
from tfrs_bench.reporting.study import CEILING, Study, shown

_SPLIT = "per_user"


def known_worlds(studies: Sequence[Study]) -> dict[str, Study]:
    """Returns the study of each world whose winner is known, by the world's name.

    Args:
      studies: any; of a world counts the one whose name is no more than data and split.
    """
    found = {study.name: study for study in studies}
    return {name: found[place] for name in WORLDS if (place := f"{name}, {_SPLIT}") in found}


def made_for(study: Study, world: KnownWorld) -> str | None:
    """Returns the variant that has the world's mechanism, of several the first by name; None without one."""
    made = (name for name, runs in study.runs.items() if _is_made(runs[0].record, world))
    return next(made, None)


def worlds(studies: Sequence[Study]) -> str | None:
    """Returns the matrix of worlds and models.

    Args:
      studies: any; of a world counts the one whose name is no more than data and split.

    Returns:
      A Markdown table, a row per world: of each model NDCG@10 as a share of the oracle's, in bold of the
      model made for the world; and the oracle's own NDCG@10. None if no world was run.
    """
    rows = {name: _shares(study, WORLDS[name]) for name, study in known_worlds(studies).items()}
    if not rows:
        return None
    columns = sorted({column for cells in rows.values() for column in cells}, key=_place)
    lines = [f"| world | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for name, cells in rows.items():
        lines.append(f"| {name} | {' | '.join(cells.get(column, '–') for column in columns)} |")
    return "\n".join(lines)


def _shares(study: Study, world: KnownWorld) -> dict[str, str]:
    """Returns the cells of a world by column; the model made for it has a column of its own if set up so."""
    means = {name: study.comparison.row(name) for name in study.runs}
    ceiling = means.get(CEILING)
    cells = {}
    for name, runs in study.runs.items():
        record, row = runs[0].record, means[name]
        if row is None or ceiling is None:
            continue
        if name == CEILING:
            cells["oracle's NDCG@10"] = f"{row.mean:.4f}"
            continue
        made = _is_made(record, world)
        column = f"{record.model}, as made" if made and world.flags else record.model
        share = f"{row.mean / ceiling.mean:.0%}"
        cells.setdefault(column, f"**{share}**" if made else share)  # the plain name comes first
    return cells


def _is_made(record: RunRecord, world: KnownWorld) -> bool:
    as_flags = {flag: shown(record.config.get(flag)) for flag in world.flags}
    return record.model == world.made_for and as_flags == dict(world.flags)


def _place(column: str) -> tuple[bool, int, str]:
    model = column.partition(",")[0]
    return column.startswith(CEILING), [*MODELS, model].index(model), column
