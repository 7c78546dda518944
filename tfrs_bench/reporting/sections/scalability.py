"""Scalability: quality and training time against the share of the users that is trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfrs_bench.evaluation.metrics import ERRORS
from tfrs_bench.evaluation.verdicts import Verdict
from tfrs_bench.reporting.document import Block, Bullets, Drawing, Paragraph, Section, Table
from tfrs_bench.reporting.figures import COLORS, MARKERS, drawing
from tfrs_bench.reporting.protocol_sweeps import ProtocolSweep, protocol_sweeps, quality_figure
from tfrs_bench.reporting.study import Study, is_neural

OPTION, WHOLE = "train_fraction", 1.0
_LEAST_S = 1.0  # what is shorter varies from run to run more than with the data
_METHOD = (
    "Models are trained on a share of the users, chosen by a hash so that larger shares hold the smaller "
    "ones. All users are tested on the same items of the same catalogue, those left out as users unseen in "
    "training, from their history; so less data means fewer people to learn from and fewer people known. "
    "Settings that were found on all data are kept."
)


def scalability(studies: Sequence[Study]) -> Section:
    """Returns figures and table of each data set that was also run on shares of its users."""
    found = protocol_sweeps(studies, OPTION, WHOLE)
    blocks = [block for sweep in found if sweep.models for block in _blocks(sweep)]
    return Section("Scalability", (Paragraph(_METHOD), *blocks) if blocks else ())


def _blocks(sweep: ProtocolSweep) -> Iterator[Block]:
    metric = sweep.primary.upper()
    yield quality_figure(
        sweep,
        "share of the users trained on",
        f"{metric} of {sweep.title} against the data trained on. Look at the right "
        "end: does a line still rise, or is it flat?",
    )
    yield _times(sweep)
    shares = [*sweep.studies]
    yield Table(
        f"{metric} and, in brackets, seconds of training by share of the users of {sweep.title}."
        f"{sweep.differ()}",
        ("model", *(f"{share:.0%}" for share in shares)),
        tuple((name, *(_cell(sweep, share, name) for share in shares)) for name in sweep.models),
        sweep.folders,
    )
    told = [*_gaps(sweep), *(line for name in sweep.models for line in _of_model(sweep, name))]
    told += sweep.cautions()
    if told:
        yield Bullets(tuple(told), sweep.folders)


def _cell(sweep: ProtocolSweep, share: float, name: str) -> str:
    row = sweep.row(share, name)
    return "–" if row is None else f"{row.mean:.4f} ({sweep.studies[share].mean(name, 'fit_s'):,.1f} s)"


def _times(sweep: ProtocolSweep) -> Drawing:
    with drawing(height=4.2) as drawn:
        for number, name in enumerate(sweep.models):
            seconds = {
                share: study.mean(name, "fit_s")
                for share, study in sweep.studies.items()
                if name in study.runs
            }
            drawn.axes.plot(
                [*seconds],
                [*seconds.values()],
                color=COLORS[number % len(COLORS)],
                marker=MARKERS[number % len(MARKERS)],
                label=name,
            )
        drawn.axes.set_xscale("log")
        drawn.axes.set_yscale("log")
        shares = [*sweep.studies]
        drawn.axes.set_xticks(shares, [f"{share:.0%}" for share in shares])
        drawn.axes.set_xticks([], minor=True)
        drawn.axes.set_xlabel("share of the users trained on")
        drawn.axes.set_ylabel("seconds of training")
        drawn.axes.set_title(sweep.title, loc="left")
        drawn.axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
    caption = (
        f"Training time of {sweep.title} against the data trained on, both on log scales: who is steeper "
        "costs more as data grow."
    )
    return Drawing(f"training time, {sweep.title}", caption, drawn.svg, sweep.folders)


def _of_model(sweep: ProtocolSweep, name: str) -> Iterator[str]:
    """Says how much of a model's quality, and of its time, its smallest share already has."""
    there = [share for share, study in sweep.studies.items() if name in study.runs]
    least, most = there[0], there[-1]
    low, high = sweep.row(least, name), sweep.row(most, name)
    if low is None or high is None or most != WHOLE or least == most:
        return
    if sweep.primary in ERRORS or not high.mean:  # a share of an error says nothing
        return
    seconds = [sweep.studies[share].mean(name, "fit_s") for share in (least, most)]
    told = f", in {seconds[0] / seconds[1]:.0%} of the time" if min(seconds) >= _LEAST_S else ""
    part = f"{low.mean / high.mean:.0%} of its {sweep.primary.upper()}"
    yield f"{sweep.title}: {name} reaches {part} with {least:.0%} of the users{told}."


def _gaps(sweep: ProtocolSweep) -> Iterator[str]:
    """Says how each neural model stands against its strongest classical opponent as data grow."""
    for name in sweep.models:
        if not is_neural(sweep.registered(name)):
            continue
        pairs = ((share, _hardest(study, name)) for share, study in sweep.studies.items())
        hardest = {share: found for share, found in pairs if found is not None}
        told = (
            f"{share:.0%} {one.amount()} against {one.baseline} ({one.verdict})"
            for share, one in hardest.items()
        )
        if hardest:
            who = f"{name} against its strongest classical opponent"
            yield f"{sweep.title}: {who}, by share: {'; '.join(told)}."


def _hardest(study: Study, name: str) -> Verdict | None:
    its = [
        one
        for one in study.comparison.verdicts
        if (one.model, one.segment, one.metric) == (name, "all", study.primary)
    ]
    sign = -1 if study.primary in ERRORS else 1
    return min(its, key=lambda one: sign * one.difference, default=None)
