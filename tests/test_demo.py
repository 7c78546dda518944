"""The demo on a planted log: whom it asks, what it shows, what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from planted_files import write_planted_csv

from tfrs_bench import demo, index, main
from tfrs_bench.runtime import scann_problem

ITEMS = "item,title\n" + "".join(f"i{at},The {at}th [bold]Film[/] ({1950 + at})\n" for at in range(40))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log, titles, and runs of ALS, popularity and EASE."""
    folder = tmp_path_factory.mktemp("demo")
    write_planted_csv(folder / "log.csv")
    (folder / "items.csv").write_text(ITEMS)
    flags = [f"--interactions={folder / 'log.csv'}", f"--items={folder / 'items.csv'}"]
    flags += [f"--results_dir={folder / 'runs'}", "--label=shop"]
    assert main.console(["main", "--model=als,ease", "--baselines=popularity", *flags]) == 0
    return folder


def asked(place: Path, *flags: str, model: str = "als") -> list[str]:
    (run,) = (place / "runs" / "shop" / "per_user").glob(f"{model}-seed0-*")
    places = (f"--interactions={place / 'log.csv'}", f"--items={place / 'items.csv'}")
    return ["demo", f"--run={run}", "--index=exact", *places, *flags]


def told(capsys: pytest.CaptureFixture[str], argv: list[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert demo.console([*argv, "--json"]) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def refused(capsys: pytest.CaptureFixture[str], argv: list[str]) -> str:
    capsys.readouterr()
    assert demo.console(argv) == 2
    return capsys.readouterr().err


def test_a_users_answer_is_the_models_own_beside_others(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, asked(place, "--user=u1", "--k=5"))
    assert (found["model"], found["dataset"], found["user_id"]) == ("als", "shop", "u1")
    # u1 has 16 rows: 14 before the test part, 2 in it, of the 20 odd items.
    assert len(found["history"]) == 14
    assert all(int(one["item_id"][1:]) % 2 == 1 for one in found["history"])
    mine, popular = found["lists"]
    assert (mine["by"], popular["by"]) == ("exact", "popularity")
    assert popular["note"].startswith("run popularity-seed0-")
    had = {one["item_id"] for one in found["history"]}
    assert len(mine["items"]) == 5 and not had & {one["item_id"] for one in mine["items"]}
    # Another item of their own half stands behind each of their own half.
    for item, reason in zip(mine["items"], found["because"], strict=True):
        if int(item["item_id"][1:]) % 2 == 1:
            assert reason["item_id"] in had
    liked = {one["item_id"] for one in found["liked_in_test"]}
    assert {one["item_id"] for one in mine["items"] if one["liked_in_test"]} <= liked
    assert set(found["ms"]) >= {"als: the query", "exact: search among 40 items"}


def test_nobody_named_is_somebody_with_a_hit_and_always_the_same(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = (told(capsys, asked(place)) for _ in range(2))
    assert first["user_id"] == again["user_id"]
    assert any(one["liked_in_test"] for one in first["lists"][0]["items"])


def test_somebody_told_by_titles_is_answered(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, asked(place, "--history=the 2th,6TH [bold]film[/] (1956),i4", "--k=3"))
    assert [one["item_id"] for one in found["history"]] == ["i2", "i6", "i4"]
    assert found["user_id"] is None and found["liked_in_test"] == []
    assert {int(one["item_id"][1:]) % 2 for one in found["lists"][0]["items"]} == {0}


def test_neighbors_of_an_item_are_of_its_half(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model, measure in (("als", "cosine"), ("ease", "score")):
        found = told(capsys, asked(place, "--items_like=i4", "--k=4", model=model))
        near = found["items"]
        assert found["item_id"] == "i4" and "i4" not in {one["item_id"] for one in near}
        assert {int(one["item_id"][1:]) % 2 for one in near} == {0}
        assert [one[measure] for one in near] == sorted((one[measure] for one in near), reverse=True)


def test_a_model_without_index_is_shown_all_the_same(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, asked(place, "--user=u1", model="ease"))
    assert [one["by"] for one in found["lists"]] == ["ease", "als", "popularity"]
    assert "no index can serve it" in found["lists"][0]["note"]


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_page_fits_the_terminal_and_prints_titles_as_they_are(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    capsys.readouterr()
    assert demo.console(asked(place, "--user=u1")) == 0
    out = capsys.readouterr().out
    page = out[out.index("User u1") :].splitlines()
    assert max(map(len, page)) <= int(columns)
    assert any("[bold]Film[/]" in line for line in page)
    (headline,) = (line for line in page if line.startswith("History"))
    assert headline.rstrip() == "History: the last 10 of 14 rows, latest first"
    assert sum(bool(re.match(r"2001-\d\d-\d\d +[24] +The", line)) for line in page) == 10
    assert any("in the test part" in line for line in page)


def test_the_kept_index_is_shown_only_if_it_is_of_the_kind_that_was_asked_for(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # `--index=scann` is the default, and `index` may have kept an exact one.
    (run,) = (place / "runs" / "shop" / "per_user").glob("als-seed0-*")
    flags = [one for one in asked(place, "--user=u1") if one != "--index=exact"]
    assert index.console(["index", *flags[1:-1], "--index=exact"]) == 0
    assert (run / "index").is_dir()
    by = [one["by"] for one in told(capsys, flags)["lists"]]
    assert by[0] == ("exact" if scann_problem() else "scann")
    assert index.console(["index", *flags[1:-1], "--index=scann"]) == 0
    assert [one["by"] for one in told(capsys, flags)["lists"]] == by


def test_what_cannot_be_is_said(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, asked(place, "--user=u999"))
    assert "--user=u999 is nobody in shop" in text and "60 ids look like u0, " in text
    # The 3rd, and the 30th to the 39th.
    assert "is in 11 titles" in refused(capsys, asked(place, "--history=the 3"))
    assert "Give one of them" in refused(capsys, asked(place, "--user=u1", "--history=i1"))
    assert "--k=0 is outside its range" in refused(capsys, asked(place, "--k=0"))
