"""Nothing here runs code from a file: no pickle, no eval, and arrays are read as numbers only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tfrs_bench.storage import read_arrays, write_arrays

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path for folder in ("tfrs_bench", "benchmarks") for path in (ROOT / folder).rglob("*.py"))

MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
METHODS = {"read_pickle", "to_pickle", "pickle", "unpickle"}
BUILT_IN = {"eval", "exec", "compile", "__import__"}
NUMPY_FILES = {"load", "save", "savez", "savez_compressed"}


def dangers(source: str) -> Iterator[str]:
    """Yields what in a file's source could run code that a data file brings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield str(node.module)
        elif isinstance(node, ast.Attribute) and node.attr in METHODS:
            yield node.attr
        elif isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(call: ast.Call) -> Iterator[str]:
    match call.func:
        case ast.Name(id=name) if name in BUILT_IN:
            yield name
        case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name) if name in NUMPY_FILES:
            allowed = next((one.value for one in call.keywords if one.arg == "allow_pickle"), None)
            if not (isinstance(allowed, ast.Constant) and allowed.value is False):
                yield f"np.{name} without allow_pickle=False"
        case _:
            pass


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def f():\n    from joblib import load",
        "import yaml",
        "pandas.read_pickle(path)",
        "frame.to_pickle(path)",
        "eval(text)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "np.savez(path, **arrays)",
    ],
)
def test_the_scan_sees(source: str) -> None:
    assert list(dangers(source))


def test_the_scan_lets_pass_what_is_harmless() -> None:
    harmless = "import json\nre.compile(x)\nmodel.eval()\nnp.load(path, allow_pickle=False)\nnp.loadtxt(path)"
    assert not list(dangers(harmless))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_of_the_package_or_the_benchmarks_runs_code_from_data(path: Path) -> None:
    assert not list(dangers(path.read_text(encoding="utf-8")))


def test_arrays_of_objects_are_not_written(tmp_path: Path) -> None:
    with pytest.raises((OSError, ValueError)):
        write_arrays(tmp_path / "arrays.npz", {"titles": np.array(["a", None], dtype=object)})
    assert not (tmp_path / "arrays.npz").exists()


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_a_pickle_in_a_file_of_arrays_is_refused_and_never_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", counts=np.array([Trap(tmp_path / "ran")], dtype=object))
    with pytest.raises(ValueError, match="damaged"):
        read_arrays(tmp_path / "arrays.npz")
    assert not (tmp_path / "ran").exists()
    with np.load(tmp_path / "arrays.npz", allow_pickle=True) as arrays:  # the trap works
        arrays["counts"]
    assert (tmp_path / "ran").exists()
