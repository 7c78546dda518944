"""An export: a SavedModel, proved against the model it came from, with its card and how to serve it."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrs_bench import registry
from tfrs_bench.data.queries import Queries
from tfrs_bench.errors import UserError
from tfrs_bench.models.base import NO_ITEM, Recommender
from tfrs_bench.models.keras_recommender import KerasRecommender
from tfrs_bench.opened_run import OpenedRun
from tfrs_bench.reporting.records import write_atomically
from tfrs_bench.runtime import REINSTALL, environment, scann_problem
from tfrs_bench.serving.export_readme import export_readme
from tfrs_bench.serving.model_card import model_card
from tfrs_bench.storage import PARTIAL, unwritable

SAVED_MODEL, CARD, ABOUT, README = "1", "model_card.md", "export.json", "README.md"
_ASKED = 200  # test users whose answers are compared
_TOLERANCE = 1e-4  # of scores, relative to the largest


@dataclasses.dataclass(frozen=True)
class Form:
    """What is exported.

    Attributes:
      index: `exact` or `scann`.
      k: list length.
      leaves: of ScaNN's tree; None for √catalogue.
      leaves_to_search: None for a quarter of them.
      reorder: how many are scored exactly.
      dimensions_per_block: quantized together.
    """

    index: str
    k: int
    leaves: int | None
    leaves_to_search: int | None
    reorder: int
    dimensions_per_block: int


@dataclasses.dataclass(frozen=True)
class Proof:
    """How an export's answers compare with the model's own, on users of the test.

    Attributes:
      users: how many were asked.
      recall: share of the model's lists that the export found; items as good as the last are as good.
      largest_difference: of scores, among items that both have at the same place, in shares of the largest.
    """

    users: int
    recall: float
    largest_difference: float


def exportable(model: Recommender) -> KerasRecommender:
    """Returns a model if its queries are a TensorFlow graph.

    Raises:
      UserError: they are not; the message names the models whose are.
    """
    if isinstance(model, KerasRecommender):
        return model
    kinds = {name: registry.resolve(registry.MODELS, name, "model") for name in registry.MODELS}
    able = [name for name, kind in kinds.items() if issubclass(kind, KerasRecommender)]
    raise UserError(
        f"{model.name} answers by NumPy and SciPy, not by a TensorFlow graph, so there is nothing to export. "
        f"What can be exported: runs of {', '.join(able)}."
    )


def check_output(output: Path) -> None:
    """Refuses a folder that an export must not replace.

    Raises:
      UserError: it is the current one, a file, or holds something other than an export.
    """
    if output.absolute() == Path.cwd():
        raise UserError("--output=DIR is the folder you are in, and would be replaced. Name one inside it.")
    if output.is_file() or (output.is_dir() and any(output.iterdir()) and not (output / ABOUT).is_file()):
        raise UserError(f"--output={output} exists and is no export. Choose another --output=DIR.")


def export(run: OpenedRun, form: Form, output: Path) -> Proof:
    """Writes an export, which replaces an earlier one once it is whole.

    Args:
      run: whose model to export.
      form: how.
      output: the folder.

    Raises:
      UserError: the model cannot be exported, ScaNN is not usable, the folder cannot be written, or the
        export does not answer as the model does.
    """
    model = exportable(run.model)
    served = _served(model, run, form)
    partial = output.with_name(output.name + PARTIAL)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        served.save(partial / SAVED_MODEL)
        proof = prove(partial / SAVED_MODEL, run, served.k)
        _check(proof, form)
        write_atomically(partial / CARD, model_card(run))
        about = _about(run, form, served, proof)
        write_atomically(partial / ABOUT, json.dumps(about, indent=1) + "\n")
        log = run.prepared.dataset.log
        user, some = str(log.user_ids.ids[0]), [str(one) for one in log.item_ids.ids[:3]]
        write_atomically(partial / README, export_readme(about, user, some))
        shutil.rmtree(output, ignore_errors=True)
        partial.rename(output)
    except OSError as error:
        raise unwritable(output, error, "another --output=DIR") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return proof


def prove(folder: Path, run: OpenedRun, k: int) -> Proof:
    """Loads a SavedModel and asks it what the model was asked in the test."""
    import tensorflow as tf

    asked = run.prepared.test.evaluation_set
    places = np.linspace(0, len(asked) - 1, min(_ASKED, len(asked))).astype(np.int64)
    queries = asked.queries.take(places)
    user_ids = run.prepared.dataset.log.user_ids.ids[asked.users[places]]
    given = {name: tf.constant(value) for name, value in inputs_of(run, queries, user_ids).items()}
    answered = tf.saved_model.load(str(folder)).signatures["with_ratings"](**given)
    found = np.array([[one.decode() for one in row] for row in answered["item_ids"].numpy()], dtype=object)
    items, scores = run.model.recommend(
        queries,
        k,
        seed=run.prepared.experiment.seed,
        candidates=asked.candidates,
        mask_seen=asked.mask_seen,
    )
    wanted = np.where(items == NO_ITEM, "", run.prepared.dataset.log.item_ids.ids[items])
    same = (found == wanted) & (items != NO_ITEM)
    given_scores = answered["scores"].numpy()
    largest = float(np.abs(scores[items != NO_ITEM]).max(initial=0)) or 1.0
    shared = [
        share_found(*row, _TOLERANCE * largest)
        for row in zip(wanted, scores, found, given_scores, strict=True)
    ]
    differences = np.abs(given_scores[same] - scores[same]) / largest
    return Proof(len(places), float(np.mean(shared)), float(differences.max(initial=0)))


def share_found(
    wanted: NDArray[Any],
    scores: NDArray[np.float32],
    found: NDArray[Any],
    found_scores: NDArray[np.float32],
    slack: float,
) -> float:
    """Returns the share of a list [k] of ids that another list has; of ties at its end, any will do."""
    there, extra = wanted != "", ~np.isin(found, wanted) & (found != "")
    if not there.any():
        return 1.0
    last = scores[there].min() + slack
    missing = there & ~np.isin(wanted, found)
    tied = min((missing & (scores <= last)).sum(), (extra & (np.abs(found_scores - last) <= 2 * slack)).sum())
    return float((there.sum() - missing.sum() + tied) / there.sum())


def inputs_of(run: OpenedRun, queries: Queries, user_ids: NDArray[Any]) -> dict[str, Any]:
    """Returns queries as a SavedModel takes them: padded lists by the name of the argument."""
    histories = queries.histories
    width = int(np.diff(histories.offsets).max(initial=0))
    columns = np.arange(len(histories.items)) - histories.offsets[histories.rows]
    history = np.full((len(queries), width), "", dtype=object)
    history[histories.rows, columns] = run.prepared.dataset.log.item_ids.ids[histories.items]
    ratings = np.zeros((len(queries), width), np.float32)
    if histories.ratings is not None:
        ratings[histories.rows, columns] = histories.ratings
    return {
        "user_id": [str(one) for one in user_ids],
        "history": history.astype(str),
        "ratings": ratings,
    }


def _served(model: KerasRecommender, run: OpenedRun, form: Form) -> Any:
    from tfrs_bench.serving.saved_model import ScannServedModel, ServedModel

    asked = run.prepared.test.evaluation_set
    rules: dict[str, Any] = {
        "in_training": run.prepared.refit.rows_per_user > 0,
        "candidates": asked.candidates,
        "mask_seen": asked.mask_seen,
        "k": form.k,
    }
    log = run.prepared.dataset.log
    if form.index == "exact":
        return ServedModel(model, log, **rules)
    problem = scann_problem()
    if problem is not None:
        raise UserError(f"{problem}, so it cannot be exported. Type: {REINSTALL}, or give --index=exact.")
    count = int(asked.candidates.sum())
    leaves = min(form.leaves or round(math.sqrt(count)), count)
    return ScannServedModel(
        model,
        log,
        leaves=leaves,
        leaves_to_search=min(form.leaves_to_search or math.ceil(leaves / 4), leaves),
        reorder=min(max(form.reorder, form.k), count),
        dimensions_per_block=form.dimensions_per_block,
        **rules,
    )


def _check(proof: Proof, form: Form) -> None:
    if form.index == "exact" and (proof.recall < 1 - _TOLERANCE or proof.largest_difference > _TOLERANCE):
        raise UserError(
            f"The export answers otherwise than the model ({proof.recall:.2%} of its lists, scores off by up "
            f"to {proof.largest_difference:.2g}), so nothing was written. This is a defect: report it."
        )


def _about(run: OpenedRun, form: Form, served: Any, proof: Proof) -> dict[str, Any]:
    """Returns what a program may want to know: signatures, versions, and whose answers these are."""
    given = {
        "user_id": "string [batch]",
        "history": "string [batch, events], oldest first, filled up with ''",
    }
    gives = {
        "item_ids": f"string [batch, {served.k}], best first, '' where candidates ran out",
        "scores": f"float32 [batch, {served.k}], -inf there",
    }
    ratings = {"ratings": "float32 [batch, events]"}
    return {
        "model": run.record.model,
        "run": run.folder.name,
        "data": {"name": run.record.dataset, **run.record.data},
        "signatures": {
            "serving_default": {"inputs": given, "outputs": gives},
            "with_ratings": {"inputs": given | ratings, "outputs": gives},
        },
        "form": dataclasses.asdict(form),
        "catalogue": len(served.catalogue),
        "seen_items_left_out": run.prepared.test.evaluation_set.mask_seen,
        "compared_with_the_model": dataclasses.asdict(proof),
        "trained_with": run.record.environment,
        "exported_with": environment(),
    }
