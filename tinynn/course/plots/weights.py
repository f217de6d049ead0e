"""Weights, one mark or one pixel each."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from ...errors import ShapeError
from .given import counted, floats, number
from .style import BLUE, GREY, NEGATIVE, POSITIVE, RED, Picture


def weights(matrix: Any, title: str = "", up: str = "+", down: str = "-") -> Picture:
    """One weight a pixel as a square: its area the amount, + in blue for `up`, - in orange for `down`."""
    picture = Picture(4, 4)
    draw_weights(picture.add_subplot(), np.asarray(matrix), title)
    picture.alt = weights_in_words(np.asarray(matrix), up, down)
    return picture


def draw_weights(ax: Axes, w: np.ndarray, title: str = "") -> None:
    """Draw `w` (H, W) as squares in the manner of G. Hinton's diagrams."""
    largest = np.abs(w).max() or 1.0
    height, width = w.shape
    ax.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, color=GREY, linewidth=0.8))
    for (r, c), value in np.ndenumerate(w):
        side = 0.94 * np.sqrt(np.abs(value) / largest)
        colour = BLUE if value > 0 else RED
        ax.add_patch(Rectangle((c - side / 2, r - side / 2), side, side, color=colour, linewidth=0))
        if side > 0.45:
            sign = "+" if value > 0 else "−"
            ax.text(
                c, r, sign, ha="center", va="center_baseline", color="white", fontsize=9, fontweight="bold"
            )
    ax.set_xlim(-0.6, width - 0.4)
    ax.set_ylim(height - 0.4, -0.6)
    ax.set_aspect("equal")
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    ax.set_axis_off()


def weights_in_words(w: np.ndarray, up: str, down: str) -> str:
    """Where the largest positive and the largest negative weight are."""
    (r, c), (s, d) = (np.unravel_index(i, w.shape) for i in (w.argmax(), w.argmin()))
    most = f"Ink at row {r}, column {c} speaks most for {up}; at row {s}, column {d}, for {down}."
    return f"{w.size} weights as squares. {most}"


# -- many units, an image each -----------------------------------------------------------------------

FINE = 6  # pixels a weight, so that a negative one can be striped


def filters(
    weights: Any, shape: tuple[int, int] | None = None, columns: int = 8, title: str = "", most: int = 64
) -> Picture:
    """Each unit's weights as an image: positive ones blue, negative ones orange and striped.

    The strongest colour is the largest amount of all units together, so that units can be compared.

    Parameters
    ----------
    weights : (units, H, W), (units, 1, H, W), or (units, inputs) with `shape`
    shape : (H, W), optional
        How a row of inputs becomes an image.
    most : int
        How many units are shown, at most.
    """
    units = _units(weights, shape)
    rows = max(1, -(-min(len(units), most) // columns))
    picture = Picture(7, 0.5 + rows * 7 / columns * (units.shape[1] + 1) / (units.shape[2] + 1))
    draw_filters(picture.add_subplot(), weights, shape, columns, title, most)
    picture.alt = filters_in_words(weights, shape, title, most)
    return picture


def draw_filters(
    ax: Axes, weights: Any, shape: tuple[int, int] | None = None, columns: int = 8, title: str = "",
    most: int = 64,
) -> None:  # fmt: skip
    """Draw `filters` on `ax`."""
    units = _units(weights, shape)[:most]
    columns = max(1, min(columns, len(units)))
    rows = max(1, -(-len(units) // columns))
    _, height, width = units.shape
    mosaic = np.full((rows * (height + 1), columns * (width + 1)), np.nan)
    for i, unit in enumerate(units):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        mosaic[top : top + height, left : left + width] = unit
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, color=GREY, linewidth=0.6))
    bottom, right = mosaic.shape[0] - 0.5, mosaic.shape[1] - 0.5
    ax.imshow(_signed(mosaic), extent=(-0.5, right, bottom, -0.5), interpolation="nearest")
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    ax.set_anchor("NW")
    ax.set_axis_off()


def filters_in_words(
    weights: Any, shape: tuple[int, int] | None = None, title: str = "", most: int = 64
) -> str:
    """How many units, how large their weights are, and which units have the largest and the smallest."""
    units = _units(weights, shape)
    start = f"{title}. " if title else ""
    text = f"{start}Weights of {counted(len(units), 'unit')} as images of {units.shape[1]} x {units.shape[2]}"
    text += f", the first {most} of them drawn" if len(units) > most else ""
    finite = units[np.isfinite(units)]
    if not finite.size:
        return text + "; none of them is a finite number."
    size = np.nan_to_num(np.abs(units)).reshape(len(units), -1).mean(axis=1)
    bad = units.size - finite.size
    text += f": from {number(finite.min())} to {number(finite.max())}, {np.mean(finite > 0):.0%} positive. "
    text += f"On average largest in unit {size.argmax()}, {number(size.max())}, and smallest in unit "
    text += f"{size.argmin()}, {number(size.min())}."
    return text + (f" {bad} weights are NaN or infinite." if bad else "")


def _units(weights: Any, shape: tuple[int, int] | None) -> np.ndarray:
    units = floats("filters", "weights", weights)
    if units.ndim == 2 and shape is not None and units.shape[1] == shape[0] * shape[1]:
        units = units.reshape(-1, *shape)
    if units.ndim == 4 and units.shape[1] == 1:
        units = units[:, 0]
    if units.ndim != 3:
        expected = "(units, H, W), (units, 1, H, W), or (units, H * W) with shape=(H, W)"
        raise ShapeError("filters", f"weights {np.shape(weights)}, shape={shape}", expected, "weights[:, 0]")
    return units


def _signed(amounts: np.ndarray) -> np.ndarray:
    """Colours (FINE * H, FINE * W, 4) of weights (H, W); the negative ones striped."""
    finite = np.where(np.isfinite(amounts), amounts, 0)
    image = np.empty((*finite.shape, 4))
    image[..., :3] = np.where(finite[..., None] > 0, to_rgb(POSITIVE), to_rgb(NEGATIVE))
    image[..., 3] = np.abs(finite) / (np.abs(finite).max(initial=0) or 1)
    image = image.repeat(FINE, axis=0).repeat(FINE, axis=1)
    stripe = (np.arange(image.shape[0]) % 3 == 0)[:, None]
    image[..., 3] *= np.where(stripe & (finite < 0).repeat(FINE, axis=0).repeat(FINE, axis=1), 0.45, 1)
    return image
