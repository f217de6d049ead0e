"""Two pictures in one: what was learned or answered, beside a curve of how well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .curves import curve_in_words, draw_loss
from .images import draw_images, grid_in_words
from .style import BLUE, GREY, RED, Picture, style, write
from .weights import draw_weights, weights_in_words


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
    words = grid_in_words(np.asarray(images), labels, predicted, "Beside it, new digits")
    picture.alt = f"{curve_in_words(losses)} {words} Of all new digits {100 * right:.0f}% are right."
    return picture


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
    write(squares, f"+ ink says {up}    − ink says {down}", below, (0, -14), GREY, ha="center")
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
    write(ax, "your rule", (counts[-1] * 1.25, 100 * rule), (0, -14), RED, ha="right")
    picture.alt = (
        f"{weights_in_words(w, up, down)} Beside it, percent of new digits right by number of examples: "
        f"{', '.join(f'{m:.0f} after {n}' for n, m in zip(tried, middle))}; your rule {100 * rule:.0f}."
    )
    return picture
