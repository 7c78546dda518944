"""The PDF holds its texts, stays within its pages, and is the same file every time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from some_report import HOSTILE, RECORDS, report, svg, whole

from tfrs_bench.errors import UserError
from tfrs_bench.reporting import pdf as pdf_module
from tfrs_bench.reporting.document import Bullets, Drawing, Paragraph, Table
from tfrs_bench.reporting.pdf import pdf, png, typst_source


def pages(file: bytes) -> int:
    return max(int(count) for count in re.findall(rb"/Type/Pages/Count (\d+)", file))


def test_it_is_a_pdf_of_few_pages() -> None:
    file = pdf(whole())
    assert file.startswith(b"%PDF-") and pages(file) == 1


def test_the_same_report_is_the_same_file() -> None:
    assert pdf(whole()) == pdf(whole())


def test_a_mark_can_be_read_without_opening_the_file() -> None:
    assert b"html-sha256-0123abc" in pdf(whole(), "html-sha256-0123abc")


def test_texts_are_strings_that_nothing_in_them_ends() -> None:
    source = typst_source(whole())
    assert source.count(HOSTILE.replace("\\", "\\\\").replace('"', '\\"')) == 2
    assert '#strong("better");#text(" by ");#raw("als");' in source
    assert pages(pdf(report(title=HOSTILE + "\n\x00"))) == 1


def test_what_does_not_fit_is_left_to_the_html_and_counted() -> None:
    rows = tuple((f"model {number}", "0.1") for number in range(30))
    many = report(*(Table(f"Number {one}.", ("model", "NDCG@10"), rows, RECORDS) for one in range(12)))
    assert pages(pdf(many, most_pages=9)) > 2
    assert pages(pdf(many, most_pages=2)) <= 2
    assert "Left to report.html: 9 tables of this section." in typst_source(
        pdf_module._shortened(many, 2, 3, 4)
    )


def test_a_short_report_shows_something_of_every_data_set() -> None:
    folders = [(Path(f"runs/{data}/{split}/als"),) for data in ("one", "two") for split in ("a", "b")]
    tables = [Table(str(its[0]), ("model",), (("als",),), its) for its in folders]
    lists = [Bullets((f"{its[0]} 1", f"{its[0]} 2"), its) for its in folders]
    (section,) = pdf_module._shortened(report(*tables, *lists), 2, 2, 5).sections
    assert [one.caption for one in section.blocks if isinstance(one, Table)] == [
        "runs/one/a/als",
        "runs/two/a/als",
    ]
    assert [len(one.lines) for one in section.blocks if isinstance(one, Bullets)] == [2, 1, 1, 1]
    assert section.blocks[-1] == Paragraph("Left to report.html: 2 tables, 3 lines of this section.")


def test_text_that_alone_is_too_long_is_said() -> None:
    with pytest.raises(UserError, match="text alone takes 2 pages, and 1 are asked for"):
        pdf(report(*(Paragraph("words " * 200) for _ in range(8))), most_pages=1)


def test_a_table_may_be_empty() -> None:
    assert pages(pdf(report(Table("Nothing.", ("model", "NDCG@10"), ())))) == 1


def test_a_wide_table_is_set_smaller_and_drawings_side_by_side() -> None:
    wide = Table("Wide.", tuple(f"column {one}" for one in range(20)), (("0.1234",) * 20,))
    drawings = [Drawing(str(one), "Falls.", svg()) for one in range(3)]
    assert typst_source(report(wide, *drawings)).count("#side-by-side(") == 2
    assert pages(pdf(report(wide, *drawings))) == 1


def test_a_drawing_becomes_the_same_png_every_time() -> None:
    image = png(svg())
    assert image.startswith(b"\x89PNG") and image == png(svg()) and image != png(svg("ease"))


def test_a_table_that_is_to_stay_whole_keeps_its_rows() -> None:
    rows = tuple((f"model {number}", "0.1") for number in range(20))
    whole = Table("Models.", ("model", "NDCG@10"), rows, RECORDS, whole=True)
    (section,) = pdf_module._shortened(report(whole), 1, 1, 1, 3).sections
    assert section.blocks == (whole,)


def test_a_shortened_table_keeps_as_many_rows_as_asked_and_says_so() -> None:
    many = Table("Models.", ("model",), tuple((str(place),) for place in range(20)))
    for rows in (3, 16):
        (section,) = pdf_module._shortened(report(many), 1, 1, 1, rows).sections
        (table,) = section.blocks
        assert isinstance(table, Table) and len(table.rows) == rows
        assert table.caption == f"Models. The first {rows} rows; {20 - rows} more in report.html."
