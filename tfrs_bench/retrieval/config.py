"""Which index, and how it is built and searched."""

from __future__ import annotations

import dataclasses

from tfrs_bench.options import check_options, option

KINDS = ("exact", "scann", "faiss_hnsw", "faiss_ivfpq")
INDEX = "Index"


@dataclasses.dataclass(frozen=True)
class IndexConfig:
    """Settings of every index; each reads those that it has."""

    index: str = option(
        "auto",
        "What finds candidates; auto is exact search for a small catalogue, else ScaNN.",
        choices=("auto", *KINDS),
        group=INDEX,
    )
    target_recall: float | None = option(
        None,
        "Search with the fastest leaves_to_search, reorder and links_to_follow whose recall@10 reaches this "
        "on held-back queries.",
        low=0.01,
        high=1,
        group=INDEX,
    )
    leaves: int | None = option(
        None, "Leaves of ScaNN's tree and lists of IVF-PQ; without it, √items.", low=1, group=INDEX
    )
    leaves_to_search: int | None = option(
        None, "How many of them a query looks into; without it, one in 40.", low=1, group=INDEX
    )
    dimensions_per_block: int = option(
        2,
        "Dimensions that ScaNN quantizes together, into 4 bits; IVF-PQ twice as many, into 8.",
        low=1,
        group=INDEX,
    )
    reorder: int = option(
        200,
        "How many of the roughly best are scored exactly; at least the length of a list.",
        low=1,
        group=INDEX,
    )
    anisotropic_threshold: float = option(
        0.2,
        "ScaNN quantizes so that products above this share of the norm lose least; 0 for plain distance.",
        low=0,
        high=0.99,
        group=INDEX,
    )
    links: int = option(32, "Neighbors of a node in the graph of HNSW.", low=2, group=INDEX)
    links_to_follow: int = option(
        128, "How many of the nearest nodes HNSW keeps while it searches.", low=1, group=INDEX
    )

    def __post_init__(self) -> None:
        """Checks every option.

        Raises:
          UserError: one is unknown or outside its range.
        """
        check_options(self)
