"""What TensorBoard shows of a run: curves, settings, results and the items' embeddings.

Events are written with TensorBoard's own record format, not with `tf.summary`: a baseline then needs no
TensorFlow, whose loading would stand in its peak memory, and TensorFlow is never loaded before
`import_tensorflow` has chosen Keras 2. `tensorboard --logdir runs` finds every run below that folder.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.errors import UserError
from tfrs_bench.reporting.records import write_atomically

PROJECTED_ITEMS = 10_000
STEPS_BETWEEN_POINTS = 50
POINTS_PER_EPOCH = 20

_PROJECTOR_CONFIG = """embeddings {
  tensor_name: "items"
  tensor_path: "items.tsv"
  metadata_path: "metadata.tsv"
}
"""


class TensorBoardMonitor:
    """A `FitMonitor` that writes training curves as they grow.

    Curves over epochs carry the tags the fit reports, such as `train/loss` and `validation/ndcg@10`. Within
    epochs, `train/step_loss` is the mean loss since the point before, over the steps of the whole fit: a
    point every 50 steps, or about 20 an epoch where epochs are short.
    """

    def __init__(self, folder: Path, phase: str = "") -> None:
        """Starts a curve file; the one an earlier fit of this phase left is removed.

        Args:
          folder: the run's TensorBoard folder.
          phase: `search` for the fit that validation watches, `refit` for the one after it. Each has a
            subfolder, which TensorBoard draws as a curve of its own; empty for the folder itself.

        Raises:
          UserError: the folder cannot be written.
        """
        self._events = _EventFile(folder / phase, "curves")
        self._losses: list[float] = []

    def step(self, epoch: int, epochs: int, step: int, steps: int, loss: float) -> None:
        """Keeps the loss of a batch, and writes the mean of those kept when a point is due."""
        self._losses.append(loss)
        if step % min(STEPS_BETWEEN_POINTS, max(1, steps // POINTS_PER_EPOCH)) == 0:
            self._events.scalars(
                {"train/step_loss": float(np.mean(self._losses))}, (epoch - 1) * steps + step
            )
            self._losses.clear()

    def epoch(self, epoch: int, scalars: dict[str, float]) -> None:
        """Writes the scalars of an epoch, which counts from 1."""
        self._events.scalars(scalars, epoch)

    def close(self) -> None:
        """Closes the file; what was written before is on disk in any case."""
        self._events.close()


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Writes flags as the text `settings`: a Markdown table, one row a flag, values as they are typed.

    Args:
      folder: the run's TensorBoard folder.
      settings: flag name to value.

    Raises:
      UserError: the folder cannot be written.
    """
    rows = (f"| `{name}` | {_as_typed(value)} |" for name, value in settings.items())
    _write_text(folder, "settings", "\n".join(["| flag | value |", "|:--|:--|", *rows]))


def write_results(folder: Path, metrics: Mapping[str, float]) -> None:
    """Writes final metrics as scalars `test/<metric>`, such as `test/ndcg@10`, at step 0.

    Args:
      folder: the run's TensorBoard folder.
      metrics: name to value.

    Raises:
      UserError: the folder cannot be written.
    """
    events = _EventFile(folder, "results")
    events.scalars({f"test/{name}": value for name, value in metrics.items()}, 0)
    events.close()


def write_projector(
    folder: Path,
    embeddings: NDArray[np.float32],
    labels: Sequence[str],
    popularity: NDArray[Any],
    columns: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """Writes item embeddings for the projector, most popular first, each under its label.

    A browser copes with about 10,000 points, so only that many of the most popular items are kept; the text
    `projector` beside them says how many of how many. That text also makes the folder a run, without which
    TensorBoard would not look for a projector in it.

    Args:
      folder: the run's TensorBoard folder.
      embeddings: [m, d] float32.
      labels: [m] what is shown at a point, usually titles; tabs and line breaks become spaces.
      popularity: [m] interactions of each item; also a column to color by.
      columns: further columns by name, [m] values each, such as item ids or genres.

    Raises:
      UserError: the folder cannot be written.
      ValueError: labels, popularity or a column do not have one value per item.
    """
    table = {"label": labels, "popularity": popularity.tolist(), **(columns or {})}
    for name, values in table.items():
        if len(values) != len(embeddings):
            raise ValueError(f"{len(embeddings)} items, but {len(values)} values of {name}.")
    kept = np.argsort(-popularity, kind="stable")[:PROJECTED_ITEMS]
    lines = ["\t".join(_one_cell(values[item]) for values in table.values()) for item in kept.tolist()]
    vectors = ["\t".join(f"{value:.5g}" for value in row) for row in embeddings[kept].tolist()]
    write_atomically(folder / "metadata.tsv", "\n".join(["\t".join(table), *lines]) + "\n")
    write_atomically(folder / "items.tsv", "\n".join(vectors) + "\n")
    write_atomically(folder / "projector_config.pbtxt", _PROJECTOR_CONFIG)
    share = "All" if len(kept) == len(embeddings) else f"The {len(kept):,} most popular of"
    _write_text(folder, "projector", f"{share} {len(embeddings):,} items are shown.")


class _EventFile:
    """An event file; every write reaches the disk at once, and a torn end is skipped by readers."""

    def __init__(self, folder: Path, kind: str) -> None:
        """Opens `events.out.tfevents.<time>.<kind>` in place of earlier files of that kind.

        The name is new each time because a running TensorBoard goes on reading where it stopped in a file it
        knows; and it has no host name, unlike those of other writers.
        """
        from tensorboard.summary.writer.record_writer import RecordWriter

        try:
            folder.mkdir(parents=True, exist_ok=True)
            for earlier in folder.glob(f"events.out.tfevents.*.{kind}"):
                earlier.unlink()
            file: BinaryIO = (folder / f"events.out.tfevents.{time.time_ns()}.{kind}").open("wb")
        except OSError as error:
            raise UserError(
                f"{folder} cannot be written ({error.strerror}). Choose another place."
            ) from error
        self._records = RecordWriter(file)
        self._write(0, file_version="brain.Event:2")

    def scalars(self, scalars: Mapping[str, float], step: int) -> None:
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        for tag, value in scalars.items():
            self._write(step, summary=scalar_pb(tag, value))

    def text(self, tag: str, markdown: str) -> None:
        from tensorboard.plugins.text.summary_v2 import text_pb

        self._write(0, summary=text_pb(tag, markdown))

    def close(self) -> None:
        self._records.close()

    def _write(self, step: int, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=time.time(), step=step, **content).SerializeToString())
        self._records.flush()


def _write_text(folder: Path, tag: str, markdown: str) -> None:
    events = _EventFile(folder, tag)
    events.text(tag, markdown)
    events.close()


def _as_typed(value: Any) -> str:
    """Returns a table cell: the value as a flag takes it, `true` or `128,64`, literal in Markdown."""
    if isinstance(value, (list, tuple)):
        value = ",".join(str(one) for one in value)
    if isinstance(value, bool):
        value = str(value).lower()
    if value is None or value == "":
        return "(none)"
    text = _one_line(value)
    # In a code span nothing is markup but its own delimiter, not even a table's bar.
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _one_cell(value: Any) -> str:
    """Returns the value on one line without tabs; the projector drops empty rows, so nothing is empty."""
    return _one_line(value) or "(none)"


def _one_line(value: Any) -> str:
    text = str(value).encode("utf-8", "replace").decode()
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text).strip()
