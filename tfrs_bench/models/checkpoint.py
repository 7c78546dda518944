"""How far unfinished work has come, kept in one file, so that it can go on there after any stop."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.storage import read_arrays, write_arrays

_FACTS = "facts"


class Checkpoint:
    """One file with the latest state of one piece of work, such as a fit.

    Whoever saves decides what a state is: JSON-able facts, and arrays. The identity, kept beside it, is
    everything the state depends on; a state with another identity is left alone, because going on from it
    would give numbers that no uninterrupted run gives.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], say: Callable[[str], None]) -> None:
        """Takes the place of the file.

        Args:
          path: an npz.
          identity: JSON-able; what has to be the same for the work to go on.
          say: is told, in a sentence, what cannot be used or kept.
        """
        self._path, self._say, self._told = path, say, False
        self._identity = json.loads(json.dumps(identity, default=str))

    def part(self, name: str) -> Checkpoint:
        """Returns where one part of the work keeps its state, of the same identity."""
        return Checkpoint(self._path.with_suffix("") / f"{name}.npz", self._identity, self._say)

    def load(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
        """Returns the facts and arrays last saved, or None where there is nothing to go on from."""
        try:
            arrays = read_arrays(self._path)
            facts = json.loads(arrays.pop(_FACTS).tobytes())
            found = facts.pop("identity")
            differ = [key for key in self._identity if found.get(key) != self._identity[key]]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, AttributeError) as error:
            self.refuse(f"it cannot be read: {error}")
            return None
        if differ:
            self.refuse(f"other {', '.join(differ)}")
            return None
        return facts, arrays

    def refuse(self, reason: str) -> None:
        """Says that the state kept is not gone on from."""
        self._say(f"{self._path} is not gone on from ({reason}): this begins afresh.")

    def save(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Replaces the state, or leaves the one before and says so once: work that can finish goes on."""
        text = json.dumps({**facts, "identity": self._identity})
        try:
            write_arrays(self._path, {**arrays, _FACTS: np.frombuffer(text.encode(), np.uint8)})
        except OSError as error:
            if not self._told:
                self._say(
                    f"{self._path} cannot be written ({error.strerror}). The run goes on; if it is stopped "
                    "now, what it does from here on is done again."
                )
            self._told = True
