"""The contract between models and everything else: models only score."""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries
from tfrs_bench.errors import UserError
from tfrs_bench.models.checkpoint import Checkpoint
from tfrs_bench.models.fit import Capabilities, FitContext, FitMonitor, FitReport
from tfrs_bench.models.ranking import NO_ITEM, top_k
from tfrs_bench.models.space import Space
from tfrs_bench.options import check_options
from tfrs_bench.storage import atomic, read_arrays, unwritable, write_arrays

__all__ = [
    "NO_ITEM",
    "Capabilities",
    "FactorizedRecommender",
    "FitContext",
    "FitMonitor",
    "FitReport",
    "Recommender",
]

LAYOUT = 1  # of a saved model's folder


class Recommender(ABC):
    """Scores every item for every query; masking, ties, top-k and metrics happen outside.

    A subclass sets `name`, `Config` (a frozen dataclass of `option` fields), `capabilities` and, if it has
    something to tune, `grid` (see `tuning.grid`) and `space` (see `models.space`), and implements `_fit`,
    `score`, `state` and `restore`. `ranks` names the fields of the grid that count dimensions of the items: a
    search goes up to the first value that is no smaller than the number of items, which already has room for
    every matrix.
    """

    name: ClassVar[str]
    Config: ClassVar[type[Any]]
    capabilities: ClassVar[Capabilities] = Capabilities()
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {}
    ranks: ClassVar[tuple[str, ...]] = ()
    space: ClassVar[Space] = {}

    def __init__(self, config: Any | None = None) -> None:
        """Takes a `Config`, by default one of defaults.

        Raises:
          UserError: a setting is outside its range or choices.
        """
        self.config = self.Config() if config is None else config
        check_options(self.config)
        self.item_keys = np.zeros(0, dtype=np.uint64)

    @classmethod
    def parts(cls, config: Any) -> tuple[str, ...]:
        """Returns the registered names of the models that this one is made of; most are of none."""
        return ()

    @classmethod
    def with_settings_of_parts(cls, config: Any, settings_of: Callable[[str], Any]) -> Any:
        """Returns the config with the settings of its parts, each asked for by its registered name."""
        return config

    @property
    def stated_epochs(self) -> int | dict[str, int] | None:
        """What the settings say of how many epochs to train; None if validation has to choose."""
        epochs: int | None = getattr(self.config, "epochs", None)
        return epochs

    def check(self, train: InteractionLog) -> None:  # noqa: B027 - most models can be fitted on any log
        """Raises UserError if this model cannot be fitted on such a log; asked before any model is fitted."""

    @abstractmethod
    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport: ...

    @final
    def fit(
        self,
        train: InteractionLog,
        *,
        seed: int = 0,
        validate: Callable[[Recommender], float] | None = None,
        epochs: int | Mapping[str, int] | None = None,
        monitor: FitMonitor | None = None,
        checkpoint: Checkpoint | None = None,
        metric: str = "ndcg@10",
        negatives_among: NDArray[np.int32] | None = None,
    ) -> FitReport:
        """Learns from a log; a second call starts afresh, unless a checkpoint holds how far the first came.

        Args:
          train: the rows to learn from. Users and items without rows are only names to the model.
          seed: every random choice derives from it.
          validate: returns the quality of the model as it stands, higher is better; a model with
            `early_stopping` calls it after every epoch and keeps its best weights.
          epochs: train exactly this many epochs, as a report told them, and stop for nothing; ignored by
            models without epochs.
          monitor: is told of every step and epoch.
          checkpoint: where a model with epochs keeps its state after each of them, and goes on from; the end
            is the same, bit for bit, as without a stop. Other models ignore it.
          metric: what `validate` reads, for the curve; an error comes from it negated.
          negatives_among: [num_users, c] int32 items of each user, padded with `NO_ITEM`, among which a model
            that `draws_negatives` draws them; other models ignore it.

        Returns:
          The epochs kept and the training curve.
        """
        self.item_keys = train.item_ids.keys
        by_part = epochs if isinstance(epochs, Mapping) else None
        alike = None if isinstance(epochs, Mapping) else epochs
        context = FitContext(
            seed, validate, alike, monitor, checkpoint, metric, by_part, negatives_among=negatives_among
        )
        return self._fit(train, context)

    @abstractmethod
    def score(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, num_items] float32 finite scores; higher is better."""

    def score_pairs(self, queries: Queries, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Scores a few items of every query's own, as `score` does; a model that can do so for less does.

        Args:
          queries: n queries.
          items: [n, c] int32 items; where `NO_ITEM` stands, the score means nothing.

        Returns:
          [n, c] float32.
        """
        return np.take_along_axis(self.score(queries), np.maximum(items, 0), axis=1)

    @abstractmethod
    def state(self) -> dict[str, NDArray[Any]]:
        """Returns every array that `score` needs, by name."""

    @abstractmethod
    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes what `state` returned."""

    @property
    def num_parameters(self) -> int:
        """Learned numbers, counted over the floating-point arrays of `state`."""
        return sum(array.size for array in self.state().values() if array.dtype.kind == "f")

    @final
    def recommend(
        self,
        queries: Queries,
        k: int,
        *,
        seed: int = 0,
        candidates: NDArray[np.bool_] | None = None,
        mask_seen: bool = True,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The best k items of every query.

        Args:
          queries: n queries.
          k: list length.
          seed: breaks ties, together with the raw user and item ids.
          candidates: [num_items] bool, the items that may be recommended; None for all.
          mask_seen: leave out what is in the query's history.

        Returns:
          items [n, k] int32 with `NO_ITEM` where candidates ran out, and their scores [n, k] float32
          with −inf there.
        """
        scores = self.score(queries)
        mask_scores(scores, queries, candidates, mask_seen)
        return top_k(scores, k, queries.keys, self.item_keys, seed)

    @final
    @classmethod
    def saved_config(cls, saved: Mapping[str, Any]) -> Any:
        """Returns the `Config` of settings read from JSON; those that no longer exist are left out."""
        fields = {field.name for field in dataclasses.fields(cls.Config)}
        return cls.Config(**{key: _frozen(saved[key]) for key in fields & saved.keys()})

    @final
    def save(self, folder: Path) -> None:
        """Writes `arrays.npz`, then `model.json`, to a folder, without pickle.

        Raises:
          UserError: the folder cannot be written.
        """
        about = {"model": self.name, "config": dataclasses.asdict(self.config), "layout": LAYOUT}
        try:
            write_arrays(folder / "arrays.npz", self.state() | {"item_keys": self.item_keys})
            with atomic(folder / "model.json") as file:
                file.write((json.dumps(about, indent=1) + "\n").encode())
        except OSError as error:
            raise unwritable(folder, error) from error

    @final
    @classmethod
    def load(cls, folder: Path) -> Recommender:
        """Reads what `save` wrote; the loaded model gives the same scores.

        Raises:
          UserError: the folder holds another model, one of another layout, a damaged one, or none.
        """
        again = "Run main with --rerun to make it."
        try:
            about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            name, layout, saved = about["model"], about.get("layout", LAYOUT), about["config"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{folder} holds no saved model ({_reason(error)}). {again}") from error
        if name != cls.name:
            raise UserError(f"{folder} holds a model {name}, not {cls.name}. Name a folder of {cls.name}.")
        if layout != LAYOUT:
            raise UserError(
                f"{folder} has a model {name} of layout {layout}, and this version reads {LAYOUT}. "
                f"Load it with the version that wrote it, or run main with --rerun."
            )
        try:
            model = cls(cls.saved_config(saved))
            state = read_arrays(folder / "arrays.npz")
            model.item_keys = state.pop("item_keys")
            model.restore(state)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, UserError) as error:
            raise UserError(
                f"{folder} has a model {name} that cannot be read ({_reason(error)}). {again}"
            ) from error
        return model


class FactorizedRecommender(Recommender):
    """A recommender whose score is an inner product, so that an index of items can serve it."""

    @abstractmethod
    def query_embeddings(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, d] float32."""

    @abstractmethod
    def item_embeddings(self) -> NDArray[np.float32]:
        """Returns [num_items, d] float32."""

    @final
    def score(self, queries: Queries) -> NDArray[np.float32]:
        """Returns the [n, num_items] inner products."""
        return self.query_embeddings(queries) @ self.item_embeddings().T

    @final
    def score_pairs(self, queries: Queries, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Returns [n, c] float32, the inner products of these pairs alone."""
        asked, known = self.query_embeddings(queries), self.item_embeddings()
        scores = np.empty(items.shape, dtype=np.float32)
        for row, own in enumerate(items):
            scores[row] = known[own] @ asked[row]
        return scores


def mask_scores(
    scores: NDArray[np.float32],
    queries: Queries,
    candidates: NDArray[np.bool_] | None,
    mask_seen: bool,
) -> None:
    """Sets to −inf, in place, the [n, num_items] scores of items that may not be recommended."""
    if candidates is not None:
        scores[:, ~candidates] = -np.inf
    if mask_seen:
        scores[queries.histories.rows, queries.histories.items] = -np.inf


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error).split("\n", 1)[0]
