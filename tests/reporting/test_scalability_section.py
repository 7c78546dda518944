"""Quality and time by share of the data, on planted runs."""

from __future__ import annotations

from planted_studies import study

from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.document import Bullets, Drawing, Table
from tfrs_bench.reporting.protocol_sweeps import protocol_sweeps
from tfrs_bench.reporting.sections.scalability import scalability
from tfrs_bench.reporting.study import Study


def share(fraction: float, models: dict[str, float]) -> Study:
    experiment = {"split": "per_user"} | ({"train_fraction": fraction} if fraction < 1 else {})
    return study(models, experiment=experiment)


SHARES = [
    share(1.0, {"random": 0.1, "als": 0.40, "two_tower": 0.42}),
    share(0.25, {"random": 0.1, "als": 0.30, "two_tower": 0.21}),
]


def test_table_figures_and_sentences_follow_the_shares() -> None:
    section = scalability(SHARES)
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert table.titles == ("model", "25%", "100%")
    assert table.rows == (
        ("als", "0.3000 (3.0 s)", "0.4000 (4.0 s)"),
        ("two_tower", "0.2100 (2.1 s)", "0.4200 (4.2 s)"),
    )
    figures = [block for block in section.blocks if isinstance(block, Drawing)]
    assert [one.name for one in figures] == ["train_fraction, log, per_user", "training time, log, per_user"]
    assert all("two_tower" in one.svg and "random" not in one.svg for one in figures)
    (told,) = [block for block in section.blocks if isinstance(block, Bullets)]
    assert told.lines == (
        "log, per_user: two_tower against its strongest classical opponent, by share: 25% -0.0900 "
        "[-0.0900, -0.0900] against als (worse); 100% +0.0200 [+0.0200, +0.0200] against als (better).",
        "log, per_user: als reaches 75% of its NDCG@10 with 25% of the users, in 75% of the time.",
        "log, per_user: two_tower reaches 50% of its NDCG@10 with 25% of the users, in 50% of the time.",
        "log, per_user: one seed of als, two_tower.",
    )


def test_one_share_is_no_study_of_scale() -> None:
    assert scalability(SHARES[:1]).blocks == ()


def test_studies_that_differ_in_anything_else_stand_apart() -> None:
    other = study(
        {"als": 0.3}, data={"fingerprint": "g"}, experiment={"split": "per_user", "train_fraction": 0.5}
    )
    labelled = study({"als": 0.3}, dataset="log-sensitivity")
    (sweep,) = protocol_sweeps([*SHARES, other, labelled], "train_fraction", 1.0)
    assert [*sweep.studies] == [0.25, 1.0] and sweep.models == ["als", "two_tower"] and sweep.reference == 1.0


def test_studies_under_a_label_of_variations_stand_in_their_sections_alone() -> None:
    plain, varied = (study({"als": 0.3}, f"{data}, per_user", dataset=data) for data in ("log", "log-varied"))
    assert main_studies([plain, varied]) == [plain]
