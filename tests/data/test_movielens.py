"""GroupLens' files, in folders made up in each of their formats."""

from __future__ import annotations

import dataclasses
import gzip
import types

import pytest

from tfrs_bench.data import movielens
from tfrs_bench.data.movielens import load, load_movielens
from tfrs_bench.errors import UserError

RATINGS = [("9", "30", 5, 100), ("4", "10", 3, 100), ("9", "10", 1, 100), ("4", "20", 4, 50)]
FLAGS = {"10": (5,), "20": (0,), "30": (1, 2)}  # Comedy; unknown; Action and Adventure
TITLES = {"10": "Café, The (1995)", "20": "Lost Film", "30": "Run (2001)"}
GENRES = {"10": "Comedy", "20": "(no genres listed)", "30": "Action|Adventure"}

FILES = {
    "movielens/100k": {
        "u.data": "".join("\t".join(map(str, row)) + "\n" for row in RATINGS),
        "u.item": "".join(
            f"{item}|{title}|01-Jan-1995||url|"
            + "|".join(str(int(flag in FLAGS[item])) for flag in range(19))
            + "\n"
            for item, title in TITLES.items()
        ),
        "u.user": "4|17|F|writer|12345\n9|56|M|other|12345\n",
    },
    "movielens/1m": {
        "ratings.dat": "".join("::".join(map(str, row)) + "\n" for row in RATINGS),
        "movies.dat": "".join(f"{item}::{TITLES[item]}::{GENRES[item]}\n" for item in TITLES),
        "users.dat": "4::F::1::20::12345\n9::M::56::0::12345\n",
    },
    "movielens/latest-small": {
        "ratings.csv": "userId,movieId,rating,timestamp\r\n"
        + "".join(",".join(map(str, row)) + "\r\n" for row in RATINGS),
        "movies.csv": "movieId,title,genres\r\n"
        + "".join(f'{item},"{TITLES[item]}",{GENRES[item]}\r\n' for item in TITLES),
    },
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Returns folder(name) -> the unzipped archive of an edition that is published with four ratings."""

    def make(name, zipped=False):
        edition = dataclasses.replace(movielens.EDITIONS[name], rows=len(RATINGS))
        monkeypatch.setitem(movielens.EDITIONS, name, edition)
        made = tmp_path / edition.folder
        made.mkdir()
        for file, text in FILES[name].items():
            data = text.encode("utf-8" if file.endswith("csv") else "latin-1")
            (made / (file + ".gz" * zipped)).write_bytes(gzip.compress(data) if zipped else data)
        return made

    return make


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_every_format_tells_the_same(folder, name, zipped):
    log = load_movielens(name, folder(name, zipped)).log
    # User 9 appears first. Their two ratings are of one moment and stay in the file's order.
    assert log.user_ids.ids[log.users].tolist() == ["9", "9", "4", "4"]
    assert log.item_ids.ids[log.items].tolist() == ["30", "10", "20", "10"]
    assert log.timestamps.tolist() == [100, 100, 50, 100]
    assert log.ratings.tolist() == [5, 1, 4, 3]
    assert log.item_titles.tolist() == ["Run (2001)", "Café, The (1995)", "Lost Film"]
    assert log.item_features.names == (
        "decade=1990s",
        "decade=2000s",
        "genre=Action",
        "genre=Adventure",
        "genre=Comedy",
    )
    assert log.item_features.values.tolist() == [[0, 1, 1, 1, 0], [1, 0, 0, 0, 1], [0, 0, 0, 0, 0]]


@pytest.mark.parametrize("name", ["movielens/100k", "movielens/1m"])
def test_profiles_have_common_age_groups(folder, name):
    log = load_movielens(name, folder(name)).log
    assert log.user_ids.ids.tolist() == ["9", "4"]
    names = ("age=56+", "age=under 18", "gender=F", "gender=M", "occupation=other", "occupation=writer")
    assert log.user_features.names == names
    assert log.user_features.values.tolist() == [[1, 0, 0, 1, 1, 0], [0, 1, 1, 0, 0, 1]]


def test_names_and_folders_may_be_given_either_way(folder):
    made = folder("movielens/1m")
    options = types.SimpleNamespace(dataset="ml-1m", data_dir=str(made.parent))
    loaded = load(options)
    assert loaded.name == "ml-1m"
    assert len(loaded.log) == 4
    with pytest.raises(UserError, match="Did you mean movielens/1m"):
        load_movielens("movielens/1n", made)


def test_another_folder_is_refused(folder):
    made = folder("movielens/100k")
    with pytest.raises(UserError, match=r"holds neither ratings\.dat nor ml-1m/ratings\.dat"):
        load_movielens("movielens/1m", made)


@pytest.mark.parametrize("missing", ["movies.dat", "users.dat"])
def test_a_missing_file_is_named(folder, missing):
    made = folder("movielens/1m")
    (made / missing).unlink()
    with pytest.raises(UserError, match=f"{missing} is missing"):
        load_movielens("movielens/1m", made)


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("ratings.dat", "9::30::5::100\n4::10::3::100\n", "has 2 ratings, ml-1m has 4"),
        ("ratings.dat", "9::30::5::100\n4::10", "line 2 has 2 of 4 fields"),
        ("ratings.dat", "9::30::5::100\n4::10::x::100\n", 'line 2: rating "x" is not a finite number'),
        ("ratings.dat", "", "is empty"),
        ("movies.dat", "30::Run (2001)::Action\n10::Ca", "line 2 has 2 fields, not 3"),
        ("movies.dat", "30::Run (2001)::Action\n", "no line for id 10"),
        ("users.dat", "9::M::56::0::1\n", "no line for id 4"),
        ("users.dat", "9::M::old::0::1\n", "line 1 is no user's profile"),
        ("users.dat", "9::M::56::99::1\n", "line 1 is no user's profile"),
    ],
)
def test_a_file_cut_short_is_named(folder, file, text, says):
    made = folder("movielens/1m")
    (made / file).write_text(text)
    with pytest.raises(UserError) as caught:
        load_movielens("movielens/1m", made)
    assert says in str(caught.value)
    assert file in str(caught.value)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("ml-100k", (100_000, 943, 1_682)),
        ("ml-1m", (1_000_209, 6_040, 3_706)),
        ("ml-latest-small", (100_836, 610, 9_724)),
    ],
)
def test_the_published_sizes(real_data, name, size):
    log = load_movielens(name, real_data(name)).log
    assert (len(log), log.num_users, log.num_items) == size
