"""Both splits of a data set stand side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finished_runs import evaluation, record

from tfrs_bench import registry
from tfrs_bench.options import told
from tfrs_bench.reporting.overview import overview
from tfrs_bench.reporting.study import Run, Study, study_of

# of two_tower and als, for each of the three users who have a relevant item
BETTER = {"random": 0.0, "als": 0.25, "two_tower": 0.5}


def study(dataset: str, split: str, name: str | None = None, **ndcg: float) -> Study:
    fields: dict[str, Any] = {"dataset": dataset, "split": split}
    runs = [
        Run(record(model, **fields), evaluation((value,) * 4), Path("runs") / model)
        for model, value in (ndcg or BETTER).items()
    ]
    return study_of(runs, name)


def test_both_splits_stand_side_by_side_and_a_line_says_who_won() -> None:
    text = overview([study("a", "per_user"), study("a", "global", als=0.5, popularity=0.75, two_tower=0.25)])
    assert text is not None
    header, rule, *rows, blank, line = text.splitlines()
    assert header == "| NDCG@10 | a, per_user | a, global |" and rule == "|---|---:|---:|"
    assert rows == [
        "| als | 0.2500 | 0.5000 |",
        "| two_tower | 0.5000 | 0.2500 |",
        "| popularity | – | 0.7500 |",
    ]
    assert blank == ""
    # three users who agree are no proof, whatever the difference
    assert line == (
        "- a: per_user: two_tower vs als +0.250 [+0.250, +0.250] (+100 %), cannot tell; "
        "global: two_tower vs popularity -0.500 [-0.500, -0.500] (-67 %), cannot tell."
    )


def test_a_search_that_began_at_shipped_settings_is_named() -> None:
    found: dict[str, Any] = {
        "method": "tpe",
        "cap_minutes": 3.0,
        "max_trials": 60,
        "trials": 1,
        "minutes": 1.0,
    }
    defaults = told(registry.resolve(registry.MODELS, "two_tower", "model").Config())
    ahead = defaults | {"dimension": 128}
    both = [
        study_of(
            [
                Run(record(name, dataset="a", split=split, ledger=found, **fields), evaluation(), Path(name))
                for name, fields in (
                    ("als", {"config": {"factors": 8}, "trials": [[{"factors": 64}, 0.3]]}),
                    ("two_tower", {"config": ahead, "trials": [[ahead, 0.4]]}),
                )
            ]
        )
        for split in ("per_user", "global")
    ]
    text = overview(both)
    assert text is not None and text.endswith(
        " A search of 3 min or 60 trials for every model. The search of two_tower began at settings shipped "
        "for the split, see results."
    )


def test_data_with_one_split_or_with_other_settings_are_left_to_the_results_page() -> None:
    others = [
        study("a", "per_user"),
        study("b", "predefined"),
        study("a", "global", "a, global, mask_seen=false"),
    ]
    assert overview(others) is None
    text = overview([*others, study("a", "global")])
    assert text is not None and text.startswith("| NDCG@10 | a, per_user | a, global |\n")


def test_models_without_an_opponent_have_figures_and_no_verdict() -> None:
    text = overview([study("a", split, als=0.5) for split in ("per_user", "global")])
    assert text is not None and text.endswith("- a: per_user: no verdict; global: no verdict.")


def test_variants_of_a_model_under_a_label_of_their_own_are_left_to_their_page() -> None:
    both = [
        study(f"a-{kind}", split) for kind in ("ablation", "sensitivity") for split in ("per_user", "global")
    ]
    assert overview(both) is None
