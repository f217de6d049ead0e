"""The curves of a sick network beside those of a healthy one, as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.texts import phrases
from .store import RIGHT, Effect, effects_of, network_of

NAMES = ("healthy", "patient")


def symptom(id: str, mistake: str) -> Any:
    """A Picture: the loss above, what is right on held-out data below, a column for each optimiser.

    It shows the runs of exercise `id` with a named mistake beside those of the right answer, and does not
    say which mistake it is: a symptom for ``NameTheBug(..., symptom=lambda: symptom("03.5", "sums"))`` too.
    """
    from ..plots.style import Picture

    say = phrases("effects")
    pairs = {name: (named[RIGHT], named[mistake]) for name, named in effects_of(id).items()}
    picture = Picture(9 if len(pairs) > 1 else 5.5, 4.6)
    axes = picture.subplots(2, len(pairs), squeeze=False, sharex=True)
    steps = say["networks"][network_of(id)].get("steps", say["lesson"]["steps"])
    for i, (name, pair) in enumerate(pairs.items()):
        _column(axes[:, i], say["optimisers"][name]["name"], pair, steps)
    picture.alt = " ".join(in_words(say["optimisers"][name]["name"], pair) for name, pair in pairs.items())
    return picture


def _column(axes: Any, title: str, pair: tuple[Effect, Effect], steps: str) -> None:
    from ..plots.style import style

    words = phrases("effects")["hospital"]
    above, below = axes
    style(above, title[0].upper() + title[1:], "", words["loss"])
    style(below, "", steps, words["right"])
    if _steep([v for effect in pair for v in effect.loss]):
        above.set_yscale("log")
    below.set_ylim(-3, 103)
    for ax, curves in ((above, [effect.loss for effect in pair]), (below, [e.right for e in pair])):
        for i, (effect, y) in enumerate(zip(pair, curves)):
            _line(ax, effect, y, i)
        ax.margins(x=0.02)
        _name_ends(ax, pair, curves, [words[name] for name in NAMES])


def _line(ax: Any, effect: Effect, y: Any, i: int) -> None:
    """A curve, and a mark at its end: a cross where it broke off."""
    from ..plots.style import PATTERNS, RUN_MARKERS, RUNS

    ax.plot(effect.steps, y, linestyle=PATTERNS[i], color=RUNS[i], linewidth=2)
    marker = RUN_MARKERS[i] if effect.ends == "trained" else "X"
    ax.plot(effect.steps[-1:], y[-1:], marker, color=RUNS[i], markersize=7, clip_on=False)


def _name_ends(ax: Any, pair: Any, curves: Any, names: list[str]) -> None:
    """Each name beside its curve's end; two that end together are moved apart."""
    from ..plots.style import RUNS, write

    ends = {i: (e.steps[-1], y[-1]) for i, (e, y) in enumerate(zip(pair, curves)) if len(y)}
    ax.autoscale_view()
    heights = {i: ax.transAxes.inverted().transform(ax.transData.transform(at))[1] for i, at in ends.items()}
    close = len(ends) == 2 and abs(heights[0] - heights[1]) < 0.12
    for i, at in ends.items():
        higher = heights[i] > heights.get(1 - i, -1.0) or heights[i] == heights.get(1 - i) and i == 0
        write(ax, names[i], at, (8, (6 if higher else -6) * close), RUNS[i], va="center",
              annotation_clip=False)  # fmt: skip


def _steep(values: list[float]) -> bool:
    low, high = min(values), max(values)
    return low > 0 and high > 30 * low and bool(np.isfinite(high))


def in_words(title: str, pair: tuple[Effect, Effect]) -> str:
    """How both runs go, for who cannot see them."""
    return f"{title}: {' '.join(_run_in_words(effect, name) for effect, name in zip(pair, NAMES))}"


def _run_in_words(effect: Effect, name: str) -> str:
    say = phrases("effects")["hospital"]
    words = say["alt"]["run" if effect.ends == "trained" else "broken"]
    first, last = f"{effect.start:.3g}", f"{effect.loss[-1]:.3g}" if effect.loss else "NaN"
    return words.format(
        name=say[name], first=first, last=last, right=f"{effect.median:.0f}", step=effect.step
    )
