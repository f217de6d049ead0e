"""Numbers that change while a network trains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from .style import BLUE, GREEN, GREY, RED, Picture, style, write


def loss_curve(
    losses: Sequence[float], total: int | None = None, title: str = "Loss, step by step"
) -> Picture:
    """The loss of each training step, and its running mean as a bold line."""
    picture = Picture(6, 3)
    draw_loss(picture.add_subplot(), losses, total, title)
    picture.alt = curve_in_words(losses)
    return picture


def draw_loss(ax: Axes, losses: Sequence[float], total: int | None = None, title: str = "") -> None:
    style(ax, title, "training step", "loss: how wrong")
    y = np.asarray(losses, dtype=float)
    ax.set_xlim(0, max(total or len(y), 1))
    ax.set_ylim(0, max(2.5, 1.05 * y.max()) if len(y) and np.isfinite(y).all() else 2.5)
    ax.plot(np.arange(1, len(y) + 1), y, color=BLUE, linewidth=0.7, alpha=0.45)
    if len(y):
        ax.plot(np.arange(1, len(y) + 1), running_mean(y), color=BLUE, linewidth=2.2)
        ax.plot(len(y), running_mean(y)[-1], "o", color=BLUE, markersize=6, clip_on=False)


def running_mean(y: np.ndarray, window: int = 25) -> np.ndarray:
    """The mean of each element and up to `window` - 1 before it."""
    sums = np.concatenate([[0.0], np.cumsum(y)])
    last = np.arange(1, len(y) + 1)
    first = np.maximum(last - window, 0)
    return (sums[last] - sums[first]) / (last - first)


def curve_in_words(losses: Sequence[float]) -> str:
    """The first, the smoothed last and the number of losses, as a sentence."""
    if not len(losses):
        return "An empty pair of axes, training step against loss: nothing is trained yet."
    last = running_mean(np.asarray(losses, dtype=float))[-1]
    return f"Loss over {len(losses)} training steps: {losses[0]:.2f} at the first, {last:.2f} at the last."


def runs(curves: dict[str, Sequence[float]], title: str, ylabel: str, chance: float | None = None) -> Picture:
    """Several runs' numbers on one pair of axes, epoch by epoch, each named at its end; shares are 0 to 1."""
    picture = Picture(9, 3.2)
    ax = style(picture.add_subplot(), title, "epoch: one pass over the examples", ylabel)
    patterns = [(BLUE, "-", "o"), (RED, "--", "s"), (GREEN, "-.", "^")]
    highest = max(curves, key=lambda name: curves[name][-1])
    for (name, y), (colour, line, marker) in zip(curves.items(), patterns):
        x = np.arange(1, len(y) + 1)
        ax.plot(x, 100 * np.asarray(y), line, color=colour, marker=marker, markersize=4, linewidth=2)
        side = "bottom" if name == highest else "top"  # names of curves that end together stay apart
        write(ax, name, (x[-1], 100 * y[-1]), (8, 0), colour, va=side, annotation_clip=False)
    if chance is not None:
        ax.axhline(100 * chance, color=GREY, linewidth=1, linestyle=":")
        write(ax, "guessing", (x[-1] / 2, 100 * chance), (0, 8), GREY, ha="center")
    ax.set_ylim(0, 103)
    ends = ", ".join(f"{name} {100 * y[0]:.0f}% to {100 * y[-1]:.0f}%" for name, y in curves.items())
    picture.alt = f"{title}. From the first epoch to the last: {ends}."
    return picture
