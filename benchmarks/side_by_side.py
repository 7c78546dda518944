"""Runs contenders in turns and prints, and writes, what their ratios were.

A machine that is busy with something else slows every contender of a round alike, so the ratio within a round
says more than any rate: rounds alternate, and a ratio is that of two neighbors in time.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.written_results import about_machine, write_results


@dataclasses.dataclass(frozen=True)
class Contender:
    """One way to do the work.

    Attributes:
      name: what it is called in the table.
      rate: does one round and returns its units of work per second.
    """

    name: str
    rate: Callable[[], float]


@dataclasses.dataclass(frozen=True)
class Claim:
    """A ratio that the benchmark shows.

    Attributes:
      ours: name of the contender above the line.
      theirs: name of the contender below it.
      at_least: what the project aims at in the median; None where it only reports.
    """

    ours: str
    theirs: str
    at_least: float | None = None


def timed(work: Callable[[], int]) -> Callable[[], float]:
    """Turns work that returns how many units it did into a rate, units per second."""

    def rate() -> float:
        began = time.perf_counter()
        units = work()
        return units / (time.perf_counter() - began)

    return rate


def argument_parser(description: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """Returns a parser of the flags that every benchmark has."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=raw)
    parser.add_argument("--rounds", type=int, default=rounds, help="rounds of all contenders in turn")
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="write figures, a table beside")
    return parser


def compare(
    contenders: Sequence[Contender],
    claims: Sequence[Claim],
    *,
    title: str,
    unit: str,
    facts: dict[str, Any],
    arguments: argparse.Namespace,
    warm_up: bool = True,
) -> None:
    """Lets contenders take turns, prints rates and ratios, and writes them if `--output` is given.

    Args:
      contenders: in the order of a round.
      claims: the ratios to show.
      title: heading of the table.
      unit: of the rates, such as `examples`.
      facts: sizes that the figures depend on.
      arguments: with `rounds` and `output`.
      warm_up: begin with a round that is not counted.
    """
    rates: dict[str, list[float]] = {one.name: [] for one in contenders}
    for number in range(-int(warm_up), arguments.rounds):
        for one in contenders:
            rate = one.rate()
            print(f"round {number + 1}  {one.name:<52} {rate:>14,.0f} {unit}/s", flush=True)
            if number >= 0:
                rates[one.name].append(rate)
    figures = {
        "title": title,
        "unit": unit,
        "facts": facts | {"rounds": arguments.rounds},
        "environment": about_machine(),
        "rates": rates,
        "ratios": [_ratio(claim, rates) for claim in claims],
    }
    write_results(figures, markdown(figures), arguments.output)


def _ratio(claim: Claim, rates: dict[str, list[float]]) -> dict[str, Any]:
    ratios = [a / b for a, b in zip(rates[claim.ours], rates[claim.theirs], strict=True)]
    return dataclasses.asdict(claim) | {"ratios": ratios}


def markdown(figures: dict[str, Any]) -> str:
    """Returns the figures as two Markdown tables, rates and ratios."""
    unit = figures["unit"]
    lines = [
        f"# {figures['title']}",
        "",
        ", ".join(f"{name} {_number(value)}" for name, value in figures["facts"].items()) + ".",
        figures["environment"]["line"],
        "",
        f"| contender | {unit} per second, median | lowest | highest |",
        "|---|---:|---:|---:|",
    ]
    for name, rates in figures["rates"].items():
        lines.append(f"| {name} | {_spread(rates, ',.0f')} |")
    lines += [
        "",
        "Ratios within a round:",
        "",
        "| ratio | median | lowest | highest | claim |",
        "|---|---:|---:|---:|---|",
    ]
    for one in figures["ratios"]:
        pair = f"{one['ours']} : {one['theirs']}"
        lines.append(f"| {pair} | {_spread(one['ratios'], '.2f')} | {_verdict(one)} |")
    return "\n".join(lines) + "\n"


def _spread(values: list[float], form: str) -> str:
    return " | ".join(format(one, form) for one in (statistics.median(values), min(values), max(values)))


def _verdict(ratio: dict[str, Any]) -> str:
    if ratio["at_least"] is None:
        return "none"
    held = statistics.median(ratio["ratios"]) >= ratio["at_least"]
    return f"at least {ratio['at_least']:g}: {'holds' if held else 'does not hold'}"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)
