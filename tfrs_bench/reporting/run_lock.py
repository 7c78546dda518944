"""One process at a time on one run; other runs of the same folder go on beside it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from tfrs_bench.storage import unwritable


@contextlib.contextmanager
def run_lock(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds a run for this process, and waits for another that holds it.

    The system lets go of the lock when the process ends, however it ends, so none is ever stale.

    Args:
      folder: of the run; the lock is a file beside it while it is held.
      waiting: called once if another process holds the run.

    Raises:
      UserError: the file cannot be written.
    """
    path = lock_file(folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _lock(path, waiting)
    except OSError as error:
        raise unwritable(folder, error, "another --results_dir=DIR") from error
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def lock_file(folder: Path) -> Path:
    """Returns the file that stands for a run's lock; it is there from a process at work, or killed."""
    return folder.with_name(folder.name + ".lock")


def _lock(path: Path, waiting: Callable[[], None]) -> IO[str]:
    while True:
        file = path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
                raise
            return file  # a file system without locks
        # Whoever held it has deleted it: then this lock is on a file that the next process does not see.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()
