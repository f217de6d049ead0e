"""The landscape of a function of two parameters, and the ways of optimisers through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .given import counted, floats, number, shaped
from .style import GREY, PATTERNS, RUN_MARKERS, RUNS, Picture, style

GRID, LEVELS = 80, 14
Range = tuple[float, float]
Function = Callable[[Any, Any], Any]


def contour_paths(
    f: Function, paths: Mapping[str, Any], a: Range, b: Range, title: str = "",
    names: tuple[str, str] = ("a", "b"),
) -> Picture:  # fmt: skip
    """Lines of equal height of ``f(a, b)``, and the way of each optimiser from its start to its last step.

    Parameters
    ----------
    f : callable
        Gets two numbers, or two arrays of one shape.
    paths : dict of str to (steps, 2)
        The places that an optimiser went through, each with its own colour, pattern and marker.
    a, b : (low, high)
        The part of the plane to draw.
    """
    picture = Picture(6.4, 4.4)
    draw_paths(picture.add_subplot(), f, paths, a, b, title, names)
    picture.alt = paths_in_words(f, paths, a, b, title, names)
    return picture


def draw_paths(
    ax: Axes, f: Function, paths: Mapping[str, Any], a: Range, b: Range, title: str = "",
    names: tuple[str, str] = ("a", "b"),
) -> None:  # fmt: skip
    """Draw `contour_paths` on `ax`."""
    style(ax, title, *names).grid(visible=False)
    across, up = np.meshgrid(np.linspace(*a, GRID), np.linspace(*b, GRID))
    heights = _heights(f, across, up)
    levels = _levels(heights)
    if len(levels):
        lines = ax.contour(across, up, np.ma.masked_invalid(heights), levels, colors=GREY,
                           linewidths=0.8, linestyles="solid", alpha=0.6)  # fmt: skip
        ax.clabel(lines, levels[::3], fmt=number, fontsize=7.5)  # type: ignore[arg-type]
    for i, (name, given) in enumerate(paths.items()):
        _draw_path(ax, name, _way(name, given), i)
    ax.set_xlim(a)
    ax.set_ylim(b)
    if paths:
        ax.legend(fontsize=9, labelcolor=GREY, frameon=False, loc="lower right", bbox_to_anchor=(1, 0.99),
                  ncols=4, borderpad=0, handlelength=3)  # fmt: skip


def _draw_path(ax: Axes, name: str, way: np.ndarray, i: int) -> None:
    """The line, a mark at about twelve of its steps, a ring at its start and a large mark at its end."""
    colour, marker, pattern = (kind[i % len(kind)] for kind in (RUNS, RUN_MARKERS, PATTERNS))
    few = max(1, len(way) // 12)
    ax.plot(way[:, 0], way[:, 1], color=colour, linestyle=pattern, marker=marker, markevery=few,  # type: ignore
            markersize=3.5, linewidth=1.6, label=name)  # fmt: skip
    ax.plot(*way[:1].T, "o", markersize=9, markerfacecolor="none", markeredgecolor=colour)
    ax.plot(*way[-1:].T, marker, markersize=8, color=colour, markeredgecolor="white")


def paths_in_words(
    f: Function, paths: Mapping[str, Any], a: Range, b: Range, title: str = "",
    names: tuple[str, str] = ("a", "b"),
) -> str:  # fmt: skip
    """Where the landscape is lowest, and where each path begins and ends, how high."""
    across, up = np.meshgrid(np.linspace(*a, GRID), np.linspace(*b, GRID))
    heights = _heights(f, across, up)
    text = f"{title}. " if title else ""
    (left, right), (bottom, top) = a, b
    text += f"Lines of equal height for {names[0]} from {left:g} to {right:g}, "
    text += f"{names[1]} from {bottom:g} to {top:g}"
    if np.isfinite(heights).any():
        low = np.unravel_index(np.nanargmin(np.where(np.isfinite(heights), heights, np.nan)), heights.shape)
        text += f"; lowest of them {number(heights[low])} near {_place(across[low], up[low])}"
    for name, given in paths.items():
        way = _way(name, given)
        if not len(way):
            text += f". {name}: no finite step"
            continue
        first, last = (_place(*p) for p in (way[0], way[-1]))
        before, after = _heights(f, *way[[0, -1]].T)
        lost = len(np.asarray(given)) - len(way)
        text += f". {name}: from {first}, height {number(before)}, "
        text += f"in {counted(len(way) - 1, 'step')} to {last}, height {number(after)}"
        text += f", then {counted(lost, 'step')} NaN or infinite" if lost else ""
    return text + "."


def _place(x: float, y: float) -> str:
    return f"({number(x)}, {number(y)})"


def _way(name: str, given: Any) -> np.ndarray:
    """The steps (n, 2) up to the first that is not finite."""
    way = shaped("contour_paths", name, given, "(steps, 2): two parameters a step", None, 2)
    bad = np.flatnonzero(~np.isfinite(way).all(axis=1))
    return way[: bad[0]] if len(bad) else way


def _heights(f: Function, across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """f at every place; one by one where f does not take arrays."""
    with np.errstate(all="ignore"):
        try:
            heights = floats("contour_paths", "f(a, b)", f(across, up))
            if heights.shape == across.shape:
                return heights
        except (TypeError, ValueError):
            pass
        return floats("contour_paths", "f(a, b)", np.vectorize(f, otypes=[float])(across, up))


def _levels(heights: np.ndarray) -> np.ndarray:
    """Heights that divide the plane evenly, closer together near the lowest place."""
    finite = heights[np.isfinite(heights)]
    return (
        np.unique(np.quantile(finite, np.linspace(0, 1, LEVELS + 2)[1:-1] ** 1.5)) if finite.size else finite
    )
