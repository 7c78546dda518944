"""Every trial with a quality is a run of TensorBoard's HParams tab, with its settings and its curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from tfrs_bench.reporting.tensorboard_trials import write_trials
from tfrs_bench.tuning.ledger import Search, Trial

SETTINGS = {"rate": 0.1, "factors": 8, "wide": True, "loss": "bpr", "hidden": [8, 4], "age": None}


def search(*trials: Trial) -> Search:
    return Search("als", "log", "per_user", {}, "rmse", 10.0, 60, {}, {}, list(trials))


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def settings_of(events: EventAccumulator) -> dict[str, Any]:
    content = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    hparams = HParamsPluginData.FromString(content).session_start_info.hparams
    return {name: getattr(one, str(one.WhichOneof("kind"))) for name, one in hparams.items()}


def scalars(events: EventAccumulator, tag: str) -> list[float]:
    found = events.Tensors(tag)
    return [round(float(one.tensor_proto.float_val[0]), 4) for one in found]


def test_settings_quality_and_curve_are_those_of_the_trial(tmp_path: Path) -> None:
    write_trials(
        tmp_path,
        search(
            Trial(0, SETTINGS, "complete", -0.9, 12.0, 2, [-0.95, -0.9]),
            Trial(1, SETTINGS, "pruned", -1.0, 3.0),
        ),
    )
    events = read(tmp_path / "trial-000")
    assert settings_of(events) == {
        "rate": 0.1, "factors": 8.0, "wide": True, "loss": "bpr", "hidden": "[8, 4]", "age": "None",
        "state": "complete",
    }  # fmt: skip
    assert scalars(events, "validation/rmse") == [0.95, 0.9]
    assert scalars(events, "best") == [0.9]
    assert scalars(events, "seconds") == [12.0]
    assert scalars(read(tmp_path / "trial-001"), "validation/rmse") == [1.0]


def test_failed_and_repeated_trials_have_no_run_and_a_second_writing_leaves_one_file(tmp_path: Path) -> None:
    found = search(
        Trial(0, SETTINGS, "complete", -0.9, 1.0),
        Trial(1, SETTINGS, "failed", None, 1.0, reason="The loss became nan."),
        Trial(2, SETTINGS, "complete", -0.9, 0.0, repeats=True),
    )
    write_trials(tmp_path, found)
    write_trials(tmp_path, found)
    assert [path.name for path in tmp_path.iterdir()] == ["trial-000"]
    assert len(list((tmp_path / "trial-000").iterdir())) == 1
