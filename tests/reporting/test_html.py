"""The HTML report is one whole file that shows its texts as they are."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from some_report import HOSTILE, report, whole

from tfrs_bench.reporting.document import Drawing, Paragraph
from tfrs_bench.reporting.html import html


class Page(HTMLParser):
    """Collects texts, ids, links and the names of elements; elements must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name.endswith("href"):
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_shows_what_it_was_given() -> None:
    page = Page(html(whole()))
    assert page.open == [] and "script" not in page.tags
    assert page.text.count(HOSTILE) == 2
    assert "Figure 1. Falls." in page.text and "Figure 2. Falls too." in page.text
    assert "Table 1. Who leads." in page.text
    assert "2 records" in page.text and "als-seed0, als-seed1" in page.text


def test_ids_are_unique_and_every_link_has_one() -> None:
    page = Page(html(whole()))
    assert len({*page.ids}) == len(page.ids)
    assert page.links and all(link.removeprefix("#") in page.ids for link in page.links)


def test_nothing_is_loaded_from_elsewhere() -> None:
    text = html(whole())
    assert not re.search(r"""(src|href)=["'](?!#)|@import|url\((?!#)""", text)


def test_strong_words_and_code_are_marked() -> None:
    assert "<strong>better</strong> by <code>als</code>" in html(report(Paragraph("x")))


def test_the_same_report_is_the_same_text() -> None:
    assert html(whole()) == html(whole())


def test_a_drawing_tells_what_it_shows_to_those_who_do_not_see_it() -> None:
    assert 'aria-label="Up &quot;and&quot; down."' in html(
        report(Drawing("one", 'Up "and" down.', "<svg xmlns='http://www.w3.org/2000/svg'></svg>"))
    )
