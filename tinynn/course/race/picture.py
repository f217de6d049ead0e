"""The pictures of a race: times by size, factors by size, and the roofline."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..plots import BLUE, GREEN, GREY, RED, Picture, style
from . import words
from .clock import Contender, Timing
from .result import Race
from .roof import Roof

SIZE = (9, 4.4)
LOOKS = {  # the same colour, pattern and mark for the same contender in every race
    "Pure Python": (GREY, ":", "o"),
    "NumPy": (BLUE, "-", "s"),
    "Numba": (GREEN, "--", "^"),
}
YOURS = [(RED, "-.", "D"), (RED, "-", "v"), (RED, ":", "P"), (RED, "--", "X")]
EARLIER = (GREY, (0, (8, 3)), "*")


class Line(NamedTuple):
    name: str
    timings: Sequence[Timing]
    look: tuple[str, Any, str]
    ends: bool = False  # before the last size


def lines(race: Race) -> list[Line]:
    """What is drawn, contender by contender, then what was measured earlier."""
    own = iter(YOURS * len(race.contenders))
    drawn = [
        Line(c.name, c.timings, LOOKS.get(c.name) or next(own), c.timings[-1].n < race.sizes[-1])
        for c in race.contenders
        if c.timings
    ]
    within = [(m, [t for t in m.timings if t.n in race.sizes]) for m in race.gpu]
    return drawn + [Line(m.name, timings, EARLIER) for m, timings in within if timings]


# -- times -------------------------------------------------------------------------------------------------


def times(race: Race) -> Picture:
    """Seconds a call by size, both in powers of ten."""
    picture = Picture(*SIZE)
    ax = _axes(picture, race, f"{race.op}: time of a call", "seconds")
    for line in lines(race):
        _draw(ax, line, [t.n for t in line.timings], [[t.median, t.low, t.high] for t in line.timings])
    _name_lines(ax)
    picture.alt = (
        f"Time of {race.op} against size, {race.shapes}. {words.standing(race)} {_ended(race)}".strip()
    )
    return picture


def _axes(picture: Picture, race: Race, title: str, ylabel: str) -> Any:
    ax = style(picture.add_subplot(), title, f"n, in {race.shapes}", ylabel)
    ax.set_xscale("log")
    ax.set_yscale("log")
    return ax


def _draw(ax: Any, line: Line, x: Sequence[float], spread: Sequence[Sequence[float]]) -> None:
    """The middle as a line and marks, the middle half as a band; a cross where a line ends early."""
    colour, pattern, mark = line.look
    middle, low, high = np.asarray(spread).T
    ax.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    ax.plot(
        x, middle, color=colour, linestyle=pattern, marker=mark, markersize=5, linewidth=2, label=line.name
    )
    if line.ends:
        ax.plot(x[-1], middle[-1], "x", color=colour, markersize=12, markeredgewidth=2)


def _name_lines(ax: Any) -> None:
    handles, names = ax.get_legend_handles_labels()
    if handles:
        ax.legend(
            handles,
            [textwrap.fill(name, 24) for name in names],
            loc="center left",
            bbox_to_anchor=(1.01, 0.5),
            frameon=False,
            labelcolor=GREY,
            handlelength=3.5,
        )


def _ended(race: Race) -> str:
    """Whose line ends early, and why."""
    told = [
        f"{c.name} ends at n = {c.timings[-1].n:,}: {c.ended}."
        for c in race.contenders
        if c.timings and c.ended and c.timings[-1].n < race.sizes[-1]
    ]
    return " ".join(told + [words.out(c) for c in race.contenders if c.wrong and not c.timings])


# -- factors -----------------------------------------------------------------------------------------------


def factors(race: Race) -> Picture:
    """How many times as fast as NumPy each one is; as the first one, where NumPy is not there."""
    drawn = lines(race)
    base = next((line for line in drawn if line.name == "NumPy"), drawn[0] if drawn else None)
    picture = Picture(*SIZE)
    name = base.name if base else "nobody"
    ax = _axes(picture, race, f"{race.op}: times as fast as {name}", "times as fast")
    told = []
    for line in drawn:
        against = {t.n: t.median for t in base.timings} if base else {}
        shared = [t for t in line.timings if t.n in against]
        spread = [[against[t.n] / s for s in (t.median, t.high, t.low)] for t in shared]
        if shared:
            _draw(ax, line, [t.n for t in shared], spread)
        if shared and line is not base:
            told.append(_factors_in_words(line.name, shared, [row[0] for row in spread]))
    _name_lines(ax)
    picture.alt = f"How many times as fast as {name}, against size, {race.shapes}. {' '.join(told)}".strip()
    return picture


def _factors_in_words(name: str, timings: Sequence[Timing], factor: Sequence[float]) -> str:
    ends = [_factor(f, t.n) for t, f in zip(timings, factor)]
    return f"{name}: {ends[0]}, {ends[-1]}." if len(ends) > 1 else f"{name}: {ends[0]}."


def _factor(factor: float, n: int) -> str:
    if factor < 1:
        return f"{words.short(1 / factor)} times as slow at n = {n:,}"
    return f"{words.short(factor)} times as fast at n = {n:,}"


# -- the roofline ------------------------------------------------------------------------------------------


def roofline(race: Race) -> Picture:
    """Operations a second by operations for each byte; the larger the mark, the larger the size."""
    picture = Picture(*SIZE)
    title = f"{race.op} under the roof of this machine"
    ax = style(
        picture.add_subplot(),
        title,
        "operations for each byte; larger marks are larger n",
        "billion operations a second",
    )
    work = {w.n: w for w in race.work}
    everything = [w.intensity for w in race.work] + [r.flops / r.bytes for r in race.roofline.roofs]
    x = np.geomspace(min(everything) / 4, max(everything) * 4, 200)
    _draw_roofs(ax, race, x)
    for line in lines(race):
        points = [(work[t.n].intensity, work[t.n].flops / t.median / 1e9) for t in line.timings]
        _draw_points(ax, line, points)
    ax.set_xscale("log")
    ax.set_yscale("log")
    _name_lines(ax)
    picture.alt = f"{title}. {words.roofs(race)} {_places(race)}"
    return picture


def _draw_roofs(ax: Any, race: Race, x: np.ndarray) -> None:
    here = race.roofline.roofs
    drawn = [(f"roof, {words.threads(roof.threads)}", roof) for roof in here]
    drawn += [(f"roof, {m.name}", Roof(0, m.flops, m.bytes)) for m in race.gpu if m.flops and m.bytes]
    patterns = ["--", "-"][-len(here) :] + [":"] * len(race.gpu)
    for (name, roof), pattern in zip(drawn, patterns):
        y = [roof.at(i) / 1e9 for i in x]
        ax.plot(x, y, color=GREY, linestyle=pattern, linewidth=2.5, label=name)


def _draw_points(ax: Any, line: Line, points: Sequence[tuple[float, float]]) -> None:
    colour, pattern, mark = line.look
    x, y = zip(*points)
    ax.plot(x, y, color=colour, linestyle=pattern, linewidth=1, alpha=0.6)
    area = np.linspace(15, 110, len(points))
    ax.scatter(x, y, s=area, marker=mark, color=colour, label=line.name)


def _places(race: Race) -> str:
    """For each contender, the share of the roof it reaches at its largest size, and what holds it there."""
    roof, work = race.roofline.roofs[-1], {w.n: w for w in race.work}
    told = [_place(c, work[c.timings[-1].n], roof) for c in race.contenders if c.timings]
    small = "Arrays that fit into the cache can lie above the slope, which is that of the memory."
    return " ".join([*told, small])


def _place(contender: Contender, work: Any, roof: Roof) -> str:
    timing = contender.timings[-1]
    reached, most = work.flops / timing.median, roof.at(work.intensity)
    bound = "arithmetic" if most == roof.flops else "memory"
    return (
        f"{contender.name} at n = {timing.n:,}: {words.rate(reached, 'FLOP')}, "
        f"{words.short(100 * reached / most)}% of the roof, which is that of {bound} there."
    )
