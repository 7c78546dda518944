"""How TensorFlow is loaded on machines that are not as they should be, and what a record says of one."""

from __future__ import annotations

import getpass
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfrs_bench import runtime


def fresh_python(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a new process whose environment holds none of TensorFlow's variables."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return subprocess.run(
        [sys.executable, "-c", code], env=clean | env, capture_output=True, text=True, timeout=120
    )


def test_tensorflow_loads_quietly_with_keras_2() -> None:
    done = fresh_python(
        "from tfrs_bench.runtime import import_tensorflow\n"
        "tf, tfrs = import_tensorflow()\n"
        "tf.config.list_physical_devices()\n"
        "print(tf.keras.__name__.startswith('tf_keras'), hasattr(tfrs.tasks, 'Retrieval'))\n"
    )
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_scann_that_does_not_load_breaks_nothing(tmp_path: Path) -> None:
    package = tmp_path / "scann"
    package.mkdir()
    (package / "fine.py").touch()
    (package / "__init__.py").write_text(
        "import tensorflow as tf\nfrom scann import fine\n"
        "raise tf.errors.NotFoundError(None, None, '_scann.so: undefined symbol: _ZN10')\n"
    )
    done = fresh_python(
        "import sys\n"
        "from tfrs_bench import runtime\n"
        "tf, tfrs = runtime.import_tensorflow()\n"
        "task = tfrs.tasks.Retrieval()\n"
        "print(float(task(tf.eye(2), tf.eye(2))) > 0)\n"
        "print([name for name in sys.modules if name.startswith('scann.')])\n"
        "print(runtime.scann_problem())\n",
        PYTHONPATH=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    trained, leftovers, problem = done.stdout.splitlines()
    assert (trained, leftovers) == ("True", "[]")
    assert "does not load beside tensorflow" in problem and "undefined symbol" in problem


def test_keras_3_in_the_same_process_is_refused_with_the_remedy() -> None:
    done = fresh_python(
        "import tensorflow as tf\ntf.keras.version()\n"
        "from tfrs_bench import errors, runtime\n"
        "try: runtime.import_tensorflow()\n"
        "except errors.UserError as error: print(error)\n"
    )
    assert "TF_USE_LEGACY_KERAS=1 python" in done.stdout


def test_log_level_of_the_user_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    runtime.prepare_environment()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert os.environ["TF_USE_LEGACY_KERAS"] == "1"


def test_seed_repeats_weights() -> None:
    tf, _ = runtime.import_tensorflow()

    def weights(seed: int) -> list[float]:
        runtime.seed_tensorflow(seed)
        drawn: list[float] = tf.random.normal([3]).numpy().tolist()
        return drawn

    assert weights(1) == weights(1) != weights(2)


def test_blas_is_held_to_one_thread_and_released() -> None:
    from threadpoolctl import threadpool_info

    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = threads()
    with runtime.blas_single_thread():
        assert set(threads()) == {1}
    assert threads() == before


def test_environment_is_json_and_names_no_one() -> None:
    text = json.dumps(runtime.environment())
    for private in (str(Path.home()), str(Path.cwd()), f'"{getpass.getuser()}"', f'"{socket.gethostname()}"'):
        assert private not in text


def test_environment_describes_this_machine() -> None:
    about = runtime.environment()
    assert about["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert about["packages"]["numpy"] == np.__version__
    assert 1 <= about["cores"] <= (os.cpu_count() or 1)
    assert about["memory_gb"] > 0 and about["cpu"] and "CPU" in about["devices"]


def test_package_version_of_what_is_not_installed() -> None:
    assert runtime.package_version("no-such-package-here") is None


def test_peak_memory_counts_mebibytes() -> None:
    runtime.restart_peak_memory()
    before = runtime.peak_memory_mb()
    block = np.ones(2**25)  # 256 MiB
    assert runtime.peak_memory_mb() >= before
    if sys.platform == "linux":  # where the peak could be restarted
        assert runtime.peak_memory_mb() - before == pytest.approx(block.nbytes / 2**20, rel=0.1)


def test_git_commit_marks_changes_and_knows_no_checkout(tmp_path: Path) -> None:
    assert runtime.git_commit(tmp_path) is None
    (tmp_path / "file").write_text("a")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "file"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    commit = runtime.git_commit(tmp_path)
    assert commit is not None and len(commit) == 40
    (tmp_path / "file").write_text("b")
    assert runtime.git_commit(tmp_path) == f"{commit}-dirty"


def test_ctrl_c_that_python_drops_is_raised_at_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python prints and drops what is raised in `__del__`; a second Ctrl-C should not be needed."""

    class Freed:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    dropped: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", dropped.append)
    with runtime.remembered_interrupts():
        runtime.stop_if_interrupted()
        Freed()
        assert [one.exc_type for one in dropped] == [KeyboardInterrupt]
        with pytest.raises(KeyboardInterrupt):
            runtime.stop_if_interrupted()
    with runtime.remembered_interrupts():
        runtime.stop_if_interrupted()


def test_a_handler_of_ctrl_c_that_is_not_pythons_own_stays() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with runtime.remembered_interrupts():
            signal.raise_signal(signal.SIGINT)
            runtime.stop_if_interrupted()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_networks_built_one_after_the_other_are_no_news() -> None:
    tf, _ = runtime.import_tensorflow()
    logger = tf.get_logger()
    assert any(one is runtime._is_news for one in logger.filters)
    told = logging.LogRecord(
        "tensorflow",
        logging.WARNING,
        "",
        0,
        "5 out of the last 5 calls to <f> triggered tf.function retracing.",
        None,
        None,
    )
    other = logging.LogRecord("tensorflow", logging.WARNING, "", 0, "Gradients do not exist.", None, None)
    assert (logger.filter(told), bool(logger.filter(other))) == (False, True)
