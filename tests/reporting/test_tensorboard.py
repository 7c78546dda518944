from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
from werkzeug.test import Client

from tfrs_bench.errors import UserError
from tfrs_bench.reporting import tensorboard
from tfrs_bench.reporting.tensorboard import (
    TensorBoardMonitor,
    write_projector,
    write_results,
    write_settings,
)


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events


def curve(folder, tag):
    """Steps and values of a scalar, read by TensorBoard itself."""
    found = read(folder).Tensors(tag)
    return [one.step for one in found], [pytest.approx(one.tensor_proto.float_val[0]) for one in found]


def text(folder, tag):
    (found,) = read(folder).Tensors(tag)
    return found.tensor_proto.string_val[0].decode()


def tags(folder):
    return sorted(read(folder).Tags()["tensors"])


def rows(path):
    """Cells of a TSV, split at nothing but newline and tab, as the projector's page does."""
    return [line.split("\t") for line in path.read_bytes().decode().rstrip("\n").split("\n")]


def test_epochs_are_read_back_under_their_own_tags(tmp_path):
    monitor = TensorBoardMonitor(tmp_path, "search")
    monitor.epoch(1, {"train/loss": 3.5, "validation/ndcg@10": 0.125})
    monitor.epoch(2, {"train/loss": 2.25, "validation/ndcg@10": 0.25})
    monitor.close()
    assert tags(tmp_path / "search") == ["train/loss", "validation/ndcg@10"]
    assert curve(tmp_path / "search", "train/loss") == ([1, 2], [3.5, 2.25])
    assert curve(tmp_path / "search", "validation/ndcg@10") == ([1, 2], [0.125, 0.25])


def test_a_point_of_the_step_curve_is_the_mean_of_50_steps(tmp_path):
    monitor = TensorBoardMonitor(tmp_path)
    for epoch in (1, 2):
        for step in range(1, 1001):
            monitor.step(epoch, 2, step, 1000, float(step))
    monitor.close()
    steps, values = curve(tmp_path, "train/step_loss")
    assert steps == list(range(50, 2001, 50))
    # Steps 1 … 50 have the mean 25.5, and every further fifty 50 more; the second epoch repeats the first.
    assert values == [25.5 + 50 * point for point in range(20)] * 2


def test_short_epochs_still_have_points(tmp_path):
    monitor = TensorBoardMonitor(tmp_path)
    for step in range(1, 4):
        monitor.step(1, 1, step, 3, 2.0 * step)
    monitor.close()
    assert curve(tmp_path, "train/step_loss") == ([1, 2, 3], [2, 4, 6])


def test_steps_after_the_last_point_of_an_epoch_count_in_the_next(tmp_path):
    monitor = TensorBoardMonitor(tmp_path)
    for epoch in (1, 2):
        for step in range(1, 42):  # 41 steps, a point every 2: step 41 waits for step 2 of the next epoch
            monitor.step(epoch, 2, step, 41, 9.0 if (epoch, step) == (1, 41) else 0.0)
    monitor.close()
    steps, values = curve(tmp_path, "train/step_loss")
    assert (steps[19:22], values[19:22]) == ([40, 43, 45], [0, 3, 0])


def test_phases_do_not_mix_and_a_second_fit_replaces_the_first(tmp_path):
    for phase, losses in (("search", [5, 4, 3]), ("refit", [2]), ("search", [1])):
        monitor = TensorBoardMonitor(tmp_path, phase)
        for epoch, loss in enumerate(losses, start=1):
            monitor.epoch(epoch, {"train/loss": float(loss)})
        monitor.close()
    assert curve(tmp_path / "search", "train/loss") == ([1], [1])
    assert curve(tmp_path / "refit", "train/loss") == ([1], [2])


def test_what_was_told_is_on_disk_before_the_fit_ends(tmp_path):
    monitor = TensorBoardMonitor(tmp_path)
    monitor.epoch(1, {"train/loss": 7.0})
    assert curve(tmp_path, "train/loss") == ([1], [7])
    monitor.close()


def test_results_settings_and_projector_share_a_folder(tmp_path):
    write_settings(tmp_path, {"model": "als"})
    write_projector(tmp_path, np.eye(2, dtype=np.float32), ["a", "b"], np.array([1, 1]))
    write_results(tmp_path, {"ndcg@10": 0.25, "hr@10": 0.5})
    write_results(tmp_path, {"ndcg@10": 0.75, "hr@10": 0.5})
    assert tags(tmp_path) == ["projector", "settings", "test/hr@10", "test/ndcg@10"]
    assert curve(tmp_path, "test/ndcg@10") == ([0], [0.75])


def test_settings_are_one_row_a_flag_with_values_as_typed(tmp_path):
    write_settings(
        tmp_path,
        {
            "learning_rate": 0.001,
            "hidden": (128, 64),
            "refit": True,
            "candidates": None,
            "separator": "a|b\n`c`",
        },
    )
    assert text(tmp_path, "settings").split("\n") == [
        "| flag | value |",
        "|:--|:--|",
        "| `learning_rate` | `0.001` |",
        "| `hidden` | `128,64` |",
        "| `refit` | `true` |",
        "| `candidates` | (none) |",
        "| `separator` | `` a|b `c` `` |",
    ]


def test_vectors_and_labels_stay_together_most_popular_first(tmp_path):
    vectors = np.array([[0.5, 1], [-2, 1e-7], [3.25, 0]], dtype=np.float32)
    write_projector(
        tmp_path, vectors, ["rare", "hit", "also a hit"], np.array([1, 9, 9]), {"item_id": ["i0", "i1", "i2"]}
    )
    assert rows(tmp_path / "metadata.tsv") == [
        ["label", "popularity", "item_id"],
        ["hit", "9", "i1"],
        ["also a hit", "9", "i2"],
        ["rare", "1", "i0"],
    ]
    assert np.array_equal(np.loadtxt(tmp_path / "items.tsv", dtype=np.float32), vectors[[1, 2, 0]])


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("tab\there", "tab here"),
        ("two\r\nlines", "two lines"),
        ("Amélie 天空 🎬", "Amélie 天空 🎬"),
        ("next\x85line\u2028end", "next line end"),
        ("half \ud83d pair", "half ? pair"),
        ("nul\0", "nul"),
        ("", "(none)"),
    ],
)
def test_any_title_is_one_row(tmp_path, title, label):
    write_projector(tmp_path, np.ones((2, 2), dtype=np.float32), [title, "after"], np.array([4, 3]))
    assert rows(tmp_path / "metadata.tsv") == [["label", "popularity"], [label, "4"], ["after", "3"]]
    assert len((tmp_path / "metadata.tsv").read_text().splitlines()) == 3


def test_only_the_most_popular_are_kept_and_the_page_says_so(tmp_path, monkeypatch):
    vectors, popularity = np.arange(10, dtype=np.float32).reshape(5, 2), np.array([3, 5, 1, 4, 2])
    write_projector(tmp_path, vectors, list("abcde"), popularity)
    assert text(tmp_path, "projector") == "All 5 items are shown."
    monkeypatch.setattr(tensorboard, "PROJECTED_ITEMS", 3)
    write_projector(tmp_path, vectors, list("abcde"), popularity)
    assert [label for label, _ in rows(tmp_path / "metadata.tsv")[1:]] == ["b", "d", "a"]
    assert rows(tmp_path / "items.tsv") == [["2", "3"], ["6", "7"], ["0", "1"]]
    assert text(tmp_path, "projector") == "The 3 most popular of 5 items are shown."


def test_the_projector_of_a_nested_run_is_served_from_a_parent_folder(tmp_path):
    name = "simulated/per_user/two_tower-seed0/tensorboard"
    vectors = np.array([[1, 2], [3, 4]], dtype=np.float32)
    write_projector(tmp_path / name, vectors, ["rare", "hit"], np.array([1, 2]))
    runs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    context = TBContext(data_provider=MultiplexerDataProvider(runs, str(tmp_path)), logdir=str(tmp_path))
    pages = ProjectorPlugin(context).get_plugin_apps()

    def get(page):
        return Client(pages[page]).get("/", query_string={"run": name, "name": "items"})

    assert get("/runs").json == [name]
    assert get("/info").json["embeddings"][0]["tensorShape"] == [2, 2]
    assert np.frombuffer(get("/tensor").data, dtype=np.float32).tolist() == [3, 4, 1, 2]
    assert get("/metadata").text == "label\tpopularity\nhit\t2\nrare\t1\n"


def test_a_column_of_another_length_is_refused(tmp_path):
    with pytest.raises(ValueError, match="3 items, but 2 values of genre"):
        write_projector(
            tmp_path, np.ones((3, 2), dtype=np.float32), list("abc"), np.zeros(3), {"genre": ["x", "y"]}
        )


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_results(tmp_path / "file" / "below", {"ndcg@10": 1.0})


def test_tensorflow_is_not_loaded_and_no_name_tells_the_machine(tmp_path):
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from tfrs_bench.reporting import tensorboard as board\n"
        "assert 'tensorboard' not in sys.modules, 'imports are lazy'\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "board.write_settings(folder, {'model': 'als'}); board.write_results(folder, {'ndcg@10': 0.5})\n"
        "board.write_projector(folder, np.eye(2, dtype=np.float32), ['a', 'b'], np.ones(2))\n"
        "monitor = board.TensorBoardMonitor(folder); monitor.epoch(1, {'train/loss': 1.0}); monitor.close()\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    endings = sorted(path.name.split(".", 4)[4] for path in tmp_path.glob("*tfevents*"))
    assert endings == ["curves", "projector", "results", "settings"]


def half_written(folder):
    """Two epochs of two steps, and a step of the third, whose event is torn."""
    monitor = TensorBoardMonitor(folder)
    for epoch in (1, 2):
        for step in (1, 2):
            monitor.step(epoch, 3, step, 2, float(epoch))
        monitor.epoch(epoch, {"train/loss": float(epoch)})
    monitor.step(3, 3, 1, 2, 9.0)
    monitor.close()
    (path,) = folder.glob("*.curves")
    path.write_bytes(path.read_bytes()[:-5])


@pytest.mark.parametrize("done", [1, 2])
def test_a_curve_goes_on_without_lost_or_repeated_points(tmp_path, done):
    half_written(tmp_path)
    monitor = TensorBoardMonitor(tmp_path)
    monitor.resumed(done)
    for epoch in range(done + 1, 4):
        for step in (1, 2):
            monitor.step(epoch, 3, step, 2, float(epoch))
        monitor.epoch(epoch, {"train/loss": float(epoch)})
    monitor.close()
    assert curve(tmp_path, "train/loss") == ([1, 2, 3], [1, 2, 3])
    assert curve(tmp_path, "train/step_loss") == ([1, 2, 3, 4, 5, 6], [1, 1, 2, 2, 3, 3])
    assert len(list(tmp_path.glob("*.curves"))) == 1


def test_curves_that_cannot_be_written_are_told_once_and_stop_nothing(tmp_path):
    (tmp_path / "file").touch()
    said = []
    monitor = TensorBoardMonitor(tmp_path / "file" / "below", "search", said.append)
    monitor.epoch(1, {"train/loss": 1.0})
    monitor.epoch(2, {"train/loss": 1.0})
    monitor.close()
    (line,) = said
    assert "search cannot be written" in line and "its curves end here" in line
