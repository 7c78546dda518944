"""What TensorBoard shows of a run: curves, settings, results and the items' embeddings.

Events are written with TensorBoard's own record format, not with `tf.summary`: a baseline then needs no
TensorFlow, whose loading would stand in its peak memory, and TensorFlow is never loaded before
`import_tensorflow` has chosen Keras 2. `tensorboard --logdir runs` finds every run below that folder.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.reporting.records import write_atomically
from tfrs_bench.storage import unwritable

PROJECTED_ITEMS = 10_000
STEPS_BETWEEN_POINTS = 50
POINTS_PER_EPOCH = 20
_STEP_LOSS = "train/step_loss"

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

    def __init__(self, folder: Path, phase: str = "", say: Callable[[str], None] | None = None) -> None:
        """Begins a curve file with the first point; the one an earlier fit of this phase left goes then.

        Args:
          folder: the run's TensorBoard folder.
          phase: `search` for the fit that validation watches, `refit` for the one after it. Each has a
            subfolder, which TensorBoard draws as a curve of its own; empty for the folder itself.
          say: is told, once, that curves cannot be written; a fit goes on without them.
        """
        self._folder, self._say = folder / phase, say
        self._events: _EventFile | None = None
        self._failed = False
        self._losses: list[float] = []
        self._parts: list[TensorBoardMonitor] = []

    def part(self, name: str) -> TensorBoardMonitor:
        """Returns what writes the curves of a part of the model, into a subfolder of its name."""
        self._parts.append(TensorBoardMonitor(self._folder, name, self._say))
        return self._parts[-1]

    def resumed(self, epoch: int) -> None:
        """Goes on with the points of an earlier process, those after this epoch left out."""
        self._write(lambda: self._open(_points_until(self._folder, epoch)))

    def step(self, epoch: int, epochs: int, step: int, steps: int, loss: float) -> None:
        """Keeps the loss of a batch, and writes the mean of those kept when a point is due."""
        self._losses.append(loss)
        if step % min(STEPS_BETWEEN_POINTS, max(1, steps // POINTS_PER_EPOCH)) == 0:
            point = {_STEP_LOSS: float(np.mean(self._losses))}
            self._write(lambda: self._open().scalars(point, (epoch - 1) * steps + step))
            self._losses.clear()

    def epoch(self, epoch: int, scalars: dict[str, float]) -> None:
        """Writes the scalars of an epoch, which counts from 1."""
        self._write(lambda: self._open().scalars(scalars, epoch))

    def close(self) -> None:
        """Closes the files; what was written before is on disk in any case."""
        for part in self._parts:
            part.close()
        if self._events is not None:
            self._write(self._events.close)

    def _open(self, points: Sequence[bytes] = ()) -> _EventFile:
        if self._events is None:
            self._events = _EventFile(self._folder, "curves", points)
        return self._events

    def _write(self, write: Callable[[], object]) -> None:
        """Curves are not worth the fit they show: the first failure is told, and nothing more is written."""
        if self._failed:
            return
        try:
            write()
        except OSError as error:
            self._failed = True
            if self._say is not None:
                self._say(f"{self._folder} cannot be written ({error.strerror}): its curves end here.")


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
    with _events(folder, "results") as events:
        events.scalars({f"test/{name}": value for name, value in metrics.items()}, 0)


def write_hyper_parameters(
    folder: Path, settings: Mapping[str, Any], scalars: Mapping[str, Sequence[float]]
) -> None:
    """Writes a run of the HParams tab.

    Args:
      folder: the run's TensorBoard folder.
      settings: by name; numbers, true or false, or text.
      scalars: values by tag, at steps 1, 2, ….

    Raises:
      UserError: the folder cannot be written.
    """
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    with _events(folder, "trial") as events:
        events.summary(hparams_pb(dict(settings), trial_id=folder.name))
        for tag, values in scalars.items():
            for step, value in enumerate(values, start=1):
                events.scalars({tag: value}, step)


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

    def __init__(self, folder: Path, kind: str, points: Sequence[bytes] = ()) -> None:
        """Opens `events.out.tfevents.<time>.<kind>` in place of earlier files of that kind.

        The name is new each time because a running TensorBoard goes on reading where it stopped in a file it
        knows; and it has no host name, unlike those of other writers.
        """
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        earlier = list(folder.glob(f"events.out.tfevents.*.{kind}"))
        file: BinaryIO = (folder / f"events.out.tfevents.{time.time_ns()}.{kind}").open("wb")
        self._records = RecordWriter(file)
        self._write(0, file_version="brain.Event:2")
        for point in points:
            self._records.write(point)
        self._records.flush()
        for one in earlier:
            one.unlink()

    def scalars(self, scalars: Mapping[str, float], step: int) -> None:
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        for tag, value in scalars.items():
            self._write(step, summary=scalar_pb(tag, value))

    def summary(self, summary: Any) -> None:
        self._write(0, summary=summary)

    def text(self, tag: str, markdown: str) -> None:
        from tensorboard.plugins.text.summary_v2 import text_pb

        self._write(0, summary=text_pb(tag, markdown))

    def close(self) -> None:
        self._records.close()

    def _write(self, step: int, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=time.time(), step=step, **content).SerializeToString())
        self._records.flush()


@contextlib.contextmanager
def _events(folder: Path, kind: str) -> Iterator[_EventFile]:
    """Opens an event file for the time of a block."""
    try:
        events = _EventFile(folder, kind)
        yield events
        events.close()
    except OSError as error:
        raise unwritable(folder, error) from error


def _points_until(folder: Path, epoch: int) -> list[bytes]:
    """Returns the events of a phase's curve file up to the scalars of an epoch."""
    from tensorboard.compat.proto.event_pb2 import Event

    points: list[bytes] = []
    kept = 0
    for path in sorted(folder.glob("events.out.tfevents.*.curves")):
        for record in _records(path):
            event = Event.FromString(record)
            if event.HasField("summary"):
                points.append(record)
                of_epoch = any(value.tag != _STEP_LOSS for value in event.summary.value)
                kept = len(points) if of_epoch and event.step <= epoch else kept
    return points[:kept]


def _records(path: Path) -> Iterator[bytes]:
    """Serialized events: each follows its length (8 bytes) and a checksum (4), and precedes one (4)."""
    content, place = path.read_bytes(), 0
    while place + 12 <= len(content):
        end = place + 12 + int.from_bytes(content[place : place + 8], "little")
        if end + 4 > len(content):  # torn by the stop
            return
        yield content[place + 12 : end]
        place = end + 4


def _write_text(folder: Path, tag: str, markdown: str) -> None:
    with _events(folder, tag) as events:
        events.text(tag, markdown)


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
