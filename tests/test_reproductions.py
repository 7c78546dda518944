"""Published and independently measured numbers, through the real command; slow, and only with real data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tfrs_bench.main import console

pytestmark = pytest.mark.slow

RealData = Callable[[str], Path]


def popularity(folder: Path, *flags: str, segment: str = "all") -> dict[str, float]:
    """Runs popularity alone and returns its means over a segment by metric."""
    only = ("--model=popularity", "--baselines=popularity")
    places = (f"--results_dir={folder / 'runs'}", f"--summary={folder / 'summary.json'}")
    assert console(["main", *only, *places, *flags]) == 0
    rows = json.loads((folder / "summary.json").read_text())["rows"]
    return {
        row["metric"]: row["mean"]
        for row in rows
        if (row["model"], row["segment"]) == ("popularity", segment)
    }


def test_popularity_of_the_microsoft_split(real_data: RealData, tmp_path: Path) -> None:
    """recommenders-team/recommenders, movielens.ipynb: every rating counts, full ranking, k = 10."""
    split = real_data("msr-ml-100k")
    means = popularity(
        tmp_path,
        f"--interactions={split / 'train.csv'}",
        f"--test_interactions={split / 'test.csv'}",
        "--split=predefined",
        "--relevance_threshold=0",
    )
    assert means["ndcg@10"] == pytest.approx(0.2524, abs=1e-3)
    assert means["map_full@10"] == pytest.approx(0.0560, abs=1e-3)
    assert means["precision@10"] == pytest.approx(0.2287, abs=1e-3)
    assert means["recall@10"] == pytest.approx(0.1132, abs=1e-3)


def test_popularity_of_ml_1m_split_by_user(real_data: RealData, tmp_path: Path) -> None:
    means = popularity(tmp_path, "--dataset=ml-1m", f"--data_dir={real_data('ml-1m')}")
    assert means["ndcg@10"] == pytest.approx(0.059, abs=1e-3)


def test_popularity_of_ml_1m_split_by_time(real_data: RealData, tmp_path: Path) -> None:
    """The other measurement asked only users with training rows; here those are the regular ones."""
    ml_1m = ("--dataset=ml-1m", f"--data_dir={real_data('ml-1m')}", "--split=global")
    means = popularity(tmp_path, *ml_1m, "--cold_start_below=1", segment="regular")
    assert means["ndcg@10"] == pytest.approx(0.209, abs=1e-3)


def test_popularity_of_the_sasrec_file(real_data: RealData, tmp_path: Path) -> None:
    """kang205/SASRec's ml-1m.txt, last item held out, all 3,416 items less the seen ranked."""
    means = popularity(
        tmp_path,
        f"--interactions={real_data('sasrec-ml-1m') / 'ml-1m.txt.gz'}",
        "--columns=user,item",
        "--separator=space",
        "--order=file",
        "--split=leave_last",
    )
    assert means["hr@10"] == pytest.approx(0.0364, abs=1e-3)
    assert means["ndcg@10"] == pytest.approx(0.0179, abs=1e-3)
