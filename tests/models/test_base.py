"""What every model inherits: settings that are checked, lists, masks, folders."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import FitReport, Recommender, mask_scores
from tfrs_bench.options import option


@dataclasses.dataclass(frozen=True)
class FixedConfig:
    """One setting of every type that must survive a folder."""

    offset: float = option(0.0, "Added to every score.", low=0.0)
    widths: tuple[int, ...] = option((), "A list.", low=1)
    word: str = option("plain", "A choice.", choices=("plain", "fancy"))
    limit: int | None = option(None, "Nothing by default.")


class Fixed(Recommender):
    """Scores item i by i, plus an offset; and two arrays that nobody learned."""

    name = "fixed"
    Config = FixedConfig

    def _fit(self, train: InteractionLog, *_: Any) -> FitReport:
        self._scores = np.arange(train.num_items, dtype=np.float32) + self.config.offset
        return FitReport()

    def score(self, queries: Queries) -> np.ndarray:
        return np.tile(self._scores, (len(queries), 1))

    def state(self) -> dict[str, np.ndarray]:
        return {"scores": self._scores, "rows": np.arange(7), "flags": np.ones(3, bool)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self._scores = state["scores"]


class Other(Fixed):
    """The same under another name."""

    name = "other"


@pytest.fixture
def log() -> InteractionLog:
    """a took items 0 and 1, b item 2 twice; item 3 belongs to c."""
    return build_log(np.array(list("aabbc")), np.array(list("wxyyz")), np.arange(5))


@pytest.fixture
def queries(log: InteractionLog) -> Queries:
    return queries_at_end(log, np.array([0, 1], np.int32), np.ones(3, bool))


@pytest.fixture
def model(log: InteractionLog) -> Fixed:
    fixed = Fixed()
    fixed.fit(log)
    return fixed


def test_lists_by_hand(model: Fixed, queries: Queries) -> None:
    items, scores = model.recommend(queries, 4)
    assert items.tolist() == [[3, 2, -1, -1], [3, 1, 0, -1]]
    assert scores.tolist() == [[3, 2, -np.inf, -np.inf], [3, 1, 0, -np.inf]]


def test_lists_with_what_was_seen(model: Fixed, queries: Queries) -> None:
    assert model.recommend(queries, 2, mask_seen=False)[0].tolist() == [[3, 2], [3, 2]]


def test_lists_of_candidates(model: Fixed, queries: Queries) -> None:
    candidates = np.array([True, True, True, False])
    assert model.recommend(queries, 2, candidates=candidates)[0].tolist() == [[2, -1], [1, 0]]


def test_masks_are_set_in_place_and_nowhere_else(queries: Queries) -> None:
    scores = np.zeros((2, 4), np.float32)
    mask_scores(scores, queries, np.array([True, True, True, False]), mask_seen=True)
    gone = -np.inf
    assert scores.tolist() == [[gone, gone, 0, gone], [0, 0, gone, gone]]


def test_ties_change_with_the_seed(log: InteractionLog) -> None:
    class Constant(Fixed):
        def score(self, queries: Queries) -> np.ndarray:
            return np.zeros((len(queries), 100), np.float32)

    model = Constant()
    model.fit(build_log(np.zeros(100, int), np.arange(100), np.arange(100)))
    asked = queries_at_end(log, np.array([2], np.int32), np.ones(3, bool))
    first, again, other = (model.recommend(asked, 50, seed=seed)[0] for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_parameters_are_the_floating_point_numbers(model: Fixed) -> None:
    assert model.num_parameters == 4  # not the 7 rows and the 3 flags


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"offset": -1.0}, r"--offset=-1\.0 is outside its range: it must be at least 0"),
        ({"word": "fancey"}, r"--word=fancey is not known\. Did you mean fancy\?"),
        ({"widths": (3, 0)}, r"--widths=0 is outside its range"),
    ],
)
def test_settings_are_checked_when_a_model_is_made(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Fixed(FixedConfig(**settings))


def test_every_type_of_setting_survives_a_folder(
    log: InteractionLog, queries: Queries, tmp_path: Path
) -> None:
    config = FixedConfig(offset=1e-300, widths=(128, 64), word="fancy", limit=3)
    model = Fixed(config)
    model.fit(log)
    model.save(tmp_path / "new" / "folder")
    loaded = Fixed.load(tmp_path / "new" / "folder")
    assert loaded.config == config
    assert_array_equal(loaded.item_keys, log.item_ids.keys)
    for ours, theirs in zip(loaded.recommend(queries, 3), model.recommend(queries, 3), strict=True):
        assert_array_equal(ours, theirs)


def test_a_folder_holds_no_pickle(model: Fixed, tmp_path: Path) -> None:
    model.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arrays.npz", "model.json"]
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"scores", "rows", "flags", "item_keys"}
        assert all(arrays[name].dtype != object for name in arrays)


def test_settings_that_no_longer_exist_are_passed_over(model: Fixed, tmp_path: Path) -> None:
    model.save(tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    about["config"]["withdrawn"] = 1
    (tmp_path / "model.json").write_text(json.dumps(about))
    assert Fixed.load(tmp_path).config == model.config


def test_another_models_folder_is_refused(model: Fixed, tmp_path: Path) -> None:
    model.save(tmp_path)
    with pytest.raises(UserError, match="holds a model fixed, not other"):
        Other.load(tmp_path)


def test_a_folder_without_a_model_says_what_to_do(model: Fixed, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no saved model.*--rerun"):
        Fixed.load(tmp_path / "nothing")


@pytest.mark.parametrize("broken", ["model.json", "arrays.npz"])
def test_a_damaged_folder_says_what_to_do(model: Fixed, tmp_path: Path, broken: str) -> None:
    model.save(tmp_path)
    whole = (tmp_path / broken).read_bytes()
    (tmp_path / broken).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        UserError, match=r"(holds no saved model|a model fixed that cannot be read) \(.*--rerun"
    ):
        Fixed.load(tmp_path)


@pytest.mark.parametrize("dropped", ["scores", "item_keys"])
def test_a_model_that_lacks_an_array_names_it(model: Fixed, tmp_path: Path, dropped: str) -> None:
    model.save(tmp_path)
    with np.load(tmp_path / "arrays.npz") as arrays:
        np.savez(tmp_path / "arrays.npz", **{name: arrays[name] for name in arrays if name != dropped})
    with pytest.raises(
        UserError, match=rf"a model fixed that cannot be read \({dropped} is missing\).*--rerun"
    ):
        Fixed.load(tmp_path)


@pytest.mark.parametrize("content", ["[]", "3", "{}", '{"model": "fixed"}'])
def test_a_model_file_of_another_shape_says_what_to_do(model: Fixed, tmp_path: Path, content: str) -> None:
    model.save(tmp_path)
    (tmp_path / "model.json").write_text(content)
    with pytest.raises(UserError, match=r"holds no saved model \(.*--rerun"):
        Fixed.load(tmp_path)


def test_a_model_of_a_newer_layout_says_what_to_do(model: Fixed, tmp_path: Path) -> None:
    model.save(tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(about | {"layout": 2}))
    with pytest.raises(UserError, match=r"of layout 2, and this version reads 1\. .*--rerun"):
        Fixed.load(tmp_path)


def test_a_folder_that_cannot_be_written_is_a_sentence(model: Fixed, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/model cannot be written \(Not a directory\)"):
        model.save(tmp_path / "file" / "model")
