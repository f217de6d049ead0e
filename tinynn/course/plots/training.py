"""Losses of one or several runs while they train, with what was changed on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ...errors import ShapeError
from .curves import running_mean
from .given import floats, number
from .style import GREY, RUN_MARKERS, RUNS, TRAINING, VALIDATION, Picture, style

Curve = tuple[np.ndarray, np.ndarray]
Marks = Mapping[str, Sequence[tuple[float, str]]]
POINTS = 1000  # of one line, at most: more than the pixels it crosses


def losses(
    curves: Mapping[str, Mapping[str, Any]], title: str = "Loss", marks: Marks | None = None,
    log: bool = False, ylabel: str = "loss",
) -> Picture:  # fmt: skip
    """Several runs' losses: one colour a run, solid for training, dashed for validation.

    Parameters
    ----------
    curves : dict of str to dict
        ``{run: {"training": y, "validation": (steps, y)}}``; a curve without steps counts from 1.
    marks : dict of str to list of (step, text), optional
        Where something was changed in mid-run: ``{run: [(120, "lr 0.01")]}``.
    log : bool
        Whether the axis of the loss is logarithmic.
    """
    picture = Picture(9, 3.6)
    draw_losses(picture.add_subplot(), curves, title, marks, log, ylabel)
    picture.alt = losses_in_words(curves, title, marks)
    return picture


def draw_losses(
    ax: Axes, curves: Mapping[str, Mapping[str, Any]], title: str = "", marks: Marks | None = None,
    log: bool = False, ylabel: str = "loss",
) -> None:  # fmt: skip
    """Draw `losses` on `ax`: of training, each step as a thin line and a running mean as a bold one."""
    style(ax, title, "training step", ylabel)
    ax.set_yscale("log" if log else "linear")
    for i, (run, parts) in enumerate(curves.items()):
        colour, marker = RUNS[i % len(RUNS)], RUN_MARKERS[i % len(RUN_MARKERS)]
        for part, given in parts.items():
            _draw_part(ax, part, _steps(run, part, given), colour, marker)
        ax.plot([], [], color=colour, marker=marker, markersize=4, linewidth=2, label=run)
        for step, text in (marks or {}).get(run, ()):
            _draw_mark(ax, step, text, colour, i)
    for pattern, part in ((TRAINING, "training"), (VALIDATION, "validation")):
        if any(part in parts for parts in curves.values()):
            ax.plot([], [], pattern, color=GREY, linewidth=1.8, label=part)
    if curves:
        ax.legend(fontsize=9, labelcolor=GREY, frameon=False, loc="lower right", ncols=6,
                  bbox_to_anchor=(1, 0.99), borderpad=0)  # fmt: skip


def _draw_part(ax: Axes, part: str, curve: Curve, colour: str, marker: str) -> None:
    steps, y = curve
    every = max(1, -(-len(y) // POINTS))
    if part == "validation":
        few = max(1, len(y) // 12)
        ax.plot(steps, y, VALIDATION, color=colour, linewidth=1.8, marker=marker, markersize=4, markevery=few)
        return
    with np.errstate(invalid="ignore"):
        mean = running_mean(y)  # NaN from the first NaN on: the bold line ends there
    if len(y) > 1 and not np.array_equal(mean, y):
        ax.plot(steps[::every], y[::every], color=colour, linewidth=0.6, alpha=0.35)
    ax.plot(steps[::every], mean[::every], TRAINING, color=colour, linewidth=2)
    ax.plot(steps[-1:], mean[-1:], marker, color=colour, markersize=6, clip_on=False)


def _draw_mark(ax: Axes, step: float, text: str, colour: str, row: int) -> None:
    """A tick through the plot where a run was changed, and what was changed, beside it."""
    ax.axvline(step, color=colour, linewidth=1, linestyle=":")
    ax.annotate(
        f"▾ {text}", (step, 0.97 - 0.09 * row), (3, 0), xycoords=("data", "axes fraction"),
        textcoords="offset points", color=colour, fontsize=8.5, va="top", annotation_clip=True,
    )  # fmt: skip


def losses_in_words(
    curves: Mapping[str, Mapping[str, Any]], title: str = "", marks: Marks | None = None
) -> str:
    """The first, the best and the last loss of every curve, and what was changed when."""
    text = f"{title}. " if title else ""
    if not curves:
        return f"{text}An empty pair of axes: no run has begun."
    for run, parts in curves.items():
        said = [_part_in_words(part, _steps(run, part, given)) for part, given in parts.items()]
        text += f"Run {run}: {'; '.join(said) or 'nothing yet'}"
        changes = [f"{what} at step {number(step)}" for step, what in (marks or {}).get(run, ())]
        text += f". Changed: {', '.join(changes)}. " if changes else ". "
    return text.rstrip()


def _part_in_words(part: str, curve: Curve) -> str:
    steps, y = curve
    there = np.flatnonzero(np.isfinite(y))
    if not len(there):
        return f"{part} loss without a finite value"
    first, last, best = there[0], there[-1], there[np.argmin(y[there])]
    text = (
        f"{part} loss {number(y[first])} at step {number(steps[first])}, {number(y[last])} at step "
        f"{number(steps[last])}, lowest {number(y[best])} at step {number(steps[best])}"
    )
    if len(there) < len(y):
        since = number(steps[~np.isfinite(y)][0])
        text += f", {len(y) - len(there)} values NaN or infinite from step {since}"
    return text


def _steps(run: str, part: str, given: Any) -> Curve:
    """Steps and values of a curve, where values alone count from 1."""
    where, name = "losses", f"{run}, {part}"
    if isinstance(given, tuple) and len(given) == 2 and np.ndim(given[0]) == 1:
        steps, y = floats(where, f"steps of {name}", given[0]), floats(where, name, given[1])
    else:
        y = floats(where, name, given)
        steps = np.arange(1.0, y.size + 1)
    if y.ndim != 1 or steps.shape != y.shape:
        expected = "a row of numbers, or (steps, numbers) of one length"
        raise ShapeError(where, f"{name}: steps {steps.shape} and values {y.shape}", expected)
    return steps, y
