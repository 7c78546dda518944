"""What a simulated world knows and its log does not tell: the law of what comes next, and where it leads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Queries
from tfrs_bench.data.simulated_moments import Moments, days_of
from tfrs_bench.data.simulated_world import Memory, World, choose

ROLLOUTS = 8
_BLOCK = 128  # queries at once; larger blocks leave the processor's cache


class SimulatedTruth:
    """The law that people choose and rate by, seen from a query."""

    def __init__(
        self,
        world: World,
        moments: Moments,
        log: InteractionLog,
        user_rows: NDArray[np.int32],
        item_rows: NDArray[np.int32],
        *,
        relevance_threshold: float = 4.0,
        rollouts: int = ROLLOUTS,
    ) -> None:
        """Takes a world and where its log put things.

        Args:
          world: people, items and laws.
          moments: when its people act.
          log: the log of this world.
          user_rows: [num_users] person of the world behind each index of the log.
          item_rows: [num_items] item of the world behind each index of the log.
          relevance_threshold: the lowest rating that is relevant.
          rollouts: how many futures of each person `preference` is the mean of.
        """
        self._world, self._moments, self._item_rows = world, moments, item_rows
        self._threshold, self._rollouts = relevance_threshold, rollouts
        self._person = dict(zip(log.user_ids.keys.tolist(), user_rows.tolist(), strict=True))

    def next_event(self, queries: Queries) -> NDArray[np.float32]:
        """The probability of each item at the person's next event, were it to happen at the query's moment.

        The moment is the query's time, else that of the last event of its history, else the person's first
        day. Person, taste of the day and laws are the true ones; what was seen and what is due for it is read
        off the history.

        Args:
          queries: n queries; the person is found by key, an unknown key is answered as the average person.

        Returns:
          [n, num_items] float32; rows sum to 1 less the share of items that the log never saw.
        """
        people = self._people(queries)
        days = self._now(queries, people)
        chosen = self._world.next_event(self._world.affinity(people, days), days, self._memory(queries))
        return chosen[:, self._item_rows]

    def preference(self, queries: Queries) -> NDArray[np.float32]:
        """How many times each person will choose each item and rate it relevant, in expectation.

        It counts the events that lie at or after the query's time, at their true moments; without a time, all
        after the history. For who has none left it counts one, at the moment that `next_event` takes. What
        comes later depends on what comes first, so it is the mean of the law along several futures. Their
        dice are thrown by the person's key: a query has one answer, in any company.

        Args:
          queries: n queries, see `next_event`.

        Returns:
          [n, num_items] float32, 0 for what was seen. Nobody repeats an item: but for the sampling of
          futures, it is a probability.
        """
        blocks = (np.arange(len(queries))[start : start + _BLOCK] for start in range(0, len(queries), _BLOCK))
        with threadpool_limits(1):  # the products are small: a second thread costs more than it brings
            answers = [self._along_futures(queries.take(block))[:, self._item_rows] for block in blocks]
        return np.concatenate([np.zeros((0, len(self._item_rows)), np.float32), *answers])

    def _along_futures(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, m] expectations of at most a block of queries."""
        days, counts = self._to_come(queries)
        longest = np.argsort(-counts, kind="stable")  # then those who act at a step are the first ones
        days, counts, people = days[longest], counts[longest], self._people(queries)[longest]
        memory, dice = self._memory(queries).take(longest), self._dice(queries.keys[longest], counts)
        first, total = self._step(people, days[:, 0], memory)
        several = np.arange(int((counts > 1).sum()))
        for rollout in range(self._rollouts if len(several) else 0):
            future, chosen = memory.take(several), first[several]
            for step in range(1, int(counts[0])):
                acting = np.arange(int((counts > step).sum()))
                items = choose(chosen[acting], dice[acting, step - 1, rollout])
                future = future.first(len(acting))
                future.record(self._world.items, acting, items, days[acting, step - 1])
                chosen, relevant = self._step(people[acting], days[acting, step], future)
                total[acting] += relevant / np.float32(self._rollouts)
        return total[np.argsort(longest)]

    def _step(
        self, people: NDArray[np.int64], days: NDArray[np.float32], memory: Memory
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns [n, m] probabilities that an event is of an item, and that it is and is rated relevant."""
        affinity = self._world.affinity(people, days)
        chosen = self._world.next_event(affinity, days, memory)
        return chosen, chosen * self._world.relevant(people, affinity, self._threshold)

    def _people(self, queries: Queries) -> NDArray[np.int64]:
        person = (self._person.get(key, -1) for key in queries.keys.tolist())
        return np.fromiter(person, np.int64, len(queries))

    def _memory(self, queries: Queries) -> Memory:
        memory, past = Memory.blank(len(queries), self._world.items), queries.histories
        memory.record(self._world.items, past.rows, self._item_rows[past.items], days_of(past.timestamps))
        return memory

    def _now(self, queries: Queries, people: NDArray[np.int64]) -> NDArray[np.float32]:
        if queries.times is not None:
            return days_of(queries.times)
        days, ends = self._world.people.joined[people], queries.histories.offsets[1:]
        some = ends > queries.histories.offsets[:-1]
        days[some] = days_of(queries.histories.timestamps[ends[some] - 1])
        return days

    def _to_come(self, queries: Queries) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Returns [n, h] days of the events to come, filled up with 0, and [n] their counts, at least 1."""
        people, moments, past = self._people(queries), self._moments, queries.histories
        now, futures = self._now(queries, people), []
        for query, person in enumerate(people.tolist()):
            known = person >= 0
            own = moments.seconds[slice(*moments.offsets[person : person + 2]) if known else slice(0)]
            if queries.times is not None:
                own = own[own >= queries.times[query]]
            elif past.offsets[query + 1] > past.offsets[query]:
                own = own[own > past.timestamps[past.offsets[query + 1] - 1]]
            futures.append(days_of(own) if len(own) else now[query : query + 1])
        counts = np.array([len(one) for one in futures])
        days = np.zeros((len(futures), counts.max()), np.float32)
        days[np.arange(days.shape[1]) < counts[:, None]] = np.concatenate(futures)
        return days, counts

    def _dice(self, keys: NDArray[np.uint64], counts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns [n, h − 1, rollouts] uniform numbers."""
        dice = np.zeros((len(keys), int(counts[0]) - 1, self._rollouts), np.float32)
        for row, key, count in zip(dice, keys.tolist(), counts.tolist(), strict=True):
            row[: count - 1] = np.random.default_rng(key).random((count - 1, self._rollouts), np.float32)
        return dice
