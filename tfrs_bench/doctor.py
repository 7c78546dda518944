"""Is this machine set up for tfrs_bench, and if not, what to type.

Every line says `ok`, or `FIX` and the command that mends it. The exit status is 1 if something is broken that
training or evaluation needs; ScaNN, exact pins, free memory and free disk are not among that.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from tfrs_bench import runtime
from tfrs_bench.runtime import REINSTALL

REBUILD = "rm -rf .venv && ./run true"
REBUILD_WITH = "rm -rf .venv && TFRS_BENCH_PYTHON=/path/to/python3.12 ./run true"
REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"


@dataclasses.dataclass(frozen=True)
class Check:
    """What one check found.

    Attributes:
      ok: nothing to do.
      detail: what was found.
      fix: the command, or the few words, that mend it; empty if `ok`.
      essential: training or evaluation fail without it.
    """

    ok: bool
    detail: str
    fix: str = ""
    essential: bool = True


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Check:
    """Python is one that tensorflow and scann have wheels for."""
    supported = (3, 11) <= version < (3, 14)
    return Check(supported, ".".join(map(str, version)), REBUILD_WITH)


def check_pins(
    requirements: Path = REQUIREMENTS,
    installed: Callable[[str], str | None] = runtime.package_version,
) -> Check:
    """Installed packages are the versions of requirements.txt, so numbers can be compared."""
    from packaging.requirements import Requirement

    if not requirements.exists():
        return Check(True, "not compared: no requirements.txt beside the package")
    lines = [line.split("#")[0].strip() for line in requirements.read_text().splitlines()]
    pins = [Requirement(line) for line in lines if line]
    here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    wrong = [
        f"{pin.name} {installed(pin.name) or 'missing'} (pinned {pin.specifier})"
        for pin in here
        if not pin.specifier.contains(installed(pin.name) or "0", prereleases=True)
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        return Check(False, ", ".join(wrong[:3]) + more, REINSTALL, essential=False)
    return Check(True, f"{len(here)} packages as pinned")


def check_tensorflow() -> Check:
    """TensorFlow loads."""
    runtime.prepare_environment()
    tf = importlib.import_module("tensorflow")
    devices = [device.device_type for device in tf.config.list_physical_devices()]
    return Check(True, f"{tf.__version__} on {', '.join(devices)}")


def check_keras() -> Check:
    """TensorFlow uses Keras 2, which tensorflow-recommenders needs."""
    runtime.import_tensorflow()
    return Check(True, f"tf-keras {runtime.package_version('tf-keras')}")


def check_recommenders() -> Check:
    """TensorFlow Recommenders loads."""
    runtime.import_tensorflow()
    return Check(True, str(runtime.package_version("tensorflow-recommenders")))


def check_scann(platform: str = sys.platform) -> Check:
    """ScaNN loads beside this TensorFlow, where it exists."""
    problem = runtime.scann_problem()
    if problem is None:
        return Check(True, str(runtime.package_version("scann")))
    if platform != "linux":
        return Check(True, f"{problem}; exact search serves")
    return Check(False, f"{problem}; exact search serves until it is mended", REINSTALL, essential=False)


def check_implicit() -> Check:
    """The ALS library loads, and its linear algebra can be held to one thread."""
    from threadpoolctl import threadpool_info

    importlib.import_module("implicit.als")
    with runtime.blas_single_thread():
        threads = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    version = runtime.package_version("implicit")
    if any(count > 1 for count in threads):
        slow = f"{version}, but BLAS keeps {max(threads)} threads, which makes ALS many times slower"
        return Check(False, slow, "export OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1", essential=False)
    return Check(True, f"{version}, BLAS held to one thread" if threads else str(version))


def check_results_dir(folder: Path) -> Check:
    """The folder for results can be written to, or made."""
    existing = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Check(True, f"{folder} can be written to")
    except OSError as error:
        fix = f"chmod u+w '{existing}', or name another --results_dir"
        return Check(False, f"{folder}: {error.strerror}", fix)


def check_memory(free_bytes: int | None = None) -> Check:
    """At least 4 GB of memory are free, which the largest built-in data sets need."""
    import psutil

    free = (psutil.virtual_memory().available if free_bytes is None else free_bytes) / 2**30
    fix = "close other programs, or use --dataset=ml-100k"
    return Check(free >= 4, f"{free:.1f} GB free", fix, essential=False)


def check_disk(folder: Path, free_bytes: int | None = None) -> Check:
    """At least 2 GB of disk are free for data sets and runs."""
    free = (shutil.disk_usage(_existing(folder)).free if free_bytes is None else free_bytes) / 2**30
    fix = "free some disk, or name another --results_dir"
    return Check(free >= 2, f"{free:.1f} GB free", fix, essential=False)


def examine(checks: Iterable[tuple[str, Callable[[], Check]]], show: Callable[[str, Check], None]) -> int:
    """Runs checks one after the other; one that raises is broken and does not stop the next.

    Args:
      checks: what each is called, and the check.
      show: is told of each as soon as it is done.

    Returns:
      How many essential checks are broken.
    """
    broken = 0
    for name, check in checks:
        try:
            found = check()
        except Exception as error:  # a broken installation can raise anything
            found = Check(False, f"{type(error).__name__}: {str(error).strip()[:300]}", REBUILD)
        show(name, found)
        broken += found.essential and not found.ok
    return broken


def console(argv: Sequence[str] | None = None) -> int:
    """Checks this machine and prints what it finds.

    Args:
      argv: program name and arguments; None for the process's own.

    Returns:
      0 if everything essential is in order, 1 if not; wrong arguments exit with 2.
    """
    parser = argparse.ArgumentParser("python -m tfrs_bench.doctor", description=__doc__)
    parser.add_argument("--results_dir", type=Path, default=Path("runs"), help="where runs go (default runs)")
    folder = parser.parse_args((sys.argv if argv is None else argv)[1:]).results_dir
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("Python", check_python),
        ("pinned packages", check_pins),
        ("TensorFlow", check_tensorflow),
        ("Keras 2", check_keras),
        ("TFRS", check_recommenders),
        ("ScaNN", check_scann),
        ("implicit", check_implicit),
        ("results folder", partial(check_results_dir, folder)),
        ("memory", check_memory),
        ("disk", partial(check_disk, folder)),
    ]
    broken = examine(checks, _printer())
    print("\nReady." if not broken else f"\n{broken} to fix before anything can run.")
    return 1 if broken else 0


def _printer() -> Callable[[str, Check], None]:
    from rich.console import Console
    from rich.text import Text

    terminal = Console(highlight=False)

    def show(name: str, found: Check) -> None:
        """Prints what was found, and on the next line how to mend it."""
        color = "green" if found.ok else "red" if found.essential else "yellow"
        line = Text.assemble(("ok   " if found.ok else "FIX  ", color), f"{name:<16}", found.detail)
        terminal.print(line, soft_wrap=True)
        if not found.ok:
            terminal.print(Text(f"     → {found.fix}", style="bold"), soft_wrap=True)

    return show


def _existing(folder: Path) -> Path:
    """The folder, or the nearest folder above it that exists."""
    folder = folder.absolute()
    return next(one for one in (folder, *folder.parents) if one.exists())


if __name__ == "__main__":
    sys.exit(console())
