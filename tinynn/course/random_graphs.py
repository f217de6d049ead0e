"""Random computations, and whether two tapes agree on their gradients."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .engine.verdict import Code, Verdict
from .plots.given import counted
from .tape import PARTS, Parts, by_library

SHAPES = [(), (3,), (4, 1), (1, 3), (4, 3), (3, 3), (2, 4, 3)]
OPS: dict[str, Callable] = {
    "add": operator.add,
    "mul": operator.mul,
    "matmul": operator.matmul,
    "softplus": lambda x: x.softplus(),
}
Build = Callable[[Callable], Any]  # build(leaf) -> loss, where leaf(name, array) starts a value
Gradients = Callable[[Build], tuple[Any, dict[str, Any]]]


class Line(NamedTuple):
    """One op: ``name = op(inputs)``."""

    name: str
    op: str
    inputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} = {self.op}({', '.join(self.inputs)})"


class Program(NamedTuple):
    """A computation as data: it runs on any objects that know ``+``, ``*``, ``@``, `softplus` and `sum`."""

    leaves: dict[str, np.ndarray]
    lines: list[Line]

    def run(self, leaf: Callable[[str, np.ndarray], Any]) -> Any:
        """The sum of the last line's elements, computed on what ``leaf(name, array)`` makes."""
        made = {name: leaf(name, array.copy()) for name, array in self.leaves.items()}
        for line in self.lines:
            made[line.name] = OPS[line.op](*[made[i] for i in line.inputs])
        return made[self.lines[-1].name].sum()

    @property
    def shares(self) -> bool:
        """Whether a value is used more than once."""
        used = [i for line in self.lines for i in line.inputs]
        return len(set(used)) < len(used)

    @property
    def needed(self) -> set[str]:
        """The names that the loss depends on."""
        found = {self.lines[-1].name}
        for line in reversed(self.lines):
            if line.name in found:
                found.update(line.inputs)
        return found

    def __str__(self) -> str:
        """The lines without those that the loss does not need."""
        first = [f"{name} {array.shape}" for name, array in self.leaves.items() if name in self.needed]
        lines = [str(line) for line in self.lines if line.name in self.needed]
        return "\n".join([*first, *lines, f"loss = sum({self.lines[-1].name})"])


def random_program(rng: np.random.Generator) -> Program:
    """Two to four leaves and two to nine ops, of shapes that fit; late values are used more often."""
    shapes = [SHAPES[k] for k in rng.integers(len(SHAPES), size=rng.integers(2, 5))]
    leaves = {f"x{i}": rng.uniform(-1.5, 1.5, size=shape) for i, shape in enumerate(shapes)}
    known = {name: array.shape for name, array in leaves.items()}
    lines: list[Line] = []
    for i in range(rng.integers(2, 10)):
        line, shape = _fitting(rng, f"h{i}", known)
        lines.append(line)
        known[line.name] = shape
    return Program(leaves, lines)


def _fitting(rng: np.random.Generator, name: str, known: dict[str, tuple]) -> tuple[Line, tuple]:
    """An op on values whose shapes fit: drawn until they do. A softplus always fits, so that it ends."""
    late = np.arange(1, len(known) + 1) / sum(range(len(known) + 1))
    while True:
        op = str(rng.choice(list(OPS), p=[0.3, 0.35, 0.2, 0.15]))
        inputs = tuple(map(str, rng.choice(list(known), size=1 if op == "softplus" else 2, p=late)))
        shape = _shape(op, *[known[i] for i in inputs])
        if shape is not None:
            return Line(name, op, inputs), shape


def _shape(op: str, x: tuple, y: tuple = ()) -> tuple | None:
    """The result's shape, None where the inputs do not fit."""
    if op == "matmul":
        return (x[0], y[1]) if len(x) == len(y) == 2 and x[1] == y[0] else None
    try:
        return np.broadcast_shapes(x, y)
    except ValueError:
        return None


# -- two tapes -------------------------------------------------------------------------------------------


def compare(mine: Gradients, parts: Parts, count: int = 200, seed: int = 0) -> Verdict:
    """Whether ``mine(build) -> (loss, grads)`` and tinynn agree on `count` random computations.

    Of those on which they do not, the smallest is shown. What is not the student's own
    among `parts` is named.
    """
    rng = np.random.default_rng(seed)
    programs = [random_program(rng) for _ in range(count)]
    wrong = [(program, said) for program in programs if (said := difference(mine, program))]
    if wrong:
        return _disagreement(wrong, count)
    facts = f"{count} of {count} random graphs agree to 9 digits, {sum(p.shares for p in programs)} of them "
    facts += "with a value that is used more than once."
    if not parts.missing:
        ran = ", ".join(f"`{name}` {counted(n, 'time')}" for name, n in parts.calls.items())
        headline = "Your tape and the library's give the same gradients."
        return Verdict("right", f"{facts} Your functions ran on it: {ran}.", headline)
    names = ", ".join(f"{PARTS[name]} `{name}`" for name in parts.missing)
    own = len(PARTS) - len(parts.missing)
    headline = f"{own or 'None'} of the four functions {'is' if own < 2 else 'are'} yours."
    return Verdict("said", f"{facts} Missing: {names}. The course's own ran in their place.", headline)


def difference(mine: Gradients, program: Program) -> str:
    """What `mine` says otherwise than tinynn about the gradients by the leaves; "" if nothing."""
    _, wanted = by_library(program.run)
    try:
        _, got = mine(program.run)
    except Exception as problem:  # what a student writes can raise anything
        return f"It raised {type(problem).__name__}: {problem}"
    for name, right in wanted.items():
        grad = np.asarray(got.get(name, np.zeros(right.shape)))
        if grad.shape != right.shape:
            return f"The gradient by `{name}` has shape {grad.shape}; `{name}` has {right.shape}."
        if not np.allclose(grad, right, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(right).max(initial=0))):
            return f"The gradient by `{name}` is another one."
    return ""


def _disagreement(wrong: list[tuple[Program, str]], count: int) -> Verdict:
    program, said = min(wrong, key=lambda pair: len(str(pair[0]).splitlines()))
    shown = Code(str(program), "The smallest of them")
    headline = f"{counted(len(wrong), 'graph')} of {count} disagree."
    return Verdict("look", said, headline, (shown,))
