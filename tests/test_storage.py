"""Files are whole or not there; a full disk and a closed folder are sentences."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tfrs_bench.errors import UserError
from tfrs_bench.storage import atomic, check_writable, read_arrays, unwritable, write_arrays


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The system refuses to let any file of this process grow beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.bin"
    with atomic(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert [one.name for one in path.parent.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()], ids=repr)
def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")
    with pytest.raises(type(error)), atomic(tmp_path / "a.bin") as file:
        file.write(b"ne")
        raise error
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("size", [0, 100, 5000, 79_000])
def test_arrays_that_do_not_fit_leave_those_that_were_there(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.npz"
    write_arrays(path, {"a": np.arange(3)})
    with largest_file(size), pytest.raises(OSError, match="too large"):
        write_arrays(path, {"a": np.zeros(5000), "b": np.zeros(5000)})  # 80,000 bytes
    assert read_arrays(path)["a"].tolist() == [0, 1, 2]
    assert [one.name for one in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_arrays_cut_short_are_damaged(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.npz"
    write_arrays(path, {"a": np.arange(500), "b": np.ones((3, 4))})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"a\.npz is damaged"):
        read_arrays(path)


def test_a_byte_that_flipped_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_arrays(path, {"a": np.arange(500)})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz is damaged"):
        read_arrays(path)


def test_an_array_file_and_objects_are_no_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.arange(3))
    with pytest.raises(ValueError, match="is damaged"):
        read_arrays(tmp_path / "one.npy")
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_arrays(tmp_path / "a.npz", {"a": np.array([{}], dtype=object)})
    assert not (tmp_path / "a.npz").exists()


def test_a_folder_that_can_be_made_is_writable_and_not_made(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b", "--results_dir=DIR")
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_a_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(UserError, match=r"a/b cannot be written \(Not a dir.*--summary=FILE\."):
        check_writable(tmp_path / "a" / "b", "--summary=FILE")


def test_a_full_disk_is_noticed_beforehand(tmp_path: Path) -> None:
    with largest_file(100), pytest.raises(UserError, match="Make room there and type the same command again"):
        check_writable(tmp_path, "--results_dir=DIR")


def test_a_folder_that_may_not_be_written_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(UserError, match=r"\(Read-only file system\)\. Choose another --results_dir=DIR\."):
        check_writable(tmp_path, "--results_dir=DIR")


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Make room there and type the same command again, or choose another place."),
        (errno.EDQUOT, "Make room there and type the same command again, or choose another place."),
        (errno.EACCES, "Choose another place."),
    ],
)
def test_advice_goes_by_the_reason(number: int, advice: str) -> None:
    error = unwritable(Path("runs/a"), OSError(number, os.strerror(number)))
    assert str(error) == f"runs/a cannot be written ({os.strerror(number)}). {advice}"
