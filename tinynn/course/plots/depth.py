"""What becomes of the values on their way through many layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .given import counted, floats, listed, number
from .style import GREY, PATTERNS, RUN_MARKERS, RUNS, Picture, style, write

Networks = Mapping[str, Sequence[Any]]


def activations_by_depth(networks: Networks, title: str = "Spread of the values, layer by layer") -> Picture:
    """The standard deviation of each layer's values on a logarithmic axis, one line a network.

    A line that falls shows values that vanish with depth, one that rises shows values that explode. A layer
    whose values are all equal, NaN or infinite has no point.

    Parameters
    ----------
    networks : dict of str to list of array_like
        For each network, for instance one a way of initialising, what its layers put out, first to last.
    """
    picture = Picture(6.4, 3.2)
    draw_depth(picture.add_subplot(), networks, title)
    picture.alt = depth_in_words(networks, title)
    return picture


def draw_depth(ax: Axes, networks: Networks, title: str = "") -> None:
    """Draw `activations_by_depth` on `ax`."""
    style(ax, title, "layer", "standard deviation")
    ax.set_yscale("log")
    deepest = 1
    for i, (name, layers) in enumerate(networks.items()):
        spread = _spreads(name, layers)
        colour, marker, pattern = (kind[i % len(kind)] for kind in (RUNS, RUN_MARKERS, PATTERNS))
        at = np.arange(1, len(spread) + 1)
        ax.plot(at, spread, color=colour, marker=marker, linestyle=pattern, markersize=4, linewidth=2)  # type: ignore
        there = np.flatnonzero(np.isfinite(spread))
        if len(there):
            write(ax, name, (at[there[-1]], spread[there[-1]]), (8, 0), str(colour), va="center",
                  annotation_clip=False)  # fmt: skip
        deepest = max(deepest, len(spread))
    ax.set_xlim(0.8, deepest + 0.2)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.axhline(1, color=GREY, linewidth=1, linestyle=":")


def depth_in_words(networks: Networks, title: str = "") -> str:
    """The spread in the first and the last layer of every network, and the layers without one."""
    said = []
    for name, layers in networks.items():
        spread = _spreads(name, layers)
        there = np.flatnonzero(np.isfinite(spread))
        text = f"{name}: {counted(len(spread), 'layer')}"
        if len(there):
            first, last = there[0], there[-1]
            text += f", {number(spread[first])} in layer {first + 1}"
            text += f", {number(spread[last])} in layer {last + 1}"
        without = [str(i + 1) for i in range(len(spread)) if i not in there]
        said.append(text + (f", none in layer {listed(without)}" if without else ""))
    start = f"{title}. " if title else ""
    return f"{start}Standard deviation of the values by layer. {'; '.join(said) or 'No networks'}."


def _spreads(name: str, layers: Sequence[Any]) -> np.ndarray:
    """The standard deviation of each layer, NaN where it is none that a logarithm can show."""
    with np.errstate(all="ignore"):
        arrays = [floats("activations_by_depth", f"{name}, layer {i + 1}", v) for i, v in enumerate(layers)]
        spread = np.array([v.std() if v.size else np.nan for v in arrays])
    return np.where(np.isfinite(spread) & (spread > 0), spread, np.nan)
