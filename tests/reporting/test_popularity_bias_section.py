"""Recall by popularity third as records tell it, and an honest gap where they do not."""

from __future__ import annotations

from planted_studies import planted, run

from tfrs_bench.reporting.document import Bullets, Drawing, Table
from tfrs_bench.reporting.sections.popularity_bias import popularity_bias
from tfrs_bench.reporting.study import study_of

BREADTH = {"coverage@10": 0.5, "gini@10": 0.25, "novelty@10": 8.0, "average_popularity@10": 120.0}


def thirds(head: float, middle: float, tail: float) -> dict[str, float]:
    return BREADTH | {"recall_head@10": head, "recall_middle@10": middle, "recall_tail@10": tail}


def test_thirds_are_shown_where_records_have_them() -> None:
    runs = [
        run("popularity", planted(0.1, **thirds(0.3, 0.0, 0.0))),
        run("als", planted(0.2, **thirds(0.2, 0.1, float("nan")))),
        run("markov", planted(0.2, **BREADTH)),
        *(
            run("two_tower", planted(0.2, **thirds(share, 0.1, 0.04)), seed=seed)
            for seed, share in ((0, 0.1), (1, 0.2))
        ),
    ]
    section = popularity_bias([study_of(runs)])
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    rest = ("0.500", "0.250", "8.00", "120")
    assert table.rows == (
        ("popularity", "0.3000", "0.0000", "0.0000", *rest),
        ("als", "0.2000", "0.1000", "–", *rest),
        ("markov", "–", "–", "–", *rest),
        ("two_tower", "0.1500", "0.1000", "0.0400", *rest),
    )
    (told,) = [block for block in section.blocks if isinstance(block, Bullets)]
    assert told.lines == (
        "log, per_user: the highest recall of the head is that of popularity, 0.3000.",
        "log, per_user: the highest recall of the tail is that of two_tower, 0.0400.",
    )
    (figure,) = [block for block in section.blocks if isinstance(block, Drawing)]
    assert ">markov<" not in figure.svg and ">two_tower<" in figure.svg


def test_records_of_before_there_were_thirds_have_a_table_and_no_figure() -> None:
    section = popularity_bias([study_of([run("als", planted(0.2, **BREADTH)), run("ease", planted(0.1))])])
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [row[1:4] for row in table.rows] == [("–",) * 3] * 2
    assert not any(isinstance(block, Drawing | Bullets) for block in section.blocks)
