"""What is asked: data, protocol and models, as one frozen description that can be hashed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from tfrs_bench import registry
from tfrs_bench.errors import UserError
from tfrs_bench.options import check_options, did_you_mean, option, told

DATA, PROTOCOL, MODELS, OUTPUT = "Data", "Protocol", "Models", "Output"

RANKING, RATING = "ranking", "rating"
NEVER, AT_TEST, ALWAYS = "never", "test", "always"
BASELINES = {RANKING: ("popularity", "als"), RATING: ("mean", "biased_mf")}

MOST_SEED = 2**31 - 1  # what every library takes, with room for the seeds after it

# Fields that say where something lies; what lies there is covered by a fingerprint.
FILES = ("data_dir", "interactions", "items", "test_interactions", "validation_interactions", "candidates")

# Fields that say how a log of one's own is read; no public data set is read in another way.
OF_INTERACTIONS = (
    "items", "test_interactions", "validation_interactions", "user_column", "item_column", "rating_column",
    "timestamp_column", "columns", "separator", "order", "on_bad_rows",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything that decides a number, except a model's own settings."""

    dataset: str = option(
        "simulated",
        "simulated, or one of its worlds: simulated-popularity, -lowrank, -sequential, -nonlinear, -content "
        "(no download); ml-100k, ml-1m, ml-20m, ml-25m, ml-latest-small (or movielens/100k, …).",
        group=DATA,
    )
    data_dir: str | None = option(
        None,
        "Folder with the data set's own files, unzipped; without it they are downloaded and kept.",
        group=DATA,
    )
    data_seed: int = option(0, "Seed of the simulated data.", low=0, high=MOST_SEED, group=DATA)
    interactions: str | None = option(
        None,
        "Your own log instead of --dataset: csv, tsv, space separated or parquet, plain or gzip.",
        group=DATA,
    )
    items: str | None = option(
        None, "File with titles (and genres) of the items of --interactions.", group=DATA
    )
    test_interactions: str | None = option(None, "Test part for --split=predefined.", group=DATA)
    validation_interactions: str | None = option(
        None,
        "Validation part for --split=predefined; without it, the end of each user's train rows.",
        group=DATA,
    )
    user_column: str | None = option(None, "Name of the user column, if it is not a usual one.", group=DATA)
    item_column: str | None = option(None, "Name of the item column, if it is not a usual one.", group=DATA)
    rating_column: str | None = option(None, "Name of the rating column; none to ignore ratings.", group=DATA)
    timestamp_column: str | None = option(
        None, "Name of the time column, if it is not a usual one.", group=DATA
    )
    columns: tuple[str, ...] = option(
        (), "Columns of a file without header, in order, such as user,item,rating,timestamp.", group=DATA
    )
    separator: str | None = option(
        None, "What separates columns: one character, ::, tab, space or comma.", group=DATA
    )
    order: str = option(
        "time",
        "What orders a user's rows: their time, their place in the file, or none (then --split=random).",
        choices=("time", "file", "none"),
        group=DATA,
    )
    on_bad_rows: str = option(
        "error",
        "Stop at a row that cannot be read, or skip and count it.",
        choices=("error", "skip"),
        group=DATA,
    )
    task: str = option(
        "ranking",
        "Weigh models by the lists they make, or by how well they predict the ratings of the test rows.",
        choices=(RANKING, RATING),
        group=PROTOCOL,
        silent=True,
    )
    split: str = option(
        "per_user",
        "Who is tested on what: each user's last 10 %, everything after one moment, each user's last "
        "row, the given files, or chance.",
        choices=("per_user", "global", "leave_last", "predefined", "random"),
        group=PROTOCOL,
    )
    relevance_threshold: float = option(
        4.0, "Ratings from here on are positives; ignored on implicit data.", group=PROTOCOL
    )
    train_on: str = option(
        "positives",
        "Learn from positives, or count every row as one while training.",
        choices=("positives", "all"),
        group=PROTOCOL,
    )
    cold_start_below: int = option(
        5, "Users with fewer training rows are cold: answered, never trained on.", low=0, group=PROTOCOL
    )
    cold_start_fraction: float = option(
        0.0,
        "Hold out this share of users entirely and ask them alone, after their first 0, 1, 2, 3 and 4 rows.",
        group=PROTOCOL,
        low=0,
        high=0.9,
    )
    train_fraction: float = option(
        1.0,
        "Train on this share of the users; the rest are tested all the same, answered from their history.",
        low=0.001,
        high=1,
        group=PROTOCOL,
        silent=True,
    )
    shuffle_histories: str = option(
        NEVER,
        "Shuffle each user's items over that user's moments, in the test's histories or always: in training "
        "and validation too.",
        choices=(NEVER, AT_TEST, ALWAYS),
        group=PROTOCOL,
        silent=True,
    )
    mask_seen: bool = option(
        True,
        "Leave out what the user already has, from lists and answers; false for shops and music.",
        group=PROTOCOL,
    )
    candidates: str | None = option(
        None,
        "File with one item id a line: rank these, instead of all items of the training rows.",
        group=PROTOCOL,
    )
    ks: tuple[int, ...] = option(
        (5, 10, 20), "Cut-offs K of the metrics; 10 is always among them.", low=1, high=1_000, group=PROTOCOL
    )
    refit: bool = option(
        True,
        "Train again on train + validation before the test, for as many epochs as validation chose.",
        group=PROTOCOL,
    )
    seed: int = option(0, "Seed of models, ties and random splits.", low=0, high=MOST_SEED, group=PROTOCOL)

    def __post_init__(self) -> None:
        """Brings the data set's name into its long form and checks every option.

        Raises:
          UserError: an option is unknown, outside its range, or contradicts another.
        """
        check_options(self)
        name = registry.DATASET_ALIASES.get(self.dataset, self.dataset)
        object.__setattr__(self, "dataset", name)
        if name not in registry.DATASETS:
            known = [*registry.DATASET_ALIASES, *registry.DATASETS]
            raise UserError(
                f"--dataset={name} is not known.{did_you_mean(name, known)} "
                "For a log of your own: --interactions=FILE."
            )
        self._check_source()
        self._check_files()

    def _check_source(self) -> None:
        source = "--interactions" if self.interactions is not None else f"--dataset={self.dataset}"
        simulated = self.interactions is None and self.dataset.startswith("simulated")
        if self.data_seed and not simulated:
            raise UserError(f"--data_seed is of simulated data, and {source} names other data. Leave it out.")
        if self.data_dir is not None and (simulated or self.interactions is not None):
            raise UserError(
                f"--data_dir is where a public data set lies, and {source} names none. Leave it out, or name"
                " the data set, such as --dataset=ml-1m."
            )
        if self.order != "time" and self.timestamp_column is not None:
            raise UserError(
                f"--order={self.order} reads no times, and --timestamp_column names some. Leave one out."
            )

    def _check_files(self) -> None:
        if self.interactions is None:
            for field in dataclasses.fields(self):
                if field.name in OF_INTERACTIONS and getattr(self, field.name) != field.default:
                    raise UserError(
                        f"--{field.name} describes a log of your own: name it with --interactions=FILE."
                    )
        if self.split == "predefined" and self.test_interactions is None:
            raise UserError("--split=predefined needs --test_interactions=FILE beside --interactions=FILE.")
        if self.split != "predefined" and self.test_interactions is not None:
            raise UserError("--test_interactions goes with --split=predefined. Add that flag.")

    def identity(self) -> dict[str, Any]:
        """Returns what decides a number: every field but where the files lie, which a fingerprint covers."""
        kept = {key: value for key, value in told(self).items() if key not in FILES}
        return kept if self.interactions is None else kept | {"dataset": None, "data_seed": None}


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which models to run beside each other, and where results go."""

    model: tuple[str, ...] = option(
        ("two_tower",),
        f"Models to weigh, such as two_tower or als,two_tower. Known: {', '.join(registry.MODELS)}.",
        group=MODELS,
    )
    baselines: tuple[str, ...] | None = option(
        None,
        f"Opponents that stand in every table; by default {','.join(BASELINES[RANKING])}, and with "
        f"--task={RATING} {','.join(BASELINES[RATING])}.",
        group=MODELS,
    )
    tune_baselines: bool = option(
        True,
        "Tune the baselines: shipped settings if there are any for this data, else a grid on validation.",
        group=MODELS,
    )
    tune_minutes: float | None = option(
        None,
        "Give every model of the run, baselines too, this many minutes of search on validation, instead of "
        "shipped settings and grids.",
        low=0.01,
        group=MODELS,
    )
    tune_trials: int = option(
        60, "With --tune_minutes, the most trials of a model's search.", low=1, group=MODELS
    )
    seeds: int = option(
        1,
        "How many seeds every model that depends on chance runs under: --seed and those after it. Data, "
        "split and ties stay those of --seed.",
        low=1,
        group=MODELS,
    )
    label: str | None = option(
        None, "What tables and folders call the data; by default the data set's own name.", group=DATA
    )
    results_dir: str = option("runs", "Folder for everything a run writes.", group=OUTPUT)
    rerun: bool = option(False, "Run again what has been run with the same settings.", group=OUTPUT)
    summary: str | None = option(None, "Also write the comparison to this JSON file.", group=OUTPUT)
    describe: bool = option(False, "Print the facts of the log and stop.", group=OUTPUT)
    evaluation_memory_mb: int = option(512, "Memory for one chunk of evaluation.", low=1, group=OUTPUT)
    debug: bool = option(False, "Show the traceback of an error.", group=OUTPUT)

    def __post_init__(self) -> None:
        """Brings models' names into their usual form and checks that every one exists.

        Raises:
          UserError: a model is unknown, or none is named.
        """
        check_options(self)
        for flag in ("model", "baselines"):
            if getattr(self, flag) is None:
                continue
            names = tuple(registry.MODEL_ALIASES.get(name, name) for name in getattr(self, flag))
            object.__setattr__(self, flag, names)
            for name in names:
                if name not in registry.MODELS:
                    raise UserError(f"--{flag}={name} is not known.{did_you_mean(name, registry.MODELS)}")
        if not self.model:
            raise UserError(f"--model is empty. Known: {', '.join(registry.MODELS)}.")
        self._check_tuning()
        self._check_output()

    def _check_tuning(self) -> None:
        if self.tune_minutes is None and self.tune_trials != 60:
            raise UserError("--tune_trials limits a search: add --tune_minutes=N.")
        if self.tune_minutes is not None and not self.tune_baselines:
            raise UserError(
                "--tune_minutes gives every model the same search, and --tune_baselines=false takes it from "
                "some. Leave one of them out."
            )

    def _check_output(self) -> None:
        if self.describe and self.summary is not None:
            raise UserError("--describe compares nothing, so --summary has nothing to hold. Leave one out.")
        try:
            if Path(self.results_dir).exists() and not Path(self.results_dir).is_dir():
                raise UserError(
                    f"--results_dir={self.results_dir} is a file. Choose another --results_dir=DIR."
                )
            if self.summary is not None and Path(self.summary).is_dir():
                raise UserError(
                    f"--summary={self.summary} is a folder. Give a file, such as result.json in it."
                )
        except OSError as error:
            raise UserError(f"{error.filename} cannot be written ({error.strerror}).") from error


def short_hash(content: Any) -> str:
    """Returns eight hexadecimal digits that stand for a JSON-able value."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
