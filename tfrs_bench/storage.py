"""Files that are there whole or not at all, whenever a process is killed or a disk is full."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.errors import UserError

PARTIAL = ".partial"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def atomic(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Opens a file that takes its name when the block ends, and is gone if the block fails.

    Args:
      path: what to write; missing folders are made.
      durable: outlive a power cut too; can take seconds beside others who write much.

    Raises:
      OSError: it cannot be written; what was there before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may write one summary: each has a partial file of its own.
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        with partial.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes arrays by name to an uncompressed npz, whole or not at all.

    Raises:
      OSError: it cannot be written.
    """
    with atomic(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Reads what `write_arrays` wrote; nothing is unpickled.

    Raises:
      OSError: it is not there or cannot be read.
      ValueError: it is damaged, or no npz.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (TypeError, AttributeError, KeyError, EOFError, NotImplementedError) as error:
        raise ValueError(f"{path.name} is damaged") from error
    except (ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from error


def check_writable(folder: Path, flag: str) -> None:
    """Finds out, before long work, whether a folder can be made and written; leaves nothing there.

    Args:
      folder: may not exist yet.
      flag: what the user chose it with.

    Raises:
      UserError: it cannot.
    """
    try:
        there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(4096))
    except OSError as error:
        raise unwritable(folder, error, f"another {flag}") from error


def unwritable(path: Path, error: OSError, instead: str = "another place") -> UserError:
    """Returns what to tell when a file or folder cannot be written.

    Args:
      path: the file or folder.
      error: why.
      instead: what the user may choose, such as `another --results_dir=DIR`.
    """
    choose = f"Choose {instead}"
    if error.errno in _FULL:
        choose = f"Make room there and type the same command again, or choose {instead}"
    return UserError(f"{path} cannot be written ({error.strerror or error}). {choose}.")
