"""Arrays as blocks of fields: what makes a number of a product, which copies broadcasting adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ...errors import ArgumentError
from .given import number, shaped
from .style import BLUE, GREEN, GREY, RED, Picture

MOST = 6  # fields along a side: more are too small for their numbers
Place = tuple[float, float]
Shape = tuple[int, ...]

# -- a layer -------------------------------------------------------------------------------------------------


def matrix_product(x: Any, w: Any, b: Any, example: int = 0, neuron: int = 0, title: str = "") -> Picture:
    """The blocks of ``y = x @ w.T + b``, laid so that every y stands in its example's row, below its neuron.

    What makes ``y[example, neuron]`` is marked, and written out below.

    Parameters
    ----------
    x : (N, I)
    w : (O, I)
    b : (O,)
    """
    x, w, b = _layer(x, w, b, example, neuron)
    (n, i), o = x.shape, len(w)
    right, low = i + 1.8, max(o, i) + 3.0  # where w.T and y begin; where x and y begin
    across, down = (-2.0, right + o + 1.2), (low + n + 1.3, -0.8)
    picture = Picture(0.5 * (across[1] - across[0]), 0.5 * (down[0] - down[1]) + 0.35 * bool(title))
    ax = _empty(picture, across, down, title)
    beside = [(neuron, k) for k in range(i)]
    _block(ax, w, (0, max(o, i) - o), f"w  (O, I) = ({o}, {i})", beside, GREEN)
    turned = [(k, neuron) for k in range(i)]
    _block(ax, w.T, (right, max(o, i) - i), f"w.T  (I, O) = ({i}, {o})", turned, GREEN)
    _block(ax, b[None], (right, max(o, i) + 1.0), f"b  (O,) = ({o},)", [(0, neuron)], RED)
    _block(ax, x, (0, low), f"x  (N, I) = ({n}, {i})", [(example, k) for k in range(i)], BLUE)
    _block(ax, x @ w.T + b, (right, low), f"y  (N, O) = ({n}, {o})", [(example, neuron)], GREY)
    _name_blocks(ax, right, low, x.shape, o)
    ax.text(0, low + n + 0.85, _written_out(x, w, b, example, neuron), color=GREY, fontsize=10, va="center")
    picture.alt = product_in_words(x, w, b, example, neuron, title)
    return picture


def product_in_words(x: Any, w: Any, b: Any, example: int = 0, neuron: int = 0, title: str = "") -> str:
    """The shapes, and how the marked number is made."""
    x, w, b = _layer(x, w, b, example, neuron)
    start = f"{title}. " if title else ""
    return (
        f"{start}Blocks of numbers: x {x.shape} on the left, w {w.shape} above it and once more on its side "
        f"as w.T {w.T.shape}, b {b.shape} below that, and y {(len(x), len(w))} in the corner, right of x "
        f"and below w.T. Marked are row {example} of x, row {neuron} of w, which is column {neuron} of w.T, "
        f"and b[{neuron}]. They make {_written_out(x, w, b, example, neuron)}."
    )


def _layer(x: Any, w: Any, b: Any, example: int, neuron: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = shaped("matrix_product", "x", x, "(N, I): an example a row", None, None)
    w = shaped("matrix_product", "w", w, "(O, I): a neuron a row, as long as those of x", None, x.shape[1])
    b = shaped("matrix_product", "b", b, "(O,): one number for each row of w", len(w))
    if not 0 < min(x.shape + w.shape) <= max(x.shape + w.shape) <= MOST:
        raise ArgumentError("matrix_product", f"x {x.shape}, w {w.shape}", f"sides from 1 to {MOST}", "x[:4]")
    if not (0 <= example < len(x) and 0 <= neuron < len(w)):
        got = f"example={example}, neuron={neuron}"
        raise ArgumentError("matrix_product", got, f"below {len(x)} and below {len(w)}, from 0 on")
    return x, w, b


def _written_out(x: np.ndarray, w: np.ndarray, b: np.ndarray, n: int, o: int) -> str:
    products = " + ".join(f"{_short(p)}·{_short(q)}" for p, q in zip(x[n], w[o]))
    return f"y[{n}, {o}] = {products} + {_short(b[o])} = {number(x[n] @ w[o] + b[o])}"


def _short(value: float) -> str:
    """A number for a formula: a negative one in brackets."""
    text = number(value)
    return f"({text})" if text.startswith("−") else text


def _name_blocks(ax: Axes, right: float, low: float, shape: Shape, neurons: int) -> None:
    """Rows are examples, columns are neurons, and how w becomes w.T."""
    for row in range(shape[0]):
        _note(ax, -0.15, low + row + 0.5, f"example {row}", ha="right")
    for column in range(neurons):
        _note(ax, right + column + 0.5, low + shape[0] + 0.25, str(column))
    _note(ax, right - 0.15, low + shape[0] + 0.25, "neuron", ha="right")
    side, middle = max(neurons, shape[1]) - min(neurons, shape[1]) / 2, (right + shape[1]) / 2
    arrow = {"arrowstyle": "->", "color": GREY}
    ax.annotate("", (right - 0.25, side), (shape[1] + 0.25, side), arrowprops=arrow)
    _note(ax, middle, side - 0.3, "on its side")
    _note(ax, middle, low + shape[0] / 2, "→", size=14)
    _note(ax, right - 0.4, low - 1.5, "+", size=14)


def _note(ax: Axes, x: float, y: float, text: str, size: float = 8, ha: Any = "center") -> None:
    ax.text(x, y, text, color=GREY, fontsize=size, ha=ha, va="center")


# -- broadcasting --------------------------------------------------------------------------------------------


def broadcasting(pairs: Sequence[tuple[Shape, Shape]], title: str = "") -> Picture:
    """Each pair of arrays added: the numbers they have, the copies that NumPy takes for granted, the result.

    Parameters
    ----------
    pairs : list of (shape, shape)
        Shapes of one or two axes. A pair that does not fit is drawn as refused.
    """
    pairs = [_pair(*pair) for pair in pairs]
    heights = [max(_size(shape)[0] for shape in pair) + 1.7 for pair in pairs]
    wide = [max(_size(shape)[1] for shape in pair) for pair in pairs]
    across = 3 * max(wide) + 3.4
    picture = Picture(0.42 * (across + 0.4), 0.42 * (sum(heights) + 0.8))
    ax = _empty(picture, (-0.2, across + 0.2), (sum(heights) - 0.4, -1.2), title)
    for top, (first, second) in zip(np.cumsum([0, *heights]), pairs):
        _draw_sum(ax, first, second, float(top), max(wide))
    picture.alt = broadcasting_in_words(pairs, title)
    return picture


def broadcasting_in_words(pairs: Sequence[tuple[Shape, Shape]], title: str = "") -> str:
    """For each pair the shape of the sum, or that there is none."""
    parts = []
    for first, second in pairs:
        made = result(first, second)
        parts.append(f"{first} and {second} " + ("do not fit" if made is None else f"make {made}"))
    start = f"{title}. " if title else ""
    how = "Arrays as blocks, their own numbers in solid fields and copies in dashed ones"
    return f"{start}{how}: {'; '.join(parts)}."


def result(first: Shape, second: Shape) -> Shape | None:
    """The shape that two shapes broadcast to, if they do."""
    try:
        return np.broadcast_shapes(first, second)
    except ValueError:
        return None


def _pair(first: Shape, second: Shape) -> tuple[Shape, Shape]:
    for shape in (first, second):
        if not 1 <= len(shape) <= 2 or not 1 <= min(shape) <= max(shape) <= MOST:
            raise ArgumentError(
                "broadcasting", f"the shape {shape}", f"one or two axes from 1 to {MOST}", "(4, 3)"
            )
    return tuple(first), tuple(second)


def _size(shape: Shape) -> tuple[int, int]:
    """Rows and columns; one axis is a row."""
    return (1, *shape) if len(shape) == 1 else shape  # type: ignore[return-value]


def _draw_sum(ax: Axes, first: Shape, second: Shape, top: float, wide: int) -> None:
    made = result(first, second)
    for place, (shape, letter, colour) in enumerate(((first, "a", BLUE), (second, "b", GREEN))):
        corner = (place * (wide + 1.5), top)
        whole = _size(shape if made is None else made)
        own = _size(shape)
        for r, c in np.ndindex(whole):
            copy = r >= own[0] or c >= own[1]
            _field(ax, corner, r, c, f"{letter}{_index(shape, r, c)}", colour, dashed=copy)
        _head(ax, corner, f"{letter}  {shape}")
    corner = (2 * (wide + 1.5), top)
    _sign(ax, corner[0] - wide - 1.5, top, "+")
    _sign(ax, corner[0], top, "=")
    if made is None:
        ax.text(corner[0], top + 0.5, "refused", color=RED, va="center", fontsize=10, fontweight="bold")
        return
    for r, c in np.ndindex(_size(made)):
        _field(ax, corner, r, c, f"{_index(first, r, c)}+{_index(second, r, c)}", GREY)
    _head(ax, corner, f"a + b  {made}")


def _index(shape: Shape, r: int, c: int) -> str:
    """Which number of an array stands in a field of the result, counted row by row."""
    rows, columns = _size(shape)
    return str(min(r, rows - 1) * columns + min(c, columns - 1))


# -- fields --------------------------------------------------------------------------------------------------


def _empty(picture: Picture, across: Place, down: Place, title: str) -> Axes:
    ax = picture.add_subplot()
    ax.set(xlim=across, ylim=down, aspect="equal")
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    ax.set_axis_off()
    return ax


def _block(
    ax: Axes, numbers: np.ndarray, corner: Place, head: str, marked: list[tuple[int, int]], colour: str
) -> None:
    for (r, c), value in np.ndenumerate(numbers):
        _field(ax, corner, r, c, number(value), colour if (r, c) in marked else None)
    _head(ax, corner, head)


def _field(
    ax: Axes, corner: Place, r: int, c: int, text: str, colour: str | None, dashed: bool = False
) -> None:
    """One number in its frame: a marked one tinted and bold, a copy dashed."""
    left, top, marked = corner[0] + c + 0.04, corner[1] + r + 0.04, colour is not None and not dashed
    if marked:
        ax.add_patch(Rectangle((left, top), 0.92, 0.92, facecolor=colour, alpha=0.25, linewidth=0))
    width, pattern = (1.6 if marked else 0.7), ("--" if dashed else "-")
    frame: dict[str, Any] = {"edgecolor": colour or GREY, "linewidth": width, "linestyle": pattern}
    ax.add_patch(Rectangle((left, top), 0.92, 0.92, fill=False, **frame))
    weight = "bold" if marked else "normal"
    ax.text(
        left + 0.46, top + 0.48, text, ha="center", va="center", fontsize=8.5, color=GREY, fontweight=weight
    )


def _head(ax: Axes, corner: Place, text: str) -> None:
    ax.text(corner[0], corner[1] - 0.15, text, color=GREY, fontsize=9.5, fontweight="bold", va="bottom")


def _sign(ax: Axes, left: float, top: float, text: str) -> None:
    ax.text(left - 0.75, top + 0.5, text, ha="center", va="center", color=GREY, fontsize=13)
