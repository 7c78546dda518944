"""The sections of a report in the order in which they are read."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Sequence
from typing import cast

from tfrs_bench.reporting.document import Paragraph, Section
from tfrs_bench.reporting.study import Study


@dataclasses.dataclass(frozen=True)
class Part:
    """A section's place in the report.

    Attributes:
      title: its heading.
      source: `module:function` below `reporting.sections`, of studies, that returns the section; imported
        when a report is written.
      made_by: the command whose runs the section is made of, which the report names where there are none.
    """

    title: str
    source: str
    made_by: str


_MAIN = "python -m tfrs_bench.main"
_VARY = "python -m tfrs_bench.sensitivity"
_TUNED = f"{_MAIN} --baselines=popularity,als,ease"
_BOTH = f"{_MAIN} --split=per_user && {_MAIN} --split=global"
PARTS = (
    Part("Data sets", "datasets:datasets", _MAIN),
    Part("Method and protocol", "method:method", _MAIN),
    Part("Lessons from Baselines", "baselines:lessons", _TUNED),
    Part("Results", "results:results", _MAIN),
    Part("Tuning budgets", "tuning:tuning", f"{_MAIN} --tune_minutes=5"),
    Part("Statistics", "statistics:statistics", f"{_MAIN} --seeds=3"),
    Part(
        "Worlds whose winner is known",
        "known_worlds:worlds",
        f"{_MAIN} --dataset=simulated-lowrank --tune_minutes=1",
    ),
    Part("Leakage certificate", "leakage:leakage", _BOTH),
    Part("Cold start", "cold_start:cold_start", f"{_MAIN} --split=global --cold_start_fraction=0.1"),
    Part(
        "Does order matter?", "sequential:sequential", f"{_VARY} --vary=shuffle_histories:never,test,always"
    ),
    Part("Is the cost justified?", "cost:cost", _TUNED),
    Part("Scalability", "scalability:scalability", f"{_VARY} --vary=train_fraction:0.1,0.25,0.5,1"),
    Part("Popularity bias", "popularity_bias:popularity_bias", _MAIN),
    Part(
        "Negative sampling",
        "sensitivity:negatives",
        f"{_VARY} --vary=negatives:full,in_batch,in_batch_uncorrected",
    ),
    Part(
        "Sensitivity of hyper-parameters", "sensitivity:settings", f"{_VARY} --vary=temperature:0.1,0.2,0.4"
    ),
    Part("Importance of hyper-parameters", "importance:importance", "python -m tfrs_bench.tune"),
    Part("Embedding map", "embeddings:embeddings", "python -m tfrs_bench.embedding_map --run=DIR"),
    Part("Threats to validity", "threats:threats", _MAIN),
    Part("What to take", "recommendation:recommendation", _TUNED),
    Part("Code and commands", "recommendation:whereabouts", _MAIN),
)


def sections(studies: Sequence[Study], parts: Sequence[Part] = PARTS) -> tuple[Section, ...]:
    """Writes every section, in order; one without runs says so, with the command that would make them.

    Args:
      studies: all there are.
      parts: what to write.
    """
    return tuple(_written(part, studies) for part in parts)


def _written(part: Part, studies: Sequence[Study]) -> Section:
    module, function = part.source.split(":")
    written = cast(
        Callable[[Sequence[Study]], Section],
        getattr(importlib.import_module(f"{__package__}.{module}"), function),
    )
    blocks = written(studies).blocks
    missing = Paragraph(f"No run among the records tells this. What makes one: `{part.made_by}`")
    return Section(part.title, blocks or (missing,))
