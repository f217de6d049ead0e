"""The boxes of a computation graph: what stands in them, how large they are, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..record import Call, Record, Value
from .given import number
from .layout import Layout, layout
from .style import GRADIENT, GREY, VALUE

MOST = 60  # boxes: more are too small to read
WIDEST = 11  # inches from left to right; a longer graph goes from top to bottom
LETTER, LINE, PAD = 0.079, 0.175, 0.09  # inches: a letter of 9 points, a line, the space around
Box = Value | Call  # a leaf, or an op with its results
Line = tuple[str, str]  # text and colour


def boxes_of(rec: Record) -> list[Box]:
    """Every leaf and every call."""
    return [*rec.leaves, *rec.calls]


def results(box: Box) -> list[Value]:
    """The values that a box stands for: a leaf for itself, an op for its outputs."""
    return [box] if isinstance(box, Value) else [v for _, v in sorted(box.outputs.items())]


def lines(box: Box, values: bool, flown: Mapping[Value, np.ndarray]) -> list[Line]:
    """The lines below a box's first one: name and value, and the gradient."""
    found: list[Line] = []
    for v in results(box):
        is_op, constant = isinstance(box, Call), v.name == brief(v.array)
        if values and not constant:
            found += _lines(f"{v.name} = " if is_op else "= ", v.array, VALUE)
        elif is_op and v.named:
            found.append((v.name, GREY))
        if v in flown:
            found += _lines("grad ", flown[v], GRADIENT)
    return found


def _lines(start: str, array: np.ndarray, colour: str) -> list[Line]:
    first, *others = brief(array).split("\n")
    return [(start + first, colour), *[(" " * 2 * len(start) + other, colour) for other in others]]


def brief(array: np.ndarray) -> str:
    """An array in a small space: the numbers of a small one, shape and range of a large one."""
    if array.ndim == 0:
        return number(array.item())
    if array.ndim == 1 and array.size <= 4:
        return f"[{', '.join(map(number, array))}]"
    if array.ndim == 2 and 0 < array.size <= 9 and max(array.shape) <= 4:
        return "\n".join(f"[{', '.join(map(number, row))}]" for row in array)
    finite = array[np.isfinite(array)]
    bad = f", {array.size - finite.size} NaN or infinite" if finite.size < array.size else ""
    reach = f", {number(finite.min())} to {number(finite.max())}" if finite.size else ""
    return f"{shape(array)}{reach}{bad}"


def shape(array: np.ndarray) -> str:
    """The shape as the course writes it: (4, 3)."""
    return str(tuple(array.shape))


# -- where the boxes are ---------------------------------------------------------------------------


@dataclass
class Sheet:
    """Boxes with their places and lines, and the edges between them; inches, from the top left."""

    boxes: list[Box]
    lines: dict[Box, list[Line]]
    sizes: list[tuple[float, float]]
    edges: list[tuple[int, int, Value]]
    layout: Layout
    upright: bool  # from top to bottom
    left_out: int  # calls before those drawn

    def middle(self, box: int) -> tuple[float, float]:
        return self.turned(self.layout.place[box])

    def turned(self, point: tuple[float, float]) -> tuple[float, float]:
        """(along, across) as (x, y)."""
        return (point[1], point[0]) if self.upright else point


def arrange(rec: Record, texts: dict[Box, list[Line]]) -> Sheet:
    """Give every box its place, with room for the lines given; the earliest calls are left out of many."""
    calls = _last_calls(rec)
    made = {v for call in calls for v in call.outputs.values()}
    outside = [v for call in calls for v in call.inputs if v not in made]
    boxes: list[Box] = [*dict.fromkeys(outside), *calls]
    index = {v: i for i, box in enumerate(boxes) for v in results(box)}
    edges = [(index[v], boxes.index(call), v) for call in calls for v in call.inputs]
    sizes = [_size(box, texts.get(box, [])) for box in boxes]
    return _laid_out(boxes, texts, sizes, edges, len(rec.calls) - len(calls))


def _last_calls(rec: Record) -> list[Call]:
    """As many calls, from the last one back, as fit with their leaves."""
    kept: list[Call] = []
    seen: set[Box] = set()
    for call in reversed(rec.calls):
        seen |= {call, *[v.made_by or v for v in call.inputs]}
        if len(seen) > MOST and kept:
            break
        kept.append(call)
    return kept[::-1]


def _size(box: Box, texts: list[Line]) -> tuple[float, float]:
    """Width and height that hold the lines."""
    longest = max([1.12 * len(head(box)), *[len(text) for text, _ in texts]])
    return max(0.5, LETTER * longest + 2 * PAD), LINE * (1 + len(texts)) + 2 * PAD


def head(box: Box) -> str:
    """A box's first line: the op, or the leaf's name."""
    return box.op if isinstance(box, Call) else box.name


def _laid_out(
    boxes: list[Box], texts: dict[Box, list[Line]], sizes: list[tuple[float, float]],
    edges: list[tuple[int, int, Value]], left_out: int,
) -> Sheet:  # fmt: skip
    """From left to right, if that is not too wide; from top to bottom otherwise."""
    pairs = [(a, b) for a, b, _ in edges]
    room = 0.3 + 0.068 * max([len(shape(v.array)) for _, _, v in edges if v.array.ndim], default=0)
    flat = layout(sizes, pairs, room, 0.22)
    upright = flat.length > WIDEST
    if upright:
        flat = layout([(h, w) for w, h in sizes], pairs, 0.48, 0.3)
    return Sheet(boxes, texts, sizes, edges, flat, upright, left_out)
