"""How a benchmark writes what it measured: JSON, and the table that people read beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfrs_bench.runtime import environment, import_tensorflow


def about_machine() -> dict[str, Any]:
    """Returns the environment of a record, and a line that says it."""
    import_tensorflow()  # so that the devices are known
    about = environment()
    packages = (f"{name} {version}" for name, version in about["packages"].items() if version)
    line = (
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, {about['platform']}, "
        f"Python {about['python']}, {', '.join(packages)}."
    )
    return about | {"line": line}


def write_results(figures: dict[str, Any], table: str, output: Path | None) -> None:
    """Prints a table and, with a path ending in `.json`, writes the figures there and the table beside."""
    print(f"\n{table}")
    if output is None:
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=1) + "\n")
    output.with_suffix(".md").write_text(table)
