"""Chapter 04: the parts of the student's tape, the library's beside it, and two ways to break it.

The pictures of the tape are in `tape_graph`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..tensor import Tensor
from . import mine
from .engine.exercise import Fill, find
from .engine.verdict import Verdict, Verdicts
from .plots.given import counted
from .tape_graph import count_paths, doubled, graph, path_picture, slope_over_paths, table

__all__ = [
    "CAUSE", "PARTS", "Parts", "agreement", "broken_backward", "by_library", "changed_line", "count_paths",
    "course_function", "doubled", "graph", "kept_between_calls", "path_picture", "slope_over_paths", "table",
    "try_slopes", "weights",
]  # fmt: skip

PARTS = {
    "topological_order": "04.1",
    "backward": "04.2",
    "mul_backward": "04.3",
    "softplus_backward": "04.4",
}
CAUSE = "one of two paths into layer 1 is lost"
"""Among the guesses about `broken_backward`, the right one."""


class Parts:
    """The four functions that the chapter's tape is made of: yours where they passed, the course's elsewhere.

    Which of the two runs is decided at each call, so that a later answer takes its place at once.

    Attributes
    ----------
    calls : dict of str to int
        How often each of your functions ran.
    numbers_only : bool
        Whether your `backward` failed on arrays, though it is right on numbers.
    """

    def __init__(self) -> None:
        self.calls = dict.fromkeys(PARTS, 0)
        self.numbers_only = False

    def topological_order(self, node: str, inputs: dict) -> Any:
        return self._run("topological_order", node, inputs)

    def backward(self, order: list, inputs: dict, local: dict) -> Any:
        if all(isinstance(slope, (int, float)) for slopes in local.values() for slope in slopes):
            return self._run("backward", order, inputs, local)
        try:
            grads, self.numbers_only = self._run("backward", order, inputs, local), False
        except Exception:  # right as 04.2 asks, but not made of `*` and `+` alone
            grads, self.numbers_only = course_function("backward")(order, inputs, local), True
        return grads

    def mul_backward(self, dz: Any, x: Any, y: Any) -> Any:
        return self._run("mul_backward", dz, x, y)

    def softplus_backward(self, dy: Any, x: Any) -> Any:
        return self._run("softplus_backward", dy, x)

    def _run(self, name: str, *args: Any) -> Any:
        function = mine.passed(PARTS[name])
        if function is None:
            return course_function(name)(*args)
        self.calls[name] += 1
        return function(*args)

    @property
    def missing(self) -> list[str]:
        """Names of the functions that are not yours yet."""
        absent = [name for name, id in PARTS.items() if mine.passed(id) is None]
        return absent + ["backward"] * (self.numbers_only and "backward" not in absent)

    def _verdicts(self) -> Verdicts:
        return Verdicts([self._verdict(name, id) for name, id in PARTS.items()])

    def _verdict(self, name: str, id: str) -> Verdict:
        if name == "backward" and self.numbers_only:
            text = "On arrays the course's own ran. Send back by `slope * gradient`, and add with `+`."
            return Verdict("look", text, f"{id} `{name}` is yours, and works on numbers only.")
        if name in self.missing:
            text = f'The course\'s own runs until `check("{id}", {name})` says that yours is right.'
            return Verdict("open", text, f"{id} `{name}` is not yours yet.")
        return Verdict("right", f"It ran {counted(self.calls[name], 'time')}.", f"{id} `{name}` is yours.")

    def __repr__(self) -> str:
        return str(self._verdicts())

    def _repr_html_(self) -> str:
        return self._verdicts()._repr_html_()


def course_function(name: str) -> Callable:
    """The worked answer of one of the four exercises."""
    exercise = find(PARTS[name])
    assert isinstance(exercise, Fill) and exercise.worked_answer is not None
    return exercise.worked_answer


# -- a hole to fill --------------------------------------------------------------------------------------


def try_slopes(slopes: Callable[[float, float], Any]) -> Verdict:
    """Compare the two slopes of ``x / y`` with central differences, at three places."""
    for x, y in ((6.0, 3.0), (-1.0, 0.5), (2.0, -4.0)):
        said = slopes(x, y)
        if not isinstance(said, (list, tuple)) or len(said) != 2:
            return Verdict("look", "Return a list of two: the slope by `x`, and the slope by `y`.")
        h = 1e-5
        true = ((x + h) / y - (x - h) / y) / (2 * h), (x / (y + h) - x / (y - h)) / (2 * h)
        for name, got, want in zip("xy", said, true):
            if got is ... or got is None:
                return Verdict("open", f"The slope by `{name}` is not there yet.", "One slope is missing.")
            if not isinstance(got, (int, float)):
                return Verdict("look", f"The slope by `{name}` is no number but a {type(got).__name__}.")
            if not np.isclose(got, want):
                text = f"At `x = {x:g}`, `y = {y:g}` the slope by `{name}` is {want:.4g}. Yours is {got:.4g}."
                return Verdict("look", text)
    return Verdict("right", "Both slopes agree with differences at three places.")


# -- tinynn's own tape beside the student's --------------------------------------------------------------


def by_library(build: Callable[[Callable], Tensor]) -> tuple[float, dict[str, np.ndarray]]:
    """The loss that ``build(leaf)`` computes and its gradients by all leaves, both by tinynn."""
    leaves: dict[str, Tensor] = {}

    def leaf(name: str, value: Any) -> Tensor:
        leaves[name] = Tensor(np.array(value, dtype=np.float64), requires_grad=True)
        return leaves[name]

    loss = build(leaf)
    loss.backward()
    grads = {n: np.zeros(x.shape) if x.grad is None else x.grad.data for n, x in leaves.items()}
    return loss.item(), grads


def weights(seed: int, hidden: int = 12) -> dict[str, np.ndarray]:
    """The start of a network of three layers, from 2 numbers to 1."""
    rng = np.random.default_rng(seed)
    sizes = {"w1": (2, hidden), "w2": (hidden, hidden), "w3": (hidden, 1)}
    # Twice the usual size: softplus is nearly straight around 0, and a small start stays long on a plateau.
    drawn = {name: 2 * rng.normal(size=size) / np.sqrt(size[0]) for name, size in sizes.items()}
    return drawn | {f"b{i}": np.zeros(size[1]) for i, size in enumerate(sizes.values(), 1)}


def agreement(grads: Mapping[str, Any], wanted: Mapping[str, np.ndarray], names: Iterable[str]) -> str:
    """A line for each name: whether the two gradients agree, and the share by which they differ."""
    told = []
    for name in sorted(names):
        off = np.abs(grads[name] - wanted[name]).max() / np.abs(wanted[name]).max()
        said = "✓ agrees" if off < 1e-9 else f"✗ differs, by {100 * off:.0f}% of the largest element"
        told.append(f"{name}  {wanted[name].shape!s:9} {said}")
    return "\n".join(told)


# -- broken on purpose -----------------------------------------------------------------------------------


def broken_backward(order, inputs, local):
    grads = dict.fromkeys(order, 0.0)
    grads[order[-1]] = 1.0
    for name in reversed(order):
        for i, slope in zip(inputs[name], local[name]):
            grads[i] = slope * grads[name]
    return grads


def changed_line() -> str:
    """The line of `broken_backward` that is another one than in a right `backward`."""
    return next(line for line in inspect.getsource(broken_backward).splitlines() if "slope *" in line).strip()


def kept_between_calls(orders, inputs, local):
    grads = dict.fromkeys(inputs, 0.0)  # one dict for all calls
    for order in orders:
        grads[order[-1]] += 1.0
        for name in reversed(order):
            for i, slope in zip(inputs[name], local[name]):
                grads[i] += slope * grads[name]
    return grads
