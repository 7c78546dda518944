"""The trials of a search in TensorBoard's HParams tab: a run each, with its settings and its quality."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfrs_bench.reporting.tensorboard import write_hyper_parameters
from tfrs_bench.tuning.ledger import Search


def write_trials(folder: Path, search: Search) -> None:
    """Writes every trial that has a quality as a TensorBoard run of its own.

    Args:
      folder: of the search; a trial's run is `trial-007` in it.
      search: whose trials to show.

    Raises:
      UserError: the folder cannot be written.
    """
    for trial in search.trials:
        if trial.quality is None or trial.repeats:
            continue
        scalars = {
            f"validation/{search.metric}": [abs(one) for one in trial.curve] or [abs(trial.quality)],
            "best": [abs(trial.quality)],
            "seconds": [trial.seconds],
        }
        settings = _shown(trial.settings) | {"state": trial.state}
        write_hyper_parameters(folder / f"trial-{trial.number:03d}", settings, scalars)


def _shown(settings: Mapping[str, Any]) -> dict[str, str | float | bool]:
    """Returns settings as the tab takes them: numbers, true or false, and text for all else."""
    return {
        name: value if isinstance(value, bool | int | float) else str(value)
        for name, value in settings.items()
    }
