"""Pictures of chapter 11: four matrices in a row, a query in the plane, what a date's digits look at."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ..data import AlignedDate
from . import dates
from .plots import BLUE, GREEN, GREY, RED, Picture, attention_in_words, draw_attention, style

Matrix = np.ndarray


def number(value: float) -> str:
    """Two decimals, no 0 before the point."""
    if value == -np.inf:
        return "−∞"
    text = f"{value:.2f}".replace("-", "−")
    return "0" if text.strip("−") == "0.00" else text.replace("0.", ".", 1) if abs(value) < 1 else text


def fields(ax: Axes, m: Matrix, title: str, rows: Sequence[str], columns: Sequence[str], colour: str) -> None:
    """A matrix as fields with their numbers, the stronger the larger; what is closed is hatched."""
    finite = np.where(np.isfinite(m), m, 0)
    most = max(float(np.abs(finite).max()), 1e-9)
    for (i, j), value in np.ndenumerate(m):
        closed = value == -np.inf
        strength = 0.06 + 0.5 * abs(finite[i, j]) / most
        ax.add_patch(Rectangle((j, i), 1, 1, facecolor=colour, alpha=strength if not closed else 0.02))
        ax.add_patch(Rectangle((j, i), 1, 1, fill=False, edgecolor=GREY, linewidth=0.7,
                               hatch="///" if closed else None, alpha=0.5))  # fmt: skip
        ax.text(j + 0.5, i + 0.52, number(value), ha="center", va="center", fontsize=9, color=GREY,
                fontweight="bold")  # fmt: skip
    ax.set(xlim=(-0.02, m.shape[1] + 0.02), ylim=(m.shape[0] + 0.02, -0.02), aspect="equal")
    style(ax, title).grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_xticks(np.arange(m.shape[1]) + 0.5, columns)
    ax.set_yticks(np.arange(m.shape[0]) + 0.5, rows)
    ax.tick_params(length=0, labelsize=9.5)


def in_a_row(q: Matrix, k: Matrix, v: Matrix, mask: Matrix, tokens: Sequence[str]) -> Picture:
    """Scores, masked scores, weights, and the mix of the values: four matrices."""
    scores = q @ k.T / q.shape[-1] ** 0.5
    closed = np.where(mask, scores, -np.inf)
    e = np.exp(closed - closed.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    width = [f"v{i}" for i in range(v.shape[-1])]
    steps = [
        ("1 scores", scores, tokens, GREY), ("2 mask", closed, tokens, GREY),
        ("3 softmax: weights", p, tokens, BLUE), ("4 mix", p @ v, width, GREEN),
    ]  # fmt: skip
    picture = Picture(9, 3.3)
    places = picture.subplots(1, 4, width_ratios=[len(tokens)] * 3 + [v.shape[-1]])
    for ax, (title, m, columns, colour) in zip(places, steps):
        fields(ax, m, title, tokens if ax is places[0] else [""] * len(tokens), columns, colour)
    places[0].set_ylabel("query", fontsize=10, color=GREY)
    for ax in places[:3]:
        ax.set_xlabel("key", fontsize=10, color=GREY)
    places[3].set_xlabel("p @ v", fontsize=10, color=GREY)
    rows = "; ".join(f"{t}: {', '.join(f'{x:.2f}' for x in row)}" for t, row in zip(tokens, p))
    picture.alt = (
        f"Four matrices in a row, a row for each of the queries {', '.join(tokens)}: the scores of its keys; "
        f"the same with {(~mask).sum()} scores closed, at minus infinity; the weights, each row adding up to "
        f"1 ({rows}); and the mix of the values, {p.shape[0]} by {v.shape[-1]}."
    )
    return picture


# -- a query in the plane ----------------------------------------------------------------------------------

NAMES = "abcd"
KEYS = [(0, 1.5), (75, 1.5), (140, 1.5), (250, 1.5)]  # degrees and length


def arrow(degrees: float, length: float) -> Matrix:
    return length * np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])


def weights_in_the_plane(degrees: float, length: float, first: float) -> tuple[Matrix, Matrix, Matrix]:
    """Query (2,), keys (4, 2) with the first one so long, and the weights (4,)."""
    keys = np.array([arrow(d, first if i == 0 else r) for i, (d, r) in enumerate(KEYS)])
    q = arrow(degrees, length)
    scores = keys @ q / 2**0.5
    e = np.exp(scores - scores.max())
    return q, keys, e / e.sum()


def plane(degrees: float, length: float, first: float) -> Picture:
    """The query and four keys as arrows, beside the four weights."""
    q, keys, p = weights_in_the_plane(degrees, length, first)
    picture = Picture(9, 3.7)
    left, right = picture.subplots(1, 2, width_ratios=(1, 1.1))
    for name, key, share in zip(NAMES, keys, p):
        _arrow(left, key, GREY, 1 + 4 * share)
        left.text(*(key * (1 + 0.25 / np.hypot(*key))), name, color=GREY, fontsize=12, fontweight="bold",
                  ha="center", va="center")  # fmt: skip
    _arrow(left, q, RED, 2, "--")
    left.text(*(q * (1 + 0.3 / max(np.hypot(*q), 0.3))), "query", color=RED, fontsize=10, fontweight="bold",
              ha="center", va="center")  # fmt: skip
    left.set(xlim=(-3.4, 3.9), ylim=(-3.2, 3.2), aspect="equal", xticks=[], yticks=[])
    style(left, "Keys a to d, and a query")
    right.bar(range(4), p, color=BLUE, width=0.6)
    for i, share in enumerate(p):
        right.text(i, share + 0.02, f"{share:.2f}", ha="center", color=GREY, fontsize=11, fontweight="bold")
    right.set(xlim=(-0.6, 3.6), ylim=(0, 1.12))
    right.set_xticks(range(4), NAMES)
    style(right, "The weights", "key", "share")
    told = ", ".join(f"{name} {share:.2f}" for name, share in zip(NAMES, p))
    picture.alt = (
        f"Four keys as arrows from one point: a of length {first:g} at 0 degrees; b, c, d of length 1.5 at "
        f"75, 140 and 250. A query of length {length:g} at {degrees:g} degrees. Weights: {told}."
    )
    return picture


def _arrow(ax: Axes, tip: Matrix, colour: str, width: float, pattern: str = "-") -> None:
    how = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "linestyle": pattern, "shrinkB": 0}
    ax.annotate("", (tip[0], tip[1]), (0, 0), arrowprops=how)


# -- maps --------------------------------------------------------------------------------------------------


def two_maps(right: Matrix, wrong: Matrix, tokens: Sequence[str]) -> Picture:
    """Two maps of weights side by side: as it should be, and with a mistake."""
    return maps({"right": right, "with the mistake": wrong}, tokens)


def maps(named: dict[str, Matrix], tokens: Sequence[str]) -> Picture:
    """Maps of weights side by side, each with its name."""
    picture = Picture(min(3.4 * len(named), 9), 3.3)
    for n, (name, weights) in enumerate(named.items(), 1):
        draw_attention(picture.add_subplot(1, len(named), n), weights, tokens, tokens, name)
    said = [attention_in_words(weights, tokens, tokens, name) for name, weights in named.items()]
    rows = [f"Rows of {name}: {_rows(weights, tokens)}." for name, weights in named.items()]
    picture.alt = " ".join([*said, *rows])
    return picture


def _rows(weights: Matrix, tokens: Sequence[str]) -> str:
    return "; ".join(f"{t} {', '.join(f'{w:.2f}' for w in row)}" for t, row in zip(tokens, weights))


def alignment(weights: Any, row: AlignedDate, title: str = "") -> Picture:
    """What each written character looks at: (10, S), with frames where the field is the same."""
    weights = np.asarray(weights)[:, : len(row.text)]
    picture = Picture(9, 3.9)
    draw_alignment(picture.add_subplot(), weights, row, title)
    picture.alt = alignment_in_words(weights, row, title)
    return picture


def draw_alignment(ax: Axes, weights: Matrix, row: AlignedDate, title: str = "") -> None:
    """Draw `alignment` on `ax`."""
    for (i, j), w in np.ndenumerate(np.clip(weights, 0, 1)):
        w = round(float(w), 1)  # few shades: the saved picture has 256 colours
        strong = w > 0.5  # under a number the colour jumps: in between neither grey nor white reads on it
        ax.add_patch(Rectangle((j, i), 1, 1, facecolor=BLUE, alpha=0.6 + 0.4 * w if strong else 0.7 * w,
                               linewidth=0))  # fmt: skip
        if w:
            text, colour = "1" if w == 1 else f"{w:.1f}".lstrip("0"), "white" if strong else GREY
            ax.text(j + 0.5, i + 0.53, text, ha="center", va="center", fontsize=8, color=colour)
    for i, j in np.argwhere(dates.belongs(row)):
        ax.add_patch(Rectangle((j + 0.04, i + 0.04), 0.92, 0.92, fill=False, edgecolor=RED, linewidth=1.1))
    ax.set(xlim=(0, len(row.text)), ylim=(len(row.iso), 0))
    style(ax, title, "read", "written").grid(visible=False)
    ax.set_xticks(np.arange(len(row.text)) + 0.5, [c if c != " " else "␣" for c in row.text])
    ax.set_yticks(np.arange(len(row.iso)) + 0.5, list(row.iso))
    ax.tick_params(length=0, labelsize=10)


def alignment_in_words(weights: Matrix, row: AlignedDate, title: str = "") -> str:
    """What each written character looks at most, and the share that falls into the frames."""
    tops = [f"{c} at {row.text[int(w.argmax())]!r} {w.max():.2f}" for c, w in zip(row.iso, weights)]
    share = dates.share_on_field(weights[None, None], [row])
    start = f"{title}. " if title else ""
    return (
        f"{start}{row.iso} written from {row.text!r}. Most of each: {', '.join(tops)}. "
        f"Of the digits' attention {100 * share:.0f}% falls on the characters of their field, in frames."
    )


def several_alignments(shown: Sequence[tuple[AlignedDate, Any]], title: str) -> Picture:
    """`alignment` of several dates, one below the other."""
    picture = Picture(9, 2.9 * len(shown) + 0.3)
    wrapped = "\n".join(textwrap.wrap(title, 85))
    for n, (row, weights) in enumerate(shown, 1):
        ax = picture.add_subplot(len(shown), 1, n)
        draw_alignment(ax, np.asarray(weights)[:, : len(row.text)], row, wrapped if n == 1 else "")
    said = [alignment_in_words(np.asarray(w)[:, : len(row.text)], row) for row, w in shown]
    picture.alt = " ".join([title, *said])
    return picture
