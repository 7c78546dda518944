"""Session kNN against a direct computation of its formula, and its choices one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.queries import Queries, queries_at_end
from tfrs_bench.models.session_knn import SessionKNN, SessionKNNConfig

SETTINGS = {"neighbors": 5, "sample_size": 8, "session_length": 4, "history_length": 3, "idf": 0.5}


def log_of(sessions: dict[str, str], positives: str | None = None) -> InteractionLog:
    """One user a word, one item a letter; times rise word by word, letter by letter."""
    users = [user for user, items in sessions.items() for _ in items]
    items = list("".join(sessions.values()))
    log = build_log(np.array(users), np.array(items), np.arange(len(items)))
    if positives is None:
        return log
    ratings = np.array([5.0 if one in positives else 1.0 for one in items], np.float32)
    return build_log(np.array(users), np.array(items), np.arange(len(items)), ratings).with_positives(4.0)


def fitted(log: InteractionLog, **settings: Any) -> SessionKNN:
    model = SessionKNN(SessionKNNConfig(**settings))
    model.fit(log)
    return model


def strangers(log: InteractionLog, sessions: dict[str, str]) -> Queries:
    """Users who are not in training, over the log's items."""
    asked = log_of(sessions)
    queries = queries_at_end(asked, np.arange(len(sessions), dtype=np.int32), np.zeros(len(sessions), bool))
    queries.histories.items[:] = log.item_ids.index(asked.item_ids.ids)[queries.histories.items]
    return queries


def scores(model: SessionKNN, log: InteractionLog, history: str) -> dict[str, float]:
    (answer,) = model.score(strangers(log, {"new": history}))
    return dict(zip(log.item_ids.ids, answer.tolist(), strict=True))


def random_log() -> InteractionLog:
    random = np.random.default_rng(4)
    words = ["".join(random.choice(list("abcdefghijkl"), random.integers(1, 11))) for _ in range(30)]
    return log_of({f"u{number}": word for number, word in enumerate(words)})


def weight(weighting: str, step: int, length: int) -> float:
    return {"linear": 1 - (step - 1) / length, "harmonic": 1 / step, "equal": 1.0}[weighting]


def direct(log: InteractionLog, queries: Queries, weighting: str) -> np.ndarray:
    """The formula of the module, by loops over sets."""
    sessions = []  # (last row's time, user, items), of four rows each, counted from the user's end
    for user in range(log.num_users):
        rows = np.flatnonzero(log.users == user)
        for end in range(len(rows), 0, -4):
            cut = rows[max(end - 4, 0) : end]
            sessions.append((log.timestamps[cut[-1]], user, set(log.items[cut].tolist())))
    sessions.sort(key=lambda one: -one[0])
    holding = np.array([sum(item in items for _, _, items in sessions) for item in range(log.num_items)])
    found = np.zeros((len(queries), log.num_items))
    for query, user in enumerate(queries.users):
        start, end = queries.histories.offsets[query : query + 2]
        steps: dict[int, int] = {}
        for back, item in enumerate(queries.histories.items[start:end][::-1][:3], start=1):
            steps.setdefault(int(item), back)
        weights = {item: weight(weighting, step, 3) for item, step in steps.items()}
        norm = np.sqrt(sum(one**2 for one in weights.values()))
        sample = [(items, steps.keys() & items) for _, owner, items in sessions if owner != user]
        sample = [one for one in sample if one[1]][:8]
        similar = [(sum(weights[i] for i in both) / norm / np.sqrt(len(items)), items, both)
                   for items, both in sample]  # fmt: skip
        for sim, items, both in sorted(similar, key=lambda one: -one[0])[:5]:
            for item in items:
                rarity = np.log(len(sessions) / holding[item])
                found[query, item] += sim * weights[min(both, key=steps.__getitem__)] * (1 + 0.5 * rarity)
    return found


@pytest.mark.parametrize("weighting", ["linear", "harmonic", "equal"])
def test_scores_are_those_of_the_formula(weighting: str) -> None:
    log = random_log()
    known = np.arange(log.num_users) % 3 > 0
    queries = queries_at_end(log, np.arange(log.num_users, dtype=np.int32), known)
    model = fitted(log, weighting=weighting, **SETTINGS)
    expected = direct(log, queries, weighting)
    assert (expected > 0).any(axis=1).all() and (expected == 0).any()
    assert_allclose(model.score(queries), expected, rtol=1e-5, atol=1e-8)


def test_a_long_history_is_cut_from_its_end() -> None:
    # abc|de: no session of three holds both c and d.
    answer = scores(fitted(log_of({"u": "abcde"}), session_length=3), log_of({"u": "abcde"}), "d")
    assert min(answer["c"], answer["e"]) > 1e-3 > max(answer["a"], answer["b"])
    whole = scores(fitted(log_of({"u": "abcde"}), session_length=5), log_of({"u": "abcde"}), "d")
    assert min(whole.values()) > 1e-3


def test_only_the_latest_sessions_with_an_item_of_the_query_are_neighbors() -> None:
    log = log_of({"old": "ab", "new": "ac", "newest": "de"})
    answer = scores(fitted(log, sample_size=1), log, "a")
    assert answer["c"] > 1e-3 > answer["b"]  # `newest` shares nothing, so it takes no place
    assert scores(fitted(log, sample_size=2), log, "a")["b"] > 1e-3


def test_only_the_nearest_answer_and_of_equals_the_latest() -> None:
    log = log_of({"both": "abx", "one": "ay", "other": "az"})
    answer = scores(fitted(log, neighbors=1, idf=0.0), log, "ab")
    assert answer["x"] > 1e-3 > max(answer["y"], answer["z"])
    tied = scores(fitted(log, neighbors=1), log, "a")  # cosine 1/√2 with `one` and `other`, less with `both`
    assert tied["z"] > 1e-3 > max(tied["x"], tied["y"])


def test_the_latest_items_of_the_query_count_most() -> None:
    log = log_of({"one": "ay", "other": "bz"})
    model = fitted(log)
    assert scores(model, log, "ab")["z"] > scores(model, log, "ab")["y"] > 1e-3
    assert scores(model, log, "ba")["y"] > scores(model, log, "ba")["z"] > 1e-3
    assert scores(model, log, "ab" + "a")["y"] > scores(model, log, "ab" + "a")["z"]  # a was taken again


def test_rows_beyond_the_history_length_are_not_read() -> None:
    log = log_of({"one": "ay", "other": "bz"})
    answer = scores(fitted(log, history_length=1), log, "ab")
    assert answer["z"] > 1e-3 > answer["y"]


def test_the_latest_item_in_common_is_told_over_long_histories() -> None:
    items = [chr(0x4E00 + number) for number in range(400)]
    log = log_of({"rest": "".join(items[200:]), "far": items[0] + "y", "farther": "".join(items[:200]) + "z"})
    queries = strangers(log, {"new": "".join(items)})
    model = fitted(log, history_length=400, session_length=300, weighting="harmonic", idf=0.0)
    # `far` shares the item 400 steps back; `farther` 200 items, the latest 201 steps back.
    norm = np.sqrt((1 / np.arange(1, 401) ** 2).sum())
    far = 1 / 400 / norm / np.sqrt(2) / 400
    farther = (1 / np.arange(201, 401)).sum() / norm / np.sqrt(201) / 201
    answer = model.score(queries)[0, log.item_ids.index(["y", "z"])]
    assert_allclose(answer, [far, farther], rtol=1e-4)


def test_rare_items_count_more_by_their_share_of_sessions() -> None:
    log = log_of({"one": "aby", "two": "acy", "three": "dy"})
    answer = scores(fitted(log, idf=2.0), log, "a")
    plain = scores(fitted(log, idf=0.0), log, "a")
    assert answer["b"] / plain["b"] == pytest.approx(1 + 2 * np.log(3 / 1))
    assert answer["y"] / plain["y"] == pytest.approx(1.0)


def test_a_users_own_sessions_are_no_neighbors_to_them_alone() -> None:
    log = log_of({"ann": "ab", "bob": "ac"})
    answers = fitted(log).score(queries_at_end(log, np.array([0, 1], np.int32), np.ones(2, bool)))
    b, c = log.item_ids.index(["b", "c"])
    assert answers[0][c] > 1e-3 > answers[0][b]
    assert answers[1][b] > 1e-3 > answers[1][c]


def test_only_positives_are_sessions_and_queries() -> None:
    log = log_of({"one": "abx", "two": "aby"}, positives="axy")
    model = fitted(log)
    assert model.state()["items"].tolist() == log.item_ids.index(list("ayax")).tolist()
    asked = queries_at_end(log, np.array([0], np.int32), np.zeros(2, bool))
    assert set(np.flatnonzero(model.score(asked)[0] > 1e-3)) == set(log.item_ids.index(list("axy")))


def test_what_no_neighbor_has_is_ordered_by_popularity() -> None:
    log = log_of({"one": "abb", "two": "bc", "three": "d"})
    answer = scores(fitted(log), log, "d")
    assert answer["d"] > 1e-3 > answer["b"] > answer["a"] == answer["c"] > 0
    nothing = fitted(log).score(strangers(log, {"new": "d"}).take(np.zeros(0, np.int64)))
    assert nothing.shape == (0, 4)


def test_blocks_of_queries_are_answered_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    log = random_log()
    queries = queries_at_end(log, np.arange(30, dtype=np.int32), np.ones(30, bool))
    model = fitted(log, **SETTINGS)
    together = model.score(queries)
    monkeypatch.setattr("tfrs_bench.models.session_knn._PAIRS", 100)
    assert_array_equal(model.score(queries), together)
