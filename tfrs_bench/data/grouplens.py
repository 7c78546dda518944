"""The side files of MovieLens: titles, genres and decades of films, and profiles of users."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from tfrs_bench.data.text_file import read_text_lines
from tfrs_bench.errors import UserError

# The order of the flags in u.item; "unknown" says that no genre is known.
FLAGS_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
# The codes in users.dat.
OCCUPATIONS_1M = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service",
    "doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer",
    "programmer", "retired", "sales/marketing", "scientist", "self-employed", "technician/engineer",
    "tradesman/craftsman", "unemployed", "writer",
)  # fmt: skip
# The lower bounds of the age groups that users.dat gives; u.user gives years, grouped alike here.
AGE_GROUPS = {1: "under 18", 18: "18-24", 25: "25-34", 35: "35-44", 45: "45-49", 50: "50-55", 56: "56+"}
_NO_GENRE = ("", "unknown", "(no genres listed)")


def read_movies(path: Path) -> dict[str, tuple[str, list[str]]]:
    """Reads u.item, movies.dat or movies.csv.

    Returns:
      Raw item id to title and labels, such as `genre=Comedy` and `decade=1990s` (of the year that ends
      the title).

    Raises:
      UserError: the file cannot be read, or a line has not the right number of fields.
    """
    movies = {}
    for number, fields in _rows(path):
        if path.name.startswith("u.item"):
            _check_width(path, number, fields, 5 + len(FLAGS_100K))
            genres = [name for name, flag in zip(FLAGS_100K, fields[5:], strict=True) if flag == "1"]
        else:
            _check_width(path, number, fields, 3)
            genres = fields[2].strip().split("|")
        labels = [f"genre={genre}" for genre in genres if genre not in _NO_GENRE]
        movies[fields[0]] = (fields[1].strip(), labels + _decade(fields[1]))
    return movies


def read_users(path: Path) -> dict[str, list[str]]:
    """Reads u.user or users.dat.

    Returns:
      Raw user id to labels: `gender=F`, `age=25-34`, `occupation=writer`.

    Raises:
      UserError: the file cannot be read, or a line is not a profile.
    """
    users = {}
    for number, fields in _rows(path):
        _check_width(path, number, fields, 5)
        try:
            if path.name.startswith("u.user"):
                age, gender, occupation = int(fields[1]), fields[2], fields[3]
            else:
                age, gender, occupation = int(fields[2]), fields[1], OCCUPATIONS_1M[int(fields[3])]
        except (ValueError, IndexError) as error:
            raise UserError(
                f"{path}, line {number} is no user's profile. Unzip the archive again."
            ) from error
        group = max((bound for bound in AGE_GROUPS if bound <= age), default=1)
        users[fields[0]] = [f"gender={gender}", f"age={AGE_GROUPS[group]}", f"occupation={occupation}"]
    return users


def _decade(title: str) -> list[str]:
    found = re.search(r"\((\d{3})\d[^()]*\)\s*$", title)
    return [f"decade={found[1]}0s"] if found else []


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    lines = read_text_lines(path)
    if ".csv" in path.suffixes:
        yield from (
            (number, fields) for number, fields in enumerate(csv.reader(lines), 1) if number > 1 and fields
        )
        return
    separator = "::" if ".dat" in path.suffixes else "|"
    yield from ((number, line.split(separator)) for number, line in enumerate(lines, start=1) if line)


def _check_width(path: Path, number: int, fields: list[str], width: int) -> None:
    if len(fields) != width:
        raise UserError(
            f"{path}, line {number} has {len(fields)} fields, not {width}: the file is cut short or another"
            " one. Unzip the archive again."
        )
