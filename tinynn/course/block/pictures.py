"""Chapter 12's pictures: the stream as a pipe, results with a dot for each seed, nets, waves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from ..plots import BLUE, GREEN, GREY, RED, RUN_MARKERS, RUNS, Picture, style

# -- the stream ----------------------------------------------------------------------------------------------


def pipe(stream: Sequence[float], written: Sequence[float], title: str) -> Picture:
    """The residual stream as a pipe as thick as its values are large, and below it the parts.

    Parameters
    ----------
    stream : (L + 1,)
        Root mean square of the stream: at the entry, then behind each part.
    written : (L,)
        Root mean square of what each part writes to it.
    """
    picture = Picture(9, 3.3)
    ax = picture.add_subplot()
    largest = max(stream)
    half = 0.75 * np.asarray(stream) / largest
    ends = np.arange(len(stream), dtype=float)
    ax.fill_between(ends, 3 - half, 3 + half, color=BLUE, alpha=0.35, linewidth=0)
    ax.plot(ends, 3 + half, color=BLUE, linewidth=1.5)
    ax.plot(ends, 3 - half, color=BLUE, linewidth=1.5)
    for i, size in enumerate(written):
        _part(ax, i, size, 3 - (half[i] + half[i + 1]) / 2)
    for i in {0, len(written) // 2, len(written)}:
        side = "left" if i == 0 else "right" if i == len(written) else "center"
        ax.text(i, 3.95, f"{stream[i]:.2f}", ha=side, va="center", color=BLUE, fontsize=10, fontweight="bold")
    ax.annotate(
        "", (len(written) + 0.5, 3), (len(written), 3), arrowprops={"arrowstyle": "->", "color": BLUE}
    )
    ax.set(xlim=(-0.1, len(written) + 0.6), ylim=(-0.15, 4.2))
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    ax.set_axis_off()
    picture.alt = (
        f"{title}. A pipe from left to right; {len(written)} parts below it, each with an arrow down, what "
        f"it reads, and one up, what it writes. Root mean square of the stream: "
        f"{stream[0]:.2f} at the entry, "
        f"{stream[len(written) // 2]:.2f} in the middle, {stream[-1]:.2f} at the end. The parts write "
        f"{min(written):.2f} to {max(written):.2f}."
    )
    return picture


def _part(ax: Axes, i: int, size: float, bottom: float) -> None:
    """A box with what it writes, one arrow down to it and one up from it."""
    box: dict[str, Any] = {
        "boxstyle": "round,pad=0.02",
        "facecolor": "none",
        "edgecolor": GREY,
        "linewidth": 1,
    }
    ax.add_patch(FancyBboxPatch((i + 0.12, 0.35), 0.76, 0.9, **box))
    ax.text(i + 0.5, 1.0, "f", ha="center", va="center", color=GREY, fontsize=11, style="italic")
    ax.text(i + 0.5, 0.6, f"{size:.2f}", ha="center", va="center", color=RED, fontsize=8.5)
    down, up = {"arrowstyle": "->", "color": GREY}, {"arrowstyle": "->", "color": RED, "linestyle": "--"}
    ax.annotate("", (i + 0.3, 1.28), (i + 0.3, bottom), arrowprops=down)
    ax.annotate("", (i + 0.7, bottom), (i + 0.7, 1.28), arrowprops=up)
    if i == 0:
        ax.text(0.26, 1.65, "reads", rotation=90, ha="right", va="center", color=GREY, fontsize=8.5)
        ax.text(0.74, 1.65, "adds", rotation=90, ha="left", va="center", color=RED, fontsize=8.5)


# -- results with their seeds --------------------------------------------------------------------------------


def by_seed(results: Mapping[str, Mapping[str, Sequence[float]]], title: str, ylabel: str) -> Picture:
    """A dot for each seed and a dash at the median: a colour and a marker each kind, a column each setting.

    Parameters
    ----------
    results : ``{kind: {setting: [a share for each seed]}}``
    """
    picture = Picture(9, 3.6)
    ax = style(picture.add_subplot(), title, "", ylabel)
    settings = list(next(iter(results.values())))
    step = 0.8 / len(results)
    for k, (kind, found) in enumerate(results.items()):
        colour, marker = RUNS[k % len(RUNS)], RUN_MARKERS[k % len(RUN_MARKERS)]
        for s, setting in enumerate(settings):
            y = 100 * np.asarray(found[setting])
            at = s - 0.4 + (k + 0.5) * step
            spread = step * 0.25 * np.linspace(-1, 1, len(y)) if len(y) > 1 else np.zeros(1)
            ax.plot(at + spread, y, marker, color=colour, markersize=5.5, label=kind if s == 0 else None)
            ax.plot([at - 0.4 * step, at + 0.4 * step], [np.median(y)] * 2, color=colour, linewidth=2)
    ax.set_xticks(range(len(settings)), settings, fontsize=10)
    ax.set(xlim=(-0.5, len(settings) - 0.5), ylim=(-3, 103))
    for edge in range(1, len(settings)):
        ax.axvline(edge - 0.5, color=GREY, linewidth=0.6, alpha=0.5)
    ax.grid(axis="x", visible=False)
    ax.legend(fontsize=9, labelcolor=GREY, frameon=False, loc="lower right", ncols=6,
              bbox_to_anchor=(1, 0.99), borderpad=0, handletextpad=0.2, columnspacing=1)  # fmt: skip
    picture.alt = f"{title}. Medians, {ylabel}: {_medians(results)}."
    return picture


def _medians(results: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    return "; ".join(
        f"{kind} "
        + ", ".join(
            f"{100 * np.median(y):.0f} ({setting})".replace("\n", " ") for setting, y in found.items()
        )
        for kind, found in results.items()
    )


# -- nets and waves ------------------------------------------------------------------------------------------


def net_shapes() -> Picture:
    """ReLU, GELU and silu, and a gate: silu of one number times another."""
    from scipy.special import erf, expit

    z = np.linspace(-4, 4, 161)
    picture = Picture(9, 3.1)
    left, right = picture.subplots(1, 2)
    style(left, "Three activations", "z", "")
    curves = {"ReLU": np.maximum(z, 0), "GELU": z * (1 + erf(z / np.sqrt(2))) / 2, "silu": z * expit(z)}
    for (name, y), colour, pattern in zip(curves.items(), (GREY, BLUE, RED), (":", "-", "--")):
        left.plot(z, y, pattern, color=colour, linewidth=2, label=name)
    style(right, "A gate: silu(g) times u", "g", "")
    for u, colour, pattern in ((2.0, BLUE, "-"), (1.0, GREEN, "-."), (-1.0, RED, "--")):
        right.plot(z, z * expit(z) * u, pattern, color=colour, linewidth=2, label=f"u = {u:g}")
    for ax in (left, right):
        ax.legend(fontsize=9, labelcolor=GREY, frameon=False, loc="upper left")
    picture.alt = (
        "Left: ReLU, GELU and silu. All are near 0 far to the left and near z far to the right; GELU "
        f"and silu are smooth and dip below 0, silu down to {curves['silu'].min():.2f}. Right: silu of g "
        "times u, for three u: the gate g says how much of u comes through, and u may turn the sign round."
    )
    return picture


def waves(table: Any, row: int) -> Picture:
    """A table of positions, and the products of one of its rows with all rows."""
    table = np.asarray(table)
    picture = Picture(9, 3.4)
    left, right = picture.subplots(1, 2, width_ratios=(1, 1.2))
    style(left, "Sinusoidal positions", "column", "position").grid(visible=False)
    left.imshow(table, cmap="gray", aspect="auto", vmin=-1, vmax=1)
    products = table @ table[row]
    style(right, f"Position {row} times every position", "position", "product of two rows")
    right.plot(products, color=BLUE, linewidth=2)
    right.plot(row, products[row], "o", color=RED, markersize=7)
    right.annotate(f"itself, {products[row]:.0f}", (row, products[row]), xytext=(9, -3), color=RED,
                   textcoords="offset points", fontsize=10, fontweight="bold")  # fmt: skip
    picture.alt = (
        f"A table of {len(table)} positions and {table.shape[1]} columns in grey: the first columns change "
        f"from row to row, the last hardly at all. Beside it the product of row {row} with every row: "
        f"{products[row]:.1f} with itself, {products[row - 1]:.1f} and {products[row + 1]:.1f} with its "
        f"neighbours, "
        f"{products[0]:.1f} with row 0."
    )
    return picture
