"""The computation graph of a loss, drawn from its tape: ops as boxes, tensors as the lines between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path

from ..record import Call, Record, Value, gradients, record
from .boxes import LINE, MOST, PAD, Box, Line, Sheet, arrange, boxes_of, brief, head, lines, results, shape
from .given import counted, listed
from .style import GRADIENT, GREY, VALUE, Picture

PALE = 0.55


def graph(
    loss: Any, names: Any = None, values: bool = False, gradients: bool = False, title: str = ""
) -> Picture:
    """The computation graph of `loss`: what it was computed from, op by op.

    Leaves have round corners, a thick frame if they collect a gradient. The shape of a tensor stands
    where its line begins; a single number has none.

    Parameters
    ----------
    loss : Tensor
        Before `backward`, which uses the tape up.
    names : dict of str to Tensor, or Module, optional
        What tensors are called: ``{"w": w}``, ``globals()``, or a module for the names of its parameters.
    values, gradients : bool
        Whether to write them into the boxes: of a small array the numbers, of a large one shape and range.
        `loss` must be a single number for gradients; `grad` of the tensors stays as it is.

    Notes
    -----
    Of more than 60 boxes the last ones are drawn, up to the loss, and the picture says so.
    """
    rec = record(loss, names)
    flown = _gradients(loss, rec) if gradients else {}
    sheet = arrange(rec, {box: lines(box, values, flown) for box in boxes_of(rec)})
    picture = paint(sheet, title=title)
    picture.alt = graph_in_words(rec, sheet, values, flown, title)
    return picture


def _gradients(loss: Any, rec: Record) -> dict[Value, np.ndarray]:
    return gradients(rec, loss._upstream(None))


# -- drawing ---------------------------------------------------------------------------------------


@dataclass
class Light:
    """What one step puts weight on: boxes not reached yet are pale, one is current, edges are lit."""

    pale: frozenset[Box] = frozenset()
    current: Box | None = None
    lit: tuple[int, ...] = ()  # numbers of edges
    backward: bool = False


def paint(
    sheet: Sheet, texts: Mapping[Box, list[Line]] | None = None, light: Light | None = None, title: str = ""
) -> Picture:
    """Draw the sheet, with other lines in the boxes than those it made room for, if given."""
    light = light or Light()
    if sheet.left_out:
        title = f"{title} ({sheet.left_out} earlier ops are not drawn)".strip()
    margin, above = 0.12, 0.34 if title else 0.12
    width, height = sheet.turned((sheet.layout.length, sheet.layout.breadth))
    picture = Picture(max(width + 2 * margin, 3), height + margin + above, arrange=False)
    ax = picture.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set_xlim(-margin, -margin + picture.get_figwidth())
    ax.set_ylim(height + margin, -above)
    if title:
        ax.text(0, 0.1 - above, title, fontsize=11, fontweight="bold", color=GREY, va="top")
    _draw_edges(ax, sheet, light)
    for i, box in enumerate(sheet.boxes):
        _draw_box(ax, sheet, i, (texts or sheet.lines).get(box, []), light)
    return picture


def _draw_box(ax: Axes, sheet: Sheet, i: int, texts: Iterable[Line], light: Light) -> None:
    box, (x, y), (width, height) = sheet.boxes[i], sheet.middle(i), sheet.sizes[i]
    colour, line, thick = GREY, "-", 1.0
    if isinstance(box, Value):
        thick, line = (2.0 if box.needs else 1.0), ":" if box.made_by else "-"
    if box is light.current:
        colour, line, thick = (GRADIENT, "--", 2.6) if light.backward else (VALUE, "-", 2.6)
    alpha = PALE if box in light.pale else 1.0
    round_ = 0.16 if isinstance(box, Value) else 0.02
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={round_}",
            facecolor="none",
            edgecolor=colour,
            linewidth=thick,
            linestyle=line,
            alpha=alpha,
        )  # fmt: skip
    )
    top = y - height / 2 + PAD + LINE / 2
    how: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9, "alpha": alpha}
    ax.text(x, top, head(box), color=GREY, fontweight="bold", **how)
    for n, (text, ink) in enumerate(texts):
        ax.text(x, top + (n + 1) * LINE, text, color=ink, **how)


def _draw_edges(ax: Axes, sheet: Sheet, light: Light) -> None:
    ports = _ports(sheet)
    named: set[Value] = set()
    for k, (source, target, value) in enumerate(sheet.edges):
        points = [sheet.turned(p) for p in _route(sheet, k, ports[k])]
        lit = k in light.lit
        colour = GREY if not lit else GRADIENT if light.backward else VALUE
        pale = sheet.boxes[source] in light.pale or sheet.boxes[target] in light.pale
        look: dict[str, Any] = {"color": colour, "alpha": PALE if pale and not lit else 0.9}
        ax.add_patch(
            PathPatch(
                _curve(points, sheet.upright),
                fill=False,
                linewidth=2.2 if lit else 1.0,
                linestyle="--" if lit and light.backward else "-",
                **look,
            )  # fmt: skip
        )
        _draw_tip(ax, points, sheet.upright, lit and light.backward, look)
        if value.array.ndim and value not in named:
            named.add(value)
            _draw_shape(ax, points[0], points[1], value, sheet.upright)


def _draw_tip(ax: Axes, points: list, upright: bool, back: bool, look: dict[str, Any]) -> None:
    """An arrow's tip at the end, or for a gradient at the beginning."""
    marker = ("^" if back else "v") if upright else ("<" if back else ">")
    x, y = points[0] if back else points[-1]
    inward = 0.035 if back else -0.035
    ax.plot(*((x, y + inward) if upright else (x + inward, y)), marker, markersize=5, **look)


def _draw_shape(ax: Axes, start: Any, then: Any, value: Value, upright: bool) -> None:
    """Write the shape where a line begins, on the side from which the line bends away."""
    (x, y), (u, v) = start, then
    how: dict[str, Any] = {"fontsize": 7.5, "color": GREY}
    if upright:
        right = u < x + 0.01
        ax.text(x + (0.07 if right else -0.07), y + 0.05, shape(value.array), va="top",
                ha="left" if right else "right", **how)  # fmt: skip
    else:
        above = v > y - 0.01
        ax.text(x + 0.06, y + (-0.03 if above else 0.04), shape(value.array), ha="left",
                va="bottom" if above else "top", **how)  # fmt: skip


def _ports(sheet: Sheet) -> list[float]:
    """Where each edge meets its target, across, from the middle: spread in the order of arrival."""
    ports = [0.0] * len(sheet.edges)
    for i in range(len(sheet.boxes)):
        mine = [k for k, edge in enumerate(sheet.edges) if edge[1] == i]
        mine.sort(key=lambda k: (sheet.layout.routes[k][-2][1], k))
        room = 0.6 * sheet.sizes[i][0 if sheet.upright else 1]
        for n, k in enumerate(mine):
            ports[k] = room * ((n + 0.5) / len(mine) - 0.5)
    return ports


def _route(sheet: Sheet, k: int, port: float) -> list[tuple[float, float]]:
    """The points of edge k from the rim of its source to the rim of its target, as (along, across)."""
    source, target, _ = sheet.edges[k]
    (start, across), *between, (end, last) = sheet.layout.routes[k]
    side = 1 if sheet.upright else 0
    out, into = sheet.sizes[source][side] / 2, sheet.sizes[target][side] / 2
    return [(start + out, across), *between, (end - into, last + port)]


def _curve(points: list[tuple[float, float]], upright: bool) -> Path:
    """A smooth line through the points that leaves and enters every one of them straight."""
    corners, codes = [points[0]], [Path.MOVETO]
    for (x, y), (u, v) in zip(points, points[1:]):
        bend = [(x, (y + v) / 2), (u, (y + v) / 2)] if upright else [((x + u) / 2, y), ((x + u) / 2, v)]
        corners += [*bend, (u, v)]
        codes += [Path.CURVE4] * 3
    return Path(corners, codes)


# -- in words --------------------------------------------------------------------------------------


def graph_in_words(
    rec: Record, sheet: Sheet, values: bool, flown: Mapping[Value, np.ndarray], title: str = ""
) -> str:
    """Every op with its inputs and results, in the order in which they ran."""
    text = f"{title}. " if title else ""
    text += f"Computation graph of {rec.loss.name}: {counted(len(rec.calls), 'op')}, {len(rec.leaves)} leaves"
    if sheet.left_out:
        text += f"; only the last {len(rec.calls) - sheet.left_out} ops are drawn"
    drawn = [box for box in sheet.boxes if isinstance(box, Call)]
    steps = [call_in_words(call, values) for call in drawn]
    grads = [f"{v.name} {_flat(a)}" for v, a in flown.items()]
    return f"{text}. {listed(steps, MOST)}." + (f" Gradients: {listed(grads, MOST)}." if grads else "")


def call_in_words(call: Call, values: bool) -> str:
    """``v1 = mul(a, b) = 6``, with shapes where no values are asked for."""
    made = [f"{v.name}{'' if values or not v.array.ndim else ' ' + shape(v.array)}" for v in results(call)]
    text = f"{' and '.join(made)} = {call.op}({', '.join(v.name for v in call.inputs)})"
    return text + (f" = {' and '.join(_flat(v.array) for v in results(call))}" if values else "")


def _flat(array: np.ndarray) -> str:
    return brief(array).replace("\n", " ")
