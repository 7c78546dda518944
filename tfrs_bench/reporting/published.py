"""Published figures beside ours, where data, split, formula and candidates are the same."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

from tfrs_bench.reporting.study import Study

_MICROSOFT = "Microsoft Recommenders, movielens.ipynb"
_ELSEWHERE = "an independent measurement"


@dataclasses.dataclass(frozen=True)
class Published:
    """What others have measured.

    Attributes:
      model: ours that stands beside it.
      dataset: label of the data set.
      settings: the model and its settings there.
      figures: by our name of the metric.
      source: who measured.
    """

    model: str
    dataset: str
    settings: str
    figures: dict[str, float]
    source: str


def _microsoft(model: str, settings: str, ndcg: float, map_full: float, source: str) -> Published:
    return Published(model, "microsoft-ml-100k", settings, {"ndcg@10": ndcg, "map_full@10": map_full}, source)


def _sasrec(model: str, settings: str, hr: float, ndcg: float) -> Published:
    return Published(model, "sasrec-ml-1m", settings, {"hr@10": hr, "ndcg@10": ndcg}, _ELSEWHERE)


PUBLISHED = (
    _microsoft("popularity", "counts", 0.2524, 0.0560, _ELSEWHERE),
    _microsoft("ncf", "NeuMF, 4 factors, 15 epochs", 0.3686, 0.0952, _MICROSOFT),
    _microsoft("bpr", "BPR, 200 factors", 0.4450, 0.1340, _MICROSOFT),
    _microsoft("ials", "iALS, d = 64, α₀ = 0.3, λ = 0.02", 0.4829, 0.1493, _ELSEWHERE),
    _microsoft("ease", "EASE, λ = 400", 0.4855, 0.1505, _ELSEWHERE),
    Published("biased_mf", "microsoft-ml-100k", "SVD", {"rmse": 0.9425}, _MICROSOFT),
    _sasrec("popularity", "counts", 0.0364, 0.0179),
    _sasrec("ease", "EASE, λ = 200", 0.1101, 0.0536),
    _sasrec("markov", "first-order counts", 0.2152, 0.1261),
)


def published_table(model: str, studies: Sequence[Study]) -> str | None:
    """Returns the table of published figures beside ours for one model; None without a study of them."""
    lines = []
    for theirs in (one for one in PUBLISHED if one.model == model):
        for metric, value in theirs.figures.items():
            ours = _ours(theirs, metric, studies)
            if ours is not None:
                cells = [theirs.dataset, metric, f"{value:.4f}", f"{theirs.settings}; {theirs.source}", ours]
                lines.append(f"| {' | '.join(cells)} |")
    head = ["| data | metric | theirs | whose | ours |", "|---|---|---:|---|---:|"]
    return "\n".join([*head, *lines]) if lines else None


def _ours(theirs: Published, metric: str, studies: Sequence[Study]) -> str | None:
    for study in studies:
        row = study.comparison.row(theirs.model, metric) if study.first.dataset == theirs.dataset else None
        if row is not None:
            return f"{row.mean:.4f}"
    return None


# By the name of the generated block.
PUBLISHED_BLOCKS: dict[str, Callable[[Sequence[Study]], str | None]] = {
    f"published {model}": functools.partial(published_table, model)
    for model in dict.fromkeys(one.model for one in PUBLISHED)
}
