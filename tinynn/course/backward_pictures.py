"""The pictures of chapter 03 that no other chapter needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .backward import scores
from .plots import (
    BLUE,
    GREY,
    RED,
    SKY,
    Picture,
    curve_in_words,
    draw_loss,
    draw_surface,
    style,
    surface_in_words,
)
from .plots.given import number
from .plots.style import write

Arrays = Sequence[np.ndarray]
SIZES = {"N": 5, "I": 2, "O": 3, "": 1}  # rows, inputs and outputs of the layer that is drawn
MIDDLE = 6.0
LABEL: dict[str, Any] = {"color": GREY, "fontsize": 11, "ha": "center", "va": "center"}


def linear_shapes() -> Picture:
    """A linear layer as blocks, then the gradients that are wanted, and what they can be made from."""
    picture = Picture(9, 2.35, arrange=False)
    ax = picture.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set(xlim=(0, 45), ylim=(10.9, -0.9))
    at = _block(ax, 0, "y", "NO", GREY)
    at = _block(ax, _sign(ax, at, "="), "x", "NI", GREY, summed="I")
    at = _block(ax, _sign(ax, at, "@"), "w.T", "IO", GREY, summed="I")
    _block(ax, _sign(ax, at, "+"), "b", ("", "O"), GREY)
    at = _block(ax, 20, "dx", "NI", BLUE)
    at = _block(ax, at + 0.4, "dw", "OI", BLUE)
    at = _block(ax, at + 0.4, "db", ("", "O"), BLUE)
    at = _block(ax, at + 2, "dy", "NO", RED)
    at = _block(ax, at + 0.4, "x", "NI", GREY)
    _block(ax, at + 0.4, "w", "OI", GREY)
    for place, text in ((0.4, "Forward"), (20.4, "Wanted"), (33, "Made from")):
        ax.text(place, 0, text, **{**LABEL, "ha": "left", "fontweight": "bold"})
    picture.alt = (
        "Blocks of cells, each side labelled with its axis. Forward: y (N, O) is x (N, I) times w transposed "
        "(I, O), summed over I, plus b (O,). Wanted: dx (N, I), dw (O, I) and db (O,). They are made from "
        "dy (N, O), x (N, I) and w (O, I)."
    )
    return picture


def _block(ax: Axes, at: float, name: str, axes: Sequence[str], colour: str, summed: str = "") -> float:
    """A block of cells from `at` on, its sides named; returns where the next thing may begin."""
    rows, columns = SIZES[axes[0]], SIZES[axes[1]]
    left, top = at + 1, MIDDLE - rows / 2
    for i, j in np.ndindex(rows, columns):
        ax.add_patch(Rectangle((left + j, top + i), 1, 1, facecolor="none", edgecolor=colour, linewidth=1))
    thick: dict[str, Any] = {"color": colour, "linewidth": 4, "solid_capstyle": "butt"}
    if summed and summed == axes[0]:
        ax.plot([left, left], [top, top + rows], **thick)
    if summed and summed == axes[1]:
        ax.plot([left, left + columns], [top, top], **thick)
    ax.text(left - 0.6, MIDDLE, axes[0], **LABEL)
    ax.text(left + columns / 2, top - 0.8, axes[1], **LABEL)
    ax.text(left + columns / 2, top + rows + 0.9, name, **{**LABEL, "color": colour, "fontweight": "bold"})
    return left + columns


def _sign(ax: Axes, at: float, sign: str) -> float:
    ax.text(at + 0.8, MIDDLE, sign, **LABEL)
    return at + 1.3


CLASSES = ("cat", "dog", "bird")


def pull(score: float) -> Picture:
    """Belief, truth, and the gradient of the loss by three scores; `score` is that of the right class."""
    z, truth = np.array([score, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])
    p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    picture = Picture(9, 2.9)
    left, right = picture.subplots(1, 2)
    style(left, f"Belief p; the truth is {CLASSES[0]}")
    style(right, "Gradient by the scores: p − truth")
    _bars(left, p, [SKY] * 3, (0, 1.15))
    left.plot([-0.4, 0.4], [1, 1], color=GREY, linewidth=2, linestyle="--")
    write(left, "truth", (0.45, 1), (2, -4), GREY)
    _bars(right, p - truth, [BLUE if g < 0 else RED for g in p - truth], (-1.25, 1.25))
    right.axhline(0, color=GREY, linewidth=1)
    loss = -np.log(p[0])
    picture.alt = (
        f"Scores {', '.join(f'{c} {number(v)}' for c, v in zip(CLASSES, z))}. Belief: {_shares(p)}. "
        f"Gradient: {_shares(p - truth)}. Loss {loss:.2f}."
    )
    picture.suptitle(
        f"score of cat {number(score)}: loss {loss:.2f}", x=0.01, ha="left", fontsize=11, color=GREY
    )
    return picture


def _bars(ax: Axes, values: np.ndarray, colours: list[str], limits: tuple[float, float]) -> None:
    ax.bar(range(3), values, width=0.6, color=colours, alpha=0.8)
    for i, value in enumerate(values):
        below = value < 0
        write(ax, _two(value), (i, value), (0, -3 if below else 3), GREY,
              ha="center", va="top" if below else "bottom")  # fmt: skip
    ax.set_xticks(range(3), CLASSES)
    ax.set_ylim(*limits)


def _shares(values: np.ndarray) -> str:
    return ", ".join(f"{c} {_two(v)}" for c, v in zip(CLASSES, values))


def _two(value: float) -> str:
    """Two digits, with a real minus, and with none before 0.00."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def learned(losses: Sequence[float], weights: Arrays, x: np.ndarray, t: np.ndarray) -> Picture:
    """The loss of each step, beside the plane as the network with these weights divides it."""
    picture = Picture(9, 3.8)
    left, right = picture.subplots(1, 2, width_ratios=(1, 1.1))

    def predict(points: np.ndarray) -> np.ndarray:
        return scores(points, weights)

    draw_loss(left, losses, title=f"{len(losses)} steps")
    left.set_ylim(0, 1.05 * max(losses))
    draw_surface(right, predict, x, t, "What it says about the plane")
    picture.alt = f"{curve_in_words(losses)} {surface_in_words(predict, x, t, 'Beside it')}"
    return picture


STEPS = 10.0 ** np.arange(-12, 0)


def step_sizes() -> Picture:
    """The relative error of a right gradient, measured with differences of many sizes in two dtypes."""
    picture = Picture(9, 3.4)
    ax = style(
        picture.add_subplot(),
        "A right gradient, measured",
        "eps: how far the number is moved",
        "relative error",
    )
    ends = []
    for dtype, colour, marker, line in ((np.float64, BLUE, "o", "-"), (np.float32, RED, "s", "--")):
        errors = errors_by_step(dtype)
        ax.set_ylim(1e-12, 100)
        ax.loglog(STEPS, errors, line, color=colour, marker=marker, markersize=5, linewidth=2)
        best = int(np.argmin(errors))
        write(ax, f"{np.dtype(dtype)}", (STEPS[0], errors[0]), (-6, 4), colour, va="bottom", ha="left")
        ends.append(f"in {np.dtype(dtype)} {errors[best]:.0e} at its best, near eps {STEPS[best]:.0e}")
    said = "; ".join(ends)
    picture.alt = (
        f"Relative error of a right gradient against eps, from 1e-12 to 0.1, rising to both sides: {said}."
    )
    return picture


def errors_by_step(dtype: Any) -> np.ndarray:
    """What a gradient check of a softmax with cross-entropy finds with each of `STEPS`, all in `dtype`."""
    z, target = np.array([1.3, -0.4, 0.7, 2.1], dtype), 1

    def loss(z: np.ndarray) -> Any:
        return np.log(np.exp(z).sum()) - z[target]

    p = np.exp(z.astype(float)) / np.exp(z.astype(float)).sum()
    gradient, moved = p[0], np.eye(4, dtype=dtype)[0]
    found = [(loss(z + dtype(e) * moved) - loss(z - dtype(e) * moved)) / dtype(2 * e) for e in STEPS]
    return np.array([max(abs(float(n) - gradient) / (abs(float(n)) + gradient), 1e-16) for n in found])


def loss_curves(curves: Mapping[str, Sequence[float]]) -> Picture:
    """Several runs' losses side by side, each in a field of its own under its letter."""
    picture = Picture(9, 2.6)
    axes = picture.subplots(1, len(curves), sharey=True)
    for ax, (name, losses) in zip(axes, curves.items()):
        style(ax, name, "step", "loss" if ax is axes[0] else "")
        ax.plot(np.arange(1, len(losses) + 1), losses, color=BLUE, linewidth=2)
        ax.set_ylim(0, 1.25)
    ends = "; ".join(f"{name} from {losses[0]:.2f} to {losses[-1]:.2f}" for name, losses in curves.items())
    picture.alt = f"The losses of {len(curves)} runs over {len(losses)} steps: {ends}."
    return picture
