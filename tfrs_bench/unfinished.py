"""What a run keeps until it is whole, and what that depends on."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfrs_bench.models.checkpoint import Checkpoint
from tfrs_bench.reporting.records import UNFINISHED
from tfrs_bench.runtime import RECORDED_PACKAGES, package_version

# The package itself is how parts are put together.
_DECIDING = ("", "data", "models", "retrieval", "evaluation", "tuning")


class Unfinished:
    """The checkpoints of a run that was not whole when its process ended, or is under way."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        """Takes the run's folder, whose name stands for data, protocol and what was asked.

        Args:
          folder: of the run.
          say: is told what cannot be used or kept.
        """
        self._folder, self._say = folder, say

    def checkpoint(self, work: str, **settings: Any) -> Checkpoint:
        """Returns where a piece of work keeps its state.

        Args:
          work: `trials`, `search` or `refit`.
          settings: what its result depends on beside the run, the code and the packages.
        """
        identity = {
            "run": self._folder.name,
            "settings": settings,
            "code": code_fingerprint(),
            "packages": {name: package_version(name) for name in RECORDED_PACKAGES},
        }
        return Checkpoint(self._folder / UNFINISHED / f"{work}.npz", identity, self._say)


@functools.cache
def code_fingerprint() -> str:
    """Stands for the code that decides numbers; a version alone does not change while one develops."""
    package = Path(__file__).resolve().parent
    digest = hashlib.blake2b(digest_size=8)
    for folder in _DECIDING:
        for path in sorted((package / folder).glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
