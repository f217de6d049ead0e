"""The course's pictures. Each function returns a `Picture`: a Figure that also says in words what it shows.

Backgrounds are transparent and greys are in the middle, so that one picture reads on a light and on a dark
page. Colours are from M. Okabe and K. Ito, Color Universal Design (2008); a sign, a mark or a line's pattern
always says the same as the colour.
"""

from __future__ import annotations

import html
import io
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

BLUE, RED, GREEN, GREY = "#1a7fc4", "#d55e00", "#009e73", "#7a7a7a"
INK = "gray_r"  # dark ink on white paper
DPI = 150
SCREEN_DPI = 84  # a picture 9 inches wide is 756 pixels wide on the page


class Picture(Figure):
    """A Figure with a text alternative, drawn without pyplot so that nothing global remembers it.

    In a notebook it becomes a PNG whose metadata carry `alt`, followed by the same words in a line that
    unfolds, since neither JupyterLab nor nbconvert passes alt text on to its images.
    """

    alt: str = ""

    def __init__(self, width: float, height: float, arrange: bool = True) -> None:
        layout: Any = "constrained" if arrange else None
        super().__init__(figsize=(width, height), dpi=DPI, layout=layout, facecolor="none")

    def png(self, dpi: float = DPI) -> bytes:
        """The picture as the bytes of a PNG file."""
        data = io.BytesIO()
        self.savefig(data, format="png", dpi=dpi, metadata={"Software": None})
        return data.getvalue()

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a notebook stores, by type: the image and its words; and the metadata with the alt text."""
        width, height = (round(inches * SCREEN_DPI) for inches in self.get_size_inches())
        about = {"image/png": {"alt": self.alt, "width": width, "height": height}}
        return {"image/png": self.png(), "text/plain": self.alt}, about

    def _ipython_display_(self) -> None:
        from IPython.display import display

        data, about = self.bundle()
        display(data, metadata=about, raw=True)
        display({"text/html": in_words(self.alt), "text/plain": self.alt}, raw=True)


def in_words(text: str) -> str:
    """A line that unfolds to `text`; by keyboard too."""
    summary = "<summary><small>Picture in words</small></summary>"
    return f"<details>{summary}<small>{html.escape(text)}</small></details>"


def style(ax: Axes, title: str = "", xlabel: str = "", ylabel: str = "") -> Axes:
    """The course's axes: two thin spines, a faint grid, a title at the left."""
    ax.set_facecolor("none")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(colors=GREY, labelsize=9)
    ax.grid(color=GREY, alpha=0.2, linewidth=0.6)
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    ax.set_xlabel(xlabel, fontsize=10, color=GREY)
    ax.set_ylabel(ylabel, fontsize=10, color=GREY)
    return ax


# -- images ----------------------------------------------------------------------------------------


def image_grid(
    images: Any, labels: Any = None, predicted: Any = None, columns: int = 12, title: str = ""
) -> Picture:
    """Images (N, H, W) in rows, the label under each; with `predicted`, ✓ and that, or ✗ that (label)."""
    images = np.asarray(images)
    rows = max(1, -(-len(images) // columns))
    picture = Picture(9, 0.35 * bool(title) + rows * 9 / columns * (1.0 if labels is None else 1.28))
    draw_images(picture.add_subplot(), images, labels, predicted, columns, title)
    picture.alt = _grid_in_words(images, labels, predicted, title)
    return picture


def draw_images(
    ax: Axes, images: Any, labels: Any = None, predicted: Any = None, columns: int = 12, title: str = ""
) -> None:
    """Draw the grid of `image_grid` on `ax`: one mosaic, since one image draws faster than thirty."""
    images = np.asarray(images)
    n, height, width = images.shape
    rows, gap = max(1, -(-n // columns)), max(1, height // 8)
    below = 0 if labels is None else round(0.32 * height)
    tall, wide = height + gap + below, width + gap
    mosaic = np.full((rows * tall, columns * wide), np.nan)  # NaN is not drawn: the page shows through
    for i, image in enumerate(images):
        top, left = i // columns * tall, i % columns * wide
        mosaic[top : top + height, left : left + width] = image
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, color=GREY, linewidth=0.5))
        if labels is not None:
            _caption(ax, left, top, width, height, labels[i], None if predicted is None else predicted[i])
    ax.imshow(mosaic, cmap=INK, vmin=0, vmax=1, interpolation="nearest")
    ax.set_anchor("NW")
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    ax.set_axis_off()


def _caption(ax: Axes, left: int, top: int, width: int, height: int, label: Any, said: Any) -> None:
    right = said is None or said == label
    text = str(label) if said is None else f"✓ {said}" if right else f"✗ {said} ({label})"
    colour = GREY if said is None else BLUE if right else RED
    size, weight = (10, "normal") if right else (8.5, "bold")
    x, y = left + width / 2 - 0.5, top + height * 1.05
    ax.text(x, y, text, ha="center", va="top", fontsize=size, color=colour, fontweight=weight)
    if not right:
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, color=RED, linewidth=2.2))


def _grid_in_words(images: np.ndarray, labels: Any, predicted: Any, title: str) -> str:
    start = f"{title}. " if title else ""
    start += f"{len(images)} image{'s' * (len(images) != 1)} of {images.shape[1]} x {images.shape[2]} pixels"
    if labels is None:
        return start + "."
    if predicted is None:
        counts = [(label, len(list(same))) for label, same in groupby(labels)]
        return f"{start}, labelled {', '.join(f'{y} ({n} times)' if n > 1 else f'{y}' for y, n in counts)}."
    wrong = Counter((int(y), int(p)) for y, p in zip(labels, predicted) if y != p)
    which = "; ".join(f"{p} instead of {y}{f', {n} times' * (n > 1)}" for (y, p), n in sorted(wrong.items()))
    return (
        f"{start}: {len(images) - wrong.total()} right, {wrong.total()} wrong{f' ({which})' * bool(wrong)}."
    )


# -- curves ----------------------------------------------------------------------------------------


def loss_curve(
    losses: Sequence[float], total: int | None = None, title: str = "Loss, step by step"
) -> Picture:
    """The loss of each training step, and its running mean as a bold line."""
    picture = Picture(6, 3)
    draw_loss(picture.add_subplot(), losses, total, title)
    picture.alt = curve_in_words(losses)
    return picture


def draw_loss(ax: Axes, losses: Sequence[float], total: int | None = None, title: str = "") -> None:
    style(ax, title, "training step", "loss: how wrong")
    y = np.asarray(losses, dtype=float)
    ax.set_xlim(0, max(total or len(y), 1))
    ax.set_ylim(0, max(2.5, 1.05 * y.max()) if len(y) and np.isfinite(y).all() else 2.5)
    ax.plot(np.arange(1, len(y) + 1), y, color=BLUE, linewidth=0.7, alpha=0.45)
    if len(y):
        ax.plot(np.arange(1, len(y) + 1), running_mean(y), color=BLUE, linewidth=2.2)
        ax.plot(len(y), running_mean(y)[-1], "o", color=BLUE, markersize=6, clip_on=False)


def running_mean(y: np.ndarray, window: int = 25) -> np.ndarray:
    """The mean of each element and up to `window` - 1 before it."""
    sums = np.concatenate([[0.0], np.cumsum(y)])
    last = np.arange(1, len(y) + 1)
    first = np.maximum(last - window, 0)
    return (sums[last] - sums[first]) / (last - first)


def curve_in_words(losses: Sequence[float]) -> str:
    """The first, the smoothed last and the number of losses, as a sentence."""
    if not len(losses):
        return "An empty pair of axes, training step against loss: nothing is trained yet."
    last = running_mean(np.asarray(losses, dtype=float))[-1]
    return f"Loss over {len(losses)} training steps: {losses[0]:.2f} at the first, {last:.2f} at the last."


def learning(
    losses: Sequence[float], total: int, images: Any, labels: Any, predicted: Any, right: float
) -> Picture:
    """The loss curve beside images of new digits, each with what the network takes it for now.

    Parameters
    ----------
    losses : sequence of float
    total : int
        Steps of the whole run: the length of the axis.
    images : (N, H, W)
    labels, predicted : (N,)
    right : float, 0 to 1
        Share of all new digits that are right.
    """
    picture = Picture(9, 3.4, arrange=False)  # fixed places: working out a layout takes longer than drawing
    left, grid = picture.add_axes((0.06, 0.15, 0.36, 0.75)), picture.add_axes((0.46, 0.02, 0.53, 0.88))
    draw_loss(left, losses, total, f"After {len(losses)} of {total} steps")
    draw_images(grid, images, labels, predicted, 8, f"New digits: {100 * right:.0f}% right")
    words = _grid_in_words(np.asarray(images), labels, predicted, "Beside it, new digits")
    picture.alt = f"{curve_in_words(losses)} {words} Of all new digits {100 * right:.0f}% are right."
    return picture


def runs(curves: dict[str, Sequence[float]], title: str, ylabel: str, chance: float | None = None) -> Picture:
    """Several runs' numbers on one pair of axes, epoch by epoch, each named at its end; shares are 0 to 1."""
    picture = Picture(9, 3.2)
    ax = style(picture.add_subplot(), title, "epoch: one pass over the examples", ylabel)
    patterns = [(BLUE, "-", "o"), (RED, "--", "s"), (GREEN, "-.", "^")]
    highest = max(curves, key=lambda name: curves[name][-1])
    for (name, y), (colour, line, marker) in zip(curves.items(), patterns):
        x = np.arange(1, len(y) + 1)
        ax.plot(x, 100 * np.asarray(y), line, color=colour, marker=marker, markersize=4, linewidth=2)
        side = "bottom" if name == highest else "top"  # names of curves that end together stay apart
        _write(ax, name, (x[-1], 100 * y[-1]), (8, 0), colour, va=side, annotation_clip=False)
    if chance is not None:
        ax.axhline(100 * chance, color=GREY, linewidth=1, linestyle=":")
        _write(ax, "guessing", (x[-1] / 2, 100 * chance), (0, 8), GREY, ha="center")
    ax.set_ylim(0, 103)
    ends = ", ".join(f"{name} {100 * y[0]:.0f}% to {100 * y[-1]:.0f}%" for name, y in curves.items())
    picture.alt = f"{title}. From the first epoch to the last: {ends}."
    return picture


def _write(ax: Axes, text: str, at: Any, offset: tuple[int, int], colour: str, **how: Any) -> None:
    """Write `text` a few points away from a place in the plot."""
    ax.annotate(
        text, at, xytext=offset, textcoords="offset points",
        color=colour, fontsize=10, fontweight="bold", **how,
    )  # fmt: skip


# -- weights ---------------------------------------------------------------------------------------


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


def examples_needed(
    counts: Sequence[int], shares: Any, rule: float, w: np.ndarray, up: str, down: str
) -> Picture:
    """What a layer learned from some examples, beside how right it is after so many, and after fewer.

    Parameters
    ----------
    counts : (M,) numbers of examples, ascending
    shares : (m, R)
        Shares of new digits right, 0 to 1, in R tries each, for the first m counts.
    rule : float
        Share that the hand-written rule gets right.
    w : (H, W)
        Weights learned from the last of those m counts.
    """
    shares = 100 * np.asarray(shares)
    tried, chosen = list(counts[: len(shares)]), counts[len(shares) - 1]
    picture = Picture(9, 3.5)
    squares, ax = picture.subplots(1, 2, width_ratios=(1, 1.6))
    draw_weights(squares, w, f"Weights after {chosen} examples")
    below = (w.shape[1] / 2 - 0.5, w.shape[0] - 0.4)
    _write(squares, f"+ ink says {up}    − ink says {down}", below, (0, -14), GREY, ha="center")
    style(ax, "New digits right", "number of examples learned from", "percent")
    ax.set_xscale("log", base=2)
    ax.set_xticks(counts, [str(n) for n in counts])
    ax.minorticks_off()
    ax.set_xlim(counts[0] / 1.3, counts[-1] * 1.3)
    ax.set_ylim(40, 102)
    middle = np.median(shares, axis=1)
    ax.fill_between(tried, shares.min(axis=1), shares.max(axis=1), color=BLUE, alpha=0.18, linewidth=0)
    ax.plot(tried, middle, color=BLUE, linewidth=2, marker="o", markersize=4)
    ax.plot(
        chosen,
        middle[-1],
        "o",
        markersize=13,
        markerfacecolor="none",
        markeredgecolor=BLUE,
        markeredgewidth=2,
    )
    ax.axhline(100 * rule, color=RED, linewidth=2, linestyle="--")
    _write(ax, "your rule", (counts[-1] * 1.25, 100 * rule), (0, -14), RED, ha="right")
    picture.alt = (
        f"{weights_in_words(w, up, down)} Beside it, percent of new digits right by number of examples: "
        f"{', '.join(f'{m:.0f} after {n}' for n, m in zip(tried, middle))}; your rule {100 * rule:.0f}."
    )
    return picture
