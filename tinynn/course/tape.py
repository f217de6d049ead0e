"""Chapter 04's tape, looked at from outside: its lines, its graph, its paths, and two ways to break it.

The notebook's `Tape` holds four dicts by name: `op`, `inputs`, `local` (the slopes) and `value`. A node is a
tape and a name. Nothing else is known about them here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..tensor import Tensor
from . import mine
from .engine.exercise import Fill, find
from .engine.verdict import Verdict, Verdicts
from .plots import Picture
from .plots.boxes import arrange, boxes_of, brief, lines
from .plots.given import counted, listed, number
from .plots.graph import Light, graph_in_words, paint
from .record import Call, Record, Value

PARTS = {
    "topological_order": "04.1",
    "backward": "04.2",
    "mul_backward": "04.3",
    "softplus_backward": "04.4",
}
SHOWN_PATHS = 4  # more than these are counted, not written out


class Parts:
    """The four functions that the chapter's tape is made of: yours where they passed, the course's elsewhere.

    Which of the two runs is decided at each call, so that a later answer takes its place at once.

    Attributes
    ----------
    calls : dict of str to int
        How often each of your functions ran.
    """

    def __init__(self) -> None:
        self.calls = dict.fromkeys(PARTS, 0)

    def topological_order(self, node: str, inputs: dict) -> Any:
        return self._run("topological_order", node, inputs)

    def backward(self, order: list, inputs: dict, local: dict) -> Any:
        return self._run("backward", order, inputs, local)

    def mul_backward(self, dz: Any, x: Any, y: Any) -> Any:
        return self._run("mul_backward", dz, x, y)

    def softplus_backward(self, dy: Any, x: Any) -> Any:
        return self._run("softplus_backward", dy, x)

    def _run(self, name: str, *args: Any) -> Any:
        function = mine._passed.get(PARTS[name])
        if function is None:
            return course_function(name)(*args)
        self.calls[name] += 1
        return function(*args)

    @property
    def missing(self) -> list[str]:
        """Names of the functions that are not yours yet."""
        return [name for name, id in PARTS.items() if id not in mine._passed]

    def _verdicts(self) -> Verdicts:
        return Verdicts([self._verdict(name, id) for name, id in PARTS.items()])

    def _verdict(self, name: str, id: str) -> Verdict:
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


# -- the lines, as text ----------------------------------------------------------------------------------


def table(node: Any) -> str:
    """The lines of the tape that `node` depends on, the oldest first."""
    tape = node.tape
    rows = [("name", "op", "inputs", "local slopes", "value")]
    for name in needed(node):
        slopes = ", ".join(map(_slope, tape.local[name]))
        value = brief(np.asarray(tape.value[name])).replace("\n", " ")
        rows.append((name, tape.op[name], ", ".join(tape.inputs[name]), slopes, value))
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows)


def _slope(slope: Any) -> str:
    return number(slope) if isinstance(slope, (int, float)) else "a rule"


def needed(node: Any) -> list[str]:
    """Every name that `node` depends on and its own, in the order of the tape."""
    found, waiting = set(), [node.name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += node.tape.inputs[name]
    return [name for name in node.tape.inputs if name in found]


# -- the graph -------------------------------------------------------------------------------------------


def graph(node: Any, grads: Mapping[str, Any] | None = None, title: str = "") -> Picture:
    """The graph of what `node` was computed from, with its values, and with gradients if they are given."""
    rec = _record(node)
    flown = {v: np.asarray(grads[v.name]) for v in rec.values if v.name in grads} if grads else {}
    sheet = arrange(rec, {box: lines(box, True, flown) for box in boxes_of(rec)})
    picture = paint(sheet, title=title)
    picture.alt = graph_in_words(rec, sheet, True, flown, title)
    return picture


def _record(node: Any) -> Record:
    """What the pictures of computation graphs are drawn from."""
    tape, values, calls = node.tape, {}, []
    for name in needed(node):
        value = values[name] = Value(name, np.asarray(tape.value[name]), needs=True, named=True)
        if tape.inputs[name]:
            line: Any = SimpleNamespace(op=SimpleNamespace(name=tape.op[name]))
            value.made_by = Call(line, tuple([values[i] for i in tape.inputs[name]]), {0: value})
            calls.append(value.made_by)
    return Record(values[node.name], [v for v in values.values() if v.made_by is None], calls)


# -- paths, on a tape of numbers -------------------------------------------------------------------------


def users(node: Any, start: str) -> dict[str, list[tuple[str, float]]]:
    """For `start` and each name that depends on it: who uses it on the way to `node`, and with which slope."""
    found: dict[str, list[tuple[str, float]]] = {start: []}
    for name in needed(node):
        for i, slope in zip(node.tape.inputs[name], node.tape.local[name]):
            if i in found:
                found.setdefault(name, [])
                found[i].append((name, slope))
    return found


def paths(node: Any, start: str) -> list[list[float]]:
    """The slopes along every path, from `node` back to `start`."""
    ways = users(node, start)

    def onward(name: str) -> list[list[float]]:
        if name == node.name:
            return [[]]
        return [[*way, slope] for user, slope in ways[name] for way in onward(user)]

    return onward(start)


def count_paths(node: Any, start: str) -> int:
    """How many ways lead from `start` to `node`, without walking them."""
    ways = users(node, start)
    count = {node.name: 1}
    for name in reversed(list(ways)):  # a user comes after what it uses
        count.setdefault(name, sum(count[user] for user, _ in ways[name]))
    return count[start]


def path_picture(node: Any, start: str) -> Picture:
    """The graph of `node` with every path from `start` drawn strong, and the sum over them above it."""
    rec = _record(node)
    sheet = arrange(rec, {box: lines(box, True, {}) for box in boxes_of(rec)})
    on_the_way = set(users(node, start))
    lit = tuple([k for k, (_, _, value) in enumerate(sheet.edges) if value.name in on_the_way])
    box_of = {v.name: v.made_by or v for v in rec.values}
    pale = frozenset(box for name, box in box_of.items() if name not in on_the_way)
    said = path_in_words(node, start)
    picture = paint(sheet, light=Light(pale, box_of[start], lit, backward=True), title=said)
    picture.alt = f"{said}. The names on them: {listed([n for n in needed(node) if n in on_the_way])}."
    return picture


def path_in_words(node: Any, start: str) -> str:
    """``x: 2 paths, 6 · 3 + 7 · 3 = 39``."""
    count = count_paths(node, start)
    if count > SHOWN_PATHS:
        return f"{start}: {count:,} paths"
    ways = paths(node, start)
    products = [" · ".join(map(number, way)) or "1" for way in ways]
    total = number(sum(prod(way) for way in ways))
    return f"{start}: {counted(count, 'path')}, {' + '.join(products)} = {total}"


def doubled(leaf: Callable[..., Any], times: int) -> Any:
    """``x = x + x``, again and again: each line uses the one before it twice."""
    x = leaf("x", 1.0)
    for _ in range(times):
        x = x + x
    return x


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
            if got is ...:
                return Verdict("open", f"The slope by `{name}` is still `...`.", "One slope is missing.")
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


def weights(hidden: int = 16, seed: int = 0) -> dict[str, np.ndarray]:
    """The start of a network of three layers, from 2 numbers to 1."""
    rng = np.random.default_rng(seed)
    sizes = {"w1": (2, hidden), "w2": (hidden, hidden), "w3": (hidden, 1)}
    drawn = {name: rng.normal(size=size) / np.sqrt(size[0]) for name, size in sizes.items()}
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


def kept_between_calls(orders, inputs, local):
    grads = dict.fromkeys(inputs, 0.0)  # one dict for all calls
    for order in orders:
        grads[order[-1]] += 1.0
        for name in reversed(order):
            for i, slope in zip(inputs[name], local[name]):
                grads[i] += slope * grads[name]
    return grads
