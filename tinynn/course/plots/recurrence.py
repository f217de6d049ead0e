"""A net unrolled in time with the gradient at each step, how gradients fade, forecasts beside the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .given import counted, floats, number
from .style import BLUE, GREY, PATTERNS, RED, RUN_MARKERS, RUNS, Picture, style, write

SMALLEST, LARGEST = 1e-8, 1e4  # of the bars


def unrolled(sizes: Any, title: str = "The net unrolled, and the gradient at each step") -> Picture:
    """One box for each step, the loss behind the last; below each, how large a gradient reaches its state.

    Parameters
    ----------
    sizes : (T,)
        Of the gradient at the state after each step, the first step first.
    """
    sizes = floats("unrolled", "sizes", sizes)
    picture = Picture(9, 3.6)
    top, below = picture.subplots(2, 1, sharex=True, height_ratios=(1, 1.7))
    _draw_chain(top, len(sizes), title)
    _draw_bars(below, sizes)
    first, last = number(sizes[0]), number(sizes[-1])
    picture.alt = (
        f"{title}. {counted(len(sizes), 'step')} from left to right, inputs from below, "
        f"the loss behind the last; "
        f"the size of the gradient is {last} at the last state and {first} at the first."
    )
    return picture


def _draw_chain(ax: Axes, steps: int, title: str) -> None:
    style(ax, title)
    ax.set_axis_off()
    ax.set_xlim(-0.9, steps + 0.9)
    ax.set_ylim(-1.3, 0.7)
    forward = {"arrowstyle": "-|>", "color": BLUE, "linewidth": 1.3}
    back = {"arrowstyle": "-|>", "color": RED, "linewidth": 1.3, "linestyle": "--"}
    for t in range(steps):
        ax.text(t, 0, "h", ha="center", va="center", color=BLUE, fontsize=10, fontweight="bold",
                bbox={"boxstyle": "round,pad=0.25", "facecolor": "none", "edgecolor": BLUE})  # fmt: skip
        ax.annotate("", (t, -0.5), (t, -1.25), arrowprops=forward)
        ax.annotate("", (t + 0.72, 0.2), (t + 0.28, 0.2), arrowprops=forward)
        ax.annotate("", (t + 0.28, -0.2), (t + 0.72, -0.2), arrowprops=back)
    ax.text(steps - 0.2, 0, "loss", ha="left", va="center", color=GREY, fontsize=10, fontweight="bold")
    ax.text(-0.75, -1.0, "x", color=BLUE, fontsize=10, fontweight="bold", va="center")


def _draw_bars(ax: Axes, sizes: np.ndarray) -> None:
    style(ax, "", "step", "gradient (log)")
    at = np.arange(len(sizes))
    shown = np.clip(sizes, SMALLEST, LARGEST)
    ax.set_yscale("log")
    ax.bar(at, shown - SMALLEST, bottom=SMALLEST, width=0.7, color=RED, alpha=0.8)
    ax.axhline(1, color=GREY, linewidth=1, linestyle=":")
    ax.set_ylim(SMALLEST, LARGEST)
    ax.set_xticks(at[:: max(1, len(sizes) // 10)])
    for t in (0, len(sizes) - 1):
        write(ax, number(sizes[t]), (t, shown[t]), (0, 3), RED, ha="center")


def gradients_back(curves: Mapping[str, Any], title: str) -> Picture:
    """Sizes of gradients by the number of steps that they have gone back, on a logarithmic axis."""
    picture = Picture(9, 3.6)
    ax = style(picture.add_subplot(), title, "steps back", "size of the gradient")
    ax.set_yscale("log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    said = []
    for i, (name, given) in enumerate(curves.items()):
        y = floats("gradients_back", name, given)
        colour, marker, pattern = (kind[i % len(kind)] for kind in (RUNS, RUN_MARKERS, PATTERNS))
        at, few = np.arange(len(y)), max(1, len(y) // 10)
        hollow = "none" if i % 2 else colour
        ax.plot(at, np.where(y > 0, y, np.nan), color=colour, marker=marker, linestyle=pattern, markersize=6,
                markevery=few, markerfacecolor=hollow, linewidth=2, label=name)  # type: ignore  # fmt: skip
        said.append(f"{name}: {number(y[0])} at first, {number(y[-1])} after {counted(len(y) - 1, 'step')}")
    ax.legend(fontsize=9, labelcolor=GREY, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    picture.alt = f"{title}. {'; '.join(said)}."
    return picture


def forecasts(
    years: Any, truth: Any, made: Mapping[str, Any], title: str, marks: Sequence[tuple[float, str]] = ()
) -> Picture:
    """A series with its forecasts; `marks` are years at which a part begins, each with its name."""
    years, truth = floats("forecasts", "years", years), floats("forecasts", "truth", truth)
    picture = Picture(9, 3.4)
    ax = style(picture.add_subplot(), title, "year", "sunspots")
    ax.plot(years, truth, color=GREY, marker=".", linewidth=1.4, label="counted")
    for i, (name, given) in enumerate(made.items()):
        y = floats("forecasts", name, given)
        ax.plot(years, y, color=RUNS[i], linestyle=PATTERNS[i % len(PATTERNS)], linewidth=1.8, label=name)  # type: ignore
    for year, name in marks:
        ax.axvline(year, color=GREY, linewidth=1, linestyle=":")
        ax.text(year, 1.0, f" {name}", transform=ax.get_xaxis_transform(), color=GREY, fontsize=9, va="top")
    ax.legend(fontsize=9, labelcolor=GREY, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=5,
              borderpad=0)  # fmt: skip
    parts = f" Parts: {', '.join(f'{name} from {year:g}' for year, name in marks)}." if marks else ""
    picture.alt = (
        f"{title}. Sunspots of {years[0]:g} to {years[-1]:g}, from {number(truth.min())} to "
        f"{number(truth.max())}; lines: counted{''.join(f', {name}' for name in made)}.{parts}"
    )
    return picture
