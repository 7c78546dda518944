"""Settings of the one training loop, shared by every model that goes through it."""

from __future__ import annotations

import dataclasses

from tfrs_bench.options import option


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained: which examples, in what steps, and until when."""

    half_life_days: float | None = option(
        None, "Days after which a row is drawn half as often; without it, all alike.", low=1e-6
    )
    user_balance: float = option(
        0.0,
        "Draw each row of a user with n rows with weight n to the power of minus this: 0 draws rows alike, 1 "
        "users.",
        low=0,
        high=1,
    )
    batch_size: int = option(1024, "Examples in a step.", low=1)
    learning_rate: float = option(3e-3, "Step size of Adam.", low=1e-9)
    schedule: str = option(
        "constant",
        "Learning rate over the epochs: constant, or a cosine down to zero.",
        choices=("constant", "cosine"),
    )
    weight_decay: float = option(0.0, "Decoupled weight decay (AdamW).", low=0)
    weight_averaging: float = option(
        0.0,
        "Share of the former average in a running average of the weights over epochs; 0 keeps the last.",
        low=0,
        high=0.999,
    )
    clip_norm: float | None = option(None, "Clip the gradients' global norm to this.", low=1e-9)
    max_epochs: int = option(20, "Epochs at most, while validation decides.", low=1)
    patience: int = option(3, "Stop after this many epochs without a better validation NDCG@10.", low=1)
    epochs: int | None = option(
        None, "Train exactly this many epochs, on train and validation, without stopping.", low=1
    )
