"""Worlds whose winner is known: whether the whole pipeline finds it, and who comes near."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tfrs_bench.data.worlds import WORLDS, KnownWorld
from tfrs_bench.evaluation.verdicts import Verdict
from tfrs_bench.reporting.document import Bullets, Drawing, Paragraph, Section, Table
from tfrs_bench.reporting.figures import COLORS, MARKERS, drawing
from tfrs_bench.reporting.judgements import against, deep, tuned_alike, weighed
from tfrs_bench.reporting.study import CEILING, Study
from tfrs_bench.reporting.worlds import known_worlds, made_for

_METHOD = (
    "In each of these simulated logs one mechanism decides what people choose, so it is known beforehand "
    "which model has it and which models cannot. If the latter won, the benchmark would measure something "
    "else; that a third has the mechanism in a way of its own is possible. The oracle knows the law itself "
    "and is the ceiling; shares are of its mean. Words follow paired differences to the model made for the "
    "world, Holm-adjusted over all its opponents."
)


def worlds(studies: Sequence[Study]) -> Section:
    """Returns where every model stands in each world, and what can be said of the one made for it."""
    found = {
        name: (study, made)
        for name, study in known_worlds(studies).items()
        if (made := made_for(study, WORLDS[name])) is not None and study.comparison.row(CEILING) is not None
    }
    if not found:
        return Section("Worlds whose winner is known")
    folders = tuple(folder for study, _ in found.values() for folder in study.folders)
    rows = tuple(_row(name, *pair) for name, pair in found.items())
    table = Table(
        "The model made for each world, its share of the oracle's NDCG@10, and how the others stand against "
        "it: those that have to be worse because they lack the mechanism (random aside), and all there are.",
        ("world", "made for", "of the oracle", "must be and are worse", "worse", "cannot tell", "better"),
        rows,
        folders,
    )
    beaten_first = sorted(found, key=lambda name: not _words(against(*found[name]))["better"])
    lines = (*(_in_words(name, *found[name]) for name in beaten_first), *_otherwise(found))
    figure = Drawing(
        "worlds",
        "Shares of the oracle's NDCG@10, means over seeds: a diamond is the model made for the world.",
        _figure(found),
        folders,
    )
    return Section(
        "Worlds whose winner is known", (Paragraph(_METHOD), figure, table, Bullets(lines, folders))
    )


def _otherwise(found: Mapping[str, tuple[Study, str]]) -> Iterator[str]:
    """Names the models that had another tuning than most, by world."""
    left = {
        name: [one for one in weighed(study) if one not in tuned_alike(study)]
        for name, (study, _) in found.items()
    }
    told = "; ".join(f"{', '.join(models)} in {name}" for name, models in left.items() if models)
    if told:
        yield f"Tuned otherwise than the others of their world: {told}."


def _row(name: str, study: Study, made: str) -> tuple[str, ...]:
    words = _words(against(study, made))
    must = _must_be_worse(study, WORLDS[name])
    return (
        name,
        made,
        f"{_share(study, made):.0%}",
        f"{len({*must} & {*words['worse']})} of {len(must)}" if must else "–",
        *(f"{len(words[word])}" for word in ("worse", "cannot tell", "better")),
    )


def _in_words(name: str, study: Study, made: str) -> str:
    """Says whom the model made for a world beats, and above all whom it does not."""
    words = _words(against(study, made))
    missed = [one for one in _must_be_worse(study, WORLDS[name]) if one not in words["worse"]]
    parts = [f"{made} is made for it and has {_share(study, made):.0%} of the oracle's NDCG@10"]
    if missed:
        parts.append(f"**not shown to be worse, though without the mechanism: {', '.join(missed)}**")
    if words["better"]:
        parts.append(f"**better than it: {', '.join(words['better'])}**")
    if words["cannot tell"]:
        parts.append(f"cannot be told from it: {', '.join(words['cannot tell'])}")
    parts.append(f"worse: {', '.join(words['worse']) or 'nobody'}")
    return f"**{name}**: {'; '.join(parts)}."


def _words(verdicts: Mapping[str, Verdict]) -> dict[str, list[str]]:
    """Returns the models that a word was given to, by the word."""
    return {
        word: [name for name, one in verdicts.items() if one.verdict == word]
        for word in ("better", "cannot tell", "worse")
    }


def _must_be_worse(study: Study, world: KnownWorld) -> list[str]:
    return [name for name in weighed(study) if name in world.beats]


def _share(study: Study, name: str) -> float:
    row, ceiling = study.comparison.row(name), study.comparison.row(CEILING)
    assert row is not None and ceiling is not None
    return row.mean / ceiling.mean


def _figure(found: dict[str, tuple[Study, str]]) -> str:
    with drawing(width=6.0, height=0.9 + 0.5 * len(found)) as drawn:
        axes = drawn.axes
        for place, (study, made) in enumerate(reversed(found.values())):
            neural = deep(study)
            for name in [*(one for one in weighed(study) if one != made), made]:
                kind = int(name in neural)
                marker = "D" if name == made else MARKERS[kind]
                axes.plot(
                    [_share(study, name)],
                    [place],
                    color=COLORS[kind],
                    marker=marker,
                    markersize=8 if name == made else 4.5,
                    markeredgecolor=COLORS[-1] if name == made else "none",
                    alpha=1.0 if name == made else 0.6,
                )
            axes.annotate(
                made.partition(" ")[0],
                (_share(study, made), place),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=7,
            )
        axes.set_yticks(range(len(found)), [*reversed(found)])
        axes.set_ylim(-0.5, len(found) - 0.3)
        axes.set_xlim(0, 1.05)
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.grid(axis="x", alpha=0.3)
        axes.set_xlabel("share of the oracle's NDCG@10 (round: classical, square: neural)")
    return drawn.svg
