"""An answer as a person reads it in a terminal, and as a program does."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tfrs_bench.opened_run import OpenedRun
from tfrs_bench.serving.answer import Answer, Listed
from tfrs_bench.serving.people import Person
from tfrs_bench.serving.titles import Titles, one_line

LIKED, MET, NEW = "✓", "○", " "
_ROWS = 10  # of a history
_LONG_NAMES = {"scann": "ScaNN", "exact": "exact search", "faiss_hnsw": "HNSW", "faiss_ivfpq": "IVF-PQ"}


def page(run: OpenedRun, person: Person, answer: Answer, titles: Titles) -> RenderableType:
    """Returns everything about one person's list, for rich to print."""
    first, *others = answer.lists
    parts: list[RenderableType] = [
        _headline(run, person),
        _history(run, person, titles),
        _candidates(run, person, answer, titles),
    ]
    if others:
        parts.append(_beside(person, first, others, titles))
    parts += [*_legend(person, answer), _times(answer)]
    return Group(*(one for part in parts for one in (part, Text(""))))


def as_json(run: OpenedRun, person: Person, answer: Answer, titles: Titles) -> dict[str, Any]:
    """Returns the same for programs: raw ids, titles, scores, seconds since 1970."""

    def item(number: int) -> dict[str, Any]:
        return {"item_id": titles.ids[number], "title": titles.texts[number]}

    def listed(one: Listed) -> list[dict[str, Any]]:
        return [
            item(number) | {"score": float(score), "liked_in_test": bool(number in person.liked)}
            for number, score in zip(one.items, one.scores, strict=True)
        ]

    events = person.query.histories
    because = [None if reason is None else item(reason[0]) | {"part": reason[1]} for reason in answer.because]
    return {
        "run": str(run.folder),
        "model": run.record.model,
        "dataset": run.record.dataset,
        "split": run.record.split,
        "user_id": person.user_id,
        "history": [
            item(number)
            | {
                "rating": None if events.ratings is None else float(events.ratings[at]),
                "time": int(events.timestamps[at]) if _dated(run, person) else None,
            }
            for at, number in enumerate(events.items)
        ],
        "liked_in_test": [item(number) for number in person.liked],
        "lists": [{"by": one.name, "note": one.note, "items": listed(one)} for one in answer.lists],
        "because": because,
        "ms": answer.ms,
    }


def _headline(run: OpenedRun, person: Person) -> Text:
    record = run.record
    who = "Somebody who is not in the data" if person.user_id is None else f"User {one_line(person.user_id)}"
    text = Text(who, "bold")
    facts = f" of {record.dataset}, asked as in the test of the {record.split} split"
    text.append(facts if person.user_id is not None else f", asked of {record.dataset}", "default not bold")
    if person.why:
        text.append(f"\nNobody was named; this one has {person.why}. Another: --user=ID", "dim not bold")
    return text


def _history(run: OpenedRun, person: Person, titles: Titles) -> Table:
    events = person.query.histories
    count, shown = len(events.items), min(len(events.items), _ROWS)
    what = f"the last {shown} of {count:,} rows" if count > shown else f"{count} rows"
    table = table_of(f"History: {what}, latest first")
    dated = _dated(run, person)
    if dated:
        table.add_column("date", no_wrap=True, style="dim")
    if events.ratings is not None:
        table.add_column("rated", justify="right", no_wrap=True)
    table.add_column("title", overflow="ellipsis", no_wrap=True, ratio=1)
    for at in range(count - 1, count - 1 - shown, -1):
        cells = [_date(int(events.timestamps[at]))] if dated else []
        if events.ratings is not None:
            cells.append(f"{events.ratings[at]:g}")
        style = "" if events.positives[at] else "dim"
        table.add_row(*cells, Text(titles.texts[events.items[at]], style))
    return table


def _candidates(run: OpenedRun, person: Person, answer: Answer, titles: Titles) -> Table:
    first = answer.lists[0]
    found_by = f", found by {_LONG_NAMES[first.name]}" if first.name in _LONG_NAMES else ""
    table = table_of(f"{run.record.model} recommends{found_by}")
    table.add_column("", justify="right", style="dim", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, style="green")
    table.add_column("title", overflow="ellipsis", no_wrap=True, ratio=1)
    table.add_column("because of", overflow="ellipsis", no_wrap=True, ratio=1, style="dim")
    for place, (item, score, because) in enumerate(
        zip(first.items, first.scores, answer.because, strict=True), start=1
    ):
        reason = "–" if because is None else titles.texts[because[0]]
        table.add_row(
            str(place), f"{score:.4g}", _mark(person, item), _title(person, item, titles), Text(reason)
        )
    return table


def _beside(person: Person, first: Listed, others: list[Listed], titles: Titles) -> Table:
    table = table_of("Beside it")
    table.add_column("", justify="right", style="dim", no_wrap=True)
    for other in others:
        table.add_column(_LONG_NAMES.get(other.name, other.name), overflow="ellipsis", no_wrap=True, ratio=1)
    for place in range(max(len(other.items) for other in others)):
        cells: list[Text] = []
        for other in others:
            if place >= len(other.items):
                cells.append(Text(""))
                continue
            item = other.items[place]
            same = place < len(first.items) and item == first.items[place]
            text = Text(f"{_mark(person, item)} ", "green")
            cells.append(text.append_text(_title(person, item, titles, dim=same)))
        table.add_row(str(place + 1), *cells)
    return table


def _legend(person: Person, answer: Answer) -> list[Text]:
    lines = []
    if person.user_id is not None:
        hits = ", ".join(
            f"{_LONG_NAMES.get(one.name, one.name)} {int(np.isin(one.items, person.liked).sum())}"
            for one in answer.lists
        )
        lines.append(
            f"{LIKED} liked in the test part ({len(person.liked)} items): {hits}\n"
            f"{MET} in the test part, rated lower"
        )
    first, *others = answer.lists
    if others and others[0].name == "exact":
        same = int(np.isin(first.items, others[0].items).sum())
        lines.append(
            f"{_LONG_NAMES[first.name]} found {same} of the {len(others[0].items)} that exact search finds."
        )
    lines += [f"{_LONG_NAMES.get(one.name, one.name)}: {one.note}." for one in answer.lists if one.note]
    return [Text("\n".join(lines), "dim")] if lines else []


def _times(answer: Answer) -> Table:
    table = table_of("Milliseconds, after a first call")
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("stage", overflow="ellipsis", no_wrap=True, ratio=1)
    for stage, milliseconds in answer.ms.items():
        table.add_row(f"{milliseconds:,.2f}", stage)
    return table


def table_of(title: str) -> Table:
    """Returns an empty table of this page's kind."""
    return Table(
        title=Text(title, "bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        expand=True,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )


def _title(person: Person, item: int, titles: Titles, *, dim: bool = False) -> Text:
    style = "green" if item in person.liked else "dim" if dim else ""
    return Text(titles.texts[item], style)


def _mark(person: Person, item: int) -> str:
    return LIKED if item in person.liked else MET if item in person.met else NEW


def _dated(run: OpenedRun, person: Person) -> bool:
    return run.prepared.dataset.log.clock == "time" and person.user_id is not None


def _date(seconds: int) -> str:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    try:
        return (epoch + datetime.timedelta(seconds=seconds)).date().isoformat()
    except OverflowError:
        return str(seconds)
