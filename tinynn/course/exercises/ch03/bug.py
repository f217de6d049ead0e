"""03.6: a gradient check has failed. Which line of the backward pass is wrong?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...effects.by_hand import starting_weights
from ...engine.exercise import Fill
from ...engine.kinds import NameTheBug
from ...two_layers import NAMES, loss_by_each
from .gradcheck import gradient_error
from .network import network

ROUNDING = 1e-6  # an error below it is rounding, and on every machine another


def symptom() -> str:
    """The gradient check of a network whose backward pass has the mistake, as a table."""
    return table(network, bug.truth)


def table(exercise: Fill, mistake: str) -> str:
    """The largest relative error of each of the four gradients, and what a unit that never fires gets."""
    x, t, weights = dead_unit()
    _, *gradients = exercise.mistakes[mistake].function(x, t, *weights)
    lines = ["gradient   largest relative error   largest |gradient|   largest |central difference|"]
    losses = loss_by_each(lambda *ws: network.true(x, t, *ws)[0], weights)  # type: ignore[misc]
    for name, gradient, loss_of, w in zip(NAMES, gradients, losses, weights):
        error = gradient_error(loss_of, gradient, w, 1e-5)
        size, slope = np.abs(gradient).max(), np.abs(slopes(loss_of, w)).max()
        told = f"{error:.2g}" if error > ROUNDING else f"below {ROUNDING:g}"
        lines.append(f"d{name:<9} {told:<24} {size:<20.4f} {slope:.4f}")
    dead = np.abs(gradients[0][0]).max()
    lines.append(f"\nHidden unit 0 is below 0 for every row of x. Largest |dw1[0]|: {dead:.4f}")
    return "\n".join(lines)


def slopes(f: Callable[[np.ndarray], float], x: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """Central differences of `f` in each element of `x`."""
    steps = eps * np.eye(x.size).reshape(-1, *x.shape)
    return np.array([(f(x + step) - f(x - step)) / (2 * eps) for step in steps])


def dead_unit() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """A batch, and weights with which the first hidden unit is below 0 for all of it."""
    rng = np.random.default_rng(3)
    x, t = rng.normal(size=(8, 2)), np.arange(8) % 3
    weights = [w.astype(np.float64) for w in starting_weights(2, 5, 3)]
    weights[1][0] = -np.abs(x @ weights[0][0]).max() - 1
    return x, t, weights


bug = NameTheBug(
    "03.6",
    options=(
        "not_a_mean",
        "relu_forgotten_on_the_way_back",
        "db_averaged",
        "no_softmax",
        "w2_already_updated",
    ),
    truth="relu_forgotten_on_the_way_back",
    symptom=symptom,
    level=2,
    minutes=4,
)
