"""The graph against the model: the same lists for whoever asks, in a process that has TensorFlow alone."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tfrs_bench.data.interactions import FeatureTable, InteractionLog, build_log, raw_key
from tfrs_bench.data.queries import Histories, Queries
from tfrs_bench.models.two_tower import TwoTower, TwoTowerConfig
from tfrs_bench.runtime import scann_problem

TINY = {"dimension": 8, "batch_size": 64, "epochs": 1, "history_length": 3}
# Users and items as raw ids: known, unknown, with an unknown item, longer than the window, without history.
ASKED: list[tuple[str, list[str], list[float]]] = [
    ("u1", ["i1", "i3", "i5", "i7"], [5, 1, 2, 4]),
    ("nobody", ["i2", "i4"], [3, 5]),
    ("u2", ["i2", "never seen", "i6"], [4, 5, 1]),
    ("u3", [], []),
    ("cold", ["i8"], [2]),
    ("nobody else", ["never", "seen"], [1, 1]),
]
WIDTH = 5

SCRIPT = """
import json, sys
import tensorflow as tf
assert "tfrs_bench" not in sys.modules and "tensorflow_recommenders" not in sys.modules
if sys.argv[1] == "scann":
    from scann.scann_ops.py import scann_ops
given = json.load(open(sys.argv[3]))
model = tf.saved_model.load(sys.argv[2])
told = {}
for name in ("serving_default", "with_ratings"):
    arguments = {key: tf.constant(value) for key, value in given.items() if key != "ratings"}
    if name == "with_ratings":
        arguments["ratings"] = tf.constant(given["ratings"], tf.float32)
    answer = model.signatures[name](**arguments)
    ids = [[one.decode() for one in row] for row in answer["item_ids"].numpy()]
    told[name] = {"item_ids": ids, "scores": answer["scores"].numpy().tolist()}
print(json.dumps(told))
"""


def rated_log() -> InteractionLog:
    """41 users of 20 items, rated 1 to 5, with content of items and profiles of users; one user is cold."""
    random = np.random.default_rng(0)
    users = [f"u{user}" for user in range(40) for _ in range(8)] + ["cold"]
    items = [f"i{item}" for user in range(40) for item in random.permutation(20)[:8]] + ["i0"]
    log = build_log(
        np.array(users),
        np.array(items),
        np.arange(len(users), dtype=np.int64),
        random.integers(1, 6, len(users)).astype(np.float32),
    ).with_positives(3)
    content = FeatureTable(("a", "b"), random.random((log.num_items, 2)).astype(np.float32))
    profiles = FeatureTable(("p",), random.random((log.num_users, 1)).astype(np.float32))
    return dataclasses.replace(log, item_features=content, user_features=profiles)


def queries_of(log: InteractionLog, *, liked: bool) -> Queries:
    """What `ASKED` asks for, as the model takes it; `liked`: every item has the highest rating."""
    assert log.user_features is not None
    events = [
        [
            (int(item), rating)
            for item, rating in zip(log.item_ids.index(ids), ratings, strict=True)
            if item >= 0
        ]
        for _, ids, ratings in ASKED
    ]
    flat = [event for one in events for event in one]
    numbers = log.user_ids.index([user for user, _, _ in ASKED])
    profiles = np.where(numbers[:, None] >= 0, log.user_features.values[numbers], 0)
    cold = log.user_ids.index(["cold"])[0]
    return Queries(
        users=np.where(numbers == cold, -1, numbers).astype(np.int32),
        keys=np.array([raw_key(user) for user, _, _ in ASKED], np.uint64),
        histories=Histories(
            items=np.array([item for item, _ in flat], np.int32),
            timestamps=np.zeros(len(flat), np.int64),
            ratings=np.array([5.0 if liked else rating for _, rating in flat], np.float32),
            positives=np.ones(len(flat), bool),
            offsets=np.concatenate([[0], np.cumsum([len(one) for one in events])]),
        ),
        profiles=profiles.astype(np.float32),
    )


def inputs() -> dict[str, Any]:
    """`ASKED` as a request has it, filled up at the end."""
    return {
        "user_id": [user for user, _, _ in ASKED],
        "history": [ids + [""] * (WIDTH - len(ids)) for _, ids, _ in ASKED],
        "ratings": [ratings + [0.0] * (WIDTH - len(ratings)) for _, _, ratings in ASKED],
    }


def fitted(log: InteractionLog, **settings: Any) -> TwoTower:
    model = TwoTower(TwoTowerConfig(**(TINY | settings)))
    model.fit(log.select(log.users != log.user_ids.index(["cold"])[0]))
    return model


def rules(log: InteractionLog, **changes: Any) -> dict[str, Any]:
    in_training = log.user_ids.ids != "cold"
    catalogue = np.ones(log.num_items, bool)
    catalogue[log.item_ids.index(["i9", "i11"])] = False
    return {"in_training": in_training, "candidates": catalogue, "mask_seen": True, "k": 6} | changes


def names_of(log: InteractionLog, items: NDArray[np.int32]) -> list[list[str]]:
    return [[str(log.item_ids.ids[item]) if item >= 0 else "" for item in row] for row in items]


def answered(place: Path, folder: Path, kind: str = "exact") -> dict[str, Any]:
    """Asks in a process of its own, which runs far from this package."""
    (place / "ask.py").write_text(SCRIPT)
    (place / "inputs.json").write_text(json.dumps(inputs()))
    done = subprocess.run(
        [sys.executable, "-I", str(place / "ask.py"), kind, str(folder), str(place / "inputs.json")],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=place,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_a_fresh_process_with_tensorflow_alone_answers_as_the_model(tmp_path: Path) -> None:
    from tfrs_bench.serving.saved_model import ServedModel

    log = rated_log()
    model, how = fitted(log), rules(log)
    ServedModel(model, log, **how).save(tmp_path / "1")
    told = answered(tmp_path, tmp_path / "1")
    for signature, liked in (("serving_default", True), ("with_ratings", False)):
        items, scores = model.recommend(queries_of(log, liked=liked), 6, candidates=how["candidates"])
        assert told[signature]["item_ids"] == names_of(log, items)
        np.testing.assert_allclose(told[signature]["scores"], scores, rtol=1e-5, atol=1e-6)
    assert told["serving_default"] != told["with_ratings"]  # ratings tell something


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        ({"similarity": "dot", "hidden": (4,)}, {"k": 100}),
        pytest.param({"history_length": 0}, {}, marks=pytest.mark.slow),
        pytest.param(
            {"use_user_id": False, "history_length": 9}, {"mask_seen": False}, marks=pytest.mark.slow
        ),
        pytest.param({"rating_weight": 1.0}, {}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_every_kind_of_tower_is_answered_alike(
    tmp_path: Path, settings: dict[str, Any], changes: dict[str, Any]
) -> None:
    from tfrs_bench.serving.saved_model import ServedModel, tf

    log = rated_log()
    model, how = fitted(log, **settings), rules(log, **changes)
    served = ServedModel(model, log, **how)
    assert served.k == min(how["k"], 18)
    served.save(tmp_path / "1")
    arguments = {
        name: tf.constant(value, tf.float32 if name == "ratings" else tf.string)
        for name, value in inputs().items()
    }
    answer = tf.saved_model.load(str(tmp_path / "1")).signatures["with_ratings"](**arguments)
    items, scores = model.recommend(
        queries_of(log, liked=False), served.k, candidates=how["candidates"], mask_seen=how["mask_seen"]
    )
    found = [[one.decode() for one in row] for row in answer["item_ids"].numpy()]
    assert found == names_of(log, items)
    np.testing.assert_allclose(answer["scores"].numpy(), scores, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_the_scann_export_finds_the_same_where_it_searches_everything(tmp_path: Path) -> None:
    if scann_problem() is not None:
        pytest.skip(f"needs ScaNN: {scann_problem()}")
    from tfrs_bench.serving.saved_model import ScannServedModel

    log = rated_log()
    model, how = fitted(log), rules(log)
    # Every leaf is searched and everything found is scored exactly, so nothing is lost.
    effort = {"leaves": 2, "leaves_to_search": 2, "reorder": 18, "dimensions_per_block": 2}
    ScannServedModel(model, log, **effort, **how).save(tmp_path / "1")
    told = answered(tmp_path, tmp_path / "1", "scann")["with_ratings"]
    items, scores = model.recommend(queries_of(log, liked=False), 6, candidates=how["candidates"])
    assert told["item_ids"] == names_of(log, items)
    np.testing.assert_allclose(told["scores"], scores, rtol=1e-4, atol=1e-4)
