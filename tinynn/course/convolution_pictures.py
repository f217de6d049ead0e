"""The pictures of chapter 07: a window and its row, how often a pixel is used, filters and what they see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .plots import BLUE, GREEN, GREY, INK, RED, RUN_MARKERS, RUNS, Picture, draw_filters, draw_images, style
from .plots.blocks import _block, _empty, _note
from .plots.given import number
from .plots.weights import _signed

IMAGE = np.array([[0, 1, 3, 0, 0], [0, 2, 3, 1, 0], [0, 0, 3, 2, 0], [0, 1, 3, 0, 0], [1, 2, 3, 2, 1]])
FILTER = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])


def windows(x: np.ndarray, k: int) -> np.ndarray:
    """Every window of k x k as a row: (places, k k)."""
    found = np.lib.stride_tricks.sliding_window_view(x, (k, k))
    return found.reshape(-1, k * k)


# -- the window that slides, and im2col -----------------------------------------------------------------


def sliding(place: int = 4) -> Picture:
    """The image with one window marked; beside it all windows as rows, times the filter as a column."""
    rows, out = windows(IMAGE, 3), windows(IMAGE, 3) @ FILTER.ravel()
    i, j = divmod(place, 3)
    picture = Picture(9.4, 4.25)
    ax = _empty(picture, (-0.3, 24.6), (10.7, -0.9), "")
    inside = [(i + p, j + q) for p in range(3) for q in range(3)]
    _block(ax, IMAGE, (0, 0), "image (5, 5)", inside, BLUE)
    ax.add_patch(Rectangle((j, i), 3, 3, fill=False, edgecolor=BLUE, linewidth=2.6))
    _block(ax, FILTER, (0, 6.2), "filter (3, 3)", list(np.ndindex(3, 3)), GREEN)
    _block(ax, rows, (6.4, 0), "every window as a row (9, 9)", [(place, t) for t in range(9)], BLUE)
    _block(ax, FILTER.reshape(9, 1), (16.6, 0), "filter", [(t, 0) for t in range(9)], GREEN)
    _block(ax, out[:, None], (18.9, 0), "result", [(place, 0)], RED)
    _block(ax, out.reshape(3, 3), (21.2, 0), "as (3, 3)", [(i, j)], RED)
    for left, sign in ((16.0, "@"), (18.25, "="), (20.55, "→")):
        _note(ax, left, 4.5, sign, size=13)
    ax.text(0, 10.2, _sum(rows[place], out[place]), color=GREY, fontsize=9.5, va="center")
    picture.alt = _sliding_in_words(place, rows[place], int(out[place]))
    return picture


def _sum(window: np.ndarray, total: int) -> str:
    """The products of one place, without those by 0."""
    parts = [f"{p}·{q}" if q > 0 else f"{p}·(−{-q})" for p, q in zip(window, FILTER.ravel()) if q]
    return (
        f"this place:  {' + '.join(parts)} = {number(total)}     (what meets a 0 of the filter is left out)"
    )


def _sliding_in_words(place: int, window: np.ndarray, total: int) -> str:
    i, j = divmod(place, 3)
    return (
        f"An image of 5 by 5 numbers with a window of 3 by 3 marked at row {i}, column {j}. Beside it all "
        f"nine windows as rows of a matrix; row {place} is marked: {window.tolist()}. The matrix times "
        f"the filter {FILTER.ravel().tolist()} as a column gives nine numbers, of which number {place} is "
        f"{number(total)}; laid out as 3 by 3 they are the result."
    )


# -- the way back ---------------------------------------------------------------------------------------


def counts(size: int, k: int, stride: int) -> np.ndarray:
    """How many windows each pixel is in: (size, size)."""
    found = np.zeros((size, size), int)
    places = (size - k) // stride + 1
    for i, j in np.ndindex(places, places):
        found[i * stride : i * stride + k, j * stride : j * stride + k] += 1
    return found


def used() -> Picture:
    """In how many windows of 3 x 3 each of 5 x 5 pixels is, at stride 1 and at stride 2."""
    picture = Picture(7.4, 2.5)
    ax = _empty(picture, (-0.3, 18.2), (5.5, -0.9), "")
    both = [counts(5, 3, stride) for stride in (1, 2)]
    many = [[at for at, n in np.ndenumerate(found) if n > 1] for found in both]
    _block(ax, both[0], (0, 0), "stride 1: nine windows", many[0], RED)
    _block(ax, both[1], (9, 0), "stride 2: four windows", many[1], RED)
    told = "; ".join(
        f"stride {s}, in how many of the windows each pixel is: {found.tolist()}"
        for s, found in zip((1, 2), both)
    )
    _note(ax, 5.3, 2.5, "marked: in\nmore than one\nwindow", size=9, ha="left")
    picture.alt = f"A grid of 5 by 5 pixels, twice, with windows of 3 by 3. {told}."
    return picture


# -- images ---------------------------------------------------------------------------------------------


def panels(images: Mapping[str, np.ndarray], words: str, height: float = 2.6) -> Picture:
    """Images side by side, each with its name: (H, W) in grey, light is much; (H, W, 3) in colour."""
    picture = Picture(height * len(images), height)
    for ax, (name, image) in zip(picture.subplots(1, len(images), squeeze=False)[0], images.items()):
        ax.imshow(image, cmap="gray", vmin=0, vmax=max(1e-9, float(image.max())), interpolation="nearest")
        _named(ax, name)
    picture.alt = words
    return picture


def _named(ax: Axes, name: str) -> None:
    ax.set_title(name, loc="left", fontsize=11, fontweight="bold", color=GREY)
    ax.set_axis_off()


def filtered(image: np.ndarray, kernel: np.ndarray, result: np.ndarray, title: str = "") -> Picture:
    """An image, a filter with its numbers, and the map it makes: blue above 0, orange and striped below."""
    picture = Picture(9, 3.3)
    left, middle, right = picture.subplots(1, 3, width_ratios=(1, 0.62, 1))
    left.imshow(image, cmap=INK, vmin=0, vmax=1, interpolation="nearest")
    _named(left, "image")
    _draw_kernel(middle, kernel)
    _named(middle, title or "filter")
    bottom, edge = result.shape[0] - 0.5, result.shape[1] - 0.5
    right.imshow(_signed(result), extent=(-0.5, edge, bottom, -0.5), interpolation="nearest")
    _named(right, "map: blue +, striped −")
    for ax, (h, w) in ((left, image.shape), (right, result.shape)):
        frame: dict[str, Any] = {"fill": False, "color": GREY, "linewidth": 0.8, "clip_on": False}
        ax.add_patch(Rectangle((-0.5, -0.5), w, h, **frame))
    picture.alt = filtered_in_words(image, kernel, result, title)
    return picture


def _draw_kernel(ax: Axes, kernel: np.ndarray) -> None:
    size = np.abs(kernel).max() or 1
    for (r, c), v in np.ndenumerate(kernel):
        colour = BLUE if v > 0 else RED
        ax.add_patch(Rectangle((c, r), 1, 1, facecolor=colour, alpha=0.45 * abs(v) / size, linewidth=0))
        ax.add_patch(Rectangle((c, r), 1, 1, fill=False, edgecolor=GREY, linewidth=0.8))
        ax.text(
            c + 0.5, r + 0.5, number(v), ha="center", va="center", fontsize=11, color=GREY, fontweight="bold"
        )
    ax.set(xlim=(-0.05, kernel.shape[1] + 0.05), ylim=(kernel.shape[0] + 0.05, -0.05), aspect="equal")


def filtered_in_words(image: np.ndarray, kernel: np.ndarray, result: np.ndarray, title: str = "") -> str:
    """The filter, its sum, and where the map is largest and smallest."""
    (r, c), (s, d) = (np.unravel_index(a, result.shape) for a in (result.argmax(), result.argmin()))
    start = f"{title}. " if title else ""
    return (
        f"{start}An image of {image.shape[0]} by {image.shape[1]}, the filter {np.round(kernel, 3).tolist()} "
        f"with the sum {number(kernel.sum())}, and the map of {result.shape[0]} by {result.shape[1]} that it "
        f"makes: largest {number(result.max())} at row {r}, column {c}, smallest {number(result.min())} at "
        f"row {s}, column {d}; {np.mean(result > 1e-6):.0%} above 0, {np.mean(result < -1e-6):.0%} below."
    )


def filters_and_maps(image: np.ndarray, filters: np.ndarray, maps: np.ndarray, title: str = "") -> Picture:
    """Filters (F, k, k) of a first layer, and below each the map (F, H, W) that it makes of one image."""
    n = len(filters)
    picture = Picture(9, 2.75)
    (corner, top), (left, below) = picture.subplots(2, 2, width_ratios=(1.15, n), height_ratios=(1, 1.05))
    corner.set_axis_off()
    draw_filters(top, filters, columns=n, title=f"{title}: filters" if title else "filters")
    draw_images(left, image[None], columns=1, title="image")
    draw_images(
        below, np.maximum(maps, 0) / max(1e-9, maps.max()), columns=n, title="maps after ReLU: dark is much"
    )
    shares = ", ".join(f"{np.mean(m > 0):.0%}" for m in maps)
    picture.alt = (
        f"{title + '. ' if title else ''}{n} filters of {filters.shape[1]} by {filters.shape[2]}, and below "
        f"each the map it makes of one digit after ReLU. Share of each map above 0: {shares}."
    )
    return picture


# -- curves ---------------------------------------------------------------------------------------------


def by_shift(pixels: Sequence[int], curves: Mapping[str, Sequence[float]], title: str) -> Picture:
    """Percent of new digits right, by how far they were moved to the right: a line a network."""
    picture = Picture(9, 3.4)
    ax = style(
        picture.add_subplot(), title, "new digits moved to the right by so many pixels", "percent right"
    )
    for (name, y), colour, marker in zip(curves.items(), RUNS, RUN_MARKERS):
        ax.plot(pixels, 100 * np.asarray(y), color=colour, marker=marker, linewidth=2, label=name)
    ax.set_ylim(0, 103)
    ax.set_xticks(list(pixels))
    ax.legend(fontsize=9.5, labelcolor=GREY, frameon=False, loc="lower left")
    said = [
        f"{name}: {', '.join(f'{100 * v:.0f}' for v in y)}" for name, y in curves.items()
    ]  # fmt: skip
    picture.alt = f"{title}. Percent right, moved by {', '.join(map(str, pixels))} pixels. {'. '.join(said)}."
    return picture


def moved_digit(images: Sequence[Any], names: Sequence[str]) -> Picture:
    """The same digit in several ways, each with its name below."""
    picture = Picture(1.5 * len(images), 1.9)
    draw_images(picture.add_subplot(), np.array(images), list(names), columns=len(images))
    picture.alt = f"One digit, {len(images)} times: {', '.join(names)}."
    return picture


def gradients(images: Mapping[str, np.ndarray], words: str) -> Picture:
    """Gradients of an image (H, W) side by side: blue above 0, orange and striped below."""
    picture = Picture(2.9 * len(images), 2.9)
    for ax, (name, image) in zip(picture.subplots(1, len(images), squeeze=False)[0], images.items()):
        height, width = image.shape
        ax.imshow(_signed(image), extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="nearest")
        ax.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, color=GREY, clip_on=False))
        _named(ax, name)
    picture.alt = words
    return picture


def signals(
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str, xlabel: str, ylabel: str
) -> Picture:
    """Rows of numbers (x, y) as lines, each with its name."""
    picture = Picture(9, 3)
    ax = style(picture.add_subplot(), title, xlabel, ylabel)
    for (name, (x, y)), colour, width in zip(lines.items(), (GREY, *RUNS), (0.8, 2.2, 2.2, 2.2)):
        ax.plot(x, y, color=colour, linewidth=width, label=name)
    ax.legend(
        fontsize=9.5, labelcolor=GREY, frameon=False, loc="lower right", ncols=3, bbox_to_anchor=(1, 0.98)
    )
    said = [
        f"{name}: {len(y)} numbers from {number(y.min())} to {number(y.max())}"
        for name, (_, y) in lines.items()
    ]
    picture.alt = f"{title}. {'; '.join(said)}."
    return picture
