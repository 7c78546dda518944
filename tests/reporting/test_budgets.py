"""What tables say of tuning: nothing where all had the same, everything where they had not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finished_runs import evaluation, record

from tfrs_bench.reporting.budgets import budgets_differ, spent, starts_differ
from tfrs_bench.reporting.comparison import footnote, warnings
from tfrs_bench.reporting.study import Run, Study, study_of

SEARCHED = {"method": "tpe", "trials": 60, "minutes": 8.04, "cap_minutes": 10.0, "max_trials": 60}
UNTUNED: dict[str, Any] = {"trials": []}


def study(**models: dict[str, Any]) -> Study:
    folder = Path("runs")
    return study_of(
        [Run(record(name, **fields), evaluation(), folder / name) for name, fields in models.items()]
    )


def searched(**ledger: Any) -> dict[str, Any]:
    return {"ledger": SEARCHED | ledger, "tuning": "tpe: 60 trials, 8.0 of 10 min", "trials": [[{}, 0.5]]}


def test_the_same_cap_is_the_same_budget_however_much_of_it_was_spent() -> None:
    fair = study(als=searched(), ease=searched(trials=40, minutes=0.3))
    assert budgets_differ(fair) is None
    assert not warnings(fair)
    assert "Tuning: als 60 trials, 8.0 min; ease 40 trials, 0.3 min." in footnote(fair)


def test_a_file_that_a_search_wrote_has_the_budget_of_the_search() -> None:
    of_file = {
        "ledger": SEARCHED | {"method": "flagfile", "search": "tpe"},
        "tuning": "flags/log/per_user/ease.cfg",
    }
    assert budgets_differ(study(als=searched(), ease=of_file)) is None


def test_other_caps_and_the_untuned_are_named() -> None:
    unfair = study(
        popularity=UNTUNED,
        als=searched(),
        ease=searched(cap_minutes=1.0),
        bpr={"tuning": "grid: 2 trials, 0.1 min", "trials": [[{}, 0.1], [{}, 0.2]]},
        markov={"tuning": "flags/log/per_user/markov.cfg", **UNTUNED},
        two_tower={"tuning": "flags over defaults", **UNTUNED},
        ncf={"tuning": "flags/x.cfg", "ledger": {"method": "flagfile", "search": "hand"}, **UNTUNED},
    )
    assert budgets_differ(unfair) == (
        "Budgets differ. Untuned: popularity. A search of 10 min or 60 trials: als (60 trials). A grid: bpr "
        "(2 trials). A search of 1 min or 60 trials: ease (60 trials). Settings of a file: markov. Settings "
        "given by flags: two_tower. Settings found by hand: ncf."
    )
    assert budgets_differ(unfair) in warnings(unfair)


def test_a_search_that_began_from_more_than_the_defaults_is_named() -> None:
    ahead = searched() | {"trials": [[{"factors": 32}, 0.5]]}
    asked = ahead | {"asked": {"factors": "32"}}
    assert starts_differ(study(als=searched() | {"trials": [[{"factors": 64}, 0.5]]}, ials=asked)) is None
    told = starts_differ(study(als=ahead, ease=searched()))
    assert told is not None and told.startswith("Trial 0 of als has the settings that are shipped")
    assert told in warnings(study(als=ahead, ease=searched()))


def test_variants_of_a_model_have_budgets_of_their_own() -> None:
    variants = [
        Run(
            record("als", config={"factors": factors}, seed=0, **searched(trials=trials)),
            evaluation(),
            Path(name),
        )
        for factors, trials, name in ((8, 5, "a"), (16, 7, "b"))
    ]
    told = spent(study_of(variants))
    assert told == "Tuning: als (factors=16) 7 trials, 8.0 min; als (factors=8) 5 trials, 8.0 min."


def test_floor_and_ceiling_and_models_without_settings_have_no_budget() -> None:
    assert budgets_differ(study(random={"config": {}}, als=searched(), oracle=UNTUNED)) is None


def test_nothing_is_said_of_minutes_where_no_search_had_a_cap() -> None:
    assert spent(study(als={}, ease=UNTUNED)) is None
