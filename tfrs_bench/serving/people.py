"""Who is asked for: somebody of the log, somebody picked, or somebody told by titles alone."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.interactions import raw_key
from tfrs_bench.data.queries import Histories, Queries, queries_at_end
from tfrs_bench.errors import UserError
from tfrs_bench.opened_run import OpenedRun

_ENOUGH_ROWS = 10  # of a history that shows somebody's taste


@dataclasses.dataclass(frozen=True)
class Person:
    """Somebody to recommend to.

    Attributes:
      user_id: raw id; None for somebody who is not in the log.
      query: one query, as the model was asked when it was tested.
      liked: [t] int32, the items of the test part that were right answers.
      met: [s] int32, all items of the test part, however they were rated.
      why: how this person came to be asked for, in a clause; empty if they were named.
    """

    user_id: str | None
    query: Queries
    liked: NDArray[np.int32]
    met: NDArray[np.int32]
    why: str = ""


def person_named(run: OpenedRun, user_id: str) -> Person:
    """Returns somebody of the log.

    Raises:
      UserError: nobody has this id; the message says how ids look.
    """
    ids = run.prepared.dataset.log.user_ids
    user = int(ids.index([user_id])[0])
    if user < 0:
        near = difflib.get_close_matches(user_id, ids.ids[:100_000], n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        spread = np.linspace(0, len(ids) - 1, min(len(ids), 4)).astype(int)
        few = ", ".join(str(one) for one in ids.ids[spread])
        raise UserError(
            f"--user={user_id} is nobody in {run.prepared.dataset.name}. {hint}Its {len(ids):,} ids look "
            f"like {few}. For somebody who is not in the data: --history=TITLE,TITLE."
        )
    return _person(run, user)


def person_picked(run: OpenedRun) -> Person:
    """Returns a user that the model did as well by as by most whom it answered rightly.

    Of the users with a right answer among ten and a history that shows something, the one with the median
    NDCG@10: neither the model's best nor its worst. The same one every time.
    """
    evaluation = run.evaluation
    lengths = run.prepared.test.evaluation_set.queries.histories.offsets
    hit = np.nan_to_num(evaluation.metrics["hr@10"]) > 0
    enough = np.diff(lengths) >= _ENOUGH_ROWS
    for of, why in (
        (hit & enough, "the median NDCG@10 of users with a hit"),
        (hit, "the median NDCG@10 of users with a hit"),
        (evaluation.num_relevant > 0, "the median NDCG@10 of all users"),
        (np.ones(len(hit), bool), "the first of all users"),
    ):
        places = np.flatnonzero(of)
        if len(places):
            quality = np.nan_to_num(evaluation.metrics["ndcg@10"][places])
            middle = places[np.argsort(quality, kind="stable")[(len(places) - 1) // 2]]
            return dataclasses.replace(_person(run, int(evaluation.users[middle])), why=why)
    raise UserError(f"{run.folder} was tested on nobody. Name somebody with --user=ID.")


def person_told(run: OpenedRun, items: Sequence[int]) -> Person:
    """Returns somebody who is not in the log and liked these items, the last one most recently.

    Every item counts as a positive with the highest rating of the log, and the profile, if the model reads
    one, is empty.
    """
    log = run.prepared.dataset.log
    count, last = len(items), log.timestamps.max(initial=0)
    profiles = None if log.user_features is None else np.zeros((1, log.user_features.values.shape[1]))
    query = Queries(
        users=np.array([-1], np.int32),
        keys=np.array([raw_key("")], np.uint64),
        histories=Histories(
            items=np.asarray(items, np.int32),
            timestamps=np.full(count, last, np.int64),
            ratings=None if log.ratings is None else np.full(count, log.ratings.max(), np.float32),
            positives=np.ones(count, bool),
            offsets=np.array([0, count], np.int64),
        ),
        times=np.array([last], np.int64) if log.clock == "time" else None,
        profiles=None if profiles is None else profiles.astype(np.float32),
    )
    nothing = np.zeros(0, np.int32)
    return Person(None, query, nothing, nothing)


def _person(run: OpenedRun, user: int) -> Person:
    log, asked = run.prepared.dataset.log, run.prepared.test.evaluation_set
    user_id = str(log.user_ids.ids[user])
    places = np.flatnonzero(asked.users == user)
    if not len(places):  # who has no test rows is asked after all they did
        users = np.array([user], np.int32)
        times = log.timestamps[log.users == user][-1:] if log.clock == "time" else None
        query = queries_at_end(log, users, run.prepared.refit.rows_per_user > 0, times)
        return Person(user_id, query, np.zeros(0, np.int32), np.zeros(0, np.int32))
    place = int(places[-1])  # of a newcomer's queries the one that knows most
    liked = asked.relevant_items[asked.relevant_offsets[place] : asked.relevant_offsets[place + 1]]
    query = asked.queries.take(np.array([place]))
    own = log.items[log.user_offsets[user] : log.user_offsets[user + 1]]
    later = np.setdiff1d(own, query.histories.items)
    return Person(user_id, query, liked, np.union1d(later, liked).astype(np.int32))
