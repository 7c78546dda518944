"""A saved index finds the same after a move, and only for the model that it is of."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from evaluation.evaluation_sets import Vectors
from retrieval.clusters import clusters

from tfrs_bench.errors import UserError
from tfrs_bench.retrieval.building import index_of
from tfrs_bench.retrieval.config import IndexConfig
from tfrs_bench.retrieval.kept_index import ABOUT, fingerprint, item_ids_of, load_index, save_index
from tfrs_bench.runtime import scann_problem

IDS = np.array([f"item {number}\n" if number % 2 else f"Ä{number}" for number in range(2_000)])


class Saved(Vectors):
    """Vectors that a fingerprint sees."""

    def state(self):
        return {"items": self._items}


def model(seed=0):
    items, queries = clusters(seed)
    made = Saved(queries, items)
    made.item_keys = np.arange(2_000).astype(np.uint64)
    return made


def made(kind, folder: Path, items=None):
    if kind == "scann" and scann_problem() is not None:
        pytest.skip(str(scann_problem()))
    if kind.startswith("faiss") and importlib.util.find_spec("faiss") is None:
        pytest.skip("needs faiss-cpu, the extra [faiss]")
    index = index_of(model(), IndexConfig(index=kind, leaves=20, leaves_to_search=2), items=items)
    save_index(index, folder, model(), IDS)
    return index


@pytest.mark.parametrize("kind", ["exact", "scann", "faiss_hnsw", "faiss_ivfpq"])
def test_a_moved_index_finds_the_same_items_and_holds_no_pickle(tmp_path: Path, kind: str) -> None:
    items = np.arange(0, 2_000, 2)
    index = made(kind, tmp_path / "here", items)
    shutil.move(tmp_path / "here", tmp_path / "there")
    again = load_index(tmp_path / "there", model())
    queries = model()._queries
    for one, other in zip(index.search(queries, 10), again.search(queries, 10), strict=True):
        assert one.tolist() == other.tolist()
    assert again.config == index.config
    assert item_ids_of(tmp_path / "there") == [IDS[item] for item in items]
    files = [path for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert not [
        path for path in files if path.suffix == ".pkl" or str(tmp_path).encode() in path.read_bytes()
    ]


def test_an_index_of_another_model_is_refused(tmp_path: Path) -> None:
    made("exact", tmp_path / "index")
    with pytest.raises(
        UserError, match=r"is the index of another vectors than the one at hand\. Build it again"
    ):
        load_index(tmp_path / "index", model(seed=1))


def test_a_fingerprint_follows_every_array_and_the_items() -> None:
    other_items = model()
    other_items.item_keys = np.arange(1, 2_001).astype(np.uint64)
    assert fingerprint(model()) == fingerprint(model())
    assert len({fingerprint(one) for one in (model(), model(seed=1), other_items)}) == 3


@pytest.mark.parametrize("kind", ["exact", "scann"])
def test_a_damaged_index_is_refused_with_what_to_type(tmp_path: Path, kind: str) -> None:
    made(kind, tmp_path / "index")
    for path in [path for path in (tmp_path / "index").rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 3])
        if path.name not in (
            "ah_codebook.pb",
            "serialized_partitioner.pb",
            "scann_assets.pbtxt",
            "scale.txt",
        ):
            with pytest.raises(
                UserError, match=r"holds no index that can be read .* Build it again: python -m"
            ):
                load_index(tmp_path / "index", model())
        path.write_bytes(whole)
    with pytest.raises(UserError, match="holds no index that can be read"):
        load_index(tmp_path / "nothing", model())


def test_an_index_of_a_later_version_is_refused(tmp_path: Path) -> None:
    made("exact", tmp_path / "index")
    about = tmp_path / "index" / ABOUT
    about.write_text(json.dumps(json.loads(about.read_text()) | {"layout": 2}))
    with pytest.raises(UserError, match="it has layout 2, and this version reads 1"):
        load_index(tmp_path / "index", model())


def test_a_second_index_replaces_the_first(tmp_path: Path) -> None:
    made("scann", tmp_path / "index")
    made("exact", tmp_path / "index")
    assert load_index(tmp_path / "index", model()).is_exact
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
