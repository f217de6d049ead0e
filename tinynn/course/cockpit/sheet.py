"""Pictures that are drawn many times a second: the paper is kept, and only what moves is drawn again.

A figure of the size of a panel costs 25 to 45 ms when Matplotlib draws all of it. Axes, ticks and titles stay
the same for many frames, so they are drawn once and copied from memory (blitting); lines, bars and points
are drawn on them, and Pillow writes the PNG at its lowest compression. That takes 4 to 7 ms for curves, bars
and histograms, of which 3 are the PNG, and 20 ms for the plane, which is new all over.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from ..plots import SCREEN_DPI, style

SHARP = 1.3  # pixels of the picture for one of the page
POINTS = 400  # of one line, at most


class Sheet:
    """A pair of axes on paper that is drawn once.

    Parameters
    ----------
    width, height : int
        Pixels on the page.
    margins : (left, right, bottom, top)
        Pixels around the axes.
    """

    def __init__(
        self, width: int, height: int, title: str, xlabel: str = "", ylabel: str = "",
        margins: tuple[int, int, int, int] = (46, 12, 40, 26),
    ) -> None:  # fmt: skip
        self.width, self.height = width, height
        left, right, bottom, top = margins
        self.figure = Figure(
            figsize=(width / SCREEN_DPI, height / SCREEN_DPI), dpi=SHARP * SCREEN_DPI, facecolor="none"
        )
        self.canvas = FigureCanvasAgg(self.figure)
        place = (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
        self.ax: Axes = style(self.figure.add_axes(place), title, xlabel, ylabel)
        self.marks: list[Artist] = []
        self._paper: Any = None

    def mark(self, artist: Any) -> Any:
        """Leave an artist out of the paper, and draw it each time."""
        artist.set_animated(True)
        self.marks.append(artist)
        return artist

    def line(self, *args: Any, **how: Any) -> Line2D:
        return self.mark(self.ax.plot([], [], *args, **how)[0])

    def limits(self, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None) -> None:
        """Set the ends of the axes; new ones need new paper."""
        if x is not None and x != self.ax.get_xlim():
            self.ax.set_xlim(x)
            self._paper = None
        if y is not None and y != self.ax.get_ylim():
            self.ax.set_ylim(y)
            self._paper = None

    def renew(self) -> None:
        """Something on the paper has changed."""
        self._paper = None

    def png(self) -> bytes:
        """The sheet with its marks as they are now."""
        if self._paper is None:
            self.canvas.draw()
            self._paper = self.canvas.copy_from_bbox(self.figure.bbox)
        self.canvas.restore_region(self._paper)
        for artist in self.marks:
            if artist.get_visible():
                self.ax.draw_artist(artist)
        size = self.canvas.get_width_height()
        image = Image.frombuffer("RGBA", size, self.canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
        data = io.BytesIO()
        image.save(data, format="png", compress_level=1)
        return data.getvalue()


def thinned(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """At most `POINTS` points of a line, its last one always among them."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    every = max(1, -(-len(y) // POINTS))
    first = (len(y) - 1) % every if len(y) else 0
    return x[first::every], y[first::every]


def roomy(value: float, steps: Sequence[float] = (1, 1.5, 2, 3, 5, 7)) -> float:
    """The next larger number of a coarse scale, so that limits seldom change."""
    if not np.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next((s * power for s in steps if s * power >= value), 10 * power))


def highest(parts: Iterable[Any], at_least: float = 0.0) -> float:
    """The largest finite number of some arrays."""
    found = [at_least]
    for part in parts:
        values = np.asarray(part, float)
        values = values[np.isfinite(values)]
        found += [float(values.max())] if values.size else []
    return max(found)
