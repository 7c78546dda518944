"""The vector that ranks some items above others, all else fixed: a convex problem, by Newton's method."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

_STEPS = 30  # six are the rule; more where some have to be halved
_TOLERANCE = 1e-6  # of a step's gain, relative to the value


@dataclasses.dataclass(frozen=True)
class Pairs:
    """h preferred items i, S others j, and L(x) = Σ_ij w_j softplus(x · (z_j − y_i) + c_j − b_i) + r/2 ‖x‖².

    Attributes:
      preferred: y, [h, d] float32.
      preferred_biases: b, [h] float32.
      others: z, [S, d] float32.
      other_biases: c, [S] float32.
      weights: w, [S] float32, at least 0.
      ridge: r, above 0.
    """

    preferred: NDArray[np.float32]
    preferred_biases: NDArray[np.float32]
    others: NDArray[np.float32]
    other_biases: NDArray[np.float32]
    weights: NDArray[np.float32]
    ridge: float

    def solve(self) -> NDArray[np.float32]:
        """Returns the x [d] float32 that minimizes L.

        A step that would go up is halved, so every one taken goes down.
        """
        x = np.zeros(self.preferred.shape[1], dtype=np.float32)
        value, gaps = self._value(x)
        for _ in range(_STEPS):
            slope, curve = self._derivatives(x, gaps)
            step = np.linalg.solve(curve, slope)
            gain = float(slope @ step)
            while gain > _TOLERANCE * value:
                lower, its_gaps = self._value(x - step)
                if lower < value:
                    break
                step, gain = step / 2, gain / 2
            else:
                return x
            x, value, gaps = x - step, lower, its_gaps
        return x

    def _value(self, x: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        """Returns L and the gaps [h, S], of which a positive one is a pair in the wrong order."""
        gaps = (self.others @ x + self.other_biases) - (self.preferred @ x + self.preferred_biases)[:, None]
        losses = np.maximum(gaps, 0) + np.log1p(np.exp(-np.abs(gaps)))
        return float((losses @ self.weights).sum() + self.ridge / 2 * (x @ x)), gaps

    def _derivatives(
        self, x: NDArray[np.float32], gaps: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns the gradient [d] and the matrix of second derivatives [d, d]."""
        y, z = self.preferred, self.others
        wrong = 1 / (1 + np.exp(-gaps.clip(-50, 50)))
        first = wrong * self.weights
        second = first * (1 - wrong)
        slope = first.sum(axis=0) @ z - first.sum(axis=1) @ y + self.ridge * x
        crossed = y.T @ (second @ z)
        curve = (y.T * second.sum(axis=1)) @ y + (z.T * second.sum(axis=0)) @ z - crossed - crossed.T
        curve.flat[:: len(x) + 1] += self.ridge
        return slope.astype(np.float32), curve
