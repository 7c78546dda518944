"""`tfrs-bench` and `python -m tfrs_bench`: a command's name, then its flags; without a name, `main`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from tfrs_bench.options import did_you_mean

# Each module has `console(argv) -> int`; like sys.argv, argv begins with the program's name.
COMMANDS = {
    "main": "tfrs_bench.main",
    "index": "tfrs_bench.index",
    "demo": "tfrs_bench.demo",
    "export": "tfrs_bench.export",
    "tune": "tfrs_bench.tune",
    "embedding_map": "tfrs_bench.embedding_map",
    "report": "tfrs_bench.report",
    "sensitivity": "tfrs_bench.sensitivity",
    "doctor": "tfrs_bench.doctor",
}


def console(argv: Sequence[str] | None = None) -> int:
    """Runs the command that the first argument names.

    Args:
      argv: program name and arguments; None for the process's own.

    Returns:
      The command's exit status; 2 if there is no such command.
    """
    program, *arguments = sys.argv if argv is None else argv
    named = bool(arguments) and not arguments[0].startswith("-")
    command = arguments.pop(0) if named else "main"
    if command not in COMMANDS:
        print(f"tfrs-bench: {command} is not a command.{did_you_mean(command, COMMANDS)}", file=sys.stderr)
        return 2
    status: int = importlib.import_module(COMMANDS[command]).console([program, *arguments])
    return status


if __name__ == "__main__":
    sys.exit(console())
