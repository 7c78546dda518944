"""The machine side: how TensorFlow is loaded and seeded, and what a record says about where it ran."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
import platform
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfrs_bench import __version__
from tfrs_bench.errors import UserError

REINSTALL = "./run python -m pip install --no-deps -r requirements.txt"

# Packages that can change a result or a timing.
RECORDED_PACKAGES = ("tensorflow", "tf-keras", "tensorflow-recommenders", "scann", "implicit", "numpy")


@functools.cache
def import_tensorflow() -> tuple[Any, Any]:
    """Loads TensorFlow with Keras 2 and without start-up chatter, and TensorFlow Recommenders beside it.

    Every module that needs TensorFlow gets it here, inside a function, because loading takes five seconds.
    `TF_CPP_MIN_LOG_LEVEL` is left alone if it is set. A ScaNN that does not load is put aside first:
    otherwise `import tensorflow_recommenders` would fail with it.

    Returns:
      The modules `tensorflow` and `tensorflow_recommenders`.

    Raises:
      UserError: TensorFlow is already running with Keras 3 in this process.
    """
    prepare_environment()
    import tensorflow as tf

    # Only Keras 3 has `version` at this place.
    if getattr(tf.keras, "version", lambda: "2")().startswith("3"):
        raise UserError(
            "TensorFlow was already loaded with Keras 3, and tensorflow-recommenders needs Keras 2. "
            "Start again with the environment variable set: TF_USE_LEGACY_KERAS=1 python …"
        )
    tf.get_logger().addFilter(_is_news)
    _load_scann()
    return tf, importlib.import_module("tensorflow_recommenders")


def _is_news(record: logging.LogRecord) -> bool:
    """Tells whether a line of TensorFlow's is worth showing: searches build networks anew on purpose."""
    return "triggered tf.function retracing" not in record.getMessage()


def prepare_environment() -> None:
    """Sets the environment variables that TensorFlow reads while it loads."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    # Only 3 silences "failed call to cuInit" on machines without a GPU; failed operations still raise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def scann_problem() -> str | None:
    """Why ScaNN cannot be used here, or None if it can; loads TensorFlow.

    Training, evaluation and exact search work without ScaNN, so this is a notice, never an error.
    """
    import_tensorflow()
    return _load_scann()


@functools.cache
def _load_scann() -> str | None:
    """Loads ScaNN, or hides it from every later import and returns the reason."""
    try:
        importlib.import_module("scann.scann_ops.py.scann_ops")
    except Exception as error:  # a ScaNN built for another TensorFlow raises NotFoundError, no ImportError
        for name in [name for name in sys.modules if name.split(".")[0] == "scann"]:
            del sys.modules[name]
        sys.modules["scann"] = None  # type: ignore[assignment]  # makes `import scann` an ImportError
        version = package_version("scann")
        if version is None:
            return "ScaNN is not installed (it has wheels for Linux only)"
        reason = (str(error).splitlines() or [""])[0][:200]
        return f"scann {version} does not load beside tensorflow {package_version('tensorflow')}: {reason}"
    return None


def seed_tensorflow(seed: int) -> None:
    """Seeds TensorFlow's, NumPy's and Python's global random states, for weights and dropout."""
    tf, _ = import_tensorflow()
    tf.keras.utils.set_random_seed(seed)


def blas_single_thread() -> contextlib.AbstractContextManager[Any]:
    """Holds BLAS to one thread inside a `with`; enter it after the library that brings BLAS is loaded.

    implicit runs its own threads and becomes many times slower when each of them starts more.
    """
    from threadpoolctl import threadpool_limits

    limits: contextlib.AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="blas")
    return limits


def peak_memory_mb() -> float:
    """The most memory this process has held since `restart_peak_memory`, in MB of 2**20 bytes.

    Linux tells it per program; `getrusage`, used elsewhere, can include the program that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        high_water = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(high_water.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def restart_peak_memory() -> None:
    """Lets `peak_memory_mb` start from what is held now, so that each model's own peak can be told.

    Only Linux can; elsewhere the peak stays that of the process.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


_interrupted = threading.Event()


@contextlib.contextmanager
def remembered_interrupts() -> Iterator[None]:
    """Remembers Ctrl-C beside raising it: Python drops what is raised while it frees an object.

    Inside, `stop_if_interrupted` raises what was dropped. A handler that is not Python's own stays.
    """
    _interrupted.clear()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def remember(number: int, frame: Any) -> None:
        _interrupted.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def stop_if_interrupted() -> None:
    """Raises KeyboardInterrupt if Ctrl-C was pressed before; long work calls it between its steps."""
    if _interrupted.is_set():
        raise KeyboardInterrupt


def package_version(package: str) -> str | None:
    """The installed version of a package, or None; does not import it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def environment() -> dict[str, Any]:
    """What a record says about where it ran: no host name, user name or path.

    `devices` are TensorFlow's if it is loaded; a process without TensorFlow computes on the CPU.
    """
    import psutil

    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "devices": _devices(),
        "packages": {"tfrs-bench": __version__} | {name: package_version(name) for name in RECORDED_PACKAGES},
        "git_commit": git_commit(Path(__file__).resolve().parent.parent),
    }


def usable_cores() -> int:
    """Cores this process may run on, which in a container can be fewer than the machine has."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    """The processor's name as its maker writes it, or its architecture where the system does not tell."""
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        name = names[0] if names else ""
    else:
        name = _output_of("sysctl", "-n", "machdep.cpu.brand_string") or ""
    return name or platform.machine()


def git_commit(checkout: Path) -> str | None:
    """The commit of a checkout, with `-dirty` if tracked files were changed; None outside a checkout."""
    if not (checkout / ".git").exists():
        return None
    describe = ("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    return _output_of("git", "-C", str(checkout), *describe)


def _devices() -> list[str]:
    tf = sys.modules.get("tensorflow")
    if tf is None:
        return ["CPU"]
    details = tf.config.experimental.get_device_details
    devices = tf.config.list_physical_devices()
    return [
        details(one).get("device_name", one.device_type) if one.device_type == "GPU" else one.device_type
        for one in devices
    ]


def _output_of(*command: str) -> str | None:
    import subprocess

    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
