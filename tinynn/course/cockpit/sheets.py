"""The cockpit's moving pictures: curves, bars, strips of histograms, the plane, the worst mistakes.

Colours, markers and patterns are those of `tinynn.course.plots`, whose pictures a finished run leaves behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.patches import StepPatch

from ..plots import running_mean
from ..plots.given import number
from ..plots.images import draw_worst
from ..plots.layers import BINS
from ..plots.style import CLASS_MARKERS, CLASSES, GRADIENT, GREY, RUN_MARKERS, RUNS, VALUE
from ..plots.surface import Predict, background, plane
from .look import Mistakes
from .sheet import Sheet, highest, roomy, thinned

ROOM = 0.14  # of the axis, for the words of a change


class Curve(NamedTuple):
    """One run's numbers: step by step, at the ends of passes, and those that a rewind cut off."""

    values: np.ndarray
    val: tuple[np.ndarray, np.ndarray] = (np.zeros(0), np.zeros(0))  # steps, values
    start: int = 0
    cut: tuple[int, np.ndarray] = (0, np.zeros(0))
    changes: Sequence[tuple[int, str]] = ()
    at: int | None = None  # where the run at work stands, if not at its end


class Curves(Sheet):
    """A number of each step of every run, in the run's colour, its running mean bold."""

    def __init__(self, *args: Any, top: float | None = None, **how: Any) -> None:
        super().__init__(*args, **how)
        self.top, self.title = top, self.ax.get_title(loc="left")
        self._lines: list[dict[str, Any]] = []
        self._changed: list[Artist] = []
        self._told: Any = None
        self._here = self.mark(self.ax.axvline(0, color=GREY, linewidth=1.5, visible=False))

    def show(self, curves: Mapping[str, Curve]) -> None:
        while len(self._lines) < len(curves):
            self._lines.append(self._lines_of(len(self._lines)))
        for lines, curve in zip(self._lines, curves.values()):
            _fill_lines(lines, curve)
        at = next((c.at for c in curves.values() if c.at is not None), None)
        self._here.set_visible(at is not None)
        self._here.set_xdata([at or 0, at or 0])
        self._scale(list(curves.values()))
        self._write_changes(curves)

    def _lines_of(self, i: int) -> dict[str, Any]:
        colour, marker = RUNS[i], RUN_MARKERS[i]
        return {
            "cut": self.line(":", color=colour, linewidth=1.4, alpha=0.7),
            "raw": self.line("-", color=colour, linewidth=0.6, alpha=0.35),
            "mean": self.line("-", color=colour, linewidth=2),
            "val": self.line("--", color=colour, linewidth=1.5),
            "end": self.line(marker, color=colour, markersize=6, clip_on=False),
        }

    def _scale(self, curves: list[Curve]) -> None:
        steps = max((max(len(c.values), c.cut[0] + len(c.cut[1])) for c in curves), default=0)
        self.limits(x=(0, roomy(max(steps, 20))))
        if self.top is not None:
            return self.limits(y=(0, self.top))
        first = highest([c.values[:1] for c in curves], 1e-3)  # what diverges leaves through the top
        top = roomy(1.05 * min(highest([c.values for c in curves]), 2 * first))
        self.limits(y=(0, top))
        over = highest([c.values for c in curves]) > top
        title = f"{self.title} (↑ leaves the picture)" if over else self.title
        if title != self.ax.get_title(loc="left"):
            self.ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
            self.renew()

    def _write_changes(self, curves: Mapping[str, Curve]) -> None:
        """Names of the runs, and where settings were changed: on the paper, since they seldom change."""
        told = {name: tuple(curve.changes) for name, curve in curves.items()}, self.ax.get_xlim()
        if told == self._told:
            return
        for artist in self._changed:
            artist.remove()
        self._told, self._changed = told, []
        for i, (name, curve) in enumerate(curves.items()):
            self._changed.append(self._name(i, name, len(curves)))
            shown = self.ax.get_xlim()[1]
            for step, text in reversed(curve.changes):
                room = shown - step > ROOM * self.ax.get_xlim()[1]  # for words before the next ones
                self._changed += self._change(step, text if room else "", i)
                shown = step if room else shown
        self.renew()

    def _name(self, i: int, name: str, count: int) -> Artist:
        marker = {"o": "●", "s": "■", "^": "▲", "D": "◆"}[RUN_MARKERS[i]]
        return self.ax.annotate(
            f"{marker} {name}", (1, 1), (-26 * (count - 1 - i), 4), xycoords="axes fraction", ha="right",
            textcoords="offset points", color=RUNS[i], fontsize=9, fontweight="bold",
        )  # fmt: skip

    def _change(self, step: int, text: str, i: int) -> list[Artist]:
        note = self.ax.annotate(
            text and f"▾ {text}", (step, 0.99 - 0.1 * i), (2, 0), xycoords=("data", "axes fraction"),
            textcoords="offset points", color=RUNS[i], fontsize=8.5, va="top", annotation_clip=True,
        )  # fmt: skip
        return [self.ax.axvline(step, color=RUNS[i], linewidth=1, linestyle=":"), note]


def _fill_lines(lines: dict[str, Any], curve: Curve) -> None:
    steps, mean = np.arange(1, len(curve.values) + 1), running_mean(curve.values)
    own = slice(max(0, curve.start - 1), None)  # a fork's line begins where it left the other run
    lines["raw"].set_data(*thinned(steps[own], curve.values[own]))
    lines["mean"].set_data(*thinned(steps[own], mean[own]))
    lines["end"].set_data(steps[own][-1:], mean[own][-1:])
    later = curve.val[0] > curve.start
    lines["val"].set_data(*thinned(curve.val[0][later], curve.val[1][later]))
    cut_at, cut = curve.cut
    lines["cut"].set_data(*thinned(cut_at + 1 + np.arange(len(cut)), cut))


class Bars(Sheet):
    """One number a layer as a bar on a logarithmic axis, as `plots.layer_norms` draws them."""

    def __init__(self, *args: Any, names: Sequence[str], **how: Any) -> None:
        super().__init__(*args, **how)
        _rows(self, names, -0.6)
        self.ax.set_xscale("log")
        self._bars = [
            self.mark(bar)
            for bar in self.ax.barh(
                range(len(names)), 1, 0.62, color=GRADIENT, alpha=0.45, hatch="///", edgecolor=GRADIENT
            )
        ]
        self._notes = [self.mark(self.ax.text(1, i, "", va="center", **SMALL)) for i in range(len(names))]
        self._ends = (np.inf, -np.inf)

    def show(self, values: Sequence[float]) -> None:
        self._widen(values)
        left = self.ax.get_xlim()[0]
        for bar, note, value in zip(self._bars, self._notes, values):
            end = value if np.isfinite(value) and value > 0 else left
            bar.set_x(left)
            bar.set_width(end - left)
            note.set_x(end * 1.1)
            note.set_text(number(value))

    def _widen(self, values: Sequence[float]) -> None:
        """Whole powers of ten around all there has been, so that bars do not jump with the axis."""
        drawn = np.log10([v for v in values if np.isfinite(v) and v > 0] or [1e-2, 1.0])
        low, high = self._ends
        self._ends = min(low, np.floor(drawn.min() - 0.3)), max(high, np.ceil(drawn.max() + 0.5))
        if (low, high) != self._ends:
            low, high = self._ends
            powers = np.arange(low, high + 1)[:: max(1, int((high - low) / 4))]
            self.ax.set_xticks(10**powers, [f"1e{p:.0f}" for p in powers])
            self.ax.minorticks_off()
            self.limits(x=(10**low, 10**high))
            self.renew()


class Strips(Sheet):
    """The distribution of each layer's values, one strip a layer, as `plots.layer_histograms` draws it."""

    def __init__(self, *args: Any, names: Sequence[str], **how: Any) -> None:
        super().__init__(*args, **how)
        _rows(self, names, -1.05)
        flat, edges = np.zeros(BINS), np.linspace(0, 1, BINS + 1)
        self._stairs: list[StepPatch] = []
        for i in range(len(names)):
            self._stairs += [
                self.mark(self.ax.stairs(flat + i, edges, baseline=i, color=VALUE, fill=True, alpha=0.35)),
                self.mark(self.ax.stairs(flat + i, edges, baseline=i, color=VALUE, linewidth=1.3)),
            ]
        across = self.ax.get_yaxis_transform()
        self._notes = [
            self.mark(self.ax.text(1.02, i, "", va="bottom", transform=across, **SMALL))
            for i in range(len(names))
        ]

    def show(self, layers: Mapping[str, np.ndarray]) -> None:
        values = [v[np.isfinite(v)] for v in layers.values()]
        high = roomy(highest(values, 1e-3))
        low = -roomy(highest([-v for v in values], 1e-3))
        low = 0.0 if low > -0.01 * high else low
        self.limits(x=(low, high))
        edges = np.linspace(low, high, BINS + 1)
        for i, v in enumerate(values):
            counts = np.histogram(v[v != 0], edges)[0]
            for stairs in self._stairs[2 * i : 2 * i + 2]:
                stairs.set_data(i - 0.85 * counts / max(counts.max(), 1), edges, baseline=i)
            self._notes[i].set_text(f"{np.mean(v == 0):.0%} zeros" if v.size else "NaN")


class Plane(Sheet):
    """Points, and behind them what the network says of each place, as `plots.decision_surface` draws it."""

    def __init__(self, *args: Any, x: np.ndarray, y: np.ndarray, **how: Any) -> None:
        super().__init__(*args, **how)
        self.ax.grid(visible=False)
        self._points = x
        self._image = self.mark(self.ax.imshow(np.zeros((2, 2, 4)), origin="lower", aspect="auto"))
        for k in np.unique(y):
            look = {"color": CLASSES[k % 6], "markersize": 4.2, "markeredgecolor": "white"}
            line = self.line(CLASS_MARKERS[k % 10], markeredgewidth=0.5, **look)
            line.set_data(*x[y == k].T)

    def show(self, predict: Predict) -> None:
        shares, extent = plane(predict, self._points)
        self._image.set_data(background(shares))
        self._image.set_extent(extent)
        self.limits(extent[:2], extent[2:])


class Worst(Sheet):
    """The images the network is surest about, and wrong; drawn whole, since captions change with them."""

    def show(self, found: Mistakes) -> None:
        title = self.ax.get_title(loc="left")
        self.ax.clear()
        wrong = int((found.said != found.labels).sum())
        named = f"{title.partition(':')[0]}: {wrong} of {len(found.labels)} wrong"
        draw_worst(self.ax, *found, most=12, columns=4, title=named)
        self.renew()


SMALL: dict[str, Any] = {"fontsize": 8.5, "color": GREY, "clip_on": False}


def _rows(sheet: Sheet, names: Sequence[str], top: float) -> None:
    sheet.ax.set_yticks(range(len(names)), list(names))
    sheet.ax.set_ylim(len(names) - 0.4, top)
