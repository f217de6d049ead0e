"""Functions that exercises hand to a student's function: losses of an array of any shape, and gradients.

They stand apart from the answers, since the process that runs a student's code imports them.
"""

from __future__ import annotations

import numpy as np

from ..ops.rotary import angles
from ..ops.rotary import turn as turned_by


def sum_of_squares(x: np.ndarray) -> float:
    """A bowl: the central difference of it is exact."""
    return float((x * x).sum())


def waves(x: np.ndarray) -> float:
    """Sines of different heights, and a product that ties every element to all others."""
    heights = np.arange(1, x.shape[-1] + 1)  # by column: an array of another shape has another value
    return float((heights * np.sin(x)).sum() + 0.1 * x.sum() ** 2)


def steep(x: np.ndarray) -> float:
    """Cubes of different weights, and an exponential of the sum."""
    weights = np.arange(1, x.size + 1).reshape(x.shape)
    return float((x**3 / weights).sum() + np.exp(0.3 * x.sum()))


def gradient_of_squares(x: np.ndarray) -> np.ndarray:
    """Of `sum_of_squares`."""
    return 2 * x


def gradient_of_half_squares(x: np.ndarray) -> np.ndarray:
    """Of half the sum of squares: the very array that came in."""
    return x


def gradient_of_ravine(x: np.ndarray) -> np.ndarray:
    """Of a bowl around 1 that is steeper along each further element."""
    steepness = np.arange(1, x.size + 1, dtype=x.dtype).reshape(x.shape)
    return steepness * (x - 1)


def gradient_of_two_valleys(x: np.ndarray) -> np.ndarray:
    """Of x^4 / 4 - x^2 / 2, with a valley at -1 and one at 1."""
    return x**3 - x


def gradient_of_valley(x: np.ndarray) -> np.ndarray:
    """Of sum (x^2) / 2 + (sum x)^2 / 4: every slope depends on every number."""
    return x + x.sum() / 2


def turn(x: np.ndarray, start: int) -> np.ndarray:
    """Rows (..., T, E) turned as those at positions start, start + 1, ... (rotary positions, 12.5)."""
    return turned_by(x, *angles(*x.shape[-2:], int(start), 10000.0, x.dtype))
