"""Exact evaluation over a large catalogue: our evaluator beside implicit's and TFRS's.

Every contender has the same query and item vectors, ranks all items for all users, and may use every core:
ours by threads that each form and rank blocks of scores, implicit by its own threads (BLAS held to one, as it
asks for), TFRS by TensorFlow's. They do not compute the same, and ours computes most:

- ours leaves out what each user has seen, breaks ties by a hash, and gives seven metrics of every user at 5,
  10 and 20, and four of all lists together at each;
- `implicit.evaluation.ranking_metrics_at_k` leaves out the same seen items, reads the same relevant ones, and
  gives the means of four metrics at 20;
- `tfrs.metrics.FactorizedTopK` over `Streaming` leaves out nothing, knows one relevant item a query, and
  gives the mean top-k accuracy at 5, 10 and 20. In the tutorials' form candidates come in batches of 128,
  each embedded again for every batch of 4,096 queries; in its best form they are embedded beforehand, in the
  batches that were fastest here.

  ./run python -m benchmarks.evaluation --output=benchmarks/results/evaluation.json
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from benchmarks.side_by_side import Claim, Contender, argument_parser, compare, timed
from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.queries import Histories, Queries
from tfrs_bench.data.relevance import EvaluationSet
from tfrs_bench.evaluation.evaluator import Evaluator
from tfrs_bench.models.base import FactorizedRecommender, FitContext, FitReport
from tfrs_bench.runtime import blas_single_thread, import_tensorflow, usable_cores

KS = (5, 10, 20)
SEEN, RELEVANT = 50, 10
QUERIES_AT_ONCE, CANDIDATES_AT_ONCE = 4096, 128  # the tutorials'
BEST_QUERIES, BEST_CANDIDATES = 1024, 4096


@dataclasses.dataclass(frozen=True)
class Problem:
    """Random vectors and interactions.

    Attributes:
      queries: [n, d] float32.
      items: [m, d] float32.
      seen: [n, 50] int32 distinct items of each user's past.
      relevant: [n, 10] int32 items of each user's future, none of them seen.
    """

    queries: NDArray[np.float32]
    items: NDArray[np.float32]
    seen: NDArray[np.int32]
    relevant: NDArray[np.int32]


def main() -> None:
    parser = argument_parser(__doc__, rounds=5)
    parser.add_argument("--users", type=int, default=4096)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--dimension", type=int, default=64)
    arguments = parser.parse_args()
    problem = draw(arguments.users, arguments.items, arguments.dimension)
    contenders = [
        Contender("ours", ours(problem)),
        Contender("implicit", implicits(problem)),
        Contender("TFRS, tutorial", tfrss(problem, QUERIES_AT_ONCE, tutorial_candidates(problem))),
        Contender("TFRS, best batches", tfrss(problem, BEST_QUERIES, best_candidates(problem))),
    ]
    compare(
        contenders,
        [
            Claim("ours", "implicit", at_least=1.3),
            Claim("ours", "TFRS, tutorial", at_least=3),
            Claim("ours", "TFRS, best batches", at_least=1),
        ],
        title="Exact evaluation",
        unit="users",
        facts={"users": arguments.users, "items": arguments.items, "dimension": arguments.dimension,
               "seen a user": SEEN, "relevant a user": RELEVANT},
        arguments=arguments,
    )  # fmt: skip


def draw(num_users: int, num_items: int, dimension: int) -> Problem:
    """Draws a problem from seed 0."""
    rng = np.random.default_rng(0)
    distinct = np.stack([rng.choice(num_items, SEEN + RELEVANT, replace=False) for _ in range(num_users)])
    queries = rng.standard_normal((num_users, dimension), dtype=np.float32)
    items = rng.standard_normal((num_items, dimension), dtype=np.float32)
    distinct = distinct.astype(np.int32)
    return Problem(queries, items, np.sort(distinct[:, :SEEN]), np.sort(distinct[:, SEEN:]))


@dataclasses.dataclass(frozen=True)
class NoSettings:
    """Vectors have nothing to set."""


class Vectors(FactorizedRecommender):
    """A model that is its vectors."""

    name = "vectors"
    Config = NoSettings

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self._queries, self._items = problem.queries, problem.items

    def _fit(self, train: InteractionLog, context: FitContext) -> FitReport:
        return FitReport()

    def query_embeddings(self, queries: Queries) -> NDArray[np.float32]:
        """Returns [n, d]."""
        return self._queries[queries.users]

    def item_embeddings(self) -> NDArray[np.float32]:
        """Returns [m, d]."""
        return self._items

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns nothing: nobody saves it."""
        return {}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Takes nothing."""


def ours(problem: Problem) -> Callable[[], float]:
    """Returns the rate of our evaluator."""
    evaluator, model = evaluator_of(problem), Vectors(problem)
    return timed(lambda: len(evaluator.evaluate(model).users))


def evaluator_of(problem: Problem) -> Evaluator:
    """Returns our evaluator with the problem's questions and answers."""
    n, m = len(problem.queries), len(problem.items)
    rng = np.random.default_rng(1)
    flat = problem.seen.ravel()
    nothing, past = np.zeros(len(flat), np.int64), np.arange(n + 1) * SEEN
    histories = Histories(flat, nothing, None, np.ones(len(flat), bool), past)
    users = np.arange(n, dtype=np.int32)
    asked = EvaluationSet(
        queries=Queries(users, rng.integers(2**63, size=n).astype(np.uint64), histories),
        users=users,
        cold=np.zeros(n, bool),
        relevant_items=problem.relevant.ravel(),
        relevant_offsets=np.arange(n + 1) * RELEVANT,
        candidates=np.ones(m, bool),
        mask_seen=True,
        dropped={},
    )
    keys, counts = rng.integers(2**63, size=m).astype(np.uint64), np.bincount(flat, minlength=m)
    return Evaluator(asked, keys, counts, ks=KS)


def implicits(problem: Problem) -> Callable[[], float]:
    """Returns the rate of implicit's evaluation, on all cores, BLAS held to one thread."""
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.evaluation import ranking_metrics_at_k

    with blas_single_thread():
        model = AlternatingLeastSquares(factors=problem.queries.shape[1], num_threads=usable_cores())
    model.user_factors, model.item_factors = problem.queries, problem.items
    seen, relevant = matrix(problem.seen, problem), matrix(problem.relevant, problem)

    def work() -> int:
        with blas_single_thread():
            ranking_metrics_at_k(
                model, seen, relevant, K=max(KS), show_progress=False, num_threads=usable_cores()
            )
        return len(problem.queries)

    return timed(work)


def matrix(items: NDArray[np.int32], problem: Problem) -> csr_matrix:
    """Returns the [n, m] float32 matrix of [n, c] items."""
    n, c = items.shape
    parts = (np.ones(items.size, np.float32), items.ravel(), np.arange(n + 1) * c)
    return csr_matrix(parts, shape=(n, len(problem.items)))


def tutorial_candidates(problem: Problem) -> Any:
    """Returns a dataset of item numbers in small batches, embedded on the way, as the tutorials write it."""
    tf, _ = import_tensorflow()
    table = tf.constant(problem.items)
    numbers = tf.data.Dataset.range(len(problem.items)).batch(CANDIDATES_AT_ONCE)
    return numbers.map(lambda batch: tf.gather(table, batch))


def best_candidates(problem: Problem) -> Any:
    """Returns a dataset of item vectors in large batches, from memory."""
    tf, _ = import_tensorflow()
    return tf.data.Dataset.from_tensor_slices(problem.items).batch(BEST_CANDIDATES).cache()


def tfrss(problem: Problem, queries_at_once: int, candidates: Any) -> Callable[[], float]:
    """Returns the rate of `FactorizedTopK` over `Streaming`."""
    tf, tfrs = import_tensorflow()
    index = tfrs.layers.factorized_top_k.Streaming(k=max(KS)).index_from_dataset(candidates)
    metric = tfrs.metrics.FactorizedTopK(candidates=index, ks=KS)
    truths = problem.items[problem.relevant[:, 0]]

    @tf.function
    def update(queries: Any, truths: Any) -> None:
        metric.update_state(queries, truths)

    def work() -> int:
        metric.reset_states()
        for start in range(0, len(problem.queries), queries_at_once):
            few = slice(start, start + queries_at_once)
            update(tf.constant(problem.queries[few]), tf.constant(truths[few]))
        [one.numpy() for one in metric.result()]
        return len(problem.queries)

    return timed(work)


if __name__ == "__main__":
    main()
