"""The architecture: who may import whom, and what stays light."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tfrs_bench import registry

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tfrs_bench"
FILES = sorted(PACKAGE.rglob("*.py"))

COMMANDS = (
    "main",
    "sensitivity",
    "index",
    "embedding_map",
    "tune",
    "demo",
    "export",
    "report",
    "doctor",
    "__main__",
)
# A module may import its own layer and those before it.
LAYERS = (
    ("errors", "options", "registry", "runtime", "storage"),
    ("data",),
    ("models",),
    ("retrieval",),
    ("evaluation",),
    ("tuning",),
    ("reporting",),
    ("experiment", "preparation", "fitting", "searching", "runner", "unfinished", "opened_run", "run_index"),
    ("manual",),
    ("settings",),
    ("requests", "staleness", "serving"),
    COMMANDS,
)
LAYER_OF = {name: layer for layer, names in enumerate(LAYERS) for name in names}

HEAVY = ("tensorflow", "tf_keras", "keras", "pandas", "scipy", "implicit", "scann", "optuna", "matplotlib")


def part_of(path: Path) -> str:
    """The top-level name under tfrs_bench that a file belongs to; empty for the package's own __init__."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in a file, in functions and under TYPE_CHECKING too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            # `from tfrs_bench import runtime` imports tfrs_bench.runtime.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_are_found_wherever_they_hide() -> None:
    code = "import a.b, c\nif TYPE_CHECKING:\n  from d import e\ndef f():\n  def g():\n    from h.i import j"
    assert sorted(imports(ast.parse(code))) == ["a.b", "c", "d.e", "h.i.j"]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    importer = part_of(path)
    assert importer in LAYER_OF or not importer, f"give {importer} a place in LAYERS"
    for module in imports(parse(path)):
        package, _, rest = module.partition(".")
        imported = rest.split(".")[0]
        if package == "tfrs_bench" and imported in LAYER_OF:
            assert LAYER_OF[imported] <= LAYER_OF.get(importer, -1), f"must not import {module}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_flags_stop_at_the_door(path: Path) -> None:
    uses_absl = any(module.split(".")[0] == "absl" for module in imports(parse(path)))
    assert not uses_absl or part_of(path) in ("settings", *COMMANDS)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_are_short_and_named_for_what_they_hold(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 350
    assert not {"util", "utils", "helper", "helpers", "common", "misc"} & set(path.with_suffix("").parts)


def test_models_metrics_and_commands_import_without_heavy_packages() -> None:
    models = {target.split(":")[0] for target in registry.MODELS.values()}
    evaluation = {f"tfrs_bench.evaluation.{path.stem}" for path in (PACKAGE / "evaluation").glob("[!_]*.py")}
    doors = {f"tfrs_bench.{name}" for name in ("settings", "runtime", *COMMANDS)}
    modules = [name for name in sorted(models | evaluation | doors) if importlib.util.find_spec(name)]
    code = (
        f"import sys, importlib\n"
        f"for name in {modules}:\n"
        f"    importlib.import_module(name)\n"
        f"    heavy = [one for one in {HEAVY} if one in sys.modules]\n"
        f"    if heavy: sys.exit(f'{{name}} loads {{heavy}}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_folder_of_the_package_is_shipped() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {"tfrs_bench"} | {
        "tfrs_bench." + ".".join(path.parent.relative_to(PACKAGE).parts)
        for path in PACKAGE.rglob("*/__init__.py")
    }
    assert set(declared) - {"tfrs_bench.flags"} == folders


def test_no_two_test_files_share_a_name() -> None:
    """Pytest imports them by their bare names."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted({*names})
