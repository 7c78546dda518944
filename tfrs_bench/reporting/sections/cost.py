"""Cost beside quality: what a model takes to train, to score and to keep, and what that buys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.document import Block, Bullets, Drawing, Section, Table
from tfrs_bench.reporting.figures import COLORS, drawing
from tfrs_bench.reporting.labels import label_points
from tfrs_bench.reporting.records import cores_told
from tfrs_bench.reporting.study import CEILING, FLOOR, Study, is_neural

ALS = "als"
_LEAST_S = 0.01  # what trains faster stands there: the clock tells nothing below


def cost(studies: Sequence[Study]) -> Section:
    """Returns costs, the figure of quality against training time, and gains of every data set and split."""
    found = [study for study in main_studies(studies) if len(_models(study)) > 1]
    return Section("Is the cost justified?", tuple(block for study in found for block in _blocks(study)))


def pareto(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Returns the models to which no other is better and at most as slow, the fastest first.

    >>> pareto({"slow": (9.0, 0.3), "good": (5.0, 0.4), "fast": (1.0, 0.2), "poor": (5.0, 0.1)})
    ['fast', 'good']

    Args:
      points: seconds and quality by name.
    """
    front: list[str] = []
    for name in sorted(points, key=lambda one: (points[one][0], -points[one][1])):
        if not front or points[name][1] > points[front[-1]][1]:
            front.append(name)
    return front


def _models(study: Study) -> list[str]:
    return [name for name in study.runs if name not in (FLOOR, CEILING)]


def _points(study: Study) -> dict[str, tuple[float, float]]:
    return {
        name: (max(study.mean(name, "fit_s"), _LEAST_S), _quality(study, name)) for name in _models(study)
    }


def _quality(study: Study, name: str) -> float:
    row = study.comparison.row(name)
    assert row is not None
    return row.mean


def _blocks(study: Study) -> Iterator[Block]:
    titles = ["NDCG@10", "training s", "tuning min", "scoring µs/user", "peak MB", "parameters"]
    gains = ["gain over ALS", "gain per training minute"] if ALS in study.runs else []
    yield _figure(study)
    yield Table(
        f"{study.name}: quality and costs, means over seeds; the range of training times that differ. "
        "Training: all fits but the tuning; a dash where no record tells of a search. Peak: of the process.",
        ("model", *titles, *gains),
        tuple(
            (name, *_costs(study, name), *(_gain(study, name) if gains else ())) for name in _models(study)
        ),
        study.folders,
    )
    yield Bullets(tuple(_findings(study)), study.folders)


def _costs(study: Study, name: str) -> tuple[str, ...]:
    record = study.runs[name][0].record
    searched = study.mean(name, "tune_minutes") if record.trials else None
    tuning = record.ledger.get("minutes", searched)
    return (
        f"{_quality(study, name):.4f}",
        _seconds(study, name),
        "–" if tuning is None else f"{tuning:,.1f}",
        f"{study.mean(name, 'score_us_per_user'):,.0f}",
        f"{study.mean(name, 'peak_memory_mb'):,.0f}",
        f"{study.mean(name, 'num_parameters'):,.0f}",
    )


def _seconds(study: Study, name: str) -> str:
    """Returns the mean over seeds and, where they differ by a quarter of it, their range."""
    its = [run.record.fit_s for run in study.runs[name]]
    mean = study.mean(name, "fit_s")
    spread = max(its) - min(its)
    return f"{mean:,.1f} ({min(its):,.1f}–{max(its):,.1f})" if spread > max(1.0, mean / 4) else f"{mean:,.1f}"


def _gain(study: Study, name: str) -> tuple[str, str]:
    """Returns a model's gain over ALS, and that by minute where there is one and the clock can tell."""
    if name == ALS:
        return "", ""
    gain, seconds = _quality(study, name) - _quality(study, ALS), study.mean(name, "fit_s")
    if gain <= 0:
        return f"{gain:+.4f}", "none"
    return f"{gain:+.4f}", f"{60 * gain / seconds:+.4f}" if seconds >= 1 else "in under a second"


def _findings(study: Study) -> Iterator[str]:
    """Names the front, and says what each neural model's time buys against ALS, by the verdict's word."""
    front = ", ".join(pareto(_points(study)))
    yield f"{study.name}: on the Pareto front of means, from the fastest to the best: {front}."
    machines = _machines(study)
    if len(machines) > 1:
        told = "; ".join(f"{cores_told(cores)}: {', '.join(names)}" for cores, names in machines.items())
        yield f"{study.name}: times were taken on different machines and compare only roughly: {told}."
    for one in study.comparison.verdicts:
        if (one.baseline, one.segment, one.metric) != (ALS, "all", study.primary):
            continue
        ours, theirs = (max(study.mean(name, "fit_s"), _LEAST_S) for name in (one.model, ALS))
        ends = f"[{one.low:+.4f}, {one.high:+.4f}]"
        bought = {
            "better": f"is better by {one.difference:.4f} {ends}",
            "worse": f"is worse by {-one.difference:.4f} {ends}",
            "cannot tell": f"no gain can be told, {one.difference:+.4f} {ends}",
        }
        yield (
            f"{study.name}: {one.model} trains {ours / theirs:,.1f} times as long as ALS, and "
            f"{bought[one.verdict]}."
        )


def _machines(study: Study) -> dict[str, list[str]]:
    """Returns the models by the number of cores that their first seed had."""
    found: dict[str, list[str]] = {}
    for name in _models(study):
        found.setdefault(str(study.runs[name][0].record.environment.get("cores", "?")), []).append(name)
    return found


def _figure(study: Study) -> Drawing:
    points = _points(study)
    front = pareto(points)
    with drawing(height=4.0) as drawn:
        axes = drawn.axes
        axes.step(
            [points[name][0] for name in front],
            [points[name][1] for name in front],
            where="post",
            color="0.6",
            linestyle="--",
            linewidth=1,
        )
        for neural, color, marker, told in (
            (False, COLORS[0], "o", "classical"),
            (True, COLORS[1], "s", "neural"),
        ):
            its = [points[name] for name in points if is_neural(name.split(" ")[0]) == neural]
            if its:
                axes.scatter(*zip(*its, strict=True), color=color, marker=marker, s=22, label=told, zorder=3)
        axes.set_xscale("log")
        axes.margins(x=0.15, y=0.12)
        axes.set_xlabel("seconds of training, tuning apart")
        axes.set_ylabel("NDCG@10")
        axes.set_title(study.name, loc="left")
        axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        label_points(axes, points)
    return Drawing(
        f"cost, {study.name}",
        f"{study.name}: NDCG@10 against training time. Dashed, the Pareto front of means: what lies below "
        "and to the right of it has a lower mean for more time. Whether that is more than chance, the "
        "verdicts say.",
        drawn.svg,
        study.folders,
    )
