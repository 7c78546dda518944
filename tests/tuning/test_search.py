"""The search: trial 0 is the start, a stop changes nothing, failures are named, budgets hold."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfrs_bench.errors import UserError
from tfrs_bench.models.space import Choice, Range, described
from tfrs_bench.tuning import search as module
from tfrs_bench.tuning.ledger import Search, read_search
from tfrs_bench.tuning.search import Task, reaching, search


@dataclasses.dataclass(frozen=True)
class Config:
    width: int = 64
    rate: float = 0.001
    loss: str = "bce"
    layers: tuple[int, ...] = (8, 4)
    untouched: int = 3


SPACE = {
    "width": Range(8, 256, log=True),
    "rate": Range(1e-4, 1.0, log=True),
    "loss": Choice(("bce", "bpr")),
    "layers": Choice(((8, 4), (16,))),
}


def peak(config: Config) -> float:
    """Best at width 128, rate 0.03 and bpr."""
    away = (math.log(config.width / 128)) ** 2 + math.log(config.rate / 0.03) ** 2
    return 1.0 - 0.05 * away + 0.1 * (config.loss == "bpr")


class Harness:
    """A search of a function instead of a model; remembers what was fitted and what was said."""

    def __init__(self, path: Path, quality: Any = peak, epochs: int = 0, **more: Any) -> None:
        self.path, self.quality, self.epochs = path, quality, epochs
        self.space = more.get("space", SPACE)
        self.max_trials, self.minutes = more.get("max_trials", 25), more.get("minutes", 10.0)
        self.fitted: list[Config] = []
        self.said: list[str] = []

    def fit(self, model: Any, judge: Callable[[Any], float]) -> None:
        self.fitted.append(model)
        for _ in range(self.epochs):
            judge(model)

    def run(self) -> Search:
        task = Task(lambda config: config, self.fit, self.quality, Config(), self.space)
        space = described(self.space)
        blank = Search("toy", "log", "per_user", {}, "ndcg@10", self.minutes, self.max_trials, space, {})
        return search(task, self.path, blank, seed=7, say=self.said.append, progress=lambda done, total: None)


def tried(found: Search) -> list[Any]:
    return [(trial.number, trial.settings, trial.state, trial.quality, trial.curve) for trial in found.trials]


def test_trial_0_is_the_start_and_the_search_beats_it(tmp_path: Path) -> None:
    run = Harness(tmp_path / "toy.json")
    found = run.run()
    assert run.fitted[0] == Config()
    assert len(found.trials) == 25
    assert found.finished
    best = found.best
    assert best is not None
    assert best.quality is not None
    assert best.quality > peak(Config()) + 0.1
    assert all(one.untouched == 3 for one in run.fitted)
    assert read_search(tmp_path / "toy.json") == found


def test_the_same_seed_proposes_the_same(tmp_path: Path) -> None:
    assert tried(Harness(tmp_path / "a.json").run()) == tried(Harness(tmp_path / "b.json").run())


@pytest.mark.parametrize("stops", [(3,), (1, 12, 20)])
def test_a_stopped_search_goes_on_as_if_it_had_not_been(tmp_path: Path, stops: tuple[int, ...]) -> None:
    undisturbed = Harness(tmp_path / "whole.json", epochs=3).run()
    for stop in stops:
        run = Harness(tmp_path / "stopped.json", epochs=3)

        def killed(config: Config, run: Harness = run, stop: int = stop) -> float:
            kept = read_search(run.path)
            if kept is not None and len(kept.trials) >= stop:
                raise KeyboardInterrupt
            return peak(config)

        run.quality = killed
        with pytest.raises(KeyboardInterrupt):
            run.run()
    last = Harness(tmp_path / "stopped.json", epochs=3)
    resumed = last.run()
    assert tried(resumed) == tried(undisturbed)
    assert last.said[0] == f"goes on after {stops[-1]} trials"
    assert len(last.fitted) < len(undisturbed.trials)


def test_a_finished_search_is_not_repeated(tmp_path: Path) -> None:
    first = Harness(tmp_path / "toy.json").run()
    again = Harness(tmp_path / "toy.json")
    assert again.run() == first
    assert not again.fitted
    assert "was searched" in again.said[0]


def test_a_trial_that_fails_is_named_and_the_search_goes_on(tmp_path: Path) -> None:
    def diverging(config: Config) -> float:
        if config.rate > 0.01:
            raise UserError("The loss became nan at epoch 1, step 2.")
        return peak(config)

    run = Harness(tmp_path / "toy.json", diverging)
    found = run.run()
    failed = [trial for trial in found.trials if trial.state == "failed"]
    assert failed
    assert found.best is not None
    assert found.best.settings["rate"] <= 0.01
    assert f"trial {failed[0].number} failed: The loss became nan at epoch 1, step 2." in run.said
    assert found.ledger()["failed"] == len(failed)


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_quality_that_is_no_number_fails(tmp_path: Path, epochs: int) -> None:
    def judged(config: Config) -> float:
        return math.nan if config.loss == "bpr" else peak(config)

    found = Harness(tmp_path / "toy.json", judged, epochs=epochs).run()
    assert {trial.state for trial in found.trials if trial.settings["loss"] == "bpr"} == {"failed"}


def test_memory_that_runs_out_fails_a_trial(tmp_path: Path) -> None:
    def large(config: Config) -> float:
        if config.width > 64:
            raise MemoryError
        return peak(config)

    found = Harness(tmp_path / "toy.json", large).run()
    assert "Memory ran out." in {trial.reason for trial in found.trials}


def test_memory_that_runs_out_in_tensorflow_fails_a_trial(tmp_path: Path) -> None:
    class ResourceExhaustedError(Exception):
        """Called as TensorFlow's, which is not loaded here."""

    def large(config: Config) -> float:
        if config.width > 64:
            raise ResourceExhaustedError("OOM when allocating tensor")
        return peak(config)

    found = Harness(tmp_path / "toy.json", large).run()
    assert "Memory ran out." in {trial.reason for trial in found.trials}


def test_a_ledger_that_cannot_be_written_within_a_trial_is_no_failure_of_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, written = Harness(tmp_path / "toy.json", epochs=4, max_trials=3), module.write_search

    def full_in_the_second(path: Path, kept: Search) -> None:
        if len(kept.trials) == 1 and kept.lost_s:
            raise UserError(f"{path} cannot be written.")
        written(path, kept)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_search", full_in_the_second)
        with pytest.raises(UserError, match="cannot be written"):
            run.run()
    kept = read_search(run.path)
    assert kept is not None and [trial.state for trial in kept.trials] == ["complete"]
    whole = Harness(tmp_path / "toy.json", epochs=4, max_trials=3).run()
    assert {trial.state for trial in whole.trials} == {"complete"}


def test_the_first_trial_is_made_even_if_stops_used_up_the_budget(tmp_path: Path, clock: Clock) -> None:
    run = Harness(tmp_path / "toy.json", epochs=4, minutes=0.5)

    def stopped(config: Config) -> float:
        clock.judged(config)
        clock.judged(config)
        raise KeyboardInterrupt

    run.quality = stopped
    with pytest.raises(KeyboardInterrupt):
        run.run()
    found = Harness(tmp_path / "toy.json", clock.judged, epochs=4, minutes=0.5).run()
    assert found.lost_s > 30.0
    assert [(trial.state, trial.epochs) for trial in found.trials] == [("stopped", 1)]


def test_a_search_whose_trials_all_fail_says_so(tmp_path: Path) -> None:
    def broken(config: Config) -> float:
        raise UserError("The loss became nan.")

    with pytest.raises(UserError, match=r"No trial of toy succeeded.*The loss became nan\..*toy\.json"):
        Harness(tmp_path / "toy.json", broken, max_trials=3).run()


def test_bugs_are_not_failures_of_settings(tmp_path: Path) -> None:
    def defective(config: Config) -> float:
        raise TypeError("a defect")

    with pytest.raises(TypeError):
        Harness(tmp_path / "toy.json", defective).run()


class Clock:
    """Seconds that pass when a model is judged."""

    def __init__(self, a_judgement: float) -> None:
        self.now, self._a_judgement = 0.0, a_judgement

    def judged(self, config: Config) -> float:
        self.now += self._a_judgement
        return peak(config)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(20.0)
    monkeypatch.setattr(module.time, "perf_counter", lambda: clock.now)
    return clock


def test_no_trial_starts_after_the_cap(tmp_path: Path, clock: Clock) -> None:
    found = Harness(tmp_path / "toy.json", clock.judged, minutes=1.0).run()
    assert len(found.trials) == 3
    assert found.minutes == 1.0


def test_a_trial_with_epochs_stops_when_time_is_up_and_its_best_epoch_counts(
    tmp_path: Path, clock: Clock
) -> None:
    found = Harness(tmp_path / "toy.json", clock.judged, epochs=4, minutes=2.0).run()
    assert [trial.state for trial in found.trials] == ["complete", "stopped"]
    assert found.trials[1].epochs == 2
    assert found.trials[1].quality == peak(Config(**found.trials[1].settings | {"layers": (8, 4)}))
    assert found.minutes == 2.0


@pytest.mark.parametrize(("others", "states", "epochs"), [(0.4, {"pruned"}, {4}), (0.6, {"stopped"}, {26})])
def test_a_trial_that_is_no_better_after_the_time_of_the_best_is_given_up(
    tmp_path: Path, clock: Clock, others: float, states: set[str], epochs: set[int]
) -> None:
    """An epoch takes 20 s, so trial 0 took 80; the others would go on for more than the ten minutes."""

    def quality(config: Config) -> float:
        clock.judged(config)
        return 0.5 if config == Config() else others

    run = Harness(tmp_path / "toy.json", quality, epochs=4, max_trials=4)

    def longer_after_the_first(model: Any, judge: Callable[[Any], float]) -> None:
        for _ in range(4 if model == Config() else 40):
            judge(model)

    run.fit = longer_after_the_first  # type: ignore[method-assign]
    found = run.run().trials[1:]
    assert ({trial.state for trial in found}, {trial.epochs for trial in found}) == (states, epochs)


def test_where_trial_0_says_that_few_will_follow_they_stay_near_it(tmp_path: Path, clock: Clock) -> None:
    start = {"width": 64, "rate": 0.001, "loss": "bce", "layers": [8, 4]}
    near, far = (
        Harness(tmp_path / f"{minutes}.json", clock.judged, minutes=minutes, max_trials=9).run().trials[1:]
        for minutes in (6.0, 60.0)
    )

    def kept(trial: Any) -> int:
        return sum(trial.settings[name] == value for name, value in start.items())

    assert all(kept(trial) < 4 for trial in near)
    assert sum(map(kept, near)) > sum(map(kept, far))
    assert {kept(trial) for trial in far} <= {0, 1, 2}  # by the two choices alone


def test_seconds_of_a_killed_trial_count(tmp_path: Path, clock: Clock) -> None:
    run = Harness(tmp_path / "toy.json", epochs=4, minutes=3.0)

    def killed(config: Config) -> float:
        quality = clock.judged(config)
        if clock.now >= 120.0:
            raise KeyboardInterrupt
        return quality

    run.quality = killed
    with pytest.raises(KeyboardInterrupt):
        run.run()
    kept = read_search(run.path)
    assert kept is not None
    assert (len(kept.trials), kept.lost_s) == (1, 40.0)
    resumed = Harness(tmp_path / "toy.json", clock.judged, epochs=4, minutes=3.0).run()
    assert resumed.lost_s == 40.0
    assert resumed.minutes == 3.0


def test_hopeless_trials_are_pruned_and_do_not_win(tmp_path: Path) -> None:
    found = Harness(tmp_path / "toy.json", epochs=8).run()
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    assert pruned
    assert all(3 <= (trial.epochs or 0) <= 8 for trial in pruned)
    assert all(trial.number >= 5 for trial in pruned)
    assert found.best is not None
    assert found.best.state == "complete"


def test_a_few_choices_are_each_fitted_once(tmp_path: Path) -> None:
    run = Harness(
        tmp_path / "toy.json", space={"loss": SPACE["loss"], "layers": SPACE["layers"]}, max_trials=60
    )
    found = run.run()
    assert len(run.fitted) == len(set(run.fitted)) == 4
    assert found.ledger()["trials"] == 4
    assert found.summary().startswith("tpe: 4 trials, ")


def test_a_search_without_a_file_to_write_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Harness(tmp_path / "toy.json", max_trials=4)

    def full(config: Config) -> float:
        if len(run.fitted) == 3:
            monkeypatch.setattr("tfrs_bench.storage.Path.replace", disk_is_full)
        return peak(config)

    run.quality = full
    with pytest.raises(UserError, match=r"toy\.json cannot be written.*Make room there"):
        run.run()
    assert [path.name for path in tmp_path.iterdir()] == ["toy.json"]
    assert len(json.loads(run.path.read_text())["trials"]) == 2


def disk_is_full(*arguments: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_space_reaches_to_the_start_and_leaves_out_what_is_held() -> None:
    start = Config(width=300, loss="mse")
    reached = reaching(SPACE | {"age": Choice((None, 3.0), needs_times=True)}, WithAge(), timed=False)
    assert "age" not in reached
    reached = reaching(SPACE, start, held=frozenset({"layers"}))
    assert list(reached) == ["width", "rate"]
    assert reached["width"] == Range(8, 300, log=True)


@dataclasses.dataclass(frozen=True)
class WithAge(Config):
    age: float | None = None
