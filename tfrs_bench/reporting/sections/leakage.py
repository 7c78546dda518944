"""The leakage certificate: what each split leaks, and whether the ranking of models survives without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.document import Block, Bullets, Drawing, Paragraph, Section, Table
from tfrs_bench.reporting.figures import COLORS, drawing
from tfrs_bench.reporting.study import CEILING, FLOOR, Study

LEAKY, CLEAN = "per_user", "global"
_METHOD = (
    "Under the per_user split nobody's own future is in training, but the future of others is: a model may "
    "know "
    "what became popular after the moment of a question. Under the global split nothing is known after one "
    "moment. The same models are ranked under both; ranks follow means, so neighbours may not be told apart."
)


def leakage(studies: Sequence[Study]) -> Section:
    """Returns audit, ranks and their changes for each data set that was split both ways."""
    pairs = [pair for pair in _pairs(main_studies(studies)) if len(_common(*pair)) > 1]
    blocks = [block for pair in pairs for block in _blocks(*pair)]
    return Section("Leakage certificate", (Paragraph(_METHOD), *blocks) if blocks else ())


def in_words(study: Study) -> str:
    """Says what the audit of a study found."""
    audit: dict[str, Any] = study.first.audit
    order = (
        "no user's rows step back in time" if audit["order_holds"] else "some users' rows step back in time"
    )
    if audit["leaked_share"] is None:
        return f"**{study.name}**: {order}; without real times, what leaks across users cannot be known."
    if not audit["leaked_share"]:
        return f"**{study.name}**: {order}, and no test row has a later row of anybody in training."
    return (
        f"**{study.name}**: {order}, but for {audit['leaked_share']:.1%} of the test rows training "
        f"holds later rows of other users; at the median {audit['later_share']:.1%} of training lies later. "
        f"{audit['boundary_ties']:,} boundaries between parts fall between rows of the same second."
    )


def _pairs(studies: Sequence[Study]) -> Iterator[tuple[Study, Study]]:
    for leaky in studies:
        for clean in studies:
            same = leaky.first.dataset == clean.first.dataset and _rest(leaky) == _rest(clean)
            if same and (leaky.first.split, clean.first.split) == (LEAKY, CLEAN):
                yield leaky, clean


def _rest(study: Study) -> dict[str, Any]:
    return {name: value for name, value in study.experiment.items() if name != "split"}


def _common(leaky: Study, clean: Study) -> list[str]:
    return [name for name in leaky.runs if name in clean.runs and name not in (FLOOR, CEILING)]


def ranks(study: Study, names: Sequence[str]) -> dict[str, int]:
    """Returns the place of each of some models by mean NDCG@10, 1 the best; equals in order of name."""
    rows = {name: study.comparison.row(name) for name in names}
    ordered = sorted(names, key=lambda name: (-(row.mean if (row := rows[name]) else 0.0), name))
    return {name: place for place, name in enumerate(ordered, start=1)}


def _blocks(leaky: Study, clean: Study) -> Iterator[Block]:
    names = _common(leaky, clean)
    before, after = ranks(leaky, names), ranks(clean, names)
    folders = (*leaky.folders, *clean.folders)
    yield Bullets((in_words(leaky), in_words(clean)), folders)
    yield _figure(leaky.first.dataset, before, after, folders)
    yield Table(
        f"{leaky.first.dataset}: NDCG@10 and rank of the models that were run under both splits.",
        ("model", LEAKY, "rank", CLEAN, "rank", "change"),
        tuple(
            (
                name,
                _mean(leaky, name),
                str(before[name]),
                _mean(clean, name),
                str(after[name]),
                _arrow(before[name] - after[name]),
            )
            for name in sorted(names, key=before.__getitem__)
        ),
        folders,
    )
    yield Bullets((_conclusion(leaky.first.dataset, before, after),), folders)


def _conclusion(dataset: str, before: dict[str, int], after: dict[str, int]) -> str:
    moved = [name for name in before if before[name] != after[name]]
    first, second = (min(ranking, key=ranking.__getitem__) for ranking in (before, after))
    best = (
        f"{first} comes first under both"
        if first == second
        else f"{first} comes first under {LEAKY}, {second} under {CLEAN}"
    )
    return f"{dataset}: {len(moved)} of {len(before)} models change their rank; {best}."


def _mean(study: Study, name: str) -> str:
    row = study.comparison.row(name)
    return "–" if row is None else f"{row.mean:.4f}"


def _arrow(gained: int) -> str:
    return "=" if not gained else f"{'▲' if gained > 0 else '▼'} {abs(gained)}"


def _figure(dataset: str, before: dict[str, int], after: dict[str, int], folders: Any) -> Drawing:
    with drawing(width=4.5, height=1.2 + 0.22 * len(before)) as drawn:
        axes = drawn.axes
        for name, place in before.items():
            gained = place - after[name]
            color = "0.7" if not gained else COLORS[2] if gained > 0 else COLORS[1]
            axes.plot(
                [0, 1],
                [place, after[name]],
                color=color,
                marker="o",
                markersize=4,
                linewidth=1.5 if gained else 1,
            )
            axes.text(-0.04, place, f"{name}  {place}", ha="right", va="center", fontsize=8)
            axes.text(1.04, after[name], f"{after[name]}  {name}", ha="left", va="center", fontsize=8)
        axes.invert_yaxis()
        axes.set_xlim(-0.9, 1.9)
        axes.set_xticks([0, 1], [LEAKY, CLEAN])
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set_title(f"{dataset}: rank by NDCG@10", loc="left")
    return Drawing(
        f"leakage, {dataset}",
        f"{dataset}: ranks under both splits; green lines rise where the future of others is hidden, orange "
        "ones fall.",
        drawn.svg,
        folders,
    )
