"""Two-dimensional data and what a network says about every place of their plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from ...errors import ShapeError
from .given import counted, floats, labels_of, listed, shaped
from .style import CLASS_MARKERS, CLASSES, GREY, MARKER_NAMES, Picture, style

CELLS = 60  # a side of the grid on which `predict` is asked
FINE = 4  # pixels a cell, so that the hatching is finer than the grid
Predict = Callable[[np.ndarray], Any]


def decision_surface(
    predict: Predict, x: Any, y: Any, title: str = "", names: list[str] | None = None
) -> Picture:
    """Points of two numbers, and behind them which class the network would give to every place.

    The stronger the colour, the surer the network. Each class has its own hatching and marker; a line
    runs where two classes meet.

    Parameters
    ----------
    predict : callable
        ``predict(points (M, 2)) -> scores``: (M, K), the scores before softmax or probabilities that add
        up to 1; or (M,), the margin or logit, above 0 for class 1 and below for class 0.
    x : (N, 2)
    y : (N,) int
    names : list of str, optional
        What the classes are called; their numbers if left out.
    """
    picture = Picture(5.4, 4.6)
    draw_surface(picture.add_subplot(), predict, x, y, title, names)
    picture.alt = surface_in_words(predict, x, y, title, names)
    return picture


def draw_surface(
    ax: Axes, predict: Predict, x: Any, y: Any, title: str = "", names: list[str] | None = None
) -> None:
    """Draw `decision_surface` on `ax`."""
    points, labels = _data(x, y)
    style(ax, title, "$x_1$", "$x_2$").grid(visible=False)
    shares, extent = plane(predict, points)
    ax.imshow(background(shares), extent=extent, origin="lower", aspect="auto", interpolation="nearest")
    _draw_borders(ax, shares, extent)
    for k in np.unique(labels):
        mine = points[labels == k]
        ax.plot(
            mine[:, 0], mine[:, 1], CLASS_MARKERS[k % len(CLASS_MARKERS)], label=_name(k, names),
            color=CLASSES[k % len(CLASSES)], markersize=5, markeredgecolor="white", markeredgewidth=0.6,
        )  # fmt: skip
    if len(labels):
        ax.legend(fontsize=9, labelcolor=GREY, frameon=False, ncols=4, loc="upper left",
                  bbox_to_anchor=(0, -0.14), handletextpad=0.1, columnspacing=1)  # fmt: skip


def surface_in_words(
    predict: Predict, x: Any, y: Any, title: str = "", names: list[str] | None = None
) -> str:
    """How much of the plane each class takes, and how many points lie where their own class is."""
    points, labels = _data(x, y)
    shares, (left, right, low, high) = plane(predict, points)
    text = f"{title}. " if title else ""
    text += f"The plane from {left:.2g} to {right:.2g} by {low:.2g} to {high:.2g}: "
    winner = np.where(np.isnan(shares).any(axis=-1), -1, shares.argmax(axis=-1))
    taken = [f"class {_name(k, names)} takes {np.mean(winner == k):.0%}" for k in range(shares.shape[-1])]
    text += listed(taken) + " of it"
    if (winner < 0).any():
        text += f"; on {np.mean(winner < 0):.0%} the scores are not finite"
    if not len(labels):
        return text + ". There are no points."
    said = _shares(predict, points).argmax(axis=-1)
    marks = [
        f"{np.sum(labels == k)} of class {_name(k, names)} as {MARKER_NAMES[CLASS_MARKERS[k % 10]]}"
        for k in np.unique(labels)
    ]
    inside = np.sum(said == labels)
    text += f". {counted(len(labels), 'point')}: {listed(marks)}; "
    return text + f"{inside} of them lie where their class is."


def _data(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """The points that can be drawn, and their labels."""
    expected = "(N, 2): two numbers for each point"
    points = shaped("decision_surface", "x", x, expected, None, 2, hint="x[:, :2]")
    labels = labels_of("decision_surface", y, len(points))
    if (labels < 0).any():
        raise ShapeError("decision_surface", f"the label {labels.min()}", "classes counted from 0")
    there = np.isfinite(points).all(axis=1)
    return points[there], labels[there]


def _name(k: int, names: list[str] | None) -> str:
    return str(names[k]) if names and k < len(names) else str(k)


def plane(predict: Predict, points: np.ndarray) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Probabilities (CELLS, CELLS, K) in the middle of each cell, and where the grid begins and ends."""
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (-np.ones(2), np.ones(2))
    margin = 0.12 * (high - low) + 0.5 * (high == low)
    low, high = low - margin, high + margin
    middles = (np.arange(CELLS) + 0.5) / CELLS
    across, up = np.meshgrid(*(low[i] + middles * (high[i] - low[i]) for i in (0, 1)))  # (CELLS, CELLS) each
    shares = _shares(predict, np.stack([across.ravel(), up.ravel()], axis=1))
    extent = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    return shares.reshape(CELLS, CELLS, -1), extent


def _shares(predict: Predict, points: np.ndarray) -> np.ndarray:
    """What `predict` says of `points` (M, 2) as probabilities (M, K)."""
    scores = floats("decision_surface", "what predict returns", predict(points.astype(np.float32)))
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    if scores.ndim not in (1, 2) or len(scores) != len(points):
        expected = f"({len(points)}, K) or ({len(points)},), a row for each point"
        raise ShapeError("decision_surface", f"scores {scores.shape} from predict", expected)
    if scores.ndim == 1:
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    elif (scores >= 0).all() and np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return scores
    with np.errstate(invalid="ignore", over="ignore"):
        grown = np.exp(scores - scores.max(axis=1, keepdims=True))
        return grown / grown.sum(axis=1, keepdims=True)


def background(shares: np.ndarray) -> np.ndarray:
    """The colours (FINE * CELLS, FINE * CELLS, 4): the winner's, stronger where it is surer, hatched."""
    n, k = shares.shape[0], shares.shape[-1]
    finite = np.isfinite(shares).all(axis=-1)
    winner = np.where(finite, shares.argmax(axis=-1), 0)
    sure = np.clip((shares.max(axis=-1) - 1 / k) / max(1 - 1 / k, 1e-9), 0, 1)
    image = np.empty((n, n, 4))
    image[..., :3] = np.array([to_rgb(c) for c in CLASSES])[winner % len(CLASSES)]
    image[..., 3] = np.where(finite, 0.12 + 0.4 * sure, 0)
    image = image.repeat(FINE, axis=0).repeat(FINE, axis=1)
    image[..., 3] *= np.where(_stripes(winner.repeat(FINE, axis=0).repeat(FINE, axis=1)), 0.72, 1)
    return image


def _stripes(winner: np.ndarray) -> np.ndarray:
    """Where a stripe is paler: none in class 0, then rising, falling, flat, upright ones and dots."""
    row, column = np.indices(winner.shape)
    ways = [row < 0, (column - row) % 12 < 3, (column + row) % 12 < 3, row % 12 < 3, column % 12 < 3]
    ways += [(row % 8 < 4) & (column % 8 < 4)]
    return np.choose(winner % len(ways), ways)


def _draw_borders(ax: Axes, shares: np.ndarray, extent: tuple[float, float, float, float]) -> None:
    """A line around the places that one class wins over all others together."""
    left, right, low, high = extent
    middles = (np.arange(CELLS) + 0.5) / CELLS
    for k in range(shares.shape[-1] if shares.shape[-1] > 2 else 1):
        lead = shares[..., k] - np.delete(shares, k, axis=-1).max(axis=-1)
        if np.nanmin(lead, initial=1) < 0 < np.nanmax(lead, initial=-1):
            across, up = left + middles * (right - left), low + middles * (high - low)
            ax.contour(across, up, np.ma.masked_invalid(lead), [0], colors=GREY, linewidths=1.4)
