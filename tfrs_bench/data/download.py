"""Fetches public archives once, through TensorFlow Datasets, which knows their checksums."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from tfrs_bench.errors import UserError

CACHE_VARIABLE = "TFRS_BENCH_CACHE"
_PATIENCE_S = 10.0


def cache_dir() -> Path:
    """Returns the folder of downloads: `$TFRS_BENCH_CACHE`, or `tfrs_bench` in the user's cache."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tfrs_bench"


def fetch(url: str, folder: str, instead: str) -> Path:
    """Downloads, verifies and unzips an archive into the cache.

    Args:
      url: address of a zip whose checksum TensorFlow Datasets records.
      folder: the archive's top folder.
      instead: what to do without a network, for the error.

    Returns:
      `<cache>/<folder>`, complete.

    Raises:
      UserError: no network, not the recorded archive, or nowhere to write.
    """
    target, archives = cache_dir() / folder, cache_dir() / "downloads"
    if not any(archives.glob(f"*{folder}*.zip")):
        _check_reachable(url, instead)
    # Imported here because it takes a second and only a first download needs it.
    from tensorflow_datasets import download as tfds
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

    try:
        manager = tfds.DownloadManager(download_dir=archives, force_checksums_validation=True)
        _unzip(Path(manager.download(url)), target)
    except NonMatchingChecksumError as error:
        raise UserError(
            f"{url} is not the recorded archive (wrong checksum). Try later, or {instead}"
        ) from error
    except (OSError, tfds.DownloadError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{url} could not be put into {cache_dir()} ({error}). Mend that, or {instead}"
        ) from error
    return target


def _check_reachable(url: str, instead: str) -> None:
    """TensorFlow Datasets would retry for minutes before it says that there is no network."""
    try:
        with urlopen(Request(url, method="HEAD"), timeout=_PATIENCE_S):
            return
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(
            f"{url} cannot be reached ({reason}). Run the same command where there is a network, or {instead}"
        ) from error


def _unzip(archive: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache_dir()) as scratch, zipfile.ZipFile(archive) as packed:
        packed.extractall(scratch)
        if target.exists():  # what an earlier version or a broken copy left
            shutil.rmtree(target)
        (Path(scratch) / target.name).rename(target)  # at once: an interrupted run leaves no half folder
