"""Pictures of chapter 04's tape: its lines as a table, its graph, and the paths through it.

The notebook's `Tape` holds four dicts by name: `op`, `inputs`, `local` (the slopes) and `value`. A node is a
tape and a name. Nothing else is known about them here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from .plots import Picture
from .plots.boxes import Sheet, arrange, boxes_of, brief, lines
from .plots.given import counted, listed, number
from .plots.graph import Light, _ports, _route, graph_in_words, paint
from .plots.style import GRADIENT, GREY
from .record import Call, Record, Value

SHOWN_PATHS = 4  # more than these are counted, not written out


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
    _write_slopes(picture, sheet, _slopes(node, rec), GREY)
    picture.alt = graph_in_words(rec, sheet, True, flown, title)
    return picture


def _slopes(node: Any, rec: Record) -> list[Any]:
    """The local slope of each arrow, in the order in which the sheet holds them."""
    return [slope for call in rec.calls for slope in node.tape.local[call.outputs[0].name]]


def _write_slopes(
    picture: Picture, sheet: Sheet, slopes: list[Any], colour: str, lit: Collection | None = None
) -> None:
    """Write each slope that is a number beside the middle of its arrow; of those in `lit` if given."""
    ports = _ports(sheet)
    for k, slope in enumerate(slopes[-len(sheet.edges) :]):
        if not isinstance(slope, (int, float)) or (lit is not None and k not in lit):
            continue
        points = [sheet.turned(point) for point in _route(sheet, k, ports[k])]
        (x, y), (u, v) = points[(len(points) - 1) // 2], points[len(points) // 2]
        where = _beside(v - y, second=sheet.edges[k] in sheet.edges[:k])
        picture.axes[0].annotate(
            number(slope), ((x + u) / 2, (y + v) / 2), textcoords="offset points", fontsize=8.5,
            fontweight="bold", color=colour, **where,
        )  # fmt: skip


def _beside(fall: float, second: bool) -> dict[str, Any]:
    """Where a word stands beside an arrow without crossing it; `second` of two arrows that run together."""
    if second:
        return {"xytext": (-2, -1), "ha": "right", "va": "top"}
    side = "center" if abs(fall) < 0.05 else "left" if fall > 0 else "right"
    return {"xytext": ({"left": 2, "center": 0, "right": -2}[side], 2), "ha": side, "va": "bottom"}


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
    """Who uses `start`, and each name that depends on it, on the way to `node`; with which slope."""
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


def slope_over_paths(node: Any, start: str) -> float:
    """The gradient of `node` by `start`: the products of slopes along every path, added up."""
    return sum(prod(way) for way in paths(node, start))


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
    _write_slopes(picture, sheet, _slopes(node, rec), GRADIENT, lit)
    picture.alt = f"{said}. The names on them: {listed([n for n in needed(node) if n in on_the_way])}."
    return picture


def path_in_words(node: Any, start: str) -> str:
    """``x: 2 paths, 6 · 3 + 7 · 3 = 39``."""
    count = count_paths(node, start)
    if count > SHOWN_PATHS:
        return f"{start}: {count:,} paths"
    ways = paths(node, start)
    products = [" · ".join(map(number, way)) or "1" for way in ways]
    total = number(slope_over_paths(node, start))
    return f"{start}: {counted(count, 'path')}, {' + '.join(products)} = {total}"


def doubled(leaf: Callable[..., Any], times: int) -> Any:
    """``x = x + x``, again and again: each line uses the one before it twice."""
    x = leaf("x", 1.0)
    for _ in range(times):
        x = x + x
    return x
