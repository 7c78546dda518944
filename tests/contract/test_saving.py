"""A saved model scores the same in a process that never saw its training; one process serves all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from contract_models import KINDS, ShortFit
from numpy.testing import assert_allclose

from tfrs_bench.data.queries import Queries
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import Recommender

LOAD_AND_SCORE = """
import sys
from pathlib import Path
import numpy as np
from tfrs_bench.data.queries import Histories, Queries
from tfrs_bench.registry import MODELS, resolve

folder = Path(sys.argv[1])
asked = dict(np.load(folder / "queries.npz"))
history = {key[8:]: asked.pop(key) for key in list(asked) if key.startswith("history_")}
queries = Queries(histories=Histories(**history), **asked)
for name in sys.argv[2:]:
    model = resolve(MODELS, name, "model").load(folder / name)
    np.savez(folder / f"{name}.npz", scores=model.score(queries), listed=model.recommend(queries, 5)[0])
"""


def columns(queries: Queries) -> dict[str, np.ndarray]:
    history = {f"history_{key}": value for key, value in vars(queries.histories).items()}
    own = {key: value for key, value in vars(queries).items() if key != "histories"}
    return {key: value for key, value in (own | history).items() if value is not None}


@pytest.fixture(scope="session")
def in_a_fresh_process(
    short_fit: Callable[[str], ShortFit], split_queries: Queries, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Recommender]]:
    """The folder where another process loaded every model and answered `split_queries`, and the models."""
    folder = tmp_path_factory.mktemp("models")
    np.savez(folder / "queries.npz", **columns(split_queries))
    models = {name: short_fit(name).model for name in KINDS}
    for name, model in models.items():
        model.save(folder / name)
    command = [sys.executable, "-c", LOAD_AND_SCORE, str(folder), *KINDS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder, models


@pytest.mark.parametrize("saved", KINDS)
def test_scores_survive_saving_and_loading_in_a_fresh_process(
    saved: str, in_a_fresh_process: tuple[Path, dict[str, Recommender]], split_queries: Queries
) -> None:
    folder, models = in_a_fresh_process
    loaded = np.load(folder / f"{saved}.npz")
    assert_allclose(loaded["scores"], models[saved].score(split_queries), rtol=1e-6, atol=1e-6)
    # The lists too: ties are broken by the raw ids, which must survive as well.
    np.testing.assert_array_equal(loaded["listed"], models[saved].recommend(split_queries, 5)[0])


@pytest.mark.parametrize("saved", KINDS)
def test_saved_arrays_are_numbers_and_text(
    saved: str, in_a_fresh_process: tuple[Path, dict[str, Recommender]]
) -> None:
    folder, _ = in_a_fresh_process
    with np.load(folder / saved / "arrays.npz", allow_pickle=False) as arrays:
        kinds = {name: arrays[name].dtype.kind for name in arrays.files}  # an object would not load at all
    assert kinds and set(kinds.values()) <= set("biufU")


@pytest.mark.parametrize("saved", KINDS)
def test_settings_and_size_survive_saving(
    saved: str, in_a_fresh_process: tuple[Path, dict[str, Recommender]]
) -> None:
    folder, models = in_a_fresh_process
    loaded = KINDS[saved].load(folder / saved)
    assert loaded.config == models[saved].config
    assert loaded.num_parameters == models[saved].num_parameters


@pytest.mark.parametrize("saved", KINDS)
def test_a_folder_of_another_model_is_refused(
    saved: str, in_a_fresh_process: tuple[Path, dict[str, Recommender]]
) -> None:
    folder, _ = in_a_fresh_process
    other = next(name for name in KINDS if name != saved)
    with pytest.raises(UserError, match=f"holds a model {other}, not {saved}"):
        KINDS[saved].load(folder / other)
