"""Chapter 06's pictures: training and validation apart, and how far each goes with size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..plots import AMBER, BLUE, GREEN, GREY, RED, RUN_MARKERS, RUNS, Picture, style
from ..plots.given import number
from ..plots.style import PATTERNS, write
from .learning import Curves


def apart(found: Curves, title: str) -> Picture:
    """Loss and percent right by epoch, on what was learned from and on what was kept back."""
    picture = Picture(9, 3.4)
    left, right = picture.subplots(1, 2)
    parts = (("training", "-", BLUE), ("validation", "--", RED))
    style(left, f"Loss. {title}", "epoch", "loss")
    style(right, "Right answers", "epoch", "percent")
    for (name, line, colour), losses, shares in zip(parts, found[:2], found[2:]):
        epochs = np.arange(1, len(losses) + 1)
        left.plot(epochs, losses, line, color=colour, linewidth=2, label=name)
        right.plot(epochs, 100 * np.asarray(shares), line, color=colour, linewidth=2, label=name)
    best = int(np.argmin(found.val_loss))
    for ax, at in ((left, found.val_loss[best]), (right, 100 * found.val_right[best])):
        ax.plot(best + 1, at, "o", color=RED, markersize=11, markerfacecolor="none", markeredgewidth=2)
        ax.legend(fontsize=9, labelcolor=GREY, frameon=False)
    write(left, f"lowest: epoch {best + 1}", (best + 1, found.val_loss[best]), (0, 24), RED)
    left.set_ylim(0, 2.6)
    right.set_ylim(0, 103)
    picture.alt = (
        f"{title}. Training loss {number(found.loss[0])} after the first epoch, {number(found.loss[-1])} at "
        f"the end; validation loss lowest after epoch {best + 1}, {number(found.val_loss[best])}, and "
        f"{number(found.val_loss[-1])} at the end. Right at the end: {100 * found.right[-1]:.0f}% of the "
        f"training digits by their labels, {100 * found.val_right[-1]:.0f}% of the validation digits."
    )
    return picture


def by_size(sizes: Sequence[int], found: Mapping[str, Sequence[float]], title: str) -> Picture:
    """Shares right by number of hidden units, a line for each kind of labels."""
    picture = Picture(8, 3.4)
    ax = style(picture.add_subplot(), title, "hidden units", "percent of the validation digits")
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(n) for n in sizes])
    ax.minorticks_off()
    for i, (name, shares) in enumerate(found.items()):
        y = 100 * np.asarray(shares)
        ax.plot(sizes, y, PATTERNS[i], color=RUNS[i], marker=RUN_MARKERS[i], markersize=5, linewidth=2)
        write(ax, name, (sizes[-1], y[-1]), (8, -3), RUNS[i], annotation_clip=False)
    ax.set_ylim(0, 103)
    said = "; ".join(
        f"{name}: " + ", ".join(f"{100 * s:.0f}% with {n}" for n, s in zip(sizes, shares))
        for name, shares in found.items()
    )
    picture.alt = f"{title}. Percent of the validation digits right by hidden units. {said}."
    return picture


def bars(shares: Mapping[str, float], title: str, xlabel: str) -> Picture:
    """A bar for each share, with its number; names at the left."""
    picture = Picture(8, 0.9 + 0.42 * len(shares))
    ax = style(picture.add_subplot(), title, xlabel)
    ax.grid(axis="y", visible=False)
    names, values = list(shares), 100 * np.array(list(shares.values()))
    hatches, colours = ("", "//", "..", "\\\\", "xx", "--"), (BLUE, RED, GREEN, AMBER, GREY, BLUE)
    for i, value in enumerate(values):
        ax.barh(
            i, value, height=0.6, color=colours[i % 6], alpha=0.75, hatch=hatches[i % 6], edgecolor="white"
        )
        write(ax, f"{value:.0f}", (value, i), (5, 0), GREY, va="center")
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlim(0, 108)
    picture.alt = f"{title}. {xlabel}: " + ", ".join(f"{n} {v:.0f}" for n, v in zip(names, values)) + "."
    return picture


def winners_picture(told: np.ndarray, truly: np.ndarray, size: int) -> Picture:
    """Each winner's share on the test set that chose it against its share on all other digits."""
    picture = Picture(6.4, 3.8)
    ax = style(picture.add_subplot(), f"{len(told)} winners, each chosen on {size} digits",
               "percent right on these: the promise", "percent right on all others")  # fmt: skip
    x, y = 100 * told, 100 * truly
    low, high = min(x.min(), y.min()) - 3, 101
    ax.plot([low, high], [low, high], ":", color=GREY, linewidth=1.4)
    write(ax, "promise kept", (low + 4, low + 4), (-6, 4), GREY)
    ax.plot(x, y, "o", color=BLUE, markersize=6, alpha=0.6)
    ax.plot(x.mean(), y.mean(), "s", color=RED, markersize=10, markerfacecolor="none", markeredgewidth=2)
    write(ax, "mean", (x.mean(), y.mean()), (10, -4), RED)
    picture.alt = (
        f"{len(x)} winners, each the best of many networks on a test set of {size} digits. There they get "
        f"{x.mean():.0f}% right on average, on all other digits {y.mean():.0f}%. "
        f"{int((x > y).sum())} of {len(x)} promised more than they kept."
    )
    return picture
