"""Worlds whose winner is known: whether the whole pipeline finds it, and who comes near."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from tfrs_bench.data.worlds import WORLDS
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


@dataclasses.dataclass(frozen=True)
class _Standing:
    """How the models of a world stand.

    Attributes:
      name: the world's.
      study: of it.
      made: the variant that has its mechanism.
      words: the other models by how they stand against that one.
    """

    name: str
    study: Study
    made: str
    words: dict[str, list[str]]

    @property
    def share(self) -> float:
        """The oracle's mean, as far as the model made for the world reaches it."""
        return _share(self.study, self.made)

    @property
    def must_be_worse(self) -> list[str]:
        """The models that lack the mechanism."""
        return [name for name in weighed(self.study) if name in WORLDS[self.name].beats]


def worlds(studies: Sequence[Study]) -> Section:
    """Returns where every model stands in each world, and what can be said of the one made for it."""
    found = [
        _Standing(name, study, made, _words(against(study, made)))
        for name, study in known_worlds(studies).items()
        if (made := made_for(study, WORLDS[name])) is not None and study.comparison.row(CEILING) is not None
    ]
    if not found:
        return Section("Worlds whose winner is known")
    folders = tuple(folder for one in found for folder in one.study.folders)
    table = Table(
        "The model made for each world, its share of the oracle's NDCG@10, and how the others stand against "
        "it: those that have to be worse because they lack the mechanism (random aside), and all there are.",
        ("world", "made for", "of the oracle", "must be and are worse", "worse", "cannot tell", "better"),
        tuple(map(_row, found)),
        folders,
    )
    beaten_first = sorted(found, key=lambda one: not one.words["better"])
    lines = (*map(_in_words, beaten_first), *_otherwise(found))
    figure = Drawing(
        "worlds",
        "Shares of the oracle's NDCG@10, means over seeds: a diamond is the model made for the world.",
        _figure(found),
        folders,
    )
    return Section(
        "Worlds whose winner is known", (Paragraph(_METHOD), figure, table, Bullets(lines, folders))
    )


def _otherwise(found: Sequence[_Standing]) -> Iterator[str]:
    """Names the models that had another tuning than most, by world."""
    left = {
        one.name: [name for name in weighed(one.study) if name not in tuned_alike(one.study)] for one in found
    }
    told = "; ".join(f"{', '.join(models)} in {name}" for name, models in left.items() if models)
    if told:
        yield f"Tuned otherwise than the others of their world: {told}."


def _row(one: _Standing) -> tuple[str, ...]:
    words, must = one.words, one.must_be_worse
    return (
        one.name,
        one.made,
        f"{one.share:.0%}",
        f"{len({*must} & {*words['worse']})} of {len(must)}" if must else "–",
        *(f"{len(words[word])}" for word in ("worse", "cannot tell", "better")),
    )


def _in_words(one: _Standing) -> str:
    """Says whom the model made for a world beats, and above all whom it does not."""
    words = one.words
    missed = [name for name in one.must_be_worse if name not in words["worse"]]
    parts = [f"{one.made} is made for it and has {one.share:.0%} of the oracle's NDCG@10"]
    if missed:
        parts.append(f"**not shown to be worse, though without the mechanism: {', '.join(missed)}**")
    if words["better"]:
        parts.append(f"**better than it: {', '.join(words['better'])}**")
    if words["cannot tell"]:
        parts.append(f"cannot be told from it: {', '.join(words['cannot tell'])}")
    parts.append(f"worse: {', '.join(words['worse']) or 'nobody'}")
    return f"**{one.name}**: {'; '.join(parts)}."


def _words(verdicts: Mapping[str, Verdict]) -> dict[str, list[str]]:
    """Returns the models that a word was given to, by the word."""
    return {
        word: [name for name, one in verdicts.items() if one.verdict == word]
        for word in ("better", "cannot tell", "worse")
    }


def _share(study: Study, name: str) -> float:
    row, ceiling = study.comparison.row(name), study.comparison.row(CEILING)
    assert row is not None and ceiling is not None
    return row.mean / ceiling.mean


def _figure(found: Sequence[_Standing]) -> str:
    with drawing(width=6.0, height=0.9 + 0.5 * len(found)) as drawn:
        axes = drawn.axes
        for place, one in enumerate(reversed(found)):
            study, made, neural = one.study, one.made, deep(one.study)
            for name in [*(other for other in weighed(study) if other != made), made]:
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
                (one.share, place),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=7,
            )
        axes.set_yticks(range(len(found)), [one.name for one in reversed(found)])
        axes.set_ylim(-0.5, len(found) - 0.3)
        axes.set_xlim(0, 1.05)
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.grid(axis="x", alpha=0.3)
        axes.set_xlabel("share of the oracle's NDCG@10 (round: classical, square: neural)")
    return drawn.svg
