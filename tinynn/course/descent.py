"""Chapter 02's data, its broken gradient and its own pictures; its exercises are in `exercises/ch02`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .plots import BLUE, GREEN, GREY, INK, RED, RUN_MARKERS, RUNS, Picture, draw_paths, style
from .plots.given import number
from .plots.paths import paths_in_words
from .plots.style import PATTERNS, write
from .start import seen_and_new

ROW, COLUMN = 3, 5  # the pixel that the scanner has lost
Function = Callable[[np.ndarray], Any]

# -- data ------------------------------------------------------------------------------------------------


def dead_pixel() -> tuple[np.ndarray, np.ndarray]:
    """The ink to the left and to the right of the lost pixel (N, 2), and its own (N,), in real digits."""
    images = seen_and_new()[0].x[:, 0].astype(float)  # (N, 8, 8)
    return images[:, ROW, [COLUMN - 1, COLUMN + 1]], images[:, ROW, COLUMN]


def landscape(x: np.ndarray, t: np.ndarray) -> Callable:
    """The mean squared error of ``x @ (a, b)``, as a function of two numbers or of two arrays."""
    c, d, e = x.T @ x / len(x), x.T @ t / len(x), (t * t).mean()  # the square, multiplied out

    def height(a: Any, b: Any) -> Any:
        return c[0, 0] * a * a + 2 * c[0, 1] * a * b + c[1, 1] * b * b - 2 * (d[0] * a + d[1] * b) + e

    return height


def digits_in_rows() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Digits to learn from, (N, 64) and labels (N,), then new ones of the same kind."""
    seen, new = seen_and_new()
    flat = [part.x.reshape(len(part), -1).astype(float) for part in (seen, new)]
    return flat[0], seen.y, flat[1], new.y


def path(descend: Callable, gradient: Function, start: Any, lr: float, steps: int) -> np.ndarray:
    """Every place on the way of `descend`, the start included: (steps + 1, ...)."""
    places = [np.asarray(start, float)]
    for _ in range(steps):
        places.append(descend(gradient, places[-1], lr, 1))
    return np.array(places)


# -- broken on purpose -----------------------------------------------------------------------------------


def mystery_gradient(w, x, t):
    """The gradient of the mean squared error of x @ w, with respect to w."""
    difference = x @ w - t  # (N, 2) @ (2,) - (N,) -> (N,)
    return 2 * x.T @ difference  # (2, N) @ (N,) -> (2,)


def more_and_more(counts: Sequence[int], gradient: Callable, lr: float, steps: int = 12) -> dict[int, list]:
    """The losses on the way down with the first so many examples, by their number."""
    x, t = dead_pixel()
    found: dict[int, list] = {}
    for n in counts:
        w, found[n] = np.zeros(2), []
        for _ in range(steps + 1):
            found[n].append(float(((x[:n] @ w - t[:n]) ** 2).mean()))
            w = w - lr * gradient(w, x[:n], t[:n])
    return found


def growing(by_count: Mapping[int, Sequence[float]], title: str) -> Picture:
    """One curve for each number of examples, cut off where a loss is beyond all measure."""
    picture = Picture(7, 3.4)
    ax = style(picture.add_subplot(), title, "step", "loss")
    for i, (n, y) in enumerate(by_count.items()):
        ax.plot(y, PATTERNS[i], color=RUNS[i], marker=RUN_MARKERS[i], markersize=4, label=f"{n} examples")
    ax.set(yscale="log", ylim=(0.03, 1e4))
    ax.legend(fontsize=9, labelcolor=GREY, frameon=False, handlelength=3.5)
    ends = "; ".join(f"{n} examples {number(y[0])} to {number(y[-1])}" for n, y in by_count.items())
    picture.alt = f"{title}. Loss from the start to the last of the steps: {ends}."
    return picture


# -- pictures of a loss ------------------------------------------------------------------------------------


def lost_pixels(images: np.ndarray) -> Picture:
    """Images (n, 8, 8) with the lost pixel as a question mark between its neighbours, a and b."""
    picture = Picture(9, 9 / len(images), arrange=False)
    for i, image in enumerate(images):
        ax = picture.add_axes(((i + 0.03) / len(images), 0.03, 0.94 / len(images), 0.94))
        shown = image.copy()
        shown[ROW, COLUMN] = 0
        ax.imshow(shown, cmap=INK, vmin=0, vmax=1)
        for column, letter in ((COLUMN - 1, "a"), (COLUMN, "?"), (COLUMN + 1, "b")):
            dark = shown[ROW, column] > 0.5
            ax.text(column, ROW, letter, ha="center", va="center", fontsize=11, fontweight="bold",
                    color="white" if dark else RED if letter == "?" else BLUE)  # fmt: skip
        ax.set_axis_off()
    picture.alt = (
        f"{len(images)} digits of 8 x 8 pixels. In each the pixel in row {ROW}, column {COLUMN} is lost and "
        "shown as a question mark; a is the pixel to its left, b the one to its right."
    )
    return picture


def error_squares(guess: np.ndarray, truth: np.ndarray, title: str = "") -> Picture:
    """Each guess beside the truth, and the square on their difference."""
    from matplotlib.patches import Rectangle

    picture = Picture(9, 2.4)
    ax = style(picture.add_subplot(), title, "digit", "ink")
    for n, (y, t) in enumerate(zip(guess, truth, strict=True)):
        corner = (n, min(y, t))
        ax.add_patch(Rectangle(corner, abs(y - t), abs(y - t), facecolor=RED, alpha=0.25))
        ax.add_patch(Rectangle(corner, abs(y - t), abs(y - t), fill=False, edgecolor=RED))
    ax.plot(range(len(truth)), truth, "o", color=BLUE, label="truth")
    ax.plot(range(len(guess)), guess, "x", color=GREY, markeredgewidth=2, label="guess")
    ax.set(aspect="equal", xlim=(-0.4, len(truth)), ylim=(-0.1, 1.15), xticks=range(len(truth)))
    ax.legend(
        fontsize=9, labelcolor=GREY, frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.98)
    )
    squares = (np.asarray(guess) - truth) ** 2
    picture.alt = (
        f"{title}. {len(truth)} guesses and truths, a square on each difference. Areas: "
        f"{', '.join(map(number, squares))}; their mean is {number(squares.mean())}."
    )
    return picture


def slopes(f: Callable, at: float, eps: float, low: float, high: float) -> Picture:
    """A curve, its tangent at one place, and the lines through two points: to one side, and to both."""
    picture = Picture(7, 3.4)
    ax = style(picture.add_subplot(), "How steep is it at the ring?", "one weight", "loss")
    places = np.linspace(low, high, 200)
    ax.plot(places, f(places), color=GREY, linewidth=2)
    true = (f(at + 1e-6) - f(at - 1e-6)) / 2e-6
    lines = (
        ("one side", at, at + eps, RED, "--", "s"),
        ("both sides", at - eps, at + eps, BLUE, "-", "D"),
    )
    said = [f"true slope {number(true)}"]
    for name, left, right, colour, pattern, marker in lines:
        slope = (f(right) - f(left)) / (right - left)
        reach = np.array([at - 1.6 * eps, at + 1.6 * eps])
        ax.plot(reach, f(left) + slope * (reach - left), pattern, color=colour, linewidth=1.6,
                label=f"{name}: slope {number(slope)}")  # fmt: skip
        ax.plot([left, right], [f(left), f(right)], marker, color=colour, markersize=7)
        said.append(f"through {name} {number(slope)}")
    ax.plot(at, f(at), "o", markersize=13, markerfacecolor="none", markeredgecolor=GREY, markeredgewidth=2)
    ax.plot([], [], " ", label=said[0])
    ax.legend(fontsize=9, labelcolor=GREY, frameon=False)
    picture.alt = (
        f"A bent curve and its slope at {number(at)}, with a step of {number(eps)}: {'; '.join(said)}."
    )
    return picture


# -- pictures of a descent ---------------------------------------------------------------------------------


def walk(f: Callable, places: np.ndarray, lr: float, a: tuple, b: tuple) -> Picture:
    """The path on the contour of f, and the loss of each step beside it."""
    picture = Picture(9, 3.8, arrange=False)  # fixed places: a layout takes longer than the drawing
    left, right = picture.add_axes((0.07, 0.13, 0.47, 0.78)), picture.add_axes((0.63, 0.13, 0.36, 0.78))
    title, names = f"{len(places) - 1} steps at a rate of {number(lr)}", ("weight a", "weight b")
    draw_paths(left, f, {"path": places}, a, b, title, names)
    if legend := left.get_legend():
        legend.remove()  # one path needs no name
    heights = np.asarray(f(*places.T))
    style(right, "Loss of each step", "step", "loss")
    right.plot(heights, color=BLUE, marker="o", markersize=3.5, linewidth=1.6)
    right.set(yscale="log", ylim=(0.05, 100))
    right.minorticks_off()
    ends = f"Loss beside it: {number(heights[0])} at first, {number(heights[-1])} after the last step"
    ends += ", growing." if heights[-1] > heights[0] else "."
    picture.alt = f"{paths_in_words(f, {'path': places}, a, b, title, names)} {ends}"
    return picture


def curve(losses: Sequence[float], title: str, classes: int) -> Picture:
    """The loss from before the first step on, and where a network of so many classes should begin."""
    picture = Picture(7, 3)
    ax = style(picture.add_subplot(), title, "step", "cross-entropy")
    ax.plot(losses, color=BLUE, linewidth=2)
    ax.plot(0, losses[0], "o", color=BLUE, markersize=7, clip_on=False)
    ax.axhline(np.log(classes), color=GREY, linestyle=":", linewidth=1.4)
    write(ax, f"ln {classes}", (len(losses) - 1, np.log(classes)), (0, 4), GREY, ha="right")
    ax.set(xlim=(0, len(losses) - 1), ylim=(0, 1.15 * max(losses[0], np.log(classes))))
    picture.alt = (
        f"{title}. Cross-entropy {number(losses[0])} before the first step and {number(losses[-1])} after "
        f"{len(losses) - 1} steps; a dotted line at ln {classes}, {number(np.log(classes))}."
    )
    return picture


# -- pictures of softmax -----------------------------------------------------------------------------------


def shares(scores: Sequence[float], names: Sequence[str] = ()) -> Picture:
    """Scores, their exponentials, and the shares of 1 that these are."""
    s = np.asarray(scores, float)
    e = np.exp(s)
    names = list(names) or [str(i) for i in range(len(s))]
    picture = Picture(9, 2.7)
    steps = (
        ("scores", s, GREY),
        ("exp: all above 0", e, GREEN),
        ("divided by their sum: shares", e / e.sum(), BLUE),
    )
    for ax, (title, heights, colour) in zip(picture.subplots(1, 3), steps, strict=True):
        style(ax, title, "class").grid(visible=False)
        ax.bar(names, heights, color=colour, width=0.6)
        ax.axhline(0, color=GREY, linewidth=0.8)
        ax.margins(y=0.2)
        for i, height in enumerate(heights):
            offset, side = ((0, 3), "bottom") if height >= 0 else ((0, -3), "top")
            write(ax, f"{height:.2f}".replace("-", "−"), (i, height), offset, colour, ha="center", va=side)
    parts = [f"{title} {', '.join(f'{h:.2f}' for h in heights)}" for title, heights, _ in steps]
    picture.alt = f"Three rows of bars for the classes {', '.join(names)}: {'; '.join(parts)}."
    return picture


def minus_log(marked: Sequence[float] = (1, 0.5, 0.1, 0.01)) -> Picture:
    """The loss of one example as a function of the share that its true class was given."""
    picture = Picture(7, 3)
    ax = style(picture.add_subplot(), "−log(share of the true class)", "share of the true class", "loss")
    p = np.linspace(0.005, 1, 400)
    ax.plot(p, -np.log(p), color=BLUE, linewidth=2)
    for share in marked:
        loss = abs(np.log(share))
        ax.plot(share, loss, "o", color=RED, clip_on=False)
        write(ax, f"{share:g} → {loss:.2f}", (share, loss), (8, 4), RED, clip_on=False, annotation_clip=False)
    ax.set(xlim=(0, 1.12), ylim=(0, 5.4))
    said = ", ".join(f"{abs(np.log(share)):.2f} for {share:g}" for share in marked)
    picture.alt = f"A curve that falls from above 5 to 0. Loss by share of the true class: {said}."
    return picture
