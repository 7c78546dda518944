"""Measurements in a process of their own, so that nothing earlier counts towards memory."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def run_fresh(module: str, *arguments: str) -> Any:
    """Runs a module and returns the JSON that its last line of output holds.

    Raises:
      RuntimeError: it failed; what it said on standard error has been shown.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with code {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])
