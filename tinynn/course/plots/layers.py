"""One number or many for each layer: activations, gradients, norms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .given import counted, floats, listed, number
from .style import GRADIENT, GREY, RED, VALUE, Picture, style

BINS = 48
Layers = Mapping[str, Any]
Range = tuple[float, float]


def layer_histograms(
    layers: Layers, title: str = "", saturated: Range | None = None, gradient: bool = False
) -> Picture:
    """The distribution of each layer's values, one strip a layer, the first layer on top.

    All strips share one axis, so that a layer whose values shrink shows. Zeros are left out of the
    shape, where they would hide the rest, and counted beside it.

    Parameters
    ----------
    layers : dict of str to array_like
        Activations or gradients, of any shape.
    saturated : (low, high), optional
        Values outside count as saturated: (-0.97, 0.97) for tanh, (0.03, 0.97) for sigmoid.
    gradient : bool
        Whether these are gradients, which have their own colour.
    """
    picture = Picture(6.4, 1.1 + 0.52 * max(len(layers), 1))
    draw_histograms(picture.add_subplot(), layers, title, saturated, gradient)
    picture.alt = histograms_in_words(layers, title, saturated, gradient)
    return picture


def draw_histograms(
    ax: Axes, layers: Layers, title: str = "", saturated: Range | None = None, gradient: bool = False
) -> None:
    """Draw `layer_histograms` on `ax`."""
    values = _finite(layers)
    style(ax, title, "gradient" if gradient else "value")
    ax.set_yticks(range(len(values)), list(values))
    ax.set_ylim(len(values) - 0.4, -1.05)
    edges = np.linspace(*_range(values), BINS + 1)
    colour = GRADIENT if gradient else VALUE
    for i, (name, v) in enumerate(values.items()):
        counts = np.histogram(v[v != 0], edges)[0]
        top = i - 0.85 * counts / max(counts.max(), 1)
        ax.stairs(top, edges, baseline=i, fill=True, color=colour, alpha=0.35, linewidth=0)
        ax.stairs(top, edges, baseline=None, color=colour, linewidth=1.3, linestyle="--" if gradient else "-")
        bad = np.size(layers[name]) - v.size
        ax.annotate(
            _note(v, bad, saturated), (1.01, i), xycoords=("axes fraction", "data"), va="bottom",
            fontsize=8.5, color=RED if bad else GREY, fontweight="bold" if bad else "normal",
            annotation_clip=False,
        )  # fmt: skip


def histograms_in_words(
    layers: Layers, title: str = "", saturated: Range | None = None, gradient: bool = False
) -> str:
    """Mean, spread, zeros and saturated values of each layer."""
    what = "gradient" if gradient else "value"
    start = f"{title}. " if title else ""
    if not layers:
        return f"{start}No layers, so no {what}s to show."
    parts = []
    for name, v in _finite(layers).items():
        note = _note(v, np.size(layers[name]) - v.size, saturated).replace("\n", ", ")
        reach = f" from {number(v.min())} to {number(v.max())}" if v.size else ""
        parts.append(f"{name}: {counted(v.size, what)}{reach}, {note}")
    return f"{start}Distribution of {what}s in {counted(len(layers), 'layer')}. {'; '.join(parts)}."


def _finite(layers: Layers) -> dict[str, np.ndarray]:
    """The finite values of each layer in one row."""
    flat = {str(name): floats("layer_histograms", str(name), v).ravel() for name, v in layers.items()}
    return {name: v[np.isfinite(v)] for name, v in flat.items()}


def _range(values: dict[str, np.ndarray]) -> Range:
    """From the smallest to the largest value of all layers, and never of no width."""
    ends = [(v.min(), v.max()) for v in values.values() if v.size]
    low, high = (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else (-1.0, 1.0)
    return (low, high) if high > low else (low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1))


def _note(v: np.ndarray, bad: int, saturated: Range | None) -> str:
    """What stands beside a strip: spread, zeros, saturated values, and what is not a number."""
    if not v.size:
        return f"{bad} NaN or infinite" if bad else "empty"
    parts = [f"spread {number(v.std())}", f"{np.mean(v == 0):.0%} zeros"]
    if saturated is not None:
        parts.append(f"{np.mean((v < saturated[0]) | (v > saturated[1])):.0%} saturated")
    parts += [f"{bad} NaN or infinite"] * bool(bad)
    return parts[0] + "\n" + ", ".join(parts[1:])


def layer_norms(norms: Mapping[str, float], title: str = "", gradient: bool = True) -> Picture:
    """One number a layer, for instance the norm of its gradient, as bars on a logarithmic axis."""
    picture = Picture(6.4, 0.9 + 0.34 * max(len(norms), 1))
    draw_norms(picture.add_subplot(), norms, title, gradient)
    picture.alt = norms_in_words(norms, title, gradient)
    return picture


def draw_norms(ax: Axes, norms: Mapping[str, float], title: str = "", gradient: bool = True) -> None:
    """Draw `layer_norms` on `ax`; zero, NaN and infinity have no bar and are written in their place."""
    sizes = _norms(norms)
    style(ax, title, "norm of the gradient" if gradient else "norm")
    ax.set_xscale("log")
    ax.set_yticks(range(len(sizes)), list(sizes))
    ax.set_ylim(len(sizes) - 0.4, -0.6)
    drawn = [v for v in sizes.values() if _has_bar(v)] or [1.0]
    low, high = np.log10(max(min(drawn), 1e-300)), np.log10(max(drawn))
    left, right = 10 ** np.floor(low - 0.3), 10 ** np.ceil(high + 0.3)
    ax.set_xlim(left, right)
    ax.minorticks_off()
    powers = np.arange(np.log10(left), np.log10(right) + 0.5)[:: max(1, int(np.log10(right / left) / 6))]
    ax.set_xticks(10**powers, [f"1e{p:.0f}" if abs(p) > 2 else f"{10**p:g}" for p in powers])
    colour, hatch = (GRADIENT, "///") if gradient else (VALUE, "")
    for i, v in enumerate(sizes.values()):
        end = v if _has_bar(v) else left
        ax.barh(i, end - left, 0.62, left, color=colour, alpha=0.45, hatch=hatch, edgecolor=colour)
        ax.annotate(
            number(v), (end, i), (4, 0), textcoords="offset points", va="center", fontsize=8.5,
            color=GREY if np.isfinite(v) else RED, fontweight="normal" if np.isfinite(v) else "bold",
        )  # fmt: skip


def norms_in_words(norms: Mapping[str, float], title: str = "", gradient: bool = True) -> str:
    """Every layer's norm, and how far apart the smallest and the largest are."""
    sizes = _norms(norms)
    start = f"{title}. " if title else ""
    what = "Norm of the gradient" if gradient else "Norm"
    each = listed([f"{name} {number(v)}" for name, v in sizes.items()])
    text = f"{start}{what} of {counted(len(sizes), 'layer')}: {each}."
    drawn = [v for v in sizes.values() if _has_bar(v)]
    return text + (f" The largest is {number(max(drawn) / min(drawn))} times the smallest." if drawn else "")


def _norms(norms: Mapping[str, float]) -> dict[str, float]:
    return {str(name): float(floats("layer_norms", str(name), v)) for name, v in norms.items()}


def _has_bar(value: float) -> bool:
    return bool(np.isfinite(value) and value > 0)
