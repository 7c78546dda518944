"""Where a search looks: the usual range, or the choices, of each setting of a model."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both allowed; whole numbers if these are.

    Attributes:
      low: the smallest.
      high: the largest.
      log: equal ratios are equally likely, not equal differences.
    """

    low: float
    high: float
    log: bool = False

    @property
    def integer(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def holds(self, value: Any) -> bool:
        """Tells whether a value lies inside."""
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of a few values that have no order, or in which None stands for none of them.

    Attributes:
      values: the values.
      needs_times: all but the first of them read times, which not every log has.
    """

    values: tuple[Any, ...]
    needs_times: bool = False

    def holds(self, value: Any) -> bool:
        """Tells whether a value is one of them."""
        return value in self.values


Space = dict[str, Range | Choice]


def described(space: Space) -> dict[str, dict[str, Any]]:
    """Returns a space as JSON gives it back: bounds and `log`, or `choices`.

    >>> described({"layers": Choice(((8, 4), (16,))), "width": Range(8, 64, log=True)})
    {'layers': {'choices': [[8, 4], [16]]}, 'width': {'low': 8, 'high': 64, 'log': True}}
    """
    return {
        name: {"choices": [list(value) if isinstance(value, tuple) else value for value in one.values]}
        if isinstance(one, Choice)
        else dataclasses.asdict(one)
        for name, one in space.items()
    }
