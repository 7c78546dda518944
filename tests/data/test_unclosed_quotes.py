"""Lines whose quote nothing closes are found, and only they."""

from __future__ import annotations

import doctest

from tfrs_bench.data import unclosed_quotes as module
from tfrs_bench.data.unclosed_quotes import unclosed_quotes


def found(text: str, width: int = 2) -> list[int]:
    return unclosed_quotes(text.splitlines(keepends=True), ",", lambda fields: len(fields) == width)


def test_doctests():
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


def test_a_table_without_unclosed_quotes_has_none():
    assert found("") == []
    assert found('a,b\n"c,\n",d\n\ne,"two\nlines"\n') == []


def test_each_of_several_is_found_wherever_its_quote_seems_to_close():
    # The quote of line 2 seems to close in line 4 and that of line 5 never does.
    assert found('a,b\n"c,d\ne,f\ng,h"\n"i,j\nk,l\n') == [2, 5]


def test_a_ragged_row_of_one_line_is_none():
    assert found('a,b,c\n"d"\n') == []


def test_a_quote_that_runs_over_a_thousand_lines_is_unclosed_whatever_follows():
    assert found('"a' + "\n" * 2_000 + '",b\n') == [1]
