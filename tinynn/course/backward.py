"""Chapter 03's network, gradient check and mistakes. Its exercises are in `tinynn.course.exercises.ch03`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import numpy as np

from .engine.exercise import Fill, find
from .engine.untouched import gap
from .two_layers import NAMES, loss_by_each
from .two_layers import scores as scores
from .two_layers import share_right as share_right

CLOSE = 1e-6  # a relative error below this is rounding

# -- a network of two layers -----------------------------------------------------------------------------


def starting_weights(inputs: int = 2, hidden: int = 64, classes: int = 3, seed: int = 0) -> list[np.ndarray]:
    """w1, b1, w2, b2: random weights, the smaller the more of them are summed, and biases of 0."""
    rng = np.random.default_rng(seed)
    w1 = rng.normal(0, inputs**-0.5, (hidden, inputs)).astype(np.float32)
    w2 = rng.normal(0, hidden**-0.5, (classes, hidden)).astype(np.float32)
    return [w1, np.zeros(hidden, np.float32), w2, np.zeros(classes, np.float32)]


class Counted:
    """A function that counts its calls, in `calls`."""

    def __init__(self, function: Callable) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        return self.function(*args)


# -- measured against differences ------------------------------------------------------------------------


def compare(forward: Callable, backward: Callable, x: np.ndarray, dy: np.ndarray) -> None:
    """Print what a pair's backward returns beside what the central difference of its forward says.

    Parameters
    ----------
    forward : callable
        ``forward(x) -> y, kept``.
    backward : callable
        ``backward(dy, kept) -> dx``.
    x, dy : (N,)
    """
    hole = gap(backward)
    if hole:
        print(f"There is a hole left. Put the slope in the place of ... in this line:  {hole}")
        return
    dx, differences = backward(dy, forward(x)[1]), dy * slopes(forward, x)
    same = np.isclose(dx, differences, rtol=1e-6, atol=1e-8)
    rows = {"x": x, "dy, arrives": dy, "dx, by backward": dx, "dx, measured": differences}
    for name, values in rows.items():
        print(f"{name:16s}" + "".join(f"{value:10.4f}" for value in values))
    print(f"{'':16s}" + "".join(f"{'✓' if ok else '✗':>10s}" for ok in same))
    if not same.all():
        only = same.any() and np.allclose(dy[same], 1)
        print(
            "Right only where dy is 1: is dy multiplied by the whole slope?" if only else "Not the same yet."
        )


def slopes(forward: Callable, x: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """The slope of a pair's forward at each element of `x` by itself, by central differences."""
    return (forward(x + eps)[0] - forward(x - eps)[0]) / (2 * eps)


def check_network(gradients: Callable, gradient_error: Callable) -> dict[str, float]:
    """The largest relative error of each of the four gradients of ``gradients(x, t, w1, b1, w2, b2)``.

    On a small network in float64, with ``gradient_error(f, grad, x, eps)`` as in exercise 03.4.
    """
    rng = np.random.default_rng(3)
    x, t = rng.normal(size=(8, 2)), np.arange(8) % 3
    weights = [w.astype(np.float64) for w in starting_weights(2, 5, 3)]
    _, *found = gradients(x, t, *[w.copy() for w in weights])
    losses = loss_by_each(lambda *ws: _network().true(x, t, *ws)[0], weights)  # type: ignore[misc]
    return {
        f"d{name}": float(gradient_error(loss, gradient, w, 1e-5))
        for name, loss, gradient, w in zip(NAMES, losses, found, weights, strict=True)
    }


def print_errors(errors: Mapping[str, float]) -> None:
    """One line for each gradient: right where the error is rounding."""
    for name, error in errors.items():
        right = error < CLOSE
        print(f"{name}  {'✓ right, error below 1e-6' if right else f'✗ wrong, relative error {error:.2g}'}")


# -- broken on purpose -----------------------------------------------------------------------------------

BROKEN = {"A": "w2_already_updated", "B": "relu_forgotten_on_the_way_back", "C": "", "D": "db_averaged"}


def four_networks() -> dict[str, Callable]:
    """Four ways to compute loss and gradients, by letter. One of them is right."""
    exercise = _network()
    return {
        letter: exercise.mistakes[name].function if name else exercise.true  # type: ignore[misc]
        for letter, name in BROKEN.items()
    }


def _network() -> Fill:
    exercise = find("03.5")
    assert isinstance(exercise, Fill)
    return exercise


# -- the box at the end ----------------------------------------------------------------------------------


def compiled_beside(loops: Callable, arrays: Callable) -> None:
    """Compile `loops` with Numba and print the seconds of a call: as plain Python, as arrays, compiled."""
    from numba import njit

    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(2000, 10)).astype(np.float32), rng.integers(0, 10, 2000)
    fast = njit(loops)
    began = perf_counter()
    found = fast(logits, targets)
    print(f"compiling, with the first call   {perf_counter() - began:8.2f} s")
    assert np.allclose(found, arrays(logits, targets), atol=1e-6), "they disagree: is the loop right?"
    for name, function in {
        "the loops in Python": loops,
        "arrays": arrays,
        "the loops, compiled": fast,
    }.items():
        print(f"{name:30s}   {1000 * _seconds(function, logits, targets):8.2f} ms a call")


def _seconds(function: Callable, *args: Any) -> float:
    """The shortest of several calls: what disturbs makes them longer, never shorter."""
    took = []
    for _ in range(5):
        began = perf_counter()
        function(*args)
        took.append(perf_counter() - began)
    return min(took)
