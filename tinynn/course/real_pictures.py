"""Pictures of chapter 17: roofs, states that merge, tiles, memory, occupancy, a timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ..gpu.resources import LIMITS, room
from . import real
from .plots import AMBER, BLUE, GREEN, GREY, PURPLE, RED, Picture, style

# -- roofs -------------------------------------------------------------------------------------------------


def roofs(cards: Sequence[real.Card], steps: Sequence[real.Step]) -> Picture:
    """Roofs of the cards, and steps where their operations for a byte place them."""
    picture = Picture(9, 4.4)
    ax = style(picture.add_subplot(), "", "operations for each byte", "operations a second, at most")
    x = np.geomspace(0.05, 300, 200)
    for card, colour, line in zip(cards, (BLUE, RED, GREEN, PURPLE), ("-", "--", "-.", ":")):
        ax.plot(x, [card.roof.at(i) for i in x], line, color=colour, linewidth=2)
        ax.annotate(
            card.name, (300, card.flops), (-4, 5), textcoords="offset points", color=colour,
            fontsize=10, fontweight="bold", ha="right",
        )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlim=(0.05, 300), ylim=(3e10, 3e14))
    for k, step in enumerate(sorted(steps, key=lambda s: s.intensity)):
        high = max(card.roof.at(step.intensity) for card in cards)
        ax.plot([step.intensity] * 2, [3e10, high], color=GREY, linewidth=1, linestyle=(0, (2, 2)))
        for card in cards:
            ax.plot(step.intensity, card.roof.at(step.intensity), "o", color=GREY, markersize=6)
        ax.annotate(
            step.name, (step.intensity, 4.2e10 * 1.9 ** (k % 2)), (8 * (k % 2) - 4, 0),
            textcoords="offset points", color=GREY, fontsize=10, ha=("right", "left")[k % 2],
        )  # fmt: skip
    places = "; ".join(f"{s.name} at {s.intensity:.3g}" for s in steps)
    ridges = "; ".join(f"{c.name} bends at {c.ridge:.3g}" for c in cards)
    picture.alt = f"Roofs by the vendor's figures: {ridges}. Operations for a byte: {places}."
    return picture


# -- states ------------------------------------------------------------------------------------------------


def merged(first: Sequence[float], second: Sequence[float]) -> Picture:
    """Two tiles of scores as bars of e^(s - m): each below its own maximum, then both below the larger."""
    picture = Picture(9, 3.5)
    left, right = picture.subplots(1, 2, sharey=True)
    tiles = [np.asarray(first, float), np.asarray(second, float)]
    own, both = [t.max() for t in tiles], max(t.max() for t in tiles)
    _tiles_of_bars(left, tiles, own, "each tile has its own m")
    _tiles_of_bars(right, tiles, [both, both], f"merged: m = {both:g}")
    told = []
    for ax, tops in ((left, own), (right, [both, both])):
        sums = [float(np.exp(t - m).sum()) for t, m in zip(tiles, tops)]
        told.append(" and ".join(f"m = {m:g}, l = {s:.2f}" for m, s in zip(tops, sums)))
        for k, (m, s) in enumerate(zip(tops, sums)):
            at = (len(tiles[0]) * k + len(tiles[k]) / 2 - 0.5 + 0.6 * k, 1.12)
            said = f"m = {m:g}\nl = {s:.2f}" if ax is left else f"l = {s:.2f}"
            ax.text(*at, said, ha="center", color=(BLUE, RED)[k], fontsize=10, fontweight="bold")
    total = sum(float(np.exp(t - both).sum()) for t in tiles)
    right.set_xlabel(f"scores; l of both = {total:.2f}", fontsize=10, color=GREY)
    picture.alt = (
        f"Bars of e^(s - m). Apart: {told[0]}. Below the larger maximum: {told[1]}; together {total:.2f}."
    )
    return picture


def _tiles_of_bars(ax: Axes, tiles: list[np.ndarray], tops: list[float], title: str) -> None:
    style(ax, title, "scores", "$e^{s-m}$" if title.startswith("each") else "")
    places, labels = [], []
    for k, (tile, top) in enumerate(zip(tiles, tops)):
        x = len(tiles[0]) * k + np.arange(len(tile)) + 0.6 * k
        ax.bar(x, np.exp(tile - top), 0.8, color=(BLUE, RED)[k], hatch=("", "//")[k], edgecolor="white")
        places += list(x)
        labels += [f"{s:g}" for s in tile]
    ax.set_xticks(places, labels)
    ax.set(ylim=(0, 1.42), yticks=(0, 0.5, 1))
    ax.grid(visible=False, axis="x")


# -- tiles -------------------------------------------------------------------------------------------------


def tiles(n: int, size: int, causal: bool = True) -> Picture:
    """All scores at once beside scores tile by tile: what lies in memory, and in which order it comes."""
    picture = Picture(9, 3.9, arrange=False)
    for left, title in ((0.05, "all at once"), (0.53, "a tile at a time")):
        ax = picture.add_axes((left, 0.03, 0.42, 0.8))
        ax.set(xlim=(-1.7, n + 0.2), ylim=(n + 0.2, -1.2), aspect="equal")
        ax.set_axis_off()
        ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
        ax.text(n / 2, -0.5, "keys", ha="center", va="center", color=GREY, fontsize=10)
        ax.text(-0.6, n / 2, "queries", ha="center", va="center", rotation=90, color=GREY, fontsize=10)
        if left < 0.5:
            ax.add_patch(Rectangle((0, 0), n, n, facecolor=BLUE, alpha=0.3, edgecolor=BLUE, linewidth=1.5))
            ax.text(n / 2, n / 2, f"{n} x {n} = {n * n}\nscores kept", ha="center", va="center", color=GREY,
                    fontsize=11)  # fmt: skip
        else:
            done, left_out = _tile_by_tile(ax, n, size, causal)
    picture.alt = (
        f"Scores of {n} queries and {n} keys. All at once: {n * n} numbers kept. "
        f"By tiles of {size} x {size}: {done} tiles one after the other, {size * size} scores at a time; "
        f"{left_out} beyond the diagonal left out."
    )
    return picture


def _tile_by_tile(ax: Axes, n: int, size: int, causal: bool) -> tuple[int, int]:
    """Tiles with their turn; those of which every key comes later are hatched. How many of each."""
    turn = left_out = 0
    for i in range(0, n, size):
        for j in range(0, n, size):
            corner, wide, high = (j, i), min(size, n - j), min(size, n - i)
            if causal and j > i + high - 1:
                ax.add_patch(
                    Rectangle(corner, wide, high, fill=False, hatch="////", edgecolor=GREY, alpha=0.5)
                )
                left_out += 1
                continue
            turn += 1
            now = turn == 1
            ax.add_patch(
                Rectangle(corner, wide, high, facecolor=BLUE if now else "none", alpha=0.3 if now else 1,
                          edgecolor=BLUE, linewidth=1.5)
            )  # fmt: skip
            said = f"{turn}: now" if now else str(turn)
            ax.text(j + wide / 2, i + high / 2, said, ha="center", va="center", color=GREY, fontsize=10)
    return turn, left_out


# -- memory ------------------------------------------------------------------------------------------------


def memory(sizes: Sequence[int], peaks: Mapping[str, Sequence[int]]) -> Picture:
    """Peaks of memory by the number of tokens, both in powers."""
    picture = Picture(9, 3.9)
    ax = style(picture.add_subplot(), "", "tokens", "megabytes at the peak")
    told = []
    for (name, values), colour, line, mark in zip(peaks.items(), (RED, BLUE), ("--", "-"), ("s", "o")):
        mega = [v / 1e6 for v in values]
        ax.plot(sizes, mega, line, color=colour, marker=mark, linewidth=2)
        ax.annotate(f"{name}: {mega[-1]:.2g} MB", (sizes[-1], mega[-1]), (8, 0), textcoords="offset points",
                    color=colour, fontsize=10, fontweight="bold", va="center")  # fmt: skip
        told.append(f"{name} {', '.join(f'{m:.2g}' for m in mega)} MB")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(sizes, [str(n) for n in sizes])
    ax.minorticks_off()
    ax.set_xlim(sizes[0] * 0.9, sizes[-1] * 2.4)
    picture.alt = f"Peak of memory at {', '.join(map(str, sizes))} tokens: {'; '.join(told)}."
    return picture


# -- occupancy ---------------------------------------------------------------------------------------------


def occupancy(registers: int, shared: int, threads: int, architecture: str = "sm_90") -> Picture:
    """How many blocks each limit allows; the smallest number holds."""
    allowed = room(registers, shared, threads, architecture)
    blocks, warps = min(allowed.values()), -(-threads // 32)
    holds = min(allowed, key=lambda name: allowed[name])
    share = 100 * blocks * warps / LIMITS[architecture].warps
    picture = Picture(9, 2.9)
    taken = f"{registers} registers a thread, {shared:,} bytes and {threads} threads a block"
    title = f"{taken}: {share:.0f}% occupancy"
    ax = style(picture.add_subplot(), title, "blocks on a multiprocessor that this limit allows")
    most = 34
    for k, (name, n) in enumerate(allowed.items()):
        held = name == holds
        ax.barh(k, min(n, most), 0.62, color=RED if held else GREY, alpha=1 if held else 0.4,
                hatch="//" if held else "", edgecolor="white")  # fmt: skip
        said = f"{n}: this one holds" if held else str(n)
        ax.text(min(n, most) + 0.4, k, said, va="center", color=RED if held else GREY, fontsize=10,
                fontweight="bold" if held else "normal")  # fmt: skip
    ax.set_yticks(range(len(allowed)), list(allowed))
    ax.set(xlim=(0, most + 8), ylim=(len(allowed) - 0.4, -0.6))
    ax.grid(visible=False, axis="y")
    picture.alt = f"{title}. Blocks by limit: " + ", ".join(f"{k} {n}" for k, n in allowed.items())
    picture.alt += f". The smallest holds: {holds}."
    return picture


# -- a timeline --------------------------------------------------------------------------------------------

PIECES: tuple[Any, ...] = (BLUE, RED, GREEN, PURPLE, AMBER)


def timeline(tasks: Sequence[real.Task], until: float | None = None) -> Picture:
    """The three engines as rows, the pieces as numbered boxes: when each task runs."""
    end = real.whole(list(tasks))
    pieces, streams = 1 + max(t.piece for t in tasks), len({t.stream for t in tasks})
    picture = Picture(9, 2.6)
    word = f"{pieces} piece{'s' * (pieces > 1)}, {streams} stream{'s' * (streams > 1)}"
    ax = style(picture.add_subplot(), f"{word}: done after {end:.1f}", "time in the model's units")
    for task in tasks:
        row, colour = real.ENGINES.index(task.engine), PIECES[task.piece % len(PIECES)]
        ax.add_patch(
            Rectangle((task.start, row - 0.36), task.end - task.start, 0.72, facecolor=colour, alpha=0.3,
                      edgecolor=colour, linewidth=1.2)
        )  # fmt: skip
        if task.end - task.start > 0.3:
            ax.text((task.start + task.end) / 2, row, str(task.piece + 1), ha="center", va="center_baseline",
                    color=GREY, fontsize=9)  # fmt: skip
    ax.set_yticks(range(3), real.ENGINES)
    ax.set(xlim=(0, until or end * 1.02), ylim=(2.6, -0.6))
    ax.grid(visible=False, axis="y")
    busy = {e: sum(t.end - t.start for t in tasks if t.engine == e) for e in real.ENGINES}
    picture.alt = f"A timeline of three engines, {word}: done after {end:.1f}; " + ", ".join(
        f"{e} busy for {b:.1f}" for e, b in busy.items()
    )
    return picture
