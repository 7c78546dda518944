"""Which model to take, under which conditions, by a rule that is stated; and where everything lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.cold_start import of_newcomers
from tfrs_bench.reporting.comparison import known_levels
from tfrs_bench.reporting.document import Block, Bullets, Paragraph, Section, Table
from tfrs_bench.reporting.judgements import (
    COST_RULE,
    against,
    best,
    on_equal_terms,
    recommended,
    told_apart,
    tuned_alike,
    weighed,
)
from tfrs_bench.reporting.study import Study

_RULE = (
    f"The rule. {COST_RULE} Surely worse is one whose paired 95 % interval against the best mean lies "
    "below 0 as a whole. That the choice is as good is not shown; what it may give up stands beside."
)
_CONDITIONS = {
    "per_user": "what comes next in people's own lists",
    "leave_last": "the very next item",
    "global": "what people take after a moment that is the same for all, as in service",
    "predefined": "a split that was given",
    "random": "rows drawn at random",
}


def recommendation(studies: Sequence[Study]) -> Section:
    """Returns what to take for known users and for newcomers."""
    main = [study for study in main_studies(studies) if recommended(study) is not None]
    newcomers = [study for study in studies if of_newcomers(study)]
    if not main:
        return Section("What to take")
    blocks: list[Block] = [
        Paragraph(_RULE),
        Table(
            "The model to take on each data set, by what is asked.",
            ("data set", "asked for", "take", "train s", "µs/user", "best mean", "may give up", "tuning"),
            tuple(_row(study) for study in main),
            _folders(main),
        ),
        Bullets(tuple(_by_question(main)), _folders(main)),
    ]
    if newcomers:
        lines = tuple(line for study in newcomers if (line := _for_newcomers(study)))
        blocks.append(Bullets(lines, _folders(newcomers)))
    return Section("What to take", tuple(blocks))


def whereabouts(studies: Sequence[Study]) -> Section:
    """Returns where records, code and commands lie."""
    if not studies:
        return Section("Code and commands")
    count = sum(len(study.folders) for study in studies)
    lines = (
        f"Every figure comes from one of {count} records, each a folder with a JSON file and the "
        "metrics of every "
        "user; in the HTML report each block names its own.",
        "The command behind every study stands over its table in the `README.md` beside this report, "
        "those of the main studies below too; `python -m tfrs_bench.report` makes all pages from the "
        "records again.",
        "`python -m tfrs_bench.report --check` fails if a page does not follow from the records, or a record "
        "from today's code and settings.",
        "The same for a log of one's own: `python -m tfrs_bench.main --interactions=FILE`, then "
        "`python -m tfrs_bench.report --runs=runs --output=report`.",
    )
    commands = (
        Bullets((f"{study.name}: `{command}`",), study.folders)
        for study in main_studies(studies)
        for command in study.commands
    )
    return Section("Code and commands", (*map(Paragraph, lines), *commands))


def _row(study: Study) -> tuple[str, ...]:
    choice = recommended(study)
    assert choice is not None
    asked = _CONDITIONS.get(study.first.split, study.first.split)
    costs = (
        f"{study.mean(choice.model, 'fit_s'):,.1f}",
        f"{study.mean(choice.model, 'score_us_per_user'):,.0f}",
    )
    lost = _may_give_up(study, choice.model)
    return (study.first.dataset, asked, choice.model, *costs, choice.best, lost, _terms(study, choice.model))


def _terms(study: Study, name: str) -> str:
    """Returns whether a model was tuned as those were that it is held against."""
    if not on_equal_terms(study):
        return "budgets differ"
    return "one budget" if name in tuned_alike(study) else "otherwise than most"


def _may_give_up(study: Study, chosen: str) -> str:
    """Returns the most by which any other model may be better, as far as the unadjusted intervals go."""
    verdicts = against(study, chosen)
    most = max(verdicts, key=lambda name: verdicts[name].high)
    high = verdicts[most].high
    return f"up to {high:.4f} ({most})" if high > 0 else "nothing, by the intervals"


def _by_question(studies: Sequence[Study]) -> Iterable[str]:
    """Says whether one model is the one to take wherever the same is asked."""
    questions: dict[str, list[Study]] = {}
    for study in studies:
        questions.setdefault(study.first.split, []).append(study)
    for split, asked in questions.items():
        taken = dict.fromkeys(choice.model for study in asked if (choice := recommended(study)))
        where = f"Asked for {_CONDITIONS.get(split, split)} ({len(asked)} data sets)"
        if len(asked) > 1:
            yield f"{where}: " + (
                f"**{next(iter(taken))}** everywhere."
                if len(taken) == 1
                else f"no single model; {', '.join(taken)}, by data set. Run the benchmark on your own log."
            )


def _for_newcomers(study: Study) -> str:
    by_level: dict[tuple[str, ...], list[str]] = {}
    for level in known_levels(study):
        top = best(study, weighed(study), level)
        if top is not None:
            others = (name for name in weighed(study) if name != top)
            as_good = [name for name in others if not told_apart(study, top, name, level)]
            by_level.setdefault((top, *as_good), []).append(level.removesuffix(" known"))
    told = "; ".join(_at(names, levels) for names, levels in by_level.items())
    return f"Newcomers of {study.first.dataset}: highest mean by interactions known: {told}."


def _at(names: tuple[str, ...], levels: Sequence[str]) -> str:
    top, *as_good = names
    told = f", which cannot be told from {', '.join(as_good)}" if as_good else ""
    return f"{top} at {', '.join(levels)}{told}"


def _folders(studies: Iterable[Study]) -> tuple[Path, ...]:
    return tuple(folder for study in studies for folder in study.folders)
