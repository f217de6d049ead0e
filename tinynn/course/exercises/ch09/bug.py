"""09.6: a gradient check over sequences of one, two and four steps. Which line of the way back is wrong?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.kinds import NameTheBug
from . import loop
from .backward import back

GATES = "ifgo"
ROUNDING = 1e-6  # an error below it is rounding, and on every machine another


def symptom() -> str:
    """By sequence length: how far the gradients of each gate's weights are off with the mistake."""
    return table(back.mistakes[bug.truth].function)


def table(step: Callable) -> str:
    """The largest relative error in the rows of `u` of each gate, for three lengths of sequences."""
    lines = ["steps   " + "".join(f"rows of {name:<12}" for name in GATES)]
    for steps in (1, 2, 4):
        told = "".join(f"{in_digits(error):<20}" for error in errors(step, steps))
        lines.append(f"{steps:<8}{told}")
    return "\n".join(line.rstrip() for line in lines)


def in_digits(error: float) -> str:
    return f"{error:.2g}" if error > ROUNDING else f"below {ROUNDING:g}"


def errors(step: Callable, steps: int) -> list[float]:
    """For i, f, g and o: by how much the gradients by `step` are off, as a share of the largest."""
    wrong, right = gradients(step, steps), gradients(loop.lstm_step_backward, steps)
    pairs = zip(np.split(wrong, 4), np.split(right, 4))
    return [float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs]


def gradients(step: Callable, steps: int) -> np.ndarray:
    """Of the state's weights u (4H, H), where the loss asks for the last h alone."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(steps, 3, 2))
    h, c = rng.normal(size=(2, 3, 2))
    w, u, b = (rng.normal(size=s) for s in ((8, 2), (8, 2), (8,)))
    with loop.half("backward", step):
        (y, _, _), cache = loop.forward(x, h, c, w, u, b, np.zeros(8))
        dy: Any = np.zeros_like(y)
        dy[-1] = rng.normal(size=y[-1].shape)
        return loop.backward((dy, None, None), cache)[4]


bug = NameTheBug(
    "09.6",
    options=(
        "order_i_f_o_g",
        "dh_into_c_dropped",
        "dc_from_later_dropped",
        "sigmoid_slope_on_g",
        "do_without_tanh",
    ),
    truth="dc_from_later_dropped",
    symptom=symptom,
    level=2,
    minutes=4,
)
