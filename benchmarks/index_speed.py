"""Finding ten of a million items: ScaNN beside exact search, and FAISS beside both.

Vectors are drawn around 2,000 centers and have norm 1, queries are drawn like them. Every approximate index
is searched with the fastest effort whose recall@10 reaches 0.95 on queries held back, many queries at once,
on all cores. `NumPy, threshold top-k` is what exact search has to match: products by one BLAS call on all
cores, a bound from every 64th column, and a sort of what reaches it. FAISS takes part where faiss-cpu is
installed.

Beside the ratios, every index is measured along its efforts: see `index_curve`.

  ./run python -m benchmarks.index_speed --output=benchmarks/results/index_speed.json
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.side_by_side import Claim, Contender, argument_parser, compare, timed
from benchmarks.written_results import about_machine, write_results
from tfrs_bench import registry
from tfrs_bench.evaluation.approximation import along_the_curve, effort_names
from tfrs_bench.retrieval.building import build_index
from tfrs_bench.retrieval.config import KINDS, IndexConfig
from tfrs_bench.retrieval.effort import fastest, milliseconds_alone, queries_per_second, recall
from tfrs_bench.retrieval.index import ItemIndex

CENTERS, SPREAD = 2_000, 0.8
QUERIES, HELD_BACK, EXACT_QUERIES = 4_096, 1_000, 128
K, TARGET = 10, 0.95
SAMPLED = 64  # every so many columns give the bound
CURVE = "index_curve"


def main() -> None:
    parser = argument_parser(__doc__, rounds=5)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=64)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    vectors, queries, held_back = draw(arguments.items, arguments.dimension)
    indexes = build(vectors)
    exact = indexes.pop("exact")
    tuned = {name: fastest(index, exact, held_back, TARGET).index for name, index in indexes.items()}
    best = {k: exact.search(queries[:HELD_BACK], k)[1] for k in (K, 100)}
    measured = [point(exact, queries[:EXACT_QUERIES], best)]
    for name, index in indexes.items():
        steps = [*along_the_curve(index), tuned[name]]
        measured += [point(one, queries, best, chosen=one is tuned[name]) for one in steps]
    contenders = {
        "exact": (exact, queries[:EXACT_QUERIES]),
        **{name: (index, queries) for name, index in tuned.items()},
    }
    facts = {"items": arguments.items, "dimension": arguments.dimension, "recall at least": TARGET,
             "other processes wanting a core": round(load, 1)}  # fmt: skip
    compare(
        [
            Contender(
                "NumPy, threshold top-k", timed(lambda: len(numpy_top_k(vectors, queries[:EXACT_QUERIES])))
            ),
            *(Contender(name, timed(searching(*one))) for name, one in contenders.items()),
        ],
        [
            Claim("exact", "NumPy, threshold top-k", 1),
            Claim("scann", "exact", 50),
            *(Claim("scann", name) for name in tuned if name != "scann"),
        ],
        title="Ten of many items",
        unit="queries",
        facts=facts,
        arguments=arguments,
    )
    figures = {
        "title": "Recall and speed",
        "facts": facts,
        "environment": about_machine(),
        "points": measured,
    }
    output = arguments.output
    write_results(figures, table(figures), None if output is None else output.with_name(f"{CURVE}.json"))


def draw(
    num_items: int, dimension: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Draws items, queries and held-back queries from one mixture, seed 0."""
    rng = np.random.default_rng(0)
    centers = _normalized(rng.standard_normal((CENTERS, dimension), dtype=np.float32))

    def around(count: int) -> NDArray[np.float32]:
        noise = rng.standard_normal((count, dimension), dtype=np.float32) * (SPREAD / dimension**0.5)
        return _normalized(centers[rng.integers(CENTERS, size=count)] + noise)

    return around(num_items), around(QUERIES), around(HELD_BACK)


def _normalized(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def build(vectors: NDArray[np.float32]) -> dict[str, ItemIndex]:
    """Builds every kind of index that can be used here, by name."""
    built = {}
    for kind in KINDS:
        problem = registry.resolve(registry.INDEXES, kind, "index").problem()
        if problem is None:
            built[kind] = build_index(vectors, IndexConfig(index=kind))
        print(f"{kind}: {problem or f'built in {built[kind].build_s:.1f} s'}", flush=True)
    return built


def searching(index: ItemIndex, queries: NDArray[np.float32]) -> Callable[[], int]:
    """Returns the work of an index: all queries at once."""
    return lambda: len(index.search(queries, K)[0])


def numpy_top_k(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> list[NDArray[np.int64]]:
    """Returns the best ten rows of every query by plain NumPy, in blocks of 32 queries."""
    found = []
    for start in range(0, len(queries), 32):
        scores = queries[start : start + 32] @ vectors.T
        sample = scores[:, ::SAMPLED]
        bound = np.partition(sample, sample.shape[1] - K, axis=1)[:, sample.shape[1] - K]
        for row, least in zip(scores, bound, strict=True):
            few = np.flatnonzero(row >= least)
            found.append(few[np.argsort(-row[few])[:K]])
    return found


def point(
    index: ItemIndex,
    queries: NDArray[np.float32],
    best: dict[int, NDArray[np.float32]],
    *,
    chosen: bool = False,
) -> dict[str, Any]:
    """Measures an index at its effort."""
    alone = milliseconds_alone(index, queries[:HELD_BACK])
    one_by_one = np.concatenate([index.search(queries[row : row + 1], K)[1] for row in range(100)])
    found = {
        "index": index.name,
        "effort": {name: getattr(index.config, name) for name in effort_names(index)},
        "queries_per_second": queries_per_second(index, queries),
        "recall@10, one by one": recall(one_by_one, best[K][:100]),
        "p50_ms": float(np.percentile(alone, 50)),
        "p99_ms": float(np.percentile(alone, 99)),
        "build_s": index.build_s,
        "index_mb": index.saved_mb(),
        "chosen": chosen,
    }
    asked = queries[: len(best[K])]
    found |= {f"recall@{k}": recall(index.search(asked, k)[1], one[: len(asked)]) for k, one in best.items()}
    print({name: value for name, value in found.items() if name != "chosen"}, flush=True)
    return found


def table(figures: dict[str, Any]) -> str:
    """Returns the points as a Markdown table; the one that reaches the target fastest is in bold."""
    lines = [
        f"# {figures['title']}",
        "",
        ", ".join(f"{name} {value:,}" for name, value in figures["facts"].items()) + ".",
        figures["environment"]["line"],
        "",
        "| index | recall@10 | one by one | @100 | queries/s | p50 ms | p99 ms | build s | MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in figures["points"]:
        name = " ".join([one["index"], ", ".join(f"{key}={value}" for key, value in one["effort"].items())])
        name = f"**{name.strip()}**" if one["chosen"] else name.strip()
        shares = [f"{one[key]:.3f}" for key in ("recall@10", "recall@10, one by one", "recall@100")]
        times = [f"{one['queries_per_second']:,.0f}", f"{one['p50_ms']:.3f}", f"{one['p99_ms']:.3f}"]
        size = [f"{one['build_s']:.1f}", f"{one['index_mb']:,.0f}"]
        lines.append(f"| {' | '.join([name, *shares, *times, *size])} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
