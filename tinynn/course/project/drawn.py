"""Computations drawn at random, and their gradients by tinynn's own tape."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import functional as F
from ...tensor import Tensor
from .graphs import Plain

OPS: dict[str, Callable] = {
    "+": operator.add,
    "*": operator.mul,
    "@": operator.matmul,
    **{name: operator.methodcaller(name) for name in ("sum", "relu", "exp", "log_softmax")},
}
LIBRARYS = OPS | {"log_softmax": lambda x: F.log_softmax(x, dim=1)}

SAME = [(), (3,), (2, 3)]
"""Shapes of which one graph of the first milestone takes one, for all of its leaves."""
MIXED = [(), (3,), (4, 1), (1, 3), (4, 3), (3, 3), (2, 4, 3)]
KINDS = {
    "06p.1": (["+", "*"], SAME),
    "06p.2": (["+", "*", "@", "sum"], MIXED),
    "06p.3": (["+", "*", "@", "sum", "relu", "exp", "log_softmax"], MIXED),
}
LARGEST = 30.0
NEAR_A_KINK = 1e-3


class Line(NamedTuple):
    """One op: ``name = op(inputs)``."""

    name: str
    op: str
    inputs: tuple[str, ...]

    def __str__(self) -> str:
        first = self.inputs[0]
        right = f" {self.op} {self.inputs[1]}" if len(self.inputs) == 2 else f".{self.op}()"
        return f"{self.name} = {first}{right}"


class Graph:
    """A computation as data: called with leaves, it returns the loss, as a function of its text would.

    Attributes
    ----------
    leaves : dict of str to shape
    lines : list of Line
    early : str
        A value from whose sum `backward` is called before the loss is there; "" for none.
    """

    def __init__(self, leaves: dict[str, tuple], lines: list[Line], early: str = "") -> None:
        self.leaves, self.lines, self.early = leaves, lines, early

    def roots(self, leaves: Sequence[Any], ops: dict[str, Callable] = OPS) -> list[Any]:
        """What is gone backward from: the sum of the early value, where there is one, and the loss."""
        made = dict(zip(self.leaves, leaves))
        for line in self.lines:
            made[line.name] = ops[line.op](*[made[name] for name in line.inputs])
        return [made[name].sum() for name in filter(None, [self.early, self.lines[-1].name])]

    def __call__(self, *leaves: Any) -> Any:
        *early, loss = self.roots(leaves)
        for root in early:
            root.backward()
        return loss

    @property
    def needed(self) -> list[Line]:
        """The lines on which the loss or the early value depends."""
        names, kept = {self.early, self.lines[-1].name}, []
        for line in reversed(self.lines):
            if line.name in names:
                names.update(line.inputs)
                kept.append(line)
        return kept[::-1]

    @property
    def shares(self) -> bool:
        """Whether a value is used more than once."""
        used = [name for line in self.needed for name in line.inputs]
        return len(set(used)) < len(used)

    def __str__(self) -> str:
        shapes = ", ".join(f"{name} {shape}" for name, shape in self.leaves.items())
        body = [str(line) for line in self.needed]
        if self.early:
            body.append(f"{self.early}.sum().backward()")
        body.append(f"return {self.lines[-1].name}.sum()")
        return "\n    ".join([f"def build({', '.join(self.leaves)}):  # {shapes}", *body])


def by_library(graph: Graph, arrays: Sequence[np.ndarray]) -> tuple[float, list[np.ndarray]]:
    """The loss, and the gradient by each leaf of all that `graph` goes backward from, on tinynn's tape."""
    leaves = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    *early, loss = graph.roots(leaves, LIBRARYS)
    sum(early, loss).backward()
    return loss.item(), [np.zeros(x.shape) if x.grad is None else x.grad.data for x in leaves]


# -- drawing ---------------------------------------------------------------------------------------------


def draw(id: str, count: int, seed: int) -> list[tuple[Graph, tuple[np.ndarray, ...]]]:
    """`count` graphs of a milestone and their arrays; the same ones for the same seed."""
    rng = np.random.default_rng([seed, int(id[-1])])
    return [_one(rng, *KINDS[id], long=k % 10 == 9) for k in range(count)]


def _one(rng: np.random.Generator, ops: list[str], shapes: list[tuple], long: bool) -> tuple[Graph, tuple]:
    """Two to four leaves and two to nine lines, or a chain of sixty; one in five goes backward twice."""
    count = int(rng.integers(2, 5))
    sizes = [shapes[rng.integers(len(shapes))]] * count if shapes is SAME else _drawn(rng, shapes, count)
    known = {f"x{i}": rng.uniform(-1.5, 1.5, size=size) for i, size in enumerate(sizes)}
    leaves = dict(known)
    lines: list[Line] = []
    for k in range(60 if long else rng.integers(2, 10)):
        lines.append(_fitting(rng, f"h{k}", known, ops, 0.95 if long else 0.0))
    early = str(rng.choice([line.name for line in lines])) if rng.random() < 0.2 else ""
    return Graph({name: a.shape for name, a in leaves.items()}, lines, early), tuple(leaves.values())


def _drawn(rng: np.random.Generator, shapes: list[tuple], count: int) -> list[tuple]:
    return [shapes[k] for k in rng.integers(len(shapes), size=count)]


def _fitting(
    rng: np.random.Generator, name: str, known: dict[str, np.ndarray], ops: list[str], chained: float
) -> Line:
    """A line whose shapes fit and whose value is of moderate size, drawn until one is; `known` grows.

    Its first input is the line before with the probability `chained`. Never with 1: a leaf plus itself always
    fits, so that the drawing ends.
    """
    late = np.arange(1, len(known) + 1) / sum(range(len(known) + 1))  # late values are used more often
    weights = np.array([3.0 if op in "+*" else 2.0 if op == "@" else 1.0 for op in ops])
    while True:
        op = str(rng.choice(ops, p=weights / weights.sum()))
        inputs = tuple(map(str, rng.choice(list(known), size=2 if op in "+*@" else 1, p=late)))
        if rng.random() < chained:
            inputs = (list(known)[-1], *inputs[1:])
        value = _value(op, [known[i] for i in inputs])
        if value is not None:
            known[name] = value
            return Line(name, op, inputs)


def _value(op: str, arrays: list[np.ndarray]) -> np.ndarray | None:
    """What `op` gives; None where the shapes do not fit, a value grows, or a relu stands near its kink."""
    matrices = op in ("@", "log_softmax")
    if matrices and any(a.ndim != 2 for a in arrays) or op == "sum" and arrays[0].ndim == 0:
        return None
    if op == "relu" and np.abs(arrays[0]).min() < NEAR_A_KINK:
        return None
    try:
        with np.errstate(over="ignore"):
            value = OPS[op](*map(Plain, arrays)).data
    except ValueError:
        return None
    return value if np.abs(value).max() < LARGEST else None
