"""What the order is worth, on planted runs of which it is known."""

from __future__ import annotations

from typing import Any

import pytest
from planted_studies import noisy, run, study

from tfrs_bench.evaluation.verdicts import Verdict
from tfrs_bench.reporting.answers import answers
from tfrs_bench.reporting.comparison import warnings
from tfrs_bench.reporting.document import Bullets, Section, Table
from tfrs_bench.reporting.pages import with_blocks
from tfrs_bench.reporting.sections.sequential import finding, sequential
from tfrs_bench.reporting.study import Study, study_of


def shuffled(how: str, models: dict[str, float]) -> Study:
    return study(models, experiment={"split": "per_user", "shuffle_histories": how})


def told(section: Section) -> list[str]:
    return [line for block in section.blocks if isinstance(block, Bullets) for line in block.lines]


def test_a_model_that_loses_by_shuffling_gains_by_the_order() -> None:
    section = sequential(
        [
            study({"als": 0.30, "markov": 0.40}),
            shuffled("test", {"als": 0.30, "markov": 0.25}),
            shuffled("always", {"als": 0.30, "markov": 0.33}),
        ]
    )
    assert told(section) == [
        "log, per_user: **markov** gains by the order: NDCG@10 +0.0700 [+0.0700, +0.0700] over itself "
        "without order in training and test.",
        "log, per_user: one seed of als.",
    ]
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert table.titles == (
        "model", "reads order", "true order", "shuffled at test", "order is worth", "shuffled always",
        "order is worth",
    )  # fmt: skip
    same = "nothing, to the last user"
    assert table.rows[0] == ("als", "no", "0.3000", "0.3000", same, "0.3000", same)
    assert table.rows[1][:5] == ("markov", "yes", "0.4000", "0.2500", "+0.1500 [+0.1500, +0.1500] better")
    assert len(table.records) == 2


def test_with_the_test_alone_shuffled_that_is_what_is_said() -> None:
    section = sequential([study({"markov": 0.4}), shuffled("test", {"markov": 0.5})])
    assert told(section) == [
        "log, per_user: **markov** does better asked after shuffled histories: the true order gives it "
        "NDCG@10 -0.1000 [-0.1000, -0.1000]."
    ]


def test_what_cannot_be_told_is_not_told() -> None:
    mixed = {"split": "per_user", "shuffle_histories": "always"}
    section = sequential(
        [study_of([run("markov", noisy(0.4, 1))]), study_of([run("markov", noisy(0.4, 2), experiment=mixed)])]
    )
    (line,) = told(section)
    assert "**markov**: no worth of the order can be told" in line and "(400 users could have shown" in line


def test_without_shuffled_runs_or_without_the_true_order_there_is_nothing_to_tell() -> None:
    assert sequential([study({"markov": 0.4})]).blocks == ()
    assert sequential([shuffled("test", {"markov": 0.4}), shuffled("always", {"markov": 0.4})]).blocks == ()


def test_the_word_follows_the_verdict_and_not_the_sign() -> None:
    worth = Verdict("m", "n", "all", "ndcg@10", 0.1, -0.1, 0.3, 0.5, 0.2, 0.2, 0.25, 9, "cannot tell")
    assert "no worth of the order can be told" in finding("m", {"always": worth})


def test_a_page_is_filled_with_the_section_and_left_alone_without_runs() -> None:
    page = "<!-- begin does order matter -->\nold\n<!-- end does order matter -->\n"
    filled = with_blocks(page, [study({"markov": 0.4}), shuffled("always", {"markov": 0.3})])
    assert "| markov | yes | 0.4000 |" in filled and "old" not in filled
    assert with_blocks(page, [study({"markov": 0.4})]) == page


def test_the_answer_whether_order_matters_holds_what_shuffling_showed() -> None:
    studies = [study({"als": 0.3, "markov": 0.4}), shuffled("always", {"als": 0.3, "markov": 0.33})]
    lines = told(answers(studies))
    assert any(
        one.startswith("log, per_user: **markov** gains by the order: NDCG@10 +0.0700") for one in lines
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"shuffle_histories": "test"}, "Histories are shuffled in the test:"),
        ({"shuffle_histories": "always"}, "Histories are shuffled in training, validation and test:"),
        ({"train_fraction": 0.25}, "Trained on 25.0% of the users;"),
    ],
)
def test_a_table_of_a_variation_says_so(asked: dict[str, Any], said: str) -> None:
    (line,) = warnings(study({"als": 0.3}, experiment={"split": "per_user"} | asked))
    assert line.startswith(said)
    assert warnings(study({"als": 0.3})) == []
