"""Sequential signal: what the order of a history is worth, by taking it away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfrs_bench.evaluation.verdicts import Verdict
from tfrs_bench.reporting.document import Block, Bullets, Paragraph, Section, Table
from tfrs_bench.reporting.protocol_sweeps import ProtocolSweep, protocol_sweeps
from tfrs_bench.reporting.study import Study, capability, is_neural

OPTION, TRUE_ORDER, AT_TEST, ALWAYS = "shuffle_histories", "never", "test", "always"
_METHOD = (
    "Each user's items are dealt out anew over that user's moments: in the histories of the test alone, or "
    "in training and validation too. The first takes the order from a model that relies on it, the second "
    "lets the model learn without. Differences are of the same users and seeds; words follow p, "
    "Holm-adjusted over both ways. A model that reads only the latest events then reads some at random, so "
    "recency is lost with the order."
)


def sequential(studies: Sequence[Study]) -> Section:
    """Returns table and findings of each data set that was also run with shuffled histories."""
    blocks = [block for sweep in order_sweeps(studies) for block in _blocks(sweep)]
    return Section("Does order matter?", (Paragraph(_METHOD), *blocks) if blocks else ())


def finding(model: str, worth: dict[str, Verdict]) -> str:
    """Says what the order is worth to a model, as far as the intervals do.

    Args:
      model: its name, one that reads order.
      worth: true order − shuffled, by where it was shuffled; not empty.
    """
    everywhere = ALWAYS in worth
    one = worth[ALWAYS if everywhere else AT_TEST]
    what = "without order in training and test" if everywhere else "asked after shuffled histories"
    numbers = f"{one.metric.upper()} {one.amount()}"
    if one.verdict == "better":
        return f"**{model}** gains by the order: {numbers} over itself {what}."
    if one.verdict == "worse":
        return f"**{model}** does better {what}: the true order gives it {numbers}."
    return (
        f"**{model}**: no worth of the order can be told, {numbers} against itself {what} "
        f"({one.num_users:,} users could have shown {one.detectable:.4f})."
    )


def order_sweeps(studies: Sequence[Study]) -> list[ProtocolSweep]:
    """Finds the data sets that were also run with shuffled histories."""
    return [sweep for sweep in protocol_sweeps(studies, OPTION, TRUE_ORDER) if TRUE_ORDER in sweep.studies]


def order_findings(sweep: ProtocolSweep) -> list[str]:
    """Says what the order is worth to every model that reads it."""
    readers = [name for name in sweep.models if reads_order(sweep, name)]
    readers.sort(key=lambda name: not is_neural(sweep.registered(name)))
    worth = {name: sweep.against_reference(name) for name in readers}
    return [finding(name, its) for name, its in worth.items() if its]


def _blocks(sweep: ProtocolSweep) -> Iterator[Block]:
    worth = {name: sweep.against_reference(name) for name in sweep.models}
    shuffled = [value for value in (AT_TEST, ALWAYS) if value in sweep.studies]
    titles = {AT_TEST: "shuffled at test", ALWAYS: "shuffled always"}
    heads = [head for value in shuffled for head in (titles[value], "order is worth")]
    rows = []
    for name in sweep.models:
        row = sweep.row(TRUE_ORDER, name)
        cells = [cell for value in shuffled for cell in _cells(sweep, value, name, worth[name].get(value))]
        reads = "yes" if reads_order(sweep, name) else "no"
        rows.append((name, reads, f"{row.mean:.4f}" if row else "–", *cells))
    yield Table(
        f"{sweep.primary.upper()} of {sweep.title} with histories in their order and shuffled, and what the "
        f"order is worth.{sweep.differ()}",
        ("model", "reads order", "true order", *heads),
        tuple(rows),
        sweep.folders,
    )
    told = [f"{sweep.title}: {one}" for one in order_findings(sweep)]
    told += sweep.cautions()
    if told:
        yield Bullets(tuple(told), sweep.folders)


def _cells(sweep: ProtocolSweep, value: str, name: str, worth: Verdict | None) -> tuple[str, str]:
    row = sweep.row(value, name)
    mean = "–" if row is None else f"{row.mean:.4f}"
    if worth is None:
        return mean, "–"
    if worth.low == worth.high == 0:
        return mean, "nothing, to the last user"
    return mean, f"{worth.difference:+z.4f} [{worth.low:+z.4f}, {worth.high:+z.4f}] {worth.verdict}"


def reads_order(sweep: ProtocolSweep, name: str) -> bool:
    """Tells whether a model of a sweep says of itself that it reads the order of histories."""
    return bool(capability(sweep.registered(name), "reads_order"))
