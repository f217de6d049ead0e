"""Gated cells: the conveyor with its valves, what it holds, how far gradients reach, gates at work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle

from .style import AMBER, BLUE, GREEN, GREY, PATTERNS, PURPLE, RED, RUN_MARKERS, RUNS, Picture, style, write

PIPE = 0.56  # how wide a pipe is
BELT = 3.3  # the height at which the conveyor runs


# -- the conveyor ----------------------------------------------------------------------------------------


def conveyor(forget: float, enter: float, show: float, title: str = "One step of the cell") -> Picture:
    """The cell as a conveyor from left to right, with three valves opened by the given shares."""
    picture = Picture(9, 3.5)
    draw_conveyor(picture.add_subplot(), forget, enter, show, title)
    picture.alt = f"{title}. {conveyor_in_words(forget, enter, show)}"
    return picture


def conveyor_in_words(forget: float, enter: float, show: float) -> str:
    return (
        "A conveyor runs from the old cell at the left to the new cell at the right. The forget valve on it "
        f"is open by {forget:.0%}; behind it a pipe brings the proposal through the input valve, open by "
        f"{enter:.0%}; at its end a pipe leads through a tanh and the output valve, open by {show:.0%}, to "
        "what is shown."
    )


def draw_conveyor(ax: Axes, forget: float, enter: float, show: float, title: str = "") -> None:
    ax.set_axis_off()
    ax.set_xlim(-0.2, 10.9)
    ax.set_ylim(-0.35, 5.1)
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    _pipe(ax, (0.9, BELT), (9.4, BELT), BLUE)
    _pipe(ax, (4.8, 0.6), (4.8, BELT - PIPE / 2), GREEN)
    _pipe(ax, (8.1, BELT - PIPE / 2), (8.1, 0.6), PURPLE)
    _say(ax, 0.75, BELT, "old cell\n$c$", BLUE, ha="right")
    _say(ax, 9.95, BELT, "new cell\n$c_{new}$", BLUE, ha="left")
    _say(ax, 4.8, 0.05, "proposal $g$", GREEN)
    _say(ax, 8.1, 0.05, "shown: $h_{new}$", PURPLE)
    _valve(
        ax, (2.6, BELT), forget, f"forget valve $f$\nkeeps {forget:.0%}", across=False, at=(2.6, BELT + 1.1)
    )
    _valve(
        ax, (4.8, 1.6), enter, f"input valve $i$\nlets {enter:.0%} in", across=True, at=(4.4, 1.6), ha="right"
    )
    _valve(
        ax, (8.1, 1.4), show, f"output valve $o$\nshows {show:.0%}", across=True, at=(7.7, 1.4), ha="right"
    )
    _round(ax, (4.8, BELT), "+")
    _round(ax, (8.1, 2.4), "tanh")


def _pipe(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    (x, y), (to_x, to_y) = start, end
    flat = y == to_y
    corner = (min(x, to_x), min(y, to_y))
    corner = (corner[0], corner[1] - PIPE / 2) if flat else (corner[0] - PIPE / 2, corner[1])
    size = (abs(to_x - x), PIPE) if flat else (PIPE, abs(to_y - y))
    ax.add_patch(Rectangle(corner, *size, facecolor=colour, alpha=0.22, edgecolor=colour, linewidth=0.8))
    step = ((to_x - x) and np.sign(to_x - x), (to_y - y) and np.sign(to_y - y))
    tip = (to_x + 0.45 * step[0], to_y + 0.45 * step[1]) if flat or to_y < y else (to_x, to_y - 0.35)
    tail = (tip[0] - 0.7 * step[0], tip[1] - 0.7 * step[1])
    ax.add_patch(FancyArrowPatch(tail, tip, arrowstyle="-|>", mutation_scale=16, color=colour, linewidth=1.8))


def _valve(
    ax: Axes,
    at_pipe: tuple[float, float],
    opened: float,
    text: str,
    across: bool,
    at: Any,
    ha: str = "center",
) -> None:
    """A plate that leaves a share of the pipe open; the closed part is dark."""
    x, y = at_pipe
    closed = PIPE * (1 - opened)
    half = PIPE / 2
    frame = (
        Rectangle((x - half, y - 0.11), PIPE, 0.22) if across else Rectangle((x - 0.11, y - half), 0.22, PIPE)
    )
    plate = (
        Rectangle((x - half, y - 0.11), closed, 0.22)
        if across
        else Rectangle((x - 0.11, y + half - closed), 0.22, closed)
    )
    frame.set(facecolor="white", edgecolor=RED, linewidth=1.4)
    plate.set(facecolor=RED, edgecolor=RED, linewidth=1.4)
    ax.add_patch(frame)
    ax.add_patch(plate)
    _say(ax, at[0], at[1], text, RED, ha=ha)


def _round(ax: Axes, at: tuple[float, float], text: str) -> None:
    box = {"boxstyle": "circle,pad=0.25" if len(text) == 1 else "round,pad=0.25", "fc": "white", "ec": GREY}
    ax.text(*at, text, ha="center", va="center", fontsize=10, color=GREY, fontweight="bold", bbox=box)


def _say(ax: Axes, x: float, y: float, text: str, colour: str, ha: Any = "center") -> None:
    ax.text(x, y, text, ha=ha, va="center", fontsize=10, color=colour, fontweight="bold")


# -- what it holds ---------------------------------------------------------------------------------------

ARRIVALS = {3: 1.0, 12: -0.8}
"""Two proposals, by step; at all other steps g is 0."""
STEPS = 24


def held(forget: float, enter: float, show: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """With valves that never move: what is left of the first and of the second arrival, and h; (24,) each."""
    parts, c = np.zeros((2, STEPS)), np.zeros(2)
    for t in range(STEPS):
        c = forget * c
        for which, (at, amount) in enumerate(ARRIVALS.items()):
            c[which] += enter * amount * (t + 1 == at)
        parts[:, t] = c
    return parts[0], parts[1], show * np.tanh(parts.sum(axis=0))


def valves(forget: float, enter: float, show: float) -> Picture:
    """The conveyor, and below it what is left of two arrivals, and what is shown, step by step."""
    first, second, h = held(forget, enter, show)
    picture = Picture(9, 5.4)
    above, below = picture.subplots(2, 1, height_ratios=(1.15, 1))
    draw_conveyor(above, forget, enter, show)
    style(
        below,
        "In the cell, and shown: +1 arrives at step 3, −0.8 at step 12; the valves stay as they are",
        "step",
        "",
    )
    t = np.arange(1, STEPS + 1)
    below.plot(t, first, "-o", color=BLUE, markersize=4, label="left of the first arrival")
    below.plot(t, second, "--s", color=AMBER, markersize=4, label="left of the second")
    below.plot(t, h, ":^", color=PURPLE, markersize=4, label="shown (h)")
    below.set_ylim(-1.35, 1.1)  # room for the names below
    below.set_xlim(0.5, STEPS + 0.5)
    below.legend(fontsize=9, labelcolor=GREY, frameon=False, loc="lower left", ncols=3)
    picture.alt = (
        f"{conveyor_in_words(forget, enter, show)} At step {STEPS} the cell holds {first[-1]:.2f} of the "
        f"first arrival and {second[-1]:.2f} of the second, and {h[-1]:.2f} is shown."
    )
    return picture


# -- gradients -------------------------------------------------------------------------------------------


def survival(reached: Mapping[str, Any], title: str = "How far back the gradient reaches") -> Picture:
    """The gradient's norm at each step as a share of that at the last, on a logarithmic axis."""
    picture = Picture(9, 3.4)
    ax = style(picture.add_subplot(), title, "steps back from the end", "share of the gradient left")
    ax.set_yscale("log")
    ends = []
    for k, (name, norms) in enumerate(reached.items()):
        y = np.asarray(norms)[::-1] / np.asarray(norms)[-1]
        colour, marker, pattern = RUNS[k], RUN_MARKERS[k], PATTERNS[k]
        ax.plot(y, color=colour, marker=marker, markersize=4, linestyle=pattern, markevery=5, linewidth=2)  # type: ignore
        write(ax, name, (len(y) - 1, y[-1]), (8, 0), colour, va="center", annotation_clip=False)
        ends.append(f"{name} {y[-1]:.1e}")
    ax.axhline(1, color=GREY, linewidth=1, linestyle=":")
    steps = len(y) - 1
    picture.alt = f"{title}. Share of the gradient that is left {steps} steps back: {', '.join(ends)}."
    return picture


# -- gates at work ---------------------------------------------------------------------------------------


def gates_over_time(
    rows: Mapping[str, Any], letters: Sequence[str], mark: int, title: str = "Gates over one sequence"
) -> Picture:
    """A field for each unit and step: gates from 0 to 1 in grey, the cell in blue (+) and red (−).

    Parameters
    ----------
    rows : dict of str to (T, H)
        What is shown, one block each; a name that begins with "cell" has a sign.
    letters : list of str, T
        What the input shows.
    mark : int
        The step whose symbol is marked: a frame is drawn around it.
    """
    picture = Picture(9, 0.7 + 1.35 * len(rows))
    axes = np.atleast_1d(picture.subplots(len(rows), 1, sharex=True))
    said = []
    for ax, (name, values) in zip(axes, rows.items()):
        values = np.asarray(values).T  # (H, T)
        signed = name.startswith("cell")
        most = max(1.0, float(np.abs(values).max())) if signed else 1.0
        drawn = ax.imshow(
            values, cmap="RdBu" if signed else "gray_r", vmin=-most if signed else 0, vmax=most, aspect="auto"
        )
        _frame(ax, mark, len(values))
        _signs(ax, values, most) if signed else None
        ax.set_ylabel(name, fontsize=10, color=GREY, rotation=0, ha="right", va="center")
        ax.set_yticks([])
        ax.tick_params(colors=GREY, labelsize=10, length=0)
        ax.spines[:].set_visible(False)
        bar = picture.colorbar(drawn, ax=ax, pad=0.01, aspect=8)
        bar.ax.tick_params(labelsize=8, colors=GREY)
        bar.outline.set_visible(False)  # type: ignore[operator]
        size = np.abs(values) if signed else values
        others = np.delete(size, mark, axis=1)
        said.append(f"{name}: {size[:, mark].mean():.2f} at the mark, {others.mean():.2f} elsewhere")
    axes[-1].set_xticks(range(len(letters)), letters)
    axes[0].set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    picture.alt = (
        f"{title}. Input {' '.join(letters)}, marked at step {mark + 1}. Mean over the units drawn "
        f"(sizes, for the cell): {'; '.join(said)}."
    )
    return picture


def _frame(ax: Axes, mark: int, units: int) -> None:
    ax.add_patch(
        Rectangle((mark - 0.5, -0.5), 1, units, fill=False, edgecolor=AMBER, linewidth=2, clip_on=False)
    )


def _signs(ax: Axes, values: np.ndarray, most: float) -> None:
    """+ or − in each field that holds much, so that the colour is not alone in saying it."""
    for (unit, step), value in np.ndenumerate(values):
        if abs(value) > 0.25 * most:
            dark = abs(value) > 0.6 * most
            ax.text(step, unit, "+" if value > 0 else "−", ha="center", va="center", fontsize=8,
                    color="white" if dark else "black")  # fmt: skip


# -- delays ----------------------------------------------------------------------------------------------


def by_length(
    lengths: Sequence[int], shares: Mapping[str, Sequence[Sequence[float]]], title: str, chance: float
) -> Picture:
    """A field for each network and length: the mean percent right, and below it the lowest and highest seed.

    The darker a field, the further above `chance`.
    """
    picture = Picture(9, 0.9 + 0.47 * len(shares))
    ax = picture.add_subplot()
    means = np.array([[np.mean(seeds) for seeds in rows] for rows in shares.values()])
    ax.imshow(means, cmap="Blues", vmin=chance, vmax=130, aspect="auto")
    for (r, k), mean in np.ndenumerate(means):
        seeds = list(shares.values())[r][k]
        colour = "white" if mean > 85 else "#404040"
        ax.text(
            k, r - 0.13, f"{mean:.0f}", ha="center", va="center", fontsize=11, color=colour, weight="bold"
        )
        spread = f"{min(seeds):.0f} to {max(seeds):.0f}"
        ax.text(k, r + 0.28, spread, ha="center", va="center", fontsize=8, color=colour)
    ax.set_yticks(range(len(shares)), list(shares), fontsize=10)
    ax.set_xticks(range(len(lengths)), [f"{n} steps" for n in lengths], fontsize=10)
    ax.tick_params(colors=GREY, length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    said = [
        f"{name}: " + ", ".join(f"{m:.0f} at {n}" for n, m in zip(lengths, row))
        for name, row in zip(shares, means)
    ]
    picture.alt = f"{title}. Mean over the seeds, by steps in a sequence. {'; '.join(said)}."
    return picture
