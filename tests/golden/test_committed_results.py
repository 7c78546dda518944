"""Committed results are fresh, and their figures come out again where nothing has to be trained."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tfrs_bench import report
from tfrs_bench.main import console
from tfrs_bench.reporting.embedding_map import FILE as MAP
from tfrs_bench.reporting.index_cost import COST
from tfrs_bench.reporting.records import PER_USER, RECORD, RunRecord, read_run
from tfrs_bench.reporting.sections.datasets import NOTE
from tfrs_bench.tuning.ledger import FOLDER

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "results" / "runs"
SIMULATED = Path("simulated") / "per_user"
UNTRAINED = ("random", "popularity", "oracle")


def records(folder: Path) -> dict[str, RunRecord]:
    """The records of the models that need no training, by model."""
    found = (read_run(path.parent) for path in (folder / SIMULATED).glob(f"*/{RECORD}"))
    return {run[0].model: run[0] for run in found if run is not None and run[0].model in UNTRAINED}


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunRecord]:
    folder = tmp_path_factory.mktemp("again")
    flags = ("--model=popularity", "--baselines=popularity")
    assert console(["main", *flags, f"--results_dir={folder}"]) == 0
    return records(folder)


def test_pages_and_records_are_fresh(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert report.console(["report", "--check"]) == 0, capsys.readouterr().err


def test_models_checkpoints_and_curves_are_not_committed() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "results/runs"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    if listed.returncode:
        pytest.skip("this copy of the project is not a git checkout")
    ledgers = f"results/runs/{FOLDER}/"
    kept = [line for line in listed.stdout.splitlines() if not line.startswith(ledgers)]
    assert {Path(line).suffix for line in listed.stdout.splitlines() if line.startswith(ledgers)} <= {".json"}
    names = {Path(line).name for line in kept}
    # A map is small, and cannot be drawn again without the model.
    assert names <= {RECORD, PER_USER, COST, MAP, NOTE}


@pytest.mark.parametrize("model", UNTRAINED)
def test_every_metric_of_every_segment_comes_out_again(again: dict[str, RunRecord], model: str) -> None:
    committed = records(COMMITTED)[model].metrics
    assert again[model].metrics.keys() == committed.keys()
    for segment, metrics in committed.items():
        # Another processor's rounding may change a choice of the simulator, and with it a user or two.
        assert again[model].metrics[segment] == pytest.approx(metrics, abs=2e-3)


def test_the_audit_of_the_simulated_log_comes_out_again(again: dict[str, RunRecord]) -> None:
    committed = records(COMMITTED)["popularity"].audit
    for part in ("train", "validation", "test"):
        assert again["popularity"].audit["rows"][part] == pytest.approx(committed["rows"][part], rel=1e-2)
    assert again["popularity"].audit["leaked_share"] == pytest.approx(committed["leaked_share"], abs=1e-2)
