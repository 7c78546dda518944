"""Measures everything again, one benchmark after another in processes of their own, and fills the page.

Beside it the machine should be quiet; 100 million rows need 18 GB of memory.

  ./run python -m benchmarks.everything --data_dir=DIR
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.report import RESULTS
from benchmarks.report import main as fill_page


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_dir", required=True, help="folder of MovieLens 1M")
    parser.add_argument("--only", nargs="+", help="names of results to measure, such as evaluation size")
    arguments = parser.parse_args()
    data = f"--data_dir={arguments.data_dir}"
    runs = {
        "evaluation": ["evaluation"],
        "evaluation_memory": ["evaluation_memory"],
        "ncf_scoring": ["ncf_scoring"],
        "index_speed": ["index_speed"],
        "size": ["size"],
        "size-e8": ["size", "--rows", "100000000", "--formats", "parquet"],
        "pipeline-ml-1m": ["pipeline", data],
        "training_step-simulated": ["training_step"],
        "step_parts-simulated": ["step_parts"],
        "step_parts-ml-1m": ["step_parts", data],
        "step_profile-ml-1m": ["step_profile", data],
    }
    for name in arguments.only or runs:
        module, *flags = runs[name]
        output = f"--output={RESULTS / name}.json"
        subprocess.run([sys.executable, "-m", f"benchmarks.{module}", *flags, output], check=True)
    fill_page()


if __name__ == "__main__":
    main()
