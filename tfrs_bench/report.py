"""`python -m tfrs_bench.report` writes the pages of committed results, or checks that they are fresh."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tfrs_bench.errors import UserError
from tfrs_bench.reporting.pages import conclusion, fill, overview, read_summaries, results_page
from tfrs_bench.reporting.records import write_atomically


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
      argv: program name and arguments; None for the process's own.

    Returns:
      0; 1 if `--check` finds a stale page; 2 after an error of the user's.
    """
    parser = argparse.ArgumentParser(prog="tfrs_bench.report", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of summaries (results)")
    parser.add_argument(
        "--readme", type=Path, default=Path("README.md"), help="page with generated blocks (README.md)"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is stale")
    asked = parser.parse_args((sys.argv if argv is None else argv)[1:])
    try:
        pages = _pages(asked.results, asked.readme)
        stale = [path for path, text in pages.items() if not path.is_file() or path.read_text() != text]
        if asked.check:
            for path in stale:
                print(f"{path} is stale. Type: python -m tfrs_bench.report", file=sys.stderr)
            return int(bool(stale))
        for path in stale:
            write_atomically(path, pages[path])
    except (UserError, OSError) as error:
        print(f"tfrs_bench: {error}", file=sys.stderr)
        return 2
    print(f"written: {', '.join(map(str, stale)) or 'nothing, all pages are fresh'}")
    return 0


def _pages(results: Path, readme: Path) -> dict[Path, str]:
    summaries = read_summaries(results)
    blocks = {"overview": "\n".join(overview(summaries))}
    shown = results / "simulated-per_user.txt"
    if shown.is_file():
        blocks["first output"] = f"```\n{conclusion(shown.read_text(encoding='utf-8'))}\n```"
    return {results / "README.md": results_page(summaries), readme: fill(readme.read_text("utf-8"), blocks)}


if __name__ == "__main__":
    sys.exit(console())
