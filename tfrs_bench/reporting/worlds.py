"""The worlds whose winner is known: what share of the oracle's figure each model reaches in each."""

from __future__ import annotations

from collections.abc import Sequence

from tfrs_bench.data.worlds import WORLDS, KnownWorld
from tfrs_bench.registry import MODELS
from tfrs_bench.reporting.study import CEILING, Study, shown

_SPLIT = "per_user"


def worlds(studies: Sequence[Study]) -> str | None:
    """Returns the matrix of worlds and models.

    Args:
      studies: any; of a world counts the one whose name is no more than data and split.

    Returns:
      A Markdown table, a row per world: of each model NDCG@10 as a share of the oracle's, in bold of the
      model made for the world; and the oracle's own NDCG@10. None if no world was run.
    """
    found = {study.name: study for study in studies}
    rows = {name: _shares(found[place], world) for name, world in WORLDS.items()
            if (place := f"{name}, {_SPLIT}") in found}  # fmt: skip
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
        as_flags = {flag: shown(record.config.get(flag)) for flag in world.flags}
        made = record.model == world.made_for and as_flags == dict(world.flags)
        column = f"{record.model}, as made" if made and world.flags else record.model
        share = f"{row.mean / ceiling.mean:.0%}"
        cells.setdefault(column, f"**{share}**" if made else share)  # the plain name comes first
    return cells


def _place(column: str) -> tuple[bool, int, str]:

    model = column.partition(",")[0]
    return column.startswith(CEILING), [*MODELS, model].index(model), column
