"""What could make the conclusions wrong, with the study's own figures where there are any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfrs_bench.reporting.answers import main_studies
from tfrs_bench.reporting.document import Paragraph, Section
from tfrs_bench.reporting.study import Study

_GENERAL = (
    "**Exposure.** A log holds what people chose among what they were shown. An item that nobody was shown "
    "counts as irrelevant for every model, so models that resemble the system behind the log look "
    "better than "
    "they are, and those that would show something new look worse. No offline figure mends that.",
    "**Offline against A/B.** NDCG@10 says how well a list foretells what people did without it. "
    "Whether they "
    "stay longer or buy more when they get the list is another question, which only an experiment with users "
    "answers; order and size of offline differences are known to change there.",
    "**Searches are finite.** A model that loses here may win with other settings or more time; the same is "
    "true of the one it loses to. Trials and minutes stand beside each result. Searches start from defaults, "
    "which were chosen on MovieLens and simulated logs and may be worth less on others.",
    "**The winner's luck.** The best of many models on a test part is lucky on average. Pairs are "
    "corrected for "
    "their number, but that the best was picked on the same users is not.",
)


_MOVIELENS = (
    "**MovieLens.** Its users rated, page by page, lists that the site had put together, mostly in "
    "one sitting. "
    "What comes next in such a list is partly the site's order, and a model that reads order can learn that."
)


def threats(studies: Sequence[Study]) -> Section:
    """Returns threats to validity: those any offline study has, and what the audits measured of them."""
    main = main_studies(studies)
    if not main:
        return Section("Threats to validity")
    folders = tuple(study.folders[0] for study in main)
    audited = (Paragraph(text, folders) for text in _audited(main))
    site = [study for study in main if _is_movielens(study)]
    own = [Paragraph(_MOVIELENS, tuple(study.folders[0] for study in site))] if site else []
    return Section("Threats to validity", (*audited, *own, *map(Paragraph, _GENERAL)))


def _is_movielens(study: Study) -> bool:
    """Tells by the data set's identifier, or by what its file or label is called."""
    asked = str(study.first.experiment.get("dataset", ""))
    return asked.startswith("movielens") or "ml-" in study.first.dataset


def _audited(studies: Sequence[Study]) -> Iterator[str]:
    disordered = [study.name for study in studies if not study.first.audit["temporal"]]
    if disordered:
        yield (
            f"**Time.** {', '.join(disordered)}: the split is not one of time, so models have seen what came "
            "later, and the figures are higher than in service."
        )
    shares = {
        study.name: study.first.audit["leaked_share"] for study in studies if study.first.audit["temporal"]
    }
    leaking = {name: share for name, share in shares.items() if share}
    if leaking:
        told = ", ".join(f"{name} {share:.0%}" for name, share in leaking.items())
        clean = [name for name, share in shares.items() if share == 0]
        beside = f" It is 0 for {', '.join(clean)}." if clean else ""
        yield (
            "**Leakage across users.** Nobody's own future is learned from, but other people's is: "
            "share of test "
            f"rows for which training holds later rows of others: {told}.{beside}"
        )
    users = {study.name: _counted(study) for study in studies}
    smallest = min(users, key=users.__getitem__)
    yield (
        f"**Few users.** Intervals are as wide as users are few: {smallest} has {users[smallest]:,} with a "
        "relevant test item, and only large differences show there."
    )
    moved = ", ".join(one for study in studies for one in _moved_by_seeds(study))
    if moved:
        yield (
            "**Seeds.** Intervals say what other users would change, not what another seed would. From seed "
            f"to seed the mean of these deviates by more than half of its interval's half width: {moved}."
        )
    cold = {study.name: study.first.audit["cold_share"] for study in studies}
    most = max(cold, key=cold.__getitem__)
    if cold[most] > 0:
        yield f"**Who is asked.** In {most}, {cold[most]:.0%} of the users asked are cold; a mean hides them."


def _moved_by_seeds(study: Study) -> Iterator[str]:
    for name in study.runs:
        deviation, row = study.seed_deviation(name), study.comparison.row(name)
        if deviation is not None and row is not None and deviation > (row.high - row.low) / 4:
            yield f"{name} on {study.name} (± {deviation:.4f}, {len(study.runs[name])} seeds)"


def _counted(study: Study) -> int:
    return next(row.num_users for row in study.comparison.rows if row.segment == "all")
