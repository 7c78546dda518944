"""Vectors in clusters, and how much of an answer was found."""

from __future__ import annotations

import numpy as np

CLUSTERS, PER_CLUSTER, DIMENSION = 50, 40, 16


def clusters(seed=0):
    """Returns vectors near 50 centers, 40 each, of many lengths, and a query at each center."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((CLUSTERS, DIMENSION))
    near = np.repeat(centers, PER_CLUSTER, axis=0) + 0.1 * rng.standard_normal((2_000, DIMENSION))
    return (near * rng.uniform(0.5, 2, (2_000, 1))).astype(np.float32), centers.astype(np.float32)


def recall(found, exact) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, exact, strict=True)]))
