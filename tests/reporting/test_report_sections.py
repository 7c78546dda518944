"""Sections tell what the runs hold, classical models before neural ones, and invent nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from finished_runs import AUDIT, evaluation, record
from planted_studies import noisy, planted, run

from tfrs_bench.reporting.document import Block, Bullets, Drawing, Paragraph, Section, Table
from tfrs_bench.reporting.judgements import against
from tfrs_bench.reporting.sections.baselines import lessons
from tfrs_bench.reporting.sections.cold_start import cold_start
from tfrs_bench.reporting.sections.datasets import datasets
from tfrs_bench.reporting.sections.method import method
from tfrs_bench.reporting.sections.order import PARTS
from tfrs_bench.reporting.sections.recommendation import recommendation, whereabouts
from tfrs_bench.reporting.sections.results import results, verdict_table
from tfrs_bench.reporting.sections.sensitivity import negatives, settings
from tfrs_bench.reporting.sections.threats import threats
from tfrs_bench.reporting.study import Run, Study, study_of

SECTIONS = (
    lessons, cold_start, datasets, method, recommendation, whereabouts, results, negatives, settings, threats,
)  # fmt: skip
DATA = {"rows": 100, "users": 10, "items": 20}


def study(**fields: object) -> Study:
    means = {"random": 0.1, "popularity": 0.3, "als": 0.5, "two_tower": 0.4}
    trials = [[{"factors": 8}, 0.2], [{"factors": 16}, 0.3]]
    return study_of(
        [
            Run(
                record(
                    name, **{"audit": AUDIT, "data": DATA, "trials": trials if name == "als" else []} | fields
                ),
                evaluation((mean,) * 4),
                Path("runs") / name,
            )
            for name, mean in means.items()
        ]
    )


def swept(dataset: str, setting: str) -> Study:
    return study_of(
        [
            Run(
                record(
                    "two_tower", dataset=dataset, audit=AUDIT, data=DATA, trials=[], config={setting: value}
                ),
                evaluation((mean,) * 4),
                Path("runs") / str(value),
            )
            for value, mean in ((1, 0.2), (2, 0.4))
        ]
    )


def texts(section: Section) -> str:
    return "\n".join(text for block in section.blocks for text in _texts(block))


def _texts(block: Block) -> list[str]:
    if isinstance(block, Paragraph):
        return [block.text]
    if isinstance(block, Bullets):
        return [*block.lines]
    if isinstance(block, Drawing):
        return [block.caption, block.svg]
    return [block.caption, *block.titles, *(cell for row in block.rows for cell in row)]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.__name__)
def test_without_runs_nothing_is_told(section: object) -> None:
    assert callable(section) and section([]).blocks == ()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.__name__)
def test_tables_have_as_many_cells_as_titles(section: object) -> None:
    assert callable(section)
    studies = [study(), swept("log-sensitivity", "num_negatives"), swept("log-sensitivity", "dimension")]
    tables = [block for block in section(studies).blocks if isinstance(block, Table)]
    assert all(len(row) == len(table.titles) for table in tables for row in table.rows)


def test_lessons_are_of_classical_models_alone_and_stand_before_results() -> None:
    told = texts(lessons([study()]))
    assert "two_tower" not in told and "**cannot tell** als from popularity" in told
    titles = [part.title for part in PARTS]
    assert titles.index("Lessons from Baselines") < titles.index("Results")


def test_what_a_search_was_worth_is_told_by_model() -> None:
    searched = {"cap_minutes": 3.0, "max_trials": 60, "trials": 2, "method": "tpe"}
    (table,) = [
        one
        for one in lessons([study(ledger=searched)]).blocks
        if isinstance(one, Table) and "search" in one.caption
    ]
    assert table.rows == (("als", "1", "2", "0.0", "+50%", "+50%", "log, per_user"),)


def test_the_best_of_each_study_is_bold_and_pairs_have_their_word() -> None:
    matrix = next(one for one in results([study()]).blocks if isinstance(one, Table))
    assert matrix.titles == ("model", "log, per_user")
    assert matrix.rows == (
        ("als", "**0.5000**"), ("two_tower", "0.4000"), ("popularity", "0.3000"), ("random", "0.1000"),
    )  # fmt: skip
    table = verdict_table(study())
    assert table is not None and table.titles == ("against", "two_tower")
    assert [row[0] for row in table.rows] == ["popularity", "als"]
    assert table.rows[0][1].startswith("+0.100 [+0.100, +0.100] ")


def test_data_sets_have_their_sizes_and_splits_their_leakage() -> None:
    audit = AUDIT | {"leaked_share": 0.25, "later_share": 0.5}
    logs, splits = datasets([study(audit=audit)]).blocks
    assert isinstance(logs, Table) and logs.rows == (("log", "100", "10", "20", "50.00%", "–", "–"),)
    assert isinstance(splits, Table) and splits.rows[0][-3:] == ("yes", "25.0%", "50.0%")


def test_what_somebody_noted_of_a_log_stands_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "log" / "per_user" / "als-1"
    noted = study_of([Run(record("als", audit=AUDIT, data=DATA, trials=[]), evaluation(), folder)])
    assert len(datasets([noted]).blocks) == 2
    folder.parent.mkdir(parents=True)
    (tmp_path / "log" / "NOTE.txt").write_text("Half of the times\nare guessed.\n")
    *_, note = datasets([noted]).blocks
    assert note == Paragraph("**log.** Half of the times are guessed.", (folder,))


def test_threats_have_the_audits_figures() -> None:
    told = texts(threats([study(audit=AUDIT | {"leaked_share": 0.25})]))
    assert "Nobody's own future is learned from" in told and "log, per_user 25%" in told
    mixed = texts(threats([study(audit=AUDIT | {"leaked_share": 0.25, "temporal": False})]))
    assert "log, per_user: the split is not one of time" in mixed
    assert "Nobody's own future is learned from" not in mixed
    assert "20% of the users asked are cold" in told
    assert "later rows of others" not in texts(threats([study()]))


def test_models_that_move_from_seed_to_seed_are_a_threat() -> None:
    seeds = [(0, (0.1, 0.4, 0.1, 0.4)), (1, (0.6, 0.9, 0.6, 0.9))]
    runs = [
        Run(record("gmf", seed=seed, audit=AUDIT, trials=[]), evaluation(means), Path("runs") / str(seed))
        for seed, means in seeds
    ]
    assert "gmf on log, per_user (± 0.3536, 2 seeds)" in texts(threats([study_of(runs)]))
    assert "**Seeds.**" not in texts(threats([study()]))


def test_labels_of_their_own_are_explained() -> None:
    told = texts(datasets([study(), swept("log-sensitivity", "dimension")]))
    assert "**Labels of their own.** log-sensitivity: " in told
    assert "Labels of their own" not in texts(datasets([study()]))


def test_negatives_stand_apart_from_other_settings() -> None:
    studies = [swept("a-sensitivity", "num_negatives"), swept("b-sensitivity", "dimension")]
    assert "num_negatives" in texts(negatives(studies)) and "dimension" not in texts(negatives(studies))
    assert "dimension" in texts(settings(studies)) and "num_negatives" not in texts(settings(studies))


def test_an_ablation_is_held_against_the_plain_settings() -> None:
    runs = [
        Run(
            record(
                "two_tower",
                dataset="log-ablation",
                audit=AUDIT,
                trials=[],
                config={"a": a, "b": b},
                tuning=by,
            ),
            evaluation((mean,) * 4),
            Path("runs") / f"{a}{b}",
        )
        for a, b, mean, by in ((1, 1, 0.5, "defaults"), (2, 1, 0.25, "flags"), (1, 2, 0.75, "flags"))
    ]
    (table,) = settings([study_of(runs)]).blocks
    assert isinstance(table, Table)
    assert {row[:2] for row in table.rows} == {("two_tower (a=2)", "0.2500"), ("two_tower (b=2)", "0.7500")}


def test_the_recommendation_states_its_rule_and_what_may_be_lost() -> None:
    told = recommendation([study()])
    table = next(one for one in told.blocks if isinstance(one, Table))
    assert "trains fastest" in texts(told)
    assert table.rows[0][0] == "log" and table.rows[0][2] in ("popularity", "als")


def test_the_model_to_take_may_give_up_what_no_interval_denies() -> None:
    runs = [run(name, noisy(0.3, seed)) for seed, name in enumerate(("popularity", "als", "ease", "ncf"))]
    noised = study_of(runs)
    (table,) = [one for one in recommendation([noised]).blocks if isinstance(one, Table)]
    bounds = [one.high for one in against(noised, table.rows[0][2]).values()]
    assert max(bounds) > 0 and table.rows[0][-2].startswith(f"up to {max(bounds):.4f} (")
    apart = [run(name, planted(mean)) for name, mean in (("popularity", 0.2), ("als", 0.3))]
    (clear,) = [one for one in recommendation([study_of(apart)]).blocks if isinstance(one, Table)]
    assert clear.rows[0][-2:] == ("nothing, by the intervals", "one budget")


def test_a_study_of_one_model_gives_no_advice() -> None:
    alone = dataclasses.replace(study(), runs={"als": study().runs["als"]})
    assert recommendation([alone]).blocks == ()
