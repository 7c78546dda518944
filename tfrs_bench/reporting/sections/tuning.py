"""What tuning each model had and what it brought: the ledgers of a study's searches side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tfrs_bench.evaluation.metrics import ERRORS
from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.budgets import starts_differ
from tfrs_bench.reporting.document import Block, Bullets, Drawing, Paragraph, Section, Table
from tfrs_bench.reporting.figures import COLORS, drawing
from tfrs_bench.reporting.labels import label_points
from tfrs_bench.reporting.rating_table import predicts_ratings
from tfrs_bench.reporting.study import Study, is_neural
from tfrs_bench.reporting.worlds import known_worlds
from tfrs_bench.tuning.ledger import counted

_TITLES = (
    "model", "trials", "pruned", "failed", "minutes", "of", "first", "best", "gain", "found at min",
    "at the edge",
)  # fmt: skip
_METHOD = (
    "Settings were searched on validation, for each model within the minutes and trials that its table names "
    "(tree of Parzen estimators, Bergstra et al. 2011; median pruning, Golovin et al. 2017). Trial 0 has "
    "what the model has without tuning. The same minutes mean fewer trials for a model that fits slowly; "
    "what more minutes would have found, a curve that the clock ended does not say."
)
_LEAST_MIN = 0.005


def tuning(studies: Sequence[Study]) -> Section:
    """Returns the best so far by minutes, and what each search took and found, by study."""
    rated = (study for study in studies if predicts_ratings(study))
    shown = [*main_studies(studies), *rated, *known_worlds(studies).values()]
    blocks = [block for study in shown if _ledgers(study) for block in _blocks(study)]
    return Section("Tuning budgets", (Paragraph(_METHOD), *blocks) if blocks else ())


def _ledgers(study: Study) -> dict[str, dict[str, Any]]:
    """Returns the ledger of each search within a budget: of models, and of parts not searched alone."""
    firsts = {name: runs[0].record for name, runs in study.runs.items()}
    found = {name: record.ledger for name, record in firsts.items() if record.ledger.get("best_so_far")}
    for name, record in firsts.items():
        parts = record.ledger.get("parts", {}).items()
        found |= {f"{part} of {name}": ledger for part, ledger in parts if ledger not in found.values()}
    return found


def _blocks(study: Study) -> Iterator[Block]:
    ledgers = _ledgers(study)
    metric = next(iter(ledgers.values()))["metric"].upper()
    yield _figure(study, ledgers, metric)
    yield Table(
        f"{study.name}: searches by validation {metric}.",
        _TITLES,
        tuple((name, *_row(ledger)) for name, ledger in ledgers.items()),
        study.folders,
    )
    ended = [name for name, ledger in ledgers.items() if ledger["minutes"] >= ledger["cap_minutes"]]
    others = [name for name in ledgers if name not in ended]
    ahead = starts_differ(study)
    told = [] if ahead is None else [f"{study.name}: {ahead}"]
    if ended:
        trials = ", ".join(f"{name} after {counted(ledgers[name]['trials'])}" for name in ended)
        told.append(f"{study.name}: the clock ended the search of {trials}.")
    if others:
        told.append(f"{study.name}: within the minutes, all trials were made of {', '.join(others)}.")
    edges = [f"{name} ({', '.join(ledger['edges'])})" for name, ledger in ledgers.items() if ledger["edges"]]
    if edges:
        told.append(
            f"{study.name}: the best lies at the edge of its range, beyond which better may lie, of "
            f"{', '.join(edges)}."
        )
    yield Bullets(tuple(told), study.folders)


def _row(ledger: dict[str, Any]) -> tuple[str, ...]:
    first, (found, best) = ledger["best_so_far"][0][1], ledger["best_so_far"][-1]
    gain = abs(best / first - 1) if first else None
    sign = "-" if ledger["metric"] in ERRORS and gain else "+"
    return (
        str(ledger["trials"]),
        str(ledger["pruned"]),
        str(ledger["failed"]),
        f"{ledger['minutes']:.1f}",
        f"{ledger['cap_minutes']:g}",
        f"{abs(first):.4f}",
        f"{abs(best):.4f}",
        "–" if gain is None else f"{sign}{gain:.0%}",
        f"{found:.1f}",
        ", ".join(ledger["edges"]) or "–",
    )


def _figure(study: Study, ledgers: dict[str, dict[str, Any]], metric: str) -> Drawing:
    with drawing(height=4.0) as drawn:
        axes = drawn.axes
        ends = {}
        for neural, label in ((False, "classical"), (True, "neural")):
            its = [name for name in ledgers if is_neural(name.split(" ")[0]) == neural]
            for place, name in enumerate(its):
                minutes, qualities = _steps(ledgers[name])
                axes.plot(
                    minutes,
                    qualities,
                    drawstyle="steps-post",
                    color=COLORS[int(neural)],
                    linewidth=1.6 if neural else 1.0,
                    marker=".",  # a search of one trial is no line
                    markersize=4,
                    label=label if place == 0 else None,
                )
                ends[name] = (minutes[-1], qualities[-1])
        axes.set_xscale("log")
        axes.margins(x=0.12, y=0.08)
        axes.set_xlabel("minutes of search")
        axes.set_ylabel(f"best validation {metric} so far")
        axes.set_title(study.name, loc="left")
        axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        label_points(axes, ends)
    caption = (
        f"{study.name}: the best setting found by when; each line begins with the first trial and ends "
        "with the search."
    )
    return Drawing(f"tuning, {study.name}", caption, drawn.svg, study.folders)


def _steps(ledger: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Returns minutes and the best quality by then, to the end of the search."""
    curve = ledger["best_so_far"]
    minutes = [max(minute, _LEAST_MIN) for minute, _ in curve]
    qualities = [abs(quality) for _, quality in curve]
    return [*minutes, max(ledger["minutes"], minutes[-1])], [*qualities, qualities[-1]]
