"""Runs: how many fits, on which rows, and when a run is reused, repeated or refused."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fake_models
import numpy as np
import pyarrow.parquet as pq
import pytest
from fake_models import Grid, GridConfig, Remembers, Stops, StopsConfig
from planted_files import write_planted_csv
from rich.console import Console as RichConsole

from tfrs_bench import registry
from tfrs_bench.data.split import TEST, split_log
from tfrs_bench.errors import UserError
from tfrs_bench.experiment import Experiment
from tfrs_bench.models.als import ALS
from tfrs_bench.models.popularity import PopularityConfig
from tfrs_bench.preparation import Prepared, prepare
from tfrs_bench.reporting.console import Console
from tfrs_bench.runner import Finished, Request, Runner

STOPS = Request("stops", StopsConfig())


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_planted_csv(tmp_path_factory.mktemp("planted") / "log.csv")


@pytest.fixture(scope="module")
def prepared(log_file: Path) -> Callable[..., Prepared]:
    """prepared(**fields) prepares the planted log, once for the same fields."""
    known: dict[str, Prepared] = {}

    def build(**fields: Any) -> Prepared:
        if str(fields) not in known:
            known[str(fields)] = prepare(Experiment(interactions=str(log_file), **fields), quiet())
        return known[str(fields)]

    return build


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "MODELS", registry.MODELS | fake_models.MODELS)
    Remembers.fits.clear()
    yield
    Remembers.fits.clear()


def quiet() -> Console:
    return Console(RichConsole(file=io.StringIO(), highlight=False, width=80))


def run(prepared: Prepared, folder: Path, request: Request, **options: Any) -> Finished:
    return Runner(prepared, folder, quiet(), **options).run(request)


# Fitting.


def test_validation_chooses_the_epochs_and_a_fresh_model_is_fitted_on_both_parts(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    ready = prepared()
    done = run(ready, tmp_path, STOPS)
    search, refit = Remembers.fits
    assert (search.validated, search.epochs, search.seed) == (True, None, 0)
    assert (refit.validated, refit.epochs, refit.seed) == (False, 2, 0)
    assert search.log is ready.train and refit.log is ready.refit
    assert search.model is not refit.model
    assert done.record.epochs == 2
    assert [set(one) for one in done.record.curve] == 3 * [
        {"train/loss", "train/examples_per_second", "validation/ndcg@10"}
    ]
    counts = np.bincount(ready.refit.items, ready.refit.positives, minlength=40)
    assert np.array_equal(Stops.load(done.folder / "model").state()["counts"], counts)


def test_without_refit_the_searched_model_is_kept(prepared: Callable[..., Prepared], tmp_path: Path) -> None:
    ready = prepared(refit=False)
    done = run(ready, tmp_path, STOPS)
    (search,) = Remembers.fits
    assert search.validated and search.log is ready.train
    assert done.record.epochs == 2
    counts = np.bincount(ready.train.items, ready.train.positives, minlength=40)
    assert np.array_equal(Stops.load(done.folder / "model").state()["counts"], counts)


@pytest.mark.parametrize("refit", [True, False])
def test_stated_epochs_skip_the_first_fit(
    prepared: Callable[..., Prepared], tmp_path: Path, refit: bool
) -> None:
    ready = prepared(refit=refit)
    done = run(ready, tmp_path, Request("stops", StopsConfig(epochs=5)))
    (only,) = Remembers.fits
    assert (only.validated, only.epochs) == (False, 5)
    assert only.log is (ready.refit if refit else ready.train)
    assert done.record.epochs == 5


def test_a_model_without_epochs_is_fitted_once_on_both_parts(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    ready = prepared(seed=3)
    done = run(ready, tmp_path, Request("grid", GridConfig(), seed=3))
    (only,) = Remembers.fits
    assert (only.log, only.seed, only.epochs, only.validated) == (ready.refit, 3, None, False)
    assert done.record.epochs is None and done.record.seed == 3


def test_no_model_ever_receives_a_test_row(prepared: Callable[..., Prepared], tmp_path: Path) -> None:
    ready = prepared()
    for request in (STOPS, Request("grid", GridConfig(), tune=True)):
        run(ready, tmp_path, request)
    split = split_log(ready.dataset.log, "per_user", cold_start_below=5, seed=0)
    tested = split.log.select(split.parts == TEST)
    forbidden = set(zip(tested.users, tested.items, strict=True))
    assert len(forbidden) == len(tested) == 55 * 2 + 5
    assert len(Remembers.fits) > 4
    for fit in Remembers.fits:
        assert not forbidden & set(zip(fit.log.users, fit.log.items, strict=True))


def test_tuning_reads_validation_and_keeps_every_trial(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    ready = prepared()
    done = run(ready, tmp_path, Request("grid", GridConfig(peak=16), tune=True))
    # All widths are equally wrong, so the first is best, and one step beyond it gains nothing.
    *trials, final = Remembers.fits
    assert [fit.model.config.width for fit in trials] == [4, 8, 2]
    assert all(fit.log is ready.train for fit in trials) and final.log is ready.refit
    assert [config["width"] for config, _ in done.record.trials] == [4, 8, 2]
    assert done.record.config == {"peak": 16, "width": 4}
    assert done.record.tuning.startswith("grid: 3 trials")


def test_the_best_trial_is_what_is_tested(prepared: Callable[..., Prepared], tmp_path: Path) -> None:
    ready = prepared()
    done = run(ready, tmp_path, Request("grid", GridConfig(peak=8), tune=True))
    qualities = {config["width"]: quality for config, quality in done.record.trials}
    assert qualities[8] == max(qualities.values()) > qualities[4]
    assert done.record.config["width"] == 8
    *_, last_trial, final = Remembers.fits
    assert qualities[last_trial.model.config.width] == ready.validation.primary(last_trial.model)
    assert done.record.metrics["all"]["ndcg@10"] == ready.test.evaluate(final.model).mean("ndcg@10")
    assert done.record.metrics["all"]["ndcg@10"] > 0.4  # chance among the 6 unseen of its half: 0.55


def test_a_model_of_ratings_refuses_data_without_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = dataclasses.replace(Grid.capabilities, needs_ratings=True)
    monkeypatch.setattr(Grid, "capabilities", needs)
    experiment = Experiment(interactions=str(write_planted_csv(tmp_path / "log.csv")), rating_column="none")
    with pytest.raises(UserError, match="grid needs ratings, and these data have none"):
        run(prepare(experiment, quiet()), tmp_path / "runs", Request("grid", GridConfig()))


# Records.


def test_who_needs_validation_is_told_before_anything_is_fitted(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    def none() -> Any:
        raise UserError("no validation")

    ready = dataclasses.replace(prepared(), make_validation=none)
    runner = Runner(ready, tmp_path, quiet())
    needs_none = [Request("popularity", PopularityConfig()), Request("stops", StopsConfig(epochs=5))]
    runner.check(needs_none)
    for needs_some in (STOPS, dataclasses.replace(needs_none[0], tune=True)):
        with pytest.raises(UserError, match="no validation"):
            runner.check([*needs_none, needs_some])
    assert not Remembers.fits


def test_record_holds_every_field_and_the_metrics_of_the_per_user_file(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    done = run(prepared(), tmp_path, STOPS)
    content = json.loads((done.folder / "record.json").read_text())
    assert content.keys() == {field.name for field in dataclasses.fields(done.record)}
    assert (content["model"], content["dataset"], content["split"]) == ("stops", "log", "per_user")
    assert content["experiment"] == json.loads(json.dumps(prepared().experiment.identity()))
    assert content["data"]["rows"] == 895 and content["data"]["clock"] == "time"
    assert content["fit_s"] > 0 and content["peak_memory_mb"] > 0 and content["num_parameters"] == 40
    users = pq.read_table(done.folder / "per_user.parquet").to_pandas()
    assert len(users) == 60
    counted = users[users.num_relevant > 0]
    members = {"all": counted, "regular": counted[~counted.cold], "cold": counted[counted.cold]}
    assert content["metrics"].keys() == members.keys()
    for segment, rows in members.items():
        for metric, mean in content["metrics"][segment].items():
            assert mean == pytest.approx(rows[metric].mean(), abs=1e-12)
    assert {"ndcg@5", "ndcg@10", "ndcg@20", "map_full@10", "hr@10"} <= content["metrics"]["all"].keys()
    raw_ids = prepared().dataset.log.user_ids.ids
    assert users.user_id.tolist() == raw_ids[users.user].tolist()


def test_saved_model_gives_the_metrics_of_the_record_again(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    ready = prepared()
    done = run(ready, tmp_path, Request("als", ALS.Config(factors=4)))
    again = ready.test.evaluate(ALS.load(done.folder / "model"))
    assert {name: again.mean(name) for name in again.metrics} == done.record.metrics["all"]
    assert np.array_equal(again.lists, done.evaluation.lists)


def test_nothing_in_a_run_folder_is_pickled(prepared: Callable[..., Prepared], tmp_path: Path) -> None:
    done = run(prepared(), tmp_path, STOPS)
    kinds = {path.suffix for path in done.folder.rglob("*") if path.is_file() and "tfevents" not in path.name}
    assert kinds == {".json", ".npz", ".parquet"}
    with np.load(done.folder / "model" / "arrays.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)


# Reuse.


def test_a_reused_run_says_where_its_settings_come_from_this_time(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    run(prepared(), tmp_path, dataclasses.replace(STOPS, tuning="flags"))
    again = run(prepared(), tmp_path, dataclasses.replace(STOPS, tuning="defaults, untuned"))
    assert (again.reused, again.record.tuning) == (True, "defaults, untuned")


def test_the_same_run_is_reused_with_the_same_numbers(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    first = run(prepared(), tmp_path, STOPS)
    again = run(prepared(), tmp_path, STOPS)
    assert (first.reused, again.reused) == (False, True)
    assert len(Remembers.fits) == 2
    assert again.record == first.record and again.folder == first.folder
    for name, values in first.evaluation.metrics.items():
        assert np.array_equal(again.evaluation.metrics[name], values, equal_nan=True)
    assert np.array_equal(again.evaluation.users, first.evaluation.users)
    assert np.array_equal(again.evaluation.cold, first.evaluation.cold)


def test_rerun_repeats(prepared: Callable[..., Prepared], tmp_path: Path) -> None:
    run(prepared(), tmp_path, STOPS)
    assert not run(prepared(), tmp_path, STOPS, rerun=True).reused
    assert len(Remembers.fits) == 4
    assert [path.name for path in (tmp_path / "log" / "per_user").iterdir()] == [
        Runner(prepared(), tmp_path, quiet()).folder(STOPS).name
    ]


def folder(prepared: Prepared, request: Request = STOPS) -> Path:
    return Runner(prepared, Path(), quiet()).folder(request)


def test_folder_is_named_by_what_it_is(prepared: Callable[..., Prepared]) -> None:
    where = folder(prepared())
    assert where.parent == Path("log/per_user")
    assert where.name.startswith("stops-seed0-") and len(where.name) == len("stops-seed0-") + 8


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 1},
        {"relevance_threshold": 2.0},
        {"split": "leave_last"},
        {"mask_seen": False},
        {"refit": False},
    ],
    ids=str,
)
def test_another_experiment_has_another_folder(
    prepared: Callable[..., Prepared], fields: dict[str, Any]
) -> None:
    assert folder(prepared(**fields)) != folder(prepared())


def test_other_settings_have_another_folder(prepared: Callable[..., Prepared]) -> None:
    asked = [
        STOPS,
        Request("stops", StopsConfig(epochs=2)),
        Request("grid", GridConfig()),
        Request("grid", GridConfig(), tune=True),
    ]
    assert len({folder(prepared(), request) for request in asked}) == 4


def test_another_grid_has_another_folder(
    prepared: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request("grid", GridConfig(), tune=True)
    before = folder(prepared(), request)
    monkeypatch.setattr(Grid, "grid", {"width": (4, 8, 16)})
    assert folder(prepared(), request) != before


def test_where_settings_come_from_does_not_change_the_folder(prepared: Callable[..., Prepared]) -> None:
    assert folder(prepared(), dataclasses.replace(STOPS, tuning="flags")) == folder(prepared())


def test_other_rows_or_candidates_have_another_folder(
    prepared: Callable[..., Prepared], tmp_path: Path, log_file: Path
) -> None:
    shorter = tmp_path / "log.csv"
    shorter.write_text("\n".join(log_file.read_text().splitlines()[:-1]))
    assert folder(prepare(Experiment(interactions=str(shorter)), quiet())) != folder(prepared())
    (tmp_path / "items.txt").write_text("\n".join(f"i{item}" for item in range(20)))
    assert folder(prepared(candidates=str(tmp_path / "items.txt"))) != folder(prepared())


def test_an_interrupted_run_is_run_again(prepared: Callable[..., Prepared], tmp_path: Path) -> None:
    first = run(prepared(), tmp_path, STOPS)
    (first.folder / "record.json").unlink()
    (first.folder / "left.over").touch()
    assert not run(prepared(), tmp_path, STOPS).reused
    assert not (first.folder / "left.over").exists()


def test_an_interrupted_fit_leaves_no_record_and_other_runs_stay(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    popularity = Request("popularity", PopularityConfig())
    run(prepared(), tmp_path, popularity)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Stops, "score", interrupted)
        run(prepared(), tmp_path, STOPS)
    assert run(prepared(), tmp_path, popularity).reused
    assert not run(prepared(), tmp_path, STOPS).reused


@pytest.mark.parametrize("file", ["record.json", "per_user.parquet"])
def test_a_truncated_file_names_rerun(prepared: Callable[..., Prepared], tmp_path: Path, file: str) -> None:
    path = run(prepared(), tmp_path, STOPS).folder / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=r"is damaged .* --rerun"):
        run(prepared(), tmp_path, STOPS)
    assert not run(prepared(), tmp_path, STOPS, rerun=True).reused


def test_results_dir_that_is_a_file_is_a_sentence(prepared: Callable[..., Prepared], tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(UserError, match=r"cannot be written .* Choose another --results_dir=DIR"):
        run(prepared(), tmp_path / "taken", STOPS)
    assert not Remembers.fits


def test_flags_and_results_go_to_tensorboard_for_every_model_and_curves_for_those_with_epochs(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    events = run(prepared(), tmp_path, STOPS).folder / "tensorboard"
    assert any((events / "search").iterdir()) and any((events / "refit").iterdir())
    plain = run(prepared(), tmp_path, Request("grid", GridConfig())).folder / "tensorboard"
    assert {path.parent.name for path in plain.rglob("events.*")} == {"tensorboard"}


# Seeds.


def test_another_seed_of_the_model_changes_the_fit_and_the_folder_and_nothing_else(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    ready = prepared()
    first, second = (run(ready, tmp_path, dataclasses.replace(STOPS, seed=seed)) for seed in (0, 1))
    assert [fit.seed for fit in Remembers.fits] == [0, 0, 1, 1]
    assert second.folder.name.startswith("stops-seed1-") and second.record.seed == 1
    assert first.record.experiment == second.record.experiment
    # what scores alike is ranked alike: ties are the experiment's
    assert first.evaluation.metrics.keys() == second.evaluation.metrics.keys()
    assert np.array_equal(first.evaluation.lists, second.evaluation.lists)


def test_a_model_is_tuned_once_for_all_its_seeds(prepared: Callable[..., Prepared], tmp_path: Path) -> None:
    runner = Runner(prepared(seed=5), tmp_path, quiet())
    done = [runner.run(Request("grid", GridConfig(peak=16), tune=True, seed=seed)) for seed in (5, 6)]
    assert [fit.seed for fit in Remembers.fits] == [5, 5, 5, 5, 6]  # three trials, then a fit a seed
    assert done[0].record.trials == done[1].record.trials
    assert done[0].record.tuning == done[1].record.tuning


def test_a_record_keeps_what_was_asked_and_a_reused_one_what_is_asked_now(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    done = run(prepared(), tmp_path, STOPS, asked={"split": "per_user"})
    assert json.loads((done.folder / "record.json").read_text())["asked"] == {"split": "per_user"}
    assert run(prepared(), tmp_path, STOPS, asked={"model": "stops"}).record.asked == {"model": "stops"}


# Bad days.


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("seed", 7, "another seed"),
        ("config", {"epochs": 9}, "another config"),
        ("metrics", {"all": {"ndcg@10": 0.99}}, "ndcg@10 of all is 0.99 in the record and 0."),
    ],
)
def test_an_edited_record_is_not_taken_for_the_run(
    prepared: Callable[..., Prepared], tmp_path: Path, field: str, value: Any, told: str
) -> None:
    path = run(prepared(), tmp_path, STOPS).folder / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(UserError, match=r"it was edited or copied\. Type --rerun") as raised:
        run(prepared(), tmp_path, STOPS)
    assert told in str(raised.value)
    assert not run(prepared(), tmp_path, STOPS, rerun=True).reused


def test_what_a_process_killed_right_after_its_record_left_is_removed(
    prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    folder = run(prepared(), tmp_path, STOPS).folder
    (folder / "unfinished").mkdir()
    folder.with_name(folder.name + ".old").mkdir()
    folder.with_name(folder.name + ".lock").touch()
    assert run(prepared(), tmp_path, STOPS).reused
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert not (folder / "unfinished").exists()


def test_trials_are_not_fitted_again_after_a_stop(
    prepared: Callable[..., Prepared], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request("grid", GridConfig(), tune=True)
    whole = run(prepared(), tmp_path / "whole", request).record
    fits = len(Remembers.fits)
    Remembers.fits.clear()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Grid, "_fit", interrupted_after(Grid._fit, 2))
        run(prepared(), tmp_path / "stopped", request)
    again = run(prepared(), tmp_path / "stopped", request).record
    assert len(Remembers.fits) == fits, "each once, in both lives together"
    assert (again.trials, again.config, again.metrics) == (whole.trials, whole.config, whole.metrics)
    assert not list((tmp_path / "stopped").rglob("unfinished"))


def interrupted_after(fit: Callable[..., Any], times: int) -> Callable[..., Any]:
    left = iter(range(times))

    def stopping(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return fit(*arguments)

    return stopping
