"""MovieLens, from GroupLens' own files: downloaded, or in a folder of one's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfrs_bench.data.dataset import Dataset
from tfrs_bench.data.download import cache_dir, fetch
from tfrs_bench.data.grouplens import read_movies, read_users
from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.multi_hot import multi_hot
from tfrs_bench.data.tabular import TableColumns, load_table
from tfrs_bench.errors import UserError
from tfrs_bench.options import did_you_mean

URL = "https://files.grouplens.org/datasets/movielens/{folder}.zip"


@dataclasses.dataclass(frozen=True)
class Edition:
    """One of the published data sets.

    Attributes:
      folder: its folder and short name.
      rows: how many ratings it has; another number is another data set.
      ratings: file of ratings.
      movies: file of titles and genres.
      users: file of profiles, or None.
      columns: of the file of ratings if it has no header.
    """

    folder: str
    rows: int
    ratings: str = "ratings.csv"
    movies: str = "movies.csv"
    users: str | None = None
    columns: tuple[str, ...] = ()


_HEADLESS = ("user", "item", "rating", "timestamp")
EDITIONS = {
    "movielens/100k": Edition("ml-100k", 100_000, "u.data", "u.item", "u.user", _HEADLESS),
    "movielens/1m": Edition("ml-1m", 1_000_209, "ratings.dat", "movies.dat", "users.dat", _HEADLESS),
    "movielens/20m": Edition("ml-20m", 20_000_263),
    "movielens/25m": Edition("ml-25m", 25_000_095),
    "movielens/latest-small": Edition("ml-latest-small", 100_836),
}


def load(options: Any) -> Dataset:
    """Loads the edition that an experiment's options name: the entry for `--dataset=movielens/…`."""
    return load_movielens(options.dataset, Path(options.data_dir) if options.data_dir else None)


def load_movielens(name: str, data_dir: Path | None = None) -> Dataset:
    """Loads a MovieLens edition with titles, genres, decades and, where published, user profiles.

    Args:
      name: such as `movielens/1m` or `ml-1m`.
      data_dir: the unzipped folder or the one it is in; None to look in the cache and else download.

    Returns:
      The dataset `ml-1m` or alike, its rows in the file's order.

    Raises:
      UserError: no such edition; the folder holds another or an incomplete one; no copy and no network.
    """
    edition = EDITIONS.get("movielens/" + name.removeprefix("movielens/").removeprefix("ml-"))
    if edition is None:
        raise UserError(f"--dataset={name} is not known.{did_you_mean(name, EDITIONS)}")
    folder = _find_folder(edition, data_dir)
    ratings = _file(folder, edition.ratings)
    separators = {"u.data": "tab", "ratings.dat": "::", "ratings.csv": "comma"}
    columns = TableColumns(names=edition.columns, separator=separators[edition.ratings])
    loaded = load_table(ratings, columns=columns)
    if len(loaded.log) != edition.rows:
        raise UserError(
            f"{ratings} has {len(loaded.log):,} ratings, {edition.folder} has {edition.rows:,}: it is cut"
            f" short or another data set. Unzip {edition.folder}.zip again, or read the file under its own"
            f" name: --interactions={ratings}"
        )
    log = _with_movies(loaded.log, _file(folder, edition.movies))
    if edition.users is not None:
        log = _with_profiles(log, _file(folder, edition.users))
    return Dataset(edition.folder, log, loaded.notes)


def _find_folder(edition: Edition, data_dir: Path | None) -> Path:
    if data_dir is not None and not data_dir.is_dir():
        problem = "is a file, not a folder" if data_dir.is_file() else "does not exist"
        raise UserError(
            f"--data_dir={data_dir} {problem}. Unzip {edition.folder}.zip and give the folder, or leave "
            "--data_dir out to download it."
        )
    candidates = [cache_dir() / edition.folder] if data_dir is None else [data_dir, data_dir / edition.folder]
    for folder in candidates:
        if any((folder / name).is_file() for name in (edition.ratings, f"{edition.ratings}.gz")):
            return folder
    if data_dir is not None:
        raise UserError(
            f"--data_dir={data_dir} holds neither {edition.ratings} nor {edition.folder}/{edition.ratings}:"
            f" unzip {edition.folder}.zip there, or leave --data_dir out to download it."
        )
    instead = f"unzip a copy of {edition.folder}.zip and type --data_dir=DIR, the folder it was unzipped in."
    return fetch(URL.format(folder=edition.folder), edition.folder, instead)


def _file(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise UserError(f"{folder / name} is missing. Unzip the archive again: all its files are needed.")


def _with_movies(log: InteractionLog, path: Path) -> InteractionLog:
    movies = read_movies(path)
    _check_complete(log.item_ids.ids, movies, path)
    titles = np.array([movies[raw][0] for raw in log.item_ids.ids], dtype=object)
    labels = [movies[raw][1] for raw in log.item_ids.ids]
    return dataclasses.replace(log, item_titles=titles, item_features=multi_hot(labels))


def _with_profiles(log: InteractionLog, path: Path) -> InteractionLog:
    users = read_users(path)
    _check_complete(log.user_ids.ids, users, path)
    return dataclasses.replace(log, user_features=multi_hot([users[raw] for raw in log.user_ids.ids]))


def _check_complete(ids: Iterable[str], known: Mapping[str, Any], path: Path) -> None:
    missing = [raw for raw in ids if raw not in known]
    if missing:
        raise UserError(
            f"{path} has no line for id {missing[0]} and {len(missing) - 1} others of the ratings: it is cut"
            " short. Unzip the archive again."
        )
