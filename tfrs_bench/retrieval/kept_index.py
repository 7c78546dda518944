"""An index on disk: a folder that can be moved, knows its items, and says whose it is."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench import registry
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import Recommender
from tfrs_bench.retrieval.config import IndexConfig
from tfrs_bench.retrieval.index import ItemIndex
from tfrs_bench.storage import PARTIAL, read_arrays, unwritable, write_arrays

LAYOUT = 1
ABOUT, ITEMS, SEARCHED = "index.json", "items.npz", "searched"
_AGAIN = "Build it again: python -m tfrs_bench.index --run=DIR"


def save_index(index: ItemIndex, folder: Path, model: Recommender, item_ids: NDArray[Any]) -> None:
    """Writes an index to a folder, which replaces what was there once it is whole.

    Args:
      index: of the model's items.
      folder: where to; nothing in it refers to where it lies.
      model: whose items these are.
      item_ids: [num_items] str, the raw id of every item of the model.

    Raises:
      UserError: the folder cannot be written.
    """
    partial = folder.with_name(folder.name + PARTIAL)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        (partial / SEARCHED).mkdir(parents=True)
        if len(index):
            index.write(partial / SEARCHED)
        ids = [str(item_ids[item]).encode() for item in index.items]
        arrays: dict[str, NDArray[Any]] = {
            "items": index.items,
            "item_ids": np.frombuffer(b"".join(ids), dtype=np.uint8),
            "item_id_ends": np.cumsum([len(one) for one in ids], dtype=np.int64),
        }
        write_arrays(partial / ITEMS, arrays)
        about = _about(index, model) | {"files": _digests(partial)}
        (partial / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError as error:
        raise unwritable(folder, error) from error


def load_index(folder: Path, model: Recommender) -> ItemIndex:
    """Reads what `save_index` wrote; the loaded index finds the same items.

    Args:
      folder: of the index.
      model: that it must belong to.

    Raises:
      UserError: there is no index, it is damaged or another version's, its library is not usable here, or it
        is of another model.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        layout, of_model = about["layout"], about["model"]
        if layout != LAYOUT:
            raise ValueError(f"it has layout {layout}, and this version reads {LAYOUT}")
        if of_model != fingerprint(model):
            raise UserError(f"{folder} is the index of another {model.name} than the one at hand. {_AGAIN}")
        if _digests(folder) != about["files"]:  # before a library reads what could bring it down
            raise ValueError("its files are not those that were written")
        kind = registry.resolve(registry.INDEXES, about["index"], "index")
        problem = kind.problem()
        if problem is not None:
            raise UserError(f"{folder} cannot be searched here: {problem}")
        return _read(kind, about, folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        told = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{folder} holds no index that can be read ({told}). {_AGAIN}") from error


def kept_kind(folder: Path) -> type[ItemIndex]:
    """Returns the kind of a kept index.

    Raises:
      UserError: there is none that can be read.
    """
    try:
        name = json.loads((folder / ABOUT).read_text(encoding="utf-8"))["index"]
        kind: type[ItemIndex] = registry.resolve(registry.INDEXES, name, "index")
    except (OSError, ValueError, KeyError, TypeError) as error:
        told = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{folder} holds no index that can be read ({told}). {_AGAIN}") from error
    return kind


def fingerprint(model: Recommender) -> str:
    """Returns 32 hexadecimal digits that stand for everything a model's scores depend on."""
    digest = hashlib.blake2b(model.name.encode(), digest_size=16)
    for name, array in sorted((model.state() | {"item_keys": model.item_keys}).items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def item_ids_of(folder: Path) -> list[str]:
    """Returns the raw id of each row of a kept index, for whoever reads it without the log.

    Raises:
      OSError: there is none.
      ValueError: it is damaged.
    """
    arrays = read_arrays(folder / ITEMS)
    ends = [0, *arrays["item_id_ends"]]
    text = arrays["item_ids"].tobytes()
    return [text[start:end].decode() for start, end in itertools.pairwise(ends)]


def _about(index: ItemIndex, model: Recommender) -> dict[str, Any]:
    return {
        "layout": LAYOUT,
        "index": index.name,
        "reason": index.reason,
        "config": dataclasses.asdict(index.config),
        "similarity": index.similarity,
        "dimension": index.dimension,
        "build_s": index.build_s,
        "of": model.name,
        "model": fingerprint(model),
    }


def _digests(folder: Path) -> dict[str, str]:
    """Returns what stands for the content of each file but the one that tells of them."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / ABOUT:
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "blake2b").hexdigest()[
                    :32
                ]
    return found


def _read(kind: type[ItemIndex], about: dict[str, Any], folder: Path) -> ItemIndex:
    items = read_arrays(folder / ITEMS)["items"]
    known = {field.name for field in dataclasses.fields(IndexConfig)}
    config = IndexConfig(**{name: value for name, value in about["config"].items() if name in known})
    index = kind(items, config, about["similarity"])
    index.reason, index.dimension, index.build_s = about["reason"], about["dimension"], about["build_s"]
    if len(index):
        index.read(folder / SEARCHED)
    return index
