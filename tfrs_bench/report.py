"""`python -m tfrs_bench.report` writes pages from records, or checks that they and the records are fresh."""

from __future__ import annotations

import argparse
import collections
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tfrs_bench.main import attend

if TYPE_CHECKING:
    from tfrs_bench.reporting.study import Study

RUNS, OUTPUT = Path("results/runs"), Path("results")
_AGAIN = "Type: python -m tfrs_bench.report"


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
      argv: program name and arguments; None for the process's own.

    Returns:
      0; 1 if `--check` finds something stale; after an error, see `main.attend`.
    """
    parser = argparse.ArgumentParser(prog="tfrs_bench.report", description=__doc__)
    parser.add_argument("--runs", type=Path, default=RUNS, help=f"folder of runs ({RUNS})")
    parser.add_argument(
        "--output",
        type=Path,
        default=OUTPUT,
        help=f"folder for the pages ({OUTPUT}; then generated blocks of README.md and docs are filled too)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; fail if a page differs from what the records give, or a record from what its "
        "flags ask for today",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")

    def command(given: Sequence[str]) -> int:
        asked = parser.parse_args(given[1:])
        return (_check if asked.check else _write)(asked.runs, asked.output)

    return attend(command, argv)


def _write(runs: Path, output: Path) -> int:
    from tfrs_bench.evaluation.evaluator import PRIMARY_K
    from tfrs_bench.reporting.console import Console
    from tfrs_bench.reporting.records import write_atomically
    from tfrs_bench.reporting.study import read_studies

    shown = Console()
    with shown.stage("records") as stage:
        studies = read_studies(runs, ks=(PRIMARY_K,), progress=stage.progress("weighing"))
        stage.say(f"{sum(len(study.folders) for study in studies):,} of {len(studies):,} studies")
    with shown.stage("pages") as stage:
        made = _pages(studies, output)
        pages = _stale(made)
        stage.say(f"{len(made):,} files, {len(pages):,} of them new")
    for path, content in pages.items():
        write_atomically(path, content)
    for line in _told(pages) or ["written: nothing, all pages are fresh"]:
        shown.line(line)
    return 0


def _told(pages: Iterable[Path]) -> list[str]:
    """Returns what was written: pages by name, pictures by their number in a folder."""
    pictures = collections.Counter(path.parent for path in pages if path.suffix in (".svg", ".png"))
    texts = [f"written: {path}" for path in pages if path.suffix not in (".svg", ".png")]
    return texts + [
        f"written: {folder}/ ({count} picture{'s' * (count > 1)})" for folder, count in pictures.items()
    ]


def _check(runs: Path, output: Path) -> int:
    from tfrs_bench.evaluation.evaluator import PRIMARY_K
    from tfrs_bench.reporting.study import read_studies
    from tfrs_bench.staleness import stale_records

    studies = read_studies(runs, ks=(PRIMARY_K,))
    records = stale_records(studies, runs)
    for line in records:  # at once, because pages cannot be made of records of another layout
        print(line, file=sys.stderr)
    pages = _pages(studies, output, typeset=False)
    stale, left = _stale(pages), _left_over(pages, output)
    stale |= dict.fromkeys(_not_set(pages, output), b"")
    for path in stale:
        print(f"{path} is stale. {_AGAIN}", file=sys.stderr)
    for path in left:
        print(f"{path} shows runs that are gone. Delete it.", file=sys.stderr)
    return int(bool(records or stale or left))


def _left_over(pages: dict[Path, bytes], output: Path) -> list[Path]:
    """Returns the pictures in the report's folder that the records do not give."""
    from tfrs_bench.reporting.report_files import FIGURES

    known = {path.with_suffix("") for path in pages}
    pictures = [*(output / FIGURES).glob("*"), *output.glob("*.svg")]
    return sorted(path for path in pictures if path.with_suffix("") not in known)


def _not_set(pages: dict[Path, bytes], output: Path) -> list[Path]:
    """Returns what is missing among files whose bytes are a machine's, and a PDF of another page."""
    from tfrs_bench.reporting.report_files import FIGURES, made_from

    pictures = [path.with_suffix(".png") for path in pages if path.parent == output / FIGURES]
    missing = [path for path in pictures if not path.is_file()]
    page, typeset = pages.get(output / "report.html"), output / "report.pdf"
    if page is not None and not (typeset.is_file() and made_from(page).encode() in typeset.read_bytes()):
        missing.append(typeset)
    return missing


def _pages(studies: Sequence[Study], output: Path, *, typeset: bool = True) -> dict[Path, bytes]:
    """Returns every file as the records give it."""
    from tfrs_bench.reporting.cold_start import cold_start_figures
    from tfrs_bench.reporting.index_cost import cost_figures
    from tfrs_bench.reporting.pages import results_page, with_blocks
    from tfrs_bench.reporting.report_files import report_files
    from tfrs_bench.reporting.sweeps import sensitivity_figures

    pages = {output / "README.md": results_page(studies).encode()}
    figures = cold_start_figures(studies) | sensitivity_figures(studies) | cost_figures(studies)
    pages |= {output / name: text.encode() for name, text in figures.items()}
    pages |= {output / name: content for name, content in report_files(studies, typeset=typeset).items()}
    if output == OUTPUT:  # other runs than the project's do not belong into the project's own pages
        for path in (Path("README.md"), *sorted(Path("docs").rglob("*.md"))):
            if path.is_file():
                pages[path] = with_blocks(path.read_text(encoding="utf-8"), studies).encode()
    return pages


def _stale(pages: dict[Path, bytes]) -> dict[Path, bytes]:
    return {
        path: content for path, content in pages.items() if not path.is_file() or path.read_bytes() != content
    }


if __name__ == "__main__":
    sys.exit(console())
