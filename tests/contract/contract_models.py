"""What the contract tests know of models: their registry, their settings' names and these few tables."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import FeatureTable, InteractionLog, build_log
from tfrs_bench.models.base import FitReport, Recommender
from tfrs_bench.options import options_of
from tfrs_bench.registry import MODELS, resolve

# Settings that make a model small and quick, used by every model that has them.
CHEAP = {
    "dimension": 16,
    "factors": 4,
    "batch_size": 32,
    "max_epochs": 10,
    "learning_rate": 0.02,
    "history_length": 8,
    "hidden": (8,),
}
# What a model needs beyond that, or instead.
CHEAP_FOR: dict[str, dict[str, Any]] = {  # the defaults are for larger logs
    "als": {"regularization": 0.1},
    "biased_mf": {"regularization": 1.0},
    "funnel": {"num_candidates": 5},
}

SEED = 3

LEARNS_NOTHING = {"random", "userknn"}  # or keeps the log, and learns when asked
SAME_FOR_EVERYONE = {"random", "popularity", "mean"}

KINDS: dict[str, type[Recommender]] = {name: resolve(MODELS, name, "model") for name in sorted(MODELS)}


@dataclasses.dataclass(frozen=True)
class ShortFit:
    """A model fitted for two epochs, and what was noticed meanwhile."""

    model: Recommender
    report: FitReport
    validations: int
    log_unchanged: bool


def build(name: str, **settings: Any) -> Recommender:
    """Returns an unfitted model of a registered kind at its cheap settings, but for those given."""
    return KINDS[name](cheap_config(name, **settings))


def cheap_config(name: str, **settings: Any) -> Any:
    """Returns the cheap settings of a kind, and of its parts, but for those given."""
    kind = KINDS[name]
    fields = {field.name for field in options_of(kind.Config)}
    cheap = CHEAP | CHEAP_FOR.get(name, {}) | settings
    config = kind.Config(**{key: value for key, value in cheap.items() if key in fields})
    return kind.with_settings_of_parts(config, cheap_config)


def fingerprint(log: InteractionLog) -> str:
    return dataclasses.replace(log).fingerprint  # of a new object, because each keeps its first answer


def halves(ids: NDArray[Any]) -> NDArray[np.int64]:
    """Returns the planted half, 0 or 1, of raw ids such as u12 or i7."""
    return np.array([int(one[1:]) % 2 for one in ids])


def rated_blocks_log(num_users: int = 30, num_items: int = 20) -> InteractionLog:
    """Two groups who rate seven items of their own half 4 or 5 and three of the other half 1 or 2.

    With item content that tells the halves apart and a profile that says nothing about them.
    """
    random = np.random.default_rng(1)
    users = np.repeat(np.arange(num_users), 10)
    liked = np.stack([random.permutation(10) < 7 for _ in range(num_users)])
    ranks = np.stack([random.permutation(num_items // 2) for _ in range(num_users)])
    items = 2 * ranks + np.where(liked, users.reshape(-1, 10) % 2, 1 - users.reshape(-1, 10) % 2)
    ratings = np.where(liked, 4, 1) + random.integers(2, size=liked.shape)
    # All users take turns, so that every moment has rows of many users.
    order = np.argsort(np.tile(np.arange(10), num_users), kind="stable")
    log = build_log(
        np.array([f"u{user}" for user in users])[order],
        np.array([f"i{item}" for item in items.ravel()])[order],
        1_000_000_000 + 3600 * np.arange(len(users), dtype=np.int64),
        ratings.ravel().astype(np.float32)[order],
    ).with_positives(4.0)
    content = np.eye(2, dtype=np.float32)[halves(log.item_ids.ids)]
    profile = random.random((log.num_users, 1), dtype=np.float32)
    return dataclasses.replace(
        log,
        item_features=FeatureTable(("half=0", "half=1"), content),
        user_features=FeatureTable(("age",), profile),
    )
