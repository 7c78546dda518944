"""The questions a reader comes with, answered from records in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tfrs_bench.data.worlds import WORLDS
from tfrs_bench.evaluation.evaluator import PRIMARY
from tfrs_bench.reporting.budgets import began_ahead
from tfrs_bench.reporting.cold_start import of_newcomers
from tfrs_bench.reporting.comparison import known_levels
from tfrs_bench.reporting.document import Block, Bullets, Paragraph, Section
from tfrs_bench.reporting.judgements import (
    COST_RULE,
    FACTORIZATION,
    MATTERS,
    agreement,
    best,
    classical,
    cost_of,
    deep,
    judged,
    on_equal_terms,
    pair,
    reads_order,
    recommended,
    registered,
    tuned_alike,
    weighed,
)
from tfrs_bench.reporting.sections.sequential import order_findings, order_sweeps
from tfrs_bench.reporting.study import Study, without_variants

_NOTHING = "The records hold no runs that could tell."


def main_studies(studies: Sequence[Study]) -> list[Study]:
    """Returns the studies that the answers rest on: lists for known users, a data set and split each.

    Variants of one model under labels of their own, and worlds made for one model, do not count. What people
    did, in order of time, comes first; then simulated logs, and splits that mix past and future.
    """
    found = [
        study
        for study in without_variants(studies)
        if study.primary == PRIMARY
        and not known_levels(study)
        and _is_plain(study)
        and study.first.dataset not in WORLDS
    ]
    return sorted(
        found, key=lambda one: (not one.first.audit["temporal"], one.first.dataset.startswith("simulated"))
    )


def _is_plain(study: Study) -> bool:
    """Tells whether no flag sets a study apart; a log that changed between two of them may."""
    return study.name.partition(", data=")[0] == f"{study.first.dataset}, {study.first.split}"


def answers(studies: Sequence[Study]) -> Section:
    """Answers whether deep models win, for newcomers too, by what, at what cost, and what to deploy."""
    main = main_studies(studies)
    newcomers = [study for study in studies if of_newcomers(study)]
    questions: tuple[tuple[str, str, Callable[[Study], str | None], Sequence[Study]], ...] = (
        ("Do deep models beat tuned factorization, and by how much?", "", _deep_or_factors, main),
        (
            "What do newcomers get?",
            "The best deep model against the best classical one.",
            _newcomers,
            newcomers,
        ),
        (
            "Does order matter?",
            "Histories shuffled, where that was run, tell; then the best model that reads order against the "
            "best that does not, two models that differ in more than that.",
            _order,
            main,
        ),
        ("Is the cost justified?", "The best deep model against the best classical one.", _cost, main),
        (
            "What would one deploy?",
            COST_RULE,
            deployed,
            main,
        ),
    )
    blocks: list[Block] = []
    for question, note, answer, asked in questions:
        told = {study: _qualified(study, line) for study in asked if (line := answer(study)) is not None}
        counted = _counted(told) if answer is _deep_or_factors else ""
        text = " ".join([f"**{question}**", *filter(None, [note, counted])])
        blocks.append(Paragraph(text, _folders(told) if counted else ()))
        shuffled = order_sweeps(studies) if answer is _order else []
        lines = [f"{one.title}: {' '.join(found)}" for one in shuffled if (found := order_findings(one))]
        lines += [*told.values(), *(_disagreements(told) if answer is _deep_or_factors else ())]
        folders = dict.fromkeys([*(one for sweep in shuffled for one in sweep.folders), *_folders(told)])
        blocks.append(Bullets(tuple(lines or [_NOTHING]), tuple(folders)))
    return Section("Answers", tuple(blocks))


def _qualified(study: Study, line: str) -> str:
    return line if on_equal_terms(study) else f"{line} Budgets differ there."


def deployed(study: Study) -> str | None:
    """Says which model a study would have one deploy, by which rule, and what that may give up."""
    choice = recommended(study)
    if choice is None:
        return None
    seconds = study.mean(choice.model, "fit_s")
    scoring = study.mean(choice.model, "score_us_per_user")
    model = f"**{choice.model}**{'' if choice.model in tuned_alike(study) else ', tuned otherwise than most'}"
    told = f"{study.name}: {model}, {seconds:,.1f} s of training and {scoring:,.0f} µs a user"
    if choice.verdict is None:
        cheaper = [name for name in weighed(study) if cost_of(study, name) < cost_of(study, choice.model)]
        return told + (
            f": the best mean; all that cost less ({len(cheaper)}) are worse by their intervals."
            if cheaper
            else ": the best mean and the least cost."
        )
    return (
        f"{told} in place of {study.mean(choice.best, 'fit_s'):,.1f} s and "
        f"{study.mean(choice.best, 'score_us_per_user'):,.0f} µs for {choice.best}, which has the best mean: "
        f"{choice.verdict.metric.upper()} {choice.verdict.amount(3)} against it."
    )


def _deep_or_factors(study: Study) -> str | None:
    ours, theirs, top = (
        best(study, _deep(study)),
        best(study, _factors(study)),
        best(study, _classical(study)),
    )
    if ours is None or theirs is None or top is None:
        return None
    line = f"{study.name}: {_told(study, ours, theirs)}."
    if top != theirs:
        line += f" Against {top}, the best classical model: {_told(study, ours, top)}."
    if ours in began_ahead(study):
        line += f" The search of {ours} began at settings shipped for this split, see Tuning budgets."
    left = [name for name in weighed(study) if name not in tuned_alike(study)]
    return f"{line} Left out, because tuned otherwise: {', '.join(left)}." if left else line


def _deep(study: Study) -> list[str]:
    return [name for name in deep(study) if name in tuned_alike(study)]


def _classical(study: Study) -> list[str]:
    return [name for name in classical(study) if name in tuned_alike(study)]


def _factors(study: Study) -> list[str]:
    return [name for name in _classical(study) if registered(study, name) in FACTORIZATION]


def _counted(told: Iterable[Study]) -> str:
    words: dict[bool, list[str]] = {True: [], False: []}
    for study in told:
        words[on_equal_terms(study)].append(_word(study))
    counts = [
        f"Of {len(its)} data sets and splits {terms} the best deep model is better than the best "
        f"factorization in {its.count('better')}, worse in {its.count('worse')}, and in "
        f"{its.count('cannot tell')} nobody can tell."
        for terms, its in (
            ("where those compared had one budget", words[True]),
            ("where budgets differ", words[False]),
        )
        if its
    ]
    return " ".join(counts) if len([*words[True], *words[False]]) > 1 else ""


def _disagreements(told: Iterable[Study]) -> list[str]:
    datasets: dict[str, dict[str, str]] = {}
    for study in told:
        datasets.setdefault(study.first.dataset, {})[study.first.split] = _word(study)
    found = {name: agreement(words) for name, words in datasets.items()}
    return [f"{name}: {line}." for name, line in found.items() if line is not None]


def _word(study: Study) -> str:
    ours, theirs = best(study, _deep(study)), best(study, _factors(study))
    verdict = pair(study, ours, theirs) if ours and theirs else None
    return "cannot tell" if verdict is None else verdict.verdict


def _newcomers(study: Study) -> str | None:
    plain = [name for name in weighed(study) if name == registered(study, name)]  # others were set by flags
    opponents = [name for name in classical(study) if name in plain]
    ours, theirs = best(study, [name for name in deep(study) if name in plain]), best(study, opponents)
    if ours is None or theirs is None:
        return None
    words: dict[str, list[str]] = {}
    for level in known_levels(study):
        verdict = pair(study, ours, theirs, level)
        if verdict is not None:
            words.setdefault(verdict.verdict, []).append(level.removesuffix(" known"))
    by_level = "; ".join(f"{word} at {', '.join(levels)}" for word, levels in words.items())
    told = f"{study.name}: {_told(study, ours, theirs)}. By interactions known: {by_level}."
    if len(opponents) > 1:
        told += f" {theirs} is the best of {', '.join(opponents)}."
    left = [name for name in weighed(study) if name not in plain]
    return f"{told} Left out, because set by flags: {', '.join(left)}." if left else told


def _order(study: Study) -> str | None:
    alike = tuned_alike(study)
    readers = [name for name in reads_order(study) if name in alike]
    reader, other = best(study, readers), best(study, [name for name in alike if name not in readers])
    if reader is None or other is None or not study.first.audit["temporal"]:
        return None
    return f"{study.name}: {_told(study, reader, other)}."


def _cost(study: Study) -> str | None:
    ours, theirs = best(study, _deep(study)), best(study, _classical(study))
    verdict = pair(study, ours, theirs) if ours and theirs else None
    if verdict is None or ours is None or theirs is None:
        return None
    times = study.mean(ours, "fit_s"), study.mean(theirs, "fit_s")
    told = f"{study.name}: {ours} trains for {times[0]:,.1f} s and {theirs} for {times[1]:,.1f} s"
    if verdict.verdict == "better":
        minutes = (times[0] - times[1]) / 60
        gain = f"{verdict.amount(3)} {verdict.metric.upper()}"
        return f"{told}: {gain} for {max(minutes, 0):,.1f} more minutes. **The cost buys quality.**"
    told += f"; {judged(verdict)}."
    if times[0] <= times[1]:
        return told
    row = study.comparison.row(theirs)
    assert row is not None
    matters = MATTERS * row.mean
    if verdict.verdict == "worse" or verdict.high < matters:
        return f"{told} **Not justified.**"
    return f"{told} **No gain is shown**; one of up to {verdict.high:.3f} could have stayed hidden."


def _told(study: Study, model: str, other: str) -> str:
    verdict = pair(study, model, other)
    return f"{model} and {other} share no users" if verdict is None else judged(verdict)


def _folders(studies: Iterable[Study]) -> tuple[Path, ...]:
    return tuple(folder for study in studies for folder in study.folders)
