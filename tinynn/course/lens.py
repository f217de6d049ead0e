"""The lens in a notebook: look at what a kernel's warps touch, and step through it, picture by picture.

report = look(kernel, 4, 128, x, y)      # a table
warp_stepper(report)                     # a picture, with a slider over the steps
"""

from __future__ import annotations

import html
from typing import Any

from ..errors import ArgumentError
from ..gpu.lens import Report, Step, look
from ..gpu.lens.words import place, sentence
from .live import outputs
from .plots.style import Picture
from .plots.warps import warp_step
from .views import with_view

__all__ = ["WarpStepper", "look", "warp_stepper"]

Warp = tuple[tuple[int, ...], int]  # its block, and its number in it


class WarpStepper:
    """Walk through what one warp after another loads and stores.

    In a notebook it shows a slider over the steps of a warp, another over the warps where there are
    several, and the picture. Anywhere else, `go` moves, and `sentence` and `picture` say and draw.

    Parameters
    ----------
    report : Report
        Of `look`.

    Attributes
    ----------
    warps : list of (block, warp)
        Those that touched global or shared memory.
    warp : (block, warp)
        The one that is shown: at first that of the step with the most trips to spare.
    position : int
        Its step that is shown, from 0 on.
    """

    def __init__(self, report: Any) -> None:
        if not isinstance(report, Report):
            got, hint = f"{type(report).__name__}", "warp_stepper(look(kernel, 1, 32, x, y))"
            raise ArgumentError("warp_stepper", got, "a report of look", hint)
        self.report: Report = report
        shown = [s for s in report.steps if s.space in ("global", "shared")]
        if not shown:
            got, expected = f"a run of {report.kernel} in which no warp touched an array", "one that does"
            raise ArgumentError("warp_stepper", got, expected)
        self._steps: dict[Warp, list[Step]] = {}
        for step in shown:
            self._steps.setdefault((step.block, step.warp), []).append(step)
        first = max(shown, key=lambda s: s.extra)
        self.warp: Warp = (first.block, first.warp)
        self.position = self._steps[self.warp].index(first)
        self._panel: _Panel | None = None

    @property
    def warps(self) -> list[Warp]:
        return list(self._steps)

    @property
    def steps(self) -> list[Step]:
        """Those of the warp that is shown, in the order of the program."""
        return self._steps[self.warp]

    @property
    def last(self) -> int:
        """The position of its last step."""
        return len(self.steps) - 1

    @property
    def step(self) -> Step:
        return self.steps[self.position]

    @property
    def sentence(self) -> str:
        """What the step touches and costs."""
        return sentence(self.step)

    def go(self, position: int, warp: Warp | None = None) -> str:
        """To a step by its number, the nearest there is, of this or another warp. Returns the sentence."""
        if warp is not None and warp not in self._steps:
            known = ", ".join(map(str, self.warps[:4])) + (", ..." if len(self.warps) > 4 else "")
            raise ArgumentError("warp_stepper", f"warp={warp!r}", f"(block, warp), one of {known}")
        self.warp = warp or self.warp
        self.position = min(max(int(position), 0), self.last)
        if self._panel is not None:
            self._panel.draw()
        return self.sentence

    def picture(self) -> Picture:
        """The step, drawn: threads, cells, what moves for nobody, what waits."""
        step, report = self.step, self.report
        text = report.lines[step.line].text
        picture = warp_step(step, text, report.shapes.get(step.array, ()))
        picture.alt = f"{self.heading()} {picture.alt}"
        return picture

    def heading(self) -> str:
        return f"Step {self.position + 1} of {self.last + 1} of {named(self.warp)}."

    def __repr__(self) -> str:
        return f"{self.heading()} {self.sentence}"

    def _ipython_display_(self) -> None:
        self._panel = _Panel(self)


def warp_stepper(report: Any) -> WarpStepper:
    """Walk through a report, step by step; the last line of a cell shows it. See `WarpStepper`."""
    return WarpStepper(report)


def named(warp: Warp) -> str:
    return f"warp {warp[1]} of block {place(warp[0])}"


class _Panel:
    """The sliders of one `WarpStepper`, and its picture and words, which outlive the kernel."""

    def __init__(self, stepper: WarpStepper) -> None:
        from IPython.display import display

        self._stepper, self._moving = stepper, False
        self._make_widgets()
        note = "Run this cell for its sliders: step, warp."
        told = {"text/html": f"<small>{html.escape(note)}</small>", "text/plain": note}
        display(with_view(told, self.box), raw=True)
        shown = outputs(stepper.picture())
        self.places = [display(data, metadata=about, raw=True, display_id=True) for data, about in shown]

    def _make_widgets(self) -> None:
        import ipywidgets as widgets

        stepper, room = self._stepper, {"width": "40em", "max_width": "98%"}
        self.slider = widgets.IntSlider(
            value=stepper.position + 1, min=1, max=max(stepper.last + 1, 2), description="step", layout=room
        )
        self.warp = widgets.SelectionSlider(
            options=[(named(w), w) for w in stepper.warps], value=stepper.warp, description="warp",
            layout=room,
        )  # fmt: skip
        self.slider.disabled = not stepper.last
        self.slider.observe(lambda _: self._moved(), names="value")
        self.warp.observe(lambda _: self._moved(), names="value")
        several = len(stepper.warps) > 1
        self.box = widgets.VBox([self.slider, self.warp] if several else [self.slider])

    def _moved(self) -> None:
        if not self._moving:
            self._stepper.go(self.slider.value - 1, self.warp.value)

    def draw(self) -> None:
        """Show where the stepper stands now."""
        stepper, self._moving = self._stepper, True
        try:
            self.slider.max = max(stepper.last + 1, 2)
            self.slider.value, self.slider.disabled = stepper.position + 1, not stepper.last
            self.warp.value = stepper.warp
        finally:
            self._moving = False
        for place_, (data, about) in zip(self.places, outputs(stepper.picture()), strict=True):
            place_.update(data, metadata=about, raw=True)
