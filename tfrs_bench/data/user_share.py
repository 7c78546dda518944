"""A share of users chosen by a hash, and logs of which only such a share is trained on.

How much data is worth is asked of fewer users, not of fewer rows a user: every user who is left keeps all
rows, so who counts as cold and what a history looks like is what it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tfrs_bench.data.split import TemporalSplit
from tfrs_bench.errors import UserError

_STREAM = 1  # apart from the stream that chooses newcomers, who would else be the very users kept


def hashed_share(keys: NDArray[np.uint64], fraction: float, seed: int | Sequence[int]) -> NDArray[np.bool_]:
    """Chooses a share of users by their raw ids and a seed, not by how they are numbered.

    A larger share of the same seed holds the smaller ones.

    >>> from tfrs_bench.data.interactions import raw_key
    >>> keys = np.array([raw_key(f"u{number}") for number in range(1000)], dtype=np.uint64)
    >>> small, large = (hashed_share(keys, fraction, seed=0) for fraction in (0.25, 0.5))
    >>> bool(large[small].all()), bool(0.2 < small.mean() < 0.3)
    (True, True)

    Args:
      keys: [n] uint64 hashes of raw ids.
      fraction: how large a share, in expectation.
      seed: of the choice.

    Returns:
      [n] bool.
    """
    # The keys are hashes already; multiplied by an odd number of the seed's they order users anew.
    odd = 2 * int(np.random.default_rng(seed).integers(2**63)) + 1
    mixed = keys * np.array([odd], dtype=np.uint64)
    return (mixed >> np.uint64(11)) < fraction * 2.0**53


def leave_out(split: TemporalSplit, fraction: float, seed: int) -> TemporalSplit:
    """Keeps a share of the regular users for training; everyone is still tested.

    Those left out enter no fit and no validation: whoever had only this share would not have theirs either.
    They are asked in the test like all others and answered from their history, as users unseen in training.

    Args:
      split: any split.
      fraction: share of users to train on.
      seed: of the choice; larger shares hold the smaller ones.

    Raises:
      UserError: nobody is left to train on.
    """
    kept = hashed_share(split.log.user_ids.keys, fraction, (seed, _STREAM))
    if not (kept & ~split.cold).any():
        raise UserError(f"--train_fraction={fraction:g} leaves nobody to train on. Use a larger share.")
    return dataclasses.replace(split, left_out=~kept)
