"""Learning curves as inline SVG: small, without a library, in colours that read on light and dark pages.

A check must answer within a second, which leaves no time to load matplotlib.
"""

from __future__ import annotations

import html
from typing import NamedTuple

from ..engine.texts import phrases
from ..engine.verdict import Drawn
from .store import Effect, network_of

# Those of course/plots/style.py, which would load matplotlib: a test compares them.
LOOKS = {
    "right": ("#1a7fc4", ""),
    "wrong": ("#d55e00", "6 3"),
    "chosen": ("#b8609a", "2 3"),
}
"""Colour, and the pattern of the line, which says the same."""

WIDTH, HEIGHT = 345, 190
LEFT, RIGHT, TOP, BOTTOM = 34, 222, 26, 160  # the frame of the curves; their names stand right of it
APART = 15  # between two names
INK, FAINT = "var(--jp-ui-font-color1, #616161)", "var(--jp-border-color1, #9e9e9e)"


class Line(NamedTuple):
    """One curve: its name, what was measured, and which of `LOOKS` it has."""

    name: str
    effect: Effect
    look: str


def panels(id: str, drawn: dict[str, list[Line]], alt: str) -> Drawn:
    """A panel for each optimiser, side by side where there is room."""
    say = phrases("effects")
    network = say["networks"][network_of(id)]
    steps = network.get("steps", say["lesson"]["steps"])
    figures = [_panel(say["optimisers"][name]["name"], lines, steps) for name, lines in drawn.items()]
    style = "display: flex; flex-wrap: wrap; gap: 0.4em 1.2em; margin: 0.4em 0"
    inside = "".join(figures)
    return Drawn(f'<div role="img" aria-label="{html.escape(alt)}" style="{style}">{inside}</div>', alt)


def _panel(title: str, lines: list[Line], steps: str) -> str:
    last = max(line.effect.steps[-1] if line.effect.steps else 1 for line in lines)
    ends = _spread([_height(line.effect.right[-1]) if line.effect.right else BOTTOM for line in lines])
    curves = "".join(_curve(line, last, end) for line, end in zip(lines, ends))
    heading = _text(LEFT, 14, title, INK, ' font-weight="bold"')
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" '
        f'style="max-width: 100%; background: transparent; font-family: inherit" font-size="12">'
        f"{heading}{_axes(last, steps)}{curves}</svg>"
    )


def _axes(last: int, steps: str) -> str:
    """Faint lines at 0, 50 and 100 percent, and the length of the run."""
    marks = "".join(
        f'<path d="M{LEFT} {_height(v):.1f}H{RIGHT}" stroke="{FAINT}" stroke-width="0.6" opacity="0.7"/>'
        + _text(LEFT - 5, _height(v) + 4, f"{v}%" if v else "0", INK, ' text-anchor="end" font-size="11"')
        for v in (0, 50, 100)
    )
    below = _text(RIGHT, BOTTOM + 18, f"{last} {steps}", INK, ' text-anchor="end" font-size="11"')
    return marks + below


def _curve(line: Line, last: int, name_at: float) -> str:
    """The curve, a mark at its end, and its name beside the end, moved where names would overlap."""
    colour, pattern = LOOKS[line.look]
    seen = list(zip(line.effect.steps, line.effect.right)) or [(0, 0.0)]
    points = [(LEFT + (RIGHT - LEFT) * step / last, _height(right)) for step, right in seen]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dashes = f' stroke-dasharray="{pattern}"' if pattern else ""
    drawn = f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
    return drawn + _end(line, points[-1], colour) + _text(RIGHT + 8, name_at + 4, _name(line), colour, "")


def _end(line: Line, at: tuple[float, float], colour: str) -> str:
    """A dot; a cross where the run broke off."""
    x, y = at
    if line.effect.ends == "trained":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    cross = f"M{x - 4:.1f} {y - 4:.1f}l8 8m-8 0l8 -8"
    return f'<path d="{cross}" stroke="{colour}" stroke-width="2.2" fill="none"/>'


def _name(line: Line) -> str:
    if line.effect.ends == "trained":
        return f"{line.effect.median:.0f}% {line.name}"
    return f"× {line.name}"


def _spread(heights: list[float]) -> list[float]:
    """Heights of the names: those of the ends, pushed apart and kept inside the frame."""
    order = sorted(range(len(heights)), key=lambda i: (heights[i], i))
    placed, below = dict.fromkeys(order, 0.0), float(TOP - APART + 2)
    for i in order:
        below = placed[i] = max(heights[i], below + APART)
    above = float(BOTTOM + APART)
    for i in reversed(order):
        above = placed[i] = min(placed[i], above - APART)
    return [placed[i] for i in range(len(heights))]


def _height(percent: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * percent / 100


def _text(x: float, y: float, text: str, colour: str, more: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}"{more}>{html.escape(text)}</text>'
