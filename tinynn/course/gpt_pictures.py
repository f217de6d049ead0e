"""Pictures of chapter 13: shares of the next character, bits per character, one stream and its targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .plots import AMBER, BLUE, GREY, Picture, style

SHOWN = 16


def shares(
    logits: np.ndarray, names: Sequence[str], temperature: float, top_k: int, shown: int = SHOWN
) -> Picture:
    """What may be drawn, the likeliest first; hatched what top-k has cut off."""
    order = np.argsort(-logits)
    z = logits[order] / temperature
    e = np.exp(z - z[0])
    kept = np.where(np.arange(len(e)) < top_k, e, 0)
    p = kept / kept.sum()
    picture = Picture(8, 3)
    ax = picture.add_subplot()
    at = np.arange(shown)
    ax.bar(at, p[:shown], color=BLUE, width=0.75)
    cut = at >= top_k
    ax.bar(at[cut], (e / e.sum())[:shown][cut], color="none", edgecolor=GREY, hatch="///", width=0.75)
    style(ax, f"Temperature {temperature}, top {top_k}", "the likeliest characters", "share")
    ax.set_xticks(at, [repr(names[i])[1:-1].replace(" ", "space") for i in order[:shown]], fontsize=9)
    ax.set_ylim(0, 1)
    rest = p[shown:].sum()
    ax.text(0.99, 0.92, f"all others together: {rest:.2f}", transform=ax.transAxes, ha="right", color=GREY)
    best = ", ".join(f"{names[i]!r} {q:.2f}" for i, q in zip(order[:3], p))
    picture.alt = (
        f"Bars: shares of the next character at temperature {temperature} with the {top_k} likeliest kept. "
        f"First {best}; all beyond the first {shown} together {rest:.2f}."
    )
    return picture


def bits(found: Mapping[str, float], title: str) -> Picture:
    """Bits per character by method, lying bars; fewer are better."""
    picture = Picture(8, 0.5 * len(found) + 1.2)
    ax = picture.add_subplot()
    names = list(found)[::-1]
    values = [found[name] for name in names]
    ax.barh(names, values, color=[AMBER if "GPT" in name else GREY for name in names], height=0.6)
    for i, value in enumerate(values):
        ax.text(value + 0.02, i, f"{value:.2f}", va="center", color=GREY)
    style(ax, title, "bits per character of held-out files (fewer are better)", "").grid(
        axis="y", visible=False
    )
    ax.set_xlim(0, max(values) * 1.12)
    picture.alt = title + ". " + ", ".join(f"{name}: {found[name]:.2f}" for name in found) + "."
    return picture


def targets(text: str, length: int) -> Picture:
    """A piece of the stream and, below each character, its target."""
    picture = Picture(8, 1.9)
    ax = picture.add_subplot()
    for i in range(length):
        for row, (character, colour) in enumerate(((text[i], BLUE), (text[i + 1], AMBER))):
            ax.text(i, -row, character.replace(" ", "␣"), ha="center", va="center", fontsize=14, color=colour,
                    family="monospace", fontweight="bold")  # fmt: skip
        ax.annotate("", (i, -0.7), (i, -0.3), arrowprops={"arrowstyle": "->", "color": GREY})
    ax.set(xlim=(-2.2, length - 0.4), ylim=(-1.5, 0.5))
    ax.text(-0.7, 0, "sees  x", ha="right", va="center", color=GREY)
    ax.text(-0.7, -1, "says  y", ha="right", va="center", color=GREY)
    ax.set_axis_off()
    picture.alt = (
        f"Two rows: x is {text[:length]!r}; below each character its target: y is {text[1 : length + 1]!r}."
    )
    return picture
