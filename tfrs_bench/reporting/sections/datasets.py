"""What the data are and how they were split: facts of the logs, and what each split audits to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tfrs_bench.reporting.document import Paragraph, Section, Table
from tfrs_bench.reporting.study import Study, without_variants

NOTE = "NOTE.txt"


def datasets(studies: Sequence[Study]) -> Section:
    """Returns a table of the logs and one of their splits."""
    shown = without_variants(studies)
    logs = {study.first.dataset: study for study in reversed(shown)}
    folders = tuple(study.folders[0] for study in shown)
    if not shown:
        return Section("Data sets")
    return Section(
        "Data sets",
        (
            Table(
                "The logs. Density: the share of user and item pairs with a row.",
                ("data set", "rows", "users", "items", "density", "from", "to"),
                tuple(_log(name, logs[name]) for name in reversed(logs)),
                folders,
            ),
            Table(
                "The splits. Leaked: test rows with later rows of other users in what models are fitted on; "
                "later: the median share of these rows that lies later. Both are 0 where time is one "
                "for all, newcomers aside, who are asked whenever they come.",
                (
                    "study",
                    "train",
                    "validation",
                    "test",
                    "asked",
                    "cold",
                    "relevant",
                    "temporal",
                    "leaked",
                    "later",
                ),
                tuple(map(_split, shown)),
                folders,
            ),
            *_notes(shown),
            *_variants(studies, shown),
        ),
    )


def _notes(studies: Sequence[Study]) -> Iterator[Paragraph]:
    """Yields what somebody wrote of a log, in `NOTE` files beside the splits' folders of its records."""
    told: dict[Path, tuple[str, Path]] = {}
    for study in studies:
        for folder in study.folders:
            told.setdefault(folder.parents[1] / NOTE, (study.first.dataset, folder))
    for path, (dataset, folder) in told.items():
        if path.is_file():
            text = " ".join(path.read_text(encoding="utf-8").split())
            yield Paragraph(f"**{dataset}.** {text}", (folder,))


def _variants(studies: Sequence[Study], shown: Sequence[Study]) -> Iterator[Paragraph]:
    """Yields what labels of their own mean, where there are some."""
    left = {study.first.dataset: study.folders[0] for study in studies if study not in shown}
    if left:
        yield Paragraph(
            f"**Labels of their own.** {', '.join(left)}: settings or an option of the protocol were "
            "varied on the data of that name, with settings and seeds of its own; so a model's figure there "
            "need not be that of the main tables.",
            tuple(left.values()),
        )


def _log(name: str, study: Study) -> tuple[str, ...]:
    data, times = study.first.data, study.first.audit["times"] or {}
    days = [moment[:10] for part in times.values() for moment in part]
    density = data["rows"] / (data["users"] * data["items"])
    sizes = (f"{data[field]:,}" for field in ("rows", "users", "items"))
    return (name, *sizes, f"{density:.2%}", min(days, default="–"), max(days, default="–"))


def _split(study: Study) -> tuple[str, ...]:
    audit = study.first.audit
    rows = (f"{audit['rows'][part]:,}" for part in ("train", "validation", "test"))
    leakage = ("–" if (one := audit[field]) is None else f"{one:.1%}" for field in _LEAKAGE)
    asked = (f"{audit['users_asked']:,}", f"{audit['cold_share']:.1%}", f"{audit['relevant']:,}")
    return (study.name, *rows, *asked, "yes" if audit["temporal"] else "no", *leakage)


_LEAKAGE = ("leaked_share", "later_share")
