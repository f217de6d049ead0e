"""08.6: gradients that tell clipping by the common norm from seven that are none."""

from __future__ import annotations

import numpy as np

from ...engine.kinds import Checker
from .clip import clipping, norm_of


def signs_cancel(grads, max_norm):
    total = abs(sum(float(g.sum()) for g in grads))
    return [g * g.dtype.type(max_norm / total) if total > max_norm else g for g in grads]


def zero_divided(grads, max_norm):
    norm = norm_of(grads)
    with np.errstate(all="ignore"):
        return [g / g.dtype.type(norm) * g.dtype.type(min(norm, max_norm)) for g in grads]


inputs = Checker(
    "08.6",
    "clip_inputs",
    of=clipping,
    wrong=("each_array", "always_scaled", "to_length_1", "largest_element", "sum_of_the_norms"),
    extra={f.__name__: f for f in (signs_cancel, zero_divided)},
    at_most=4,
    needed=1.0,
    level=2,
    minutes=8,
)


@inputs.worked
def clip_inputs():
    return [
        ([np.array([3.0, -3.0]), np.array([4.0])], 2.0),  # two arrays, two signs, another length than 1
        ([np.array([0.3]), np.array([0.4])], 1.0),  # short: stays as it is
        ([np.zeros(2)], 1.0),  # nothing to divide by
    ]
