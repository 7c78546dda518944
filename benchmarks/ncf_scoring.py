"""NeuMF's scores of every user and every item: ours beside `model.predict` over all pairs, same weights.

The opponent is the same network as a plain Keras model of two ids, written as in the paper: the MLP reads
user and item as one vector. Its `predict` runs plainly, in its default batches of 32 pairs, and once more in
batches of 16,384. Both sides end with a matrix of scores in memory, and must agree to 1e-5 before anything is
timed. Ours is timed on every user; the opponent, whose pairs all cost the same, on some.
`whole evaluation` is scores, masks, lists and metrics of every user, by the evaluator of the tables. Sizes
are those of MovieLens 1M, the log is random, and every user is known from training: none is solved for.

  ./run python -m benchmarks.ncf_scoring --output=benchmarks/results/ncf_scoring.json
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.side_by_side import Claim, Contender, argument_parser, compare, timed
from tfrs_bench.data.interactions import InteractionLog, build_log
from tfrs_bench.data.relevance import evaluation_set
from tfrs_bench.data.split import TEST, split_log
from tfrs_bench.evaluation.evaluator import Evaluator
from tfrs_bench.models.ncf import NCF, NCFConfig
from tfrs_bench.runtime import import_tensorflow

USERS, ITEMS, ROWS_PER_USER = 6_040, 3_706, 40
PREDICTED_USERS = {32: 10, 16_384: 400}  # by batch
TOLERANCE = 1e-5


def main() -> None:
    arguments = argument_parser(__doc__, rounds=5).parse_args()
    log = random_log()
    split = split_log(log, "per_user")
    model = NCF(NCFConfig())
    model.fit(split.fit_log(refit=True), epochs=1)
    network = model._model
    vectors = np.asarray(network.users.rows)
    predict = plain_keras(network)
    check_agreement(network, vectors, predict)

    def ours() -> int:
        return int(np.prod(network.score_everything(vectors).numpy().shape))

    def evaluation() -> int:
        evaluator.evaluate(model)
        return USERS * ITEMS

    asked = evaluation_set(split, TEST, relevance_threshold=4.0)
    evaluator = Evaluator(asked, log.item_ids.keys, np.bincount(log.items, minlength=log.num_items))
    plain, batched = (
        functools.partial(lambda batch: int(predict(np.arange(PREDICTED_USERS[batch]), batch).size), batch)
        for batch in PREDICTED_USERS
    )
    works = {
        "ours": ours,
        "model.predict": plain,
        "model.predict, batches of 16,384": batched,
        "ours, whole evaluation": evaluation,
    }
    compare(
        [Contender(name, timed(work)) for name, work in works.items()],
        [
            Claim("ours", "model.predict", 10),
            Claim("ours", "model.predict, batches of 16,384"),
            Claim("ours, whole evaluation", "model.predict"),
        ],
        title="Scores of NeuMF",
        unit="pairs",
        facts={
            "users": USERS,
            "items": ITEMS,
            "pairs": USERS * ITEMS,
            "dimension": model.config.dimension,
            "hidden": "-".join(map(str, model.config.hidden)),
            "seconds of one whole evaluation": round(seconds(evaluation), 1),
        },
        arguments=arguments,
    )


def random_log() -> InteractionLog:
    """Returns a log in which every user has as many rows, of distinct items."""
    random = np.random.default_rng(0)
    items = np.argsort(random.random((USERS, ITEMS)), axis=1)[:, :ROWS_PER_USER]
    users = np.repeat(np.arange(USERS), ROWS_PER_USER)
    return build_log(users, items.ravel(), np.arange(len(users)))


def plain_keras(network: Any) -> Callable[[Any, int], np.ndarray]:
    """Returns a function of users [n] and a batch size: [n, m] scores by `predict` of the same network."""
    tf, _ = import_tensorflow()
    layers, d = tf.keras.layers, network._gmf_output.shape[0]
    tables = network.users.rows, network.items.everything(), network.bias[:, None]
    user_table, item_table, bias_table = (layers.Embedding(*table.shape) for table in tables)
    user, item = layers.Input([], dtype="int32"), layers.Input([], dtype="int32")
    p, q = user_table(user), item_table(item)
    gmf_layer, first = (
        layers.Dense(1, use_bias=False),
        layers.Dense(network._user_half.shape[1], activation="relu"),
    )
    gmf = gmf_layer(p[:, :d] * q[:, :d])
    deep = first(tf.concat([p[:, d:], q[:, d:]], axis=1))
    for layer in network._deep_layers:
        deep = layer(deep)
    model = tf.keras.Model([user, item], gmf + network._mlp_output(deep) + bias_table(item))
    for table, rows in zip((user_table, item_table, bias_table), tables, strict=True):
        table.set_weights([np.asarray(rows)])
    gmf_layer.set_weights([np.asarray(network._gmf_output)[:, None]])
    kernel = np.concatenate([network._user_half, network._item_half])
    first.set_weights([kernel, np.asarray(network._first_bias)])

    def scores(users: Any, batch: int) -> np.ndarray:
        pairs = (
            np.repeat(users, ITEMS).astype(np.int32),
            np.tile(np.arange(ITEMS, dtype=np.int32), len(users)),
        )
        found: np.ndarray = model.predict(pairs, batch_size=batch, verbose=0)
        return found.reshape(len(users), ITEMS)

    return scores


def check_agreement(network: Any, vectors: np.ndarray, predict: Callable[[Any, int], np.ndarray]) -> None:
    """Raises AssertionError where the two ways disagree, on every hundredth user or so."""
    some = np.arange(0, USERS, USERS // 50)
    ours = network.score_everything(vectors[some]).numpy()
    np.testing.assert_allclose(ours, predict(some, 16_384), rtol=TOLERANCE, atol=TOLERANCE)


def seconds(work: Callable[[], int]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
