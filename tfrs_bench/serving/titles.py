"""Titles as people write them: by part, whatever the case."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.errors import UserError

_SHOWN = 12  # of several matches
_YEAR = re.compile(r"\s*\(\d{4}\)$")


class Titles:
    """The titles of a log's items; an item without one is called by its raw id."""

    def __init__(self, log: InteractionLog) -> None:
        """Takes the titles, or the raw ids of a log that has none."""
        self.ids = [str(one) for one in log.item_ids.ids]
        titles: Sequence[object] = self.ids if log.item_titles is None else list(log.item_titles)
        self.texts = [one_line(str(title)) or raw for title, raw in zip(titles, self.ids, strict=True)]
        self._folded = [text.casefold() for text in self.texts]

    def find(self, text: str, flag: str) -> int:
        """Returns the item that a text names.

        The first of these that fits: a whole title; a whole title without its year; a raw id; a part of a
        title that no other title has.

        Args:
          text: what was typed.
          flag: where, for the error.

        Raises:
          UserError: no title fits, or several do; the message lists them.
        """
        wanted = one_line(text).casefold()
        without_year = [_YEAR.sub("", title) for title in self._folded]
        ways = (
            self._folded,
            without_year,
            [raw.casefold() for raw in self.ids],
        )
        for names in ways:
            found = [item for item, name in enumerate(names) if name == wanted]
            if len(found) == 1:
                return found[0]
        found = [item for item, title in enumerate(self._folded) if wanted in title]
        if len(found) == 1:
            return found[0]
        raise UserError(self._several(text, flag, found) if found else self._none(text, flag, without_year))

    def _several(self, text: str, flag: str, found: list[int]) -> str:
        shown = "; ".join(f"{self.texts[item]} [{self.ids[item]}]" for item in found[:_SHOWN])
        more = f"; and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
        return (
            f"--{flag}: {text!r} is in {len(found):,} titles: {shown}{more}. Give more of the title, or the "
            "id in brackets."
        )

    def _none(self, text: str, flag: str, without_year: list[str]) -> str:
        near = difflib.get_close_matches(one_line(text).casefold(), without_year, n=3, cutoff=0.5)
        hint = "; ".join(dict.fromkeys(self.texts[without_year.index(one)] for one in near))
        if hint:
            return f"--{flag}: no title has {text!r} in it. Near: {hint}."
        return f"--{flag}: no title has {text!r} in it. Titles look like {'; '.join(self.texts[:3])}."


def one_line(text: str) -> str:
    """Returns a text with nothing in it that breaks a line or commands a terminal."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
