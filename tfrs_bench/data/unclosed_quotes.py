"""Quotes that are opened and never meant: read as a table's, they swallow the rows that follow."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

_MOST_LINES = 1_000  # of one row: a quoted text that is longer is taken for an unclosed quote


def unclosed_quotes(
    lines: Iterable[str], separator: str, is_whole: Callable[[Sequence[str]], bool]
) -> list[int]:
    r"""Finds the lines whose quote runs over the rows below them.

    A row that takes several lines and is not whole began with a quote that nothing closed: its first line
    is named, and the lines after it are read as rows of their own.

    >>> lines = ["a,b\n", '"c,d\n', "e,f\n", 'g,"two\n', 'lines"\n']
    >>> unclosed_quotes(lines, ",", lambda fields: len(fields) == 2)
    [2]

    Args:
      lines: the file's lines, with their ends.
      separator: one character.
      is_whole: whether a row of several lines is one that was meant.

    Returns:
      Line numbers, from 1, ascending.
    """
    source, ahead, taken = iter(lines), deque[str](), list[str]()
    found, number = list[int](), 1

    def feed() -> Iterator[str]:
        while len(taken) < _MOST_LINES:
            line = ahead.popleft() if ahead else next(source, None)
            if line is None:
                return
            taken.append(line)
            yield line

    while True:
        taken.clear()
        fields = next(csv.reader(feed(), delimiter=separator), None)
        if fields is None:
            return found
        if len(taken) > 1 and (len(taken) == _MOST_LINES or not is_whole(fields)):
            found.append(number)
            ahead.extendleft(reversed(taken[1:]))
            del taken[1:]
        number += len(taken)
