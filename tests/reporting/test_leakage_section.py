"""What the audit says and how ranks change between splits, on planted runs."""

from __future__ import annotations

from typing import Any

from finished_runs import AUDIT
from planted_studies import study

from tfrs_bench.reporting.document import Bullets, Drawing, Table
from tfrs_bench.reporting.sections.leakage import in_words, leakage, ranks
from tfrs_bench.reporting.study import Study

LEAKS = AUDIT | {"leaked_share": 0.998, "later_share": 0.339, "boundary_ties": 4173}
CLEAN = AUDIT | {"strategy": "global", "leaked_share": 0.0, "later_share": 0.0, "boundary_ties": 3}


def split(strategy: str, models: dict[str, float], **fields: Any) -> Study:
    audit = LEAKS if strategy == "per_user" else CLEAN
    return study(models, **{"experiment": {"split": strategy}, "audit": audit} | fields)


LEAKY = split("per_user", {"random": 0.01, "popularity": 0.1, "als": 0.3, "two_tower": 0.4})
HONEST = split("global", {"random": 0.01, "popularity": 0.1, "als": 0.3, "two_tower": 0.2, "ease": 0.5})


def test_the_audit_is_told_in_words() -> None:
    assert in_words(LEAKY) == (
        "**log, per_user**: no user's rows step back in time, but for 99.8% of the test rows training "
        "holds later "
        "rows of other users; at the median 33.9% of training lies later. 4,173 boundaries between parts "
        "fall "
        "between rows of the same second."
    )
    assert in_words(HONEST).endswith("and no test row has a later row of anybody in training.")
    assert "cannot be known" in in_words(study({"als": 0.3}))
    backwards = study({"als": 0.3}, audit=AUDIT | {"order_holds": False})
    assert "some users' rows step back in time" in in_words(backwards)


def test_ranks_of_the_models_of_both_splits_are_compared() -> None:
    section = leakage([LEAKY, HONEST])
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert table.rows == (
        ("two_tower", "0.4000", "1", "0.2000", "2", "▼ 1"),
        ("als", "0.3000", "2", "0.3000", "1", "▲ 1"),
        ("popularity", "0.1000", "3", "0.1000", "3", "="),
    )
    *_, last = [block for block in section.blocks if isinstance(block, Bullets)]
    assert last.lines == (
        "log: 2 of 3 models change their rank; two_tower comes first under per_user, als under global.",
    )
    (figure,) = [block for block in section.blocks if isinstance(block, Drawing)]
    assert figure.svg.count("popularity") >= 2 and "ease" not in figure.svg


def test_data_that_were_split_one_way_or_asked_otherwise_have_no_certificate() -> None:
    assert leakage([LEAKY]).blocks == ()
    assert leakage([LEAKY, split("global", {"als": 0.3, "two_tower": 0.4}, dataset="other")]).blocks == ()
    all_rows = {"split": "global", "train_on": "all"}
    assert leakage([LEAKY, split("global", {"als": 0.3, "two_tower": 0.4}, experiment=all_rows)]).blocks == ()
    assert leakage([LEAKY, split("global", {"als": 0.3})]).blocks == ()


def test_equal_models_are_ranked_by_name() -> None:
    assert ranks(study({"ease": 0.3, "als": 0.3}), ["ease", "als"]) == {"als": 1, "ease": 2}
