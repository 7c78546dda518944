"""What can be named on the command line, and where it lives.

Recipe for a new model: write `tfrs_bench/models/<name>.py` with a `Recommender` subclass, add one line to
`MODELS`, and one flagfile `flags/<name>.cfg`. The contract tests find it through this table. A model's
module must import without TensorFlow: `--help` reads every model's settings.
"""

from __future__ import annotations

import importlib
from typing import Any

from tfrs_bench.errors import UserError
from tfrs_bench.options import did_you_mean

MODELS = {
    "random": "tfrs_bench.models.random_order:RandomOrder",
    "popularity": "tfrs_bench.models.popularity:Popularity",
    "als": "tfrs_bench.models.als:ALS",
    "ials": "tfrs_bench.models.ials:IALS",
    "bpr": "tfrs_bench.models.bpr:BPR",
    "pure_svd": "tfrs_bench.models.pure_svd:PureSVD",
    "itemknn": "tfrs_bench.models.itemknn:ItemKNN",
    "userknn": "tfrs_bench.models.userknn:UserKNN",
    "ease": "tfrs_bench.models.ease:EASE",
    "markov": "tfrs_bench.models.markov:Markov",
    "session_knn": "tfrs_bench.models.session_knn:SessionKNN",
    "mean": "tfrs_bench.models.mean:Mean",
    "biased_mf": "tfrs_bench.models.biased_mf:BiasedMF",
    "two_tower": "tfrs_bench.models.two_tower:TwoTower",
    "gmf": "tfrs_bench.models.ncf:GMF",
    "mlp": "tfrs_bench.models.ncf:MLP",
    "ncf": "tfrs_bench.models.ncf:NCF",
    "funnel": "tfrs_bench.retrieval.funnel:Funnel",
}

# Kinds of `ItemIndex`; --index=auto chooses among the first two, see tfrs_bench/retrieval/building.py.
INDEXES = {
    "exact": "tfrs_bench.retrieval.exact_index:ExactIndex",
    "scann": "tfrs_bench.retrieval.scann_index:ScannIndex",
    "faiss_hnsw": "tfrs_bench.retrieval.faiss_index:HNSWIndex",
    "faiss_ivfpq": "tfrs_bench.retrieval.faiss_index:IVFPQIndex",
}

MODEL_ALIASES = {"neumf": "ncf"}

# Entries are functions (Experiment-like options) -> Dataset; see tfrs_bench/data/dataset.py.
DATASETS = {
    "simulated": "tfrs_bench.data.simulated:load",
    # What they are and who must win in them: tfrs_bench/data/worlds.py.
    "simulated-popularity": "tfrs_bench.data.simulated:load",
    "simulated-lowrank": "tfrs_bench.data.simulated:load",
    "simulated-sequential": "tfrs_bench.data.simulated:load",
    "simulated-nonlinear": "tfrs_bench.data.simulated:load",
    "simulated-content": "tfrs_bench.data.simulated:load",
    "movielens/100k": "tfrs_bench.data.movielens:load",
    "movielens/1m": "tfrs_bench.data.movielens:load",
    "movielens/20m": "tfrs_bench.data.movielens:load",
    "movielens/25m": "tfrs_bench.data.movielens:load",
    "movielens/latest-small": "tfrs_bench.data.movielens:load",
}

DATASET_ALIASES = {f"ml-{name.split('/')[1]}": name for name in DATASETS if name.startswith("movielens/")}


def short_name(dataset: str) -> str:
    """Returns a registered data set's name in tables, folders and flagfiles.

    >>> short_name("movielens/1m")
    'ml-1m'
    """
    return next((alias for alias, name in DATASET_ALIASES.items() if name == dataset), dataset)


def resolve(table: dict[str, str], name: str, flag: str) -> Any:
    """Imports what a name stands for.

    Args:
      table: one of this module's tables, name to `module:symbol`.
      name: what the user typed.
      flag: the flag it was typed at, for the error.

    Raises:
      UserError: the name is not in the table; the message offers the nearest one.
    """
    if name not in table:
        raise UserError(f"--{flag}={name} is not known.{did_you_mean(name, table)}")
    module, symbol = table[name].split(":")
    return getattr(importlib.import_module(module), symbol)
