"""A log made ready: loaded, split, audited, and its evaluators proved before anything is scored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tfrs_bench import registry
from tfrs_bench.data.audit import Audit, audit_split
from tfrs_bench.data.dataset import Dataset
from tfrs_bench.data.interactions import InteractionLog
from tfrs_bench.data.newcomers import ask_at_every_level, hold_out
from tfrs_bench.data.rated_pairs import rated_pairs
from tfrs_bench.data.relevance import EvaluationSet, evaluation_set
from tfrs_bench.data.shuffling import shuffle_histories, shuffle_log
from tfrs_bench.data.split import TEST, VALIDATION, TemporalSplit, require_validation, split_log
from tfrs_bench.data.user_share import leave_out
from tfrs_bench.errors import UserError
from tfrs_bench.evaluation.evaluator import Evaluator
from tfrs_bench.evaluation.rating_evaluator import RatingEvaluator
from tfrs_bench.evaluation.self_check import self_check
from tfrs_bench.experiment import ALWAYS, AT_TEST, NEVER, RATING, Experiment
from tfrs_bench.models.popularity import Popularity
from tfrs_bench.reporting.console import Console


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What every model of an experiment shares.

    Attributes:
      experiment: data and protocol.
      dataset: the log, its positives marked.
      train: regular users' train rows; tuning and early stopping fit on them.
      refit: what the tested model is fitted on: train and validation rows, or `train` without `--refit`.
      test: evaluator of the test part.
      audit: what the split holds, drops and leaks.
      make_validation: makes `validation`, for those who need it.
    """

    experiment: Experiment
    dataset: Dataset
    train: InteractionLog
    refit: InteractionLog
    test: Evaluator
    audit: Audit
    make_validation: Callable[[], Evaluator]

    @cached_property
    def validation(self) -> Evaluator:
        """Evaluator of the validation part, regular users only.

        Raises:
          UserError: nothing can be measured on that part; a model that neither tunes nor stops early never
            asks.
        """
        return self.make_validation()


def prepare(experiment: Experiment, console: Console, *, memory_mb: int = 512) -> Prepared:
    """Loads and splits the data and proves the evaluator on it.

    Args:
      experiment: data and protocol.
      console: shows what happens.
      memory_mb: for a chunk of evaluation.

    Raises:
      UserError: the data cannot be read or split as asked.
    """
    with console.stage("load") as stage:
        dataset = load_dataset(experiment)
        log = dataset.log
        stage.say(f"{dataset.name}: {len(log):,} rows, {log.num_users:,} users, {log.num_items:,} items")
        stage.say(*dataset.notes)
        if experiment.task == RATING and log.ratings is None:
            raise UserError(
                "--task=rating needs ratings, and these data have none. Name their column with "
                "--rating_column=NAME, or leave --task out."
            )
    with console.stage("split") as stage:
        split = split_log(
            log, experiment.split, cold_start_below=experiment.cold_start_below, seed=experiment.seed
        )
        if experiment.cold_start_fraction:
            split = hold_out(split, experiment.cold_start_fraction, experiment.seed)
        whole = split.fit_log(refit=experiment.refit)
        if experiment.train_fraction < 1:
            split = leave_out(split, experiment.train_fraction, experiment.seed)
            kept = int(split.trained_on.sum())
            stage.say(f"trained on: {kept:,} of {int((~split.cold).sum()):,} users; all are tested")
        train = _fit_log(split, experiment, refit=False)
        refit = _fit_log(split, experiment, refit=True) if experiment.refit else train
        allowed = read_candidates(experiment.candidates, dataset)
        if allowed is None and not experiment.refit:
            allowed = whole.catalogue  # what the tested models have seen
        tested = _questions(split, TEST, experiment, allowed)
        audit = audit_split(split, tested)
        stage.say(*audit.lines())
        if experiment.cold_start_fraction:
            tested = ask_at_every_level(split, tested)
            asked = len(np.unique(tested.users))
            stage.say(f"newcomers: {asked:,} users asked after their first 0, 1, 2, 3 and 4 rows")
        if experiment.candidates is not None:
            stage.say(f"candidates: {int(tested.candidates.sum()):,} items of the file are in the log")

    def evaluator(part: int, questions: EvaluationSet, fitted_on: InteractionLog) -> Evaluator:
        questions = _as_shuffled(questions, part, experiment, log)
        counts = np.bincount(fitted_on.items, minlength=log.num_items)
        keys, ks, seed = log.item_ids.keys, experiment.ks, experiment.seed
        if experiment.task == RATING:
            assert fitted_on.ratings is not None
            scale = float(fitted_on.ratings.min()), float(fitted_on.ratings.max())
            pairs = rated_pairs(split, part, questions)
            return RatingEvaluator(
                questions, keys, counts, pairs, scale, ks=ks, seed=seed, memory_mb=memory_mb
            )
        return Evaluator(questions, keys, counts, ks=ks, seed=seed, memory_mb=memory_mb)

    def validation() -> Evaluator:
        require_validation(split, experiment.cold_start_below)
        return evaluator(VALIDATION, _questions(split, VALIDATION, experiment, allowed), train)

    test = evaluator(TEST, tested, whole)  # counts and scale are of the data, whatever share is trained on
    prepared = Prepared(experiment, dataset, train, refit, test, audit, make_validation=validation)
    with console.stage("self-test") as stage:
        checks = _prove(prepared, memory_mb)
        stage.say(f"{checks} checks hold: chance scores what it must, answers 1")
    return prepared


def _questions(
    split: TemporalSplit, part: int, experiment: Experiment, candidates: NDArray[np.bool_] | None
) -> EvaluationSet:
    return evaluation_set(
        split,
        part,
        relevance_threshold=experiment.relevance_threshold,
        mask_seen=experiment.mask_seen,
        candidates=candidates,
    )


def _fit_log(split: TemporalSplit, experiment: Experiment, *, refit: bool) -> InteractionLog:
    log = split.fit_log(refit=refit)
    return shuffle_log(log, experiment.seed) if experiment.shuffle_histories == ALWAYS else log


def _as_shuffled(
    questions: EvaluationSet, part: int, experiment: Experiment, log: InteractionLog
) -> EvaluationSet:
    """Shuffles the histories of questions if the experiment wants those of this part so."""
    if experiment.shuffle_histories == NEVER or (
        experiment.shuffle_histories == AT_TEST and part == VALIDATION
    ):
        return questions
    if log.clock == "none":
        raise UserError("--shuffle_histories asks what order is worth, and this log has none. Leave it out.")
    queries = shuffle_histories(questions.queries, log.item_ids.keys, experiment.seed)
    return dataclasses.replace(questions, queries=queries)


def _prove(prepared: Prepared, memory_mb: int) -> int:
    """Runs the evaluator's self-test on the test part; returns how many checks hold."""
    popularity = Popularity()
    popularity.fit(prepared.refit)
    test = prepared.test
    checks = self_check(
        test.evaluation_set, test.item_keys, test.item_counts, popularity, seed=test.seed, memory_mb=memory_mb
    )
    return len(checks)


def load_dataset(experiment: Experiment) -> Dataset:
    """Loads what an experiment names and marks its positives."""
    if experiment.interactions is not None:
        from tfrs_bench.data.tabular import load
    else:
        load = registry.resolve(registry.DATASETS, experiment.dataset, "dataset")
    dataset = load(experiment)
    everything = experiment.train_on == "all"
    threshold = -np.inf if everything else experiment.relevance_threshold
    return dataclasses.replace(dataset, log=dataset.log.with_positives(threshold))


def read_candidates(path: str | None, dataset: Dataset) -> NDArray[np.bool_] | None:
    """Reads a candidates file, one raw item id a line.

    Returns:
      [num_items] bool, or None without a file.

    Raises:
      UserError: the file cannot be read, or names no item of the log.
    """
    if path is None:
        return None
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"--candidates={path} cannot be read ({error}). Give a text file, one item id a line."
        ) from error
    ids = [line.strip() for line in text.split("\n") if line.strip()]
    items = dataset.log.item_ids.index(ids)
    if not (items >= 0).any():
        raise UserError(f"--candidates={path}: none of its {len(ids)} ids is an item of {dataset.name}.")
    allowed = np.zeros(dataset.log.num_items, dtype=bool)
    allowed[items[items >= 0]] = True
    return allowed
