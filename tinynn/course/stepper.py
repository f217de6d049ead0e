"""A walk through a computation, node by node: forward with the values, then backward with the gradients.

The graph is drawn from the tape, and each op's own backward runs on what its forward kept. Neither the
tape nor anybody's `grad` is changed, so that ``loss.backward()`` works as before.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from . import sentences
from .live import outputs
from .plots import Picture
from .plots.boxes import MOST, Box, Line, Sheet, arrange, boxes_of, brief, lines
from .plots.graph import Light, paint
from .record import Call, Record, Value, flow, record
from .views import with_view


@dataclass(eq=False)
class Step:
    """One stop on the way: the call at work, if any, what it does, and all gradients collected by then."""

    phase: str  # "start", "forward" or "backward"
    sentence: str
    call: Call | None
    done: int  # calls that have run
    collected: dict[Value, np.ndarray]


class Stepper:
    """Walk forward and backward through what `loss` was computed from.

    In a notebook it shows the graph with buttons and a slider. Anywhere else, `forward` and `back` go one
    step, and `sentence` and `picture` say and draw what it does.

    Parameters
    ----------
    loss : Tensor
        A single number, before its `backward`.
    names : dict of str to Tensor, or Module, optional
        What tensors are called; ``globals()`` takes the names of the notebook's variables.
    gradient : array_like, optional
        The gradient to begin with, for a `loss` that is more than one number.

    Attributes
    ----------
    position : int
        0 is before the first op, `last` is when every gradient is there.
    steps : list of Step
    """

    def __init__(self, loss: Any, names: Any = None, gradient: Any = None) -> None:
        rec = record(loss, names, "stepper")
        if len(boxes_of(rec)) > MOST:
            got = f"{len(rec.calls)} ops and {len(rec.leaves)} leaves"
            raise ArgumentError("stepper", got, f"at most {MOST} together", "a smaller network, one example")
        for v in rec.leaves:
            v.array = v.array.copy()  # an optimiser's step writes into it
        self._record, self._upstream = rec, loss._upstream(gradient)
        self.steps = [*_way_there(rec), *_way_back(rec, self._upstream)]
        self.position = 0
        self._sheet = _room(rec, self.steps)
        self._panel: _Panel | None = None

    @property
    def last(self) -> int:
        """The position at which every gradient is there."""
        return len(self.steps) - 1

    @property
    def step(self) -> Step:
        return self.steps[self.position]

    @property
    def sentence(self) -> str:
        """What this step computes, in one sentence."""
        return self.step.sentence

    @property
    def gradients(self) -> dict[str, np.ndarray]:
        """What every tensor has collected by now, by name."""
        return {v.name: array for v, array in self.step.collected.items()}

    def forward(self) -> str:
        """One step on; at the end it stays. Returns the sentence."""
        return self.go(self.position + 1)

    def back(self) -> str:
        """One step back; at the start it stays. Returns the sentence."""
        return self.go(self.position - 1)

    def go(self, position: int) -> str:
        """To a step by its number, the nearest there is. Returns the sentence."""
        self.position = min(max(int(position), 0), self.last)
        if self._panel is not None:
            self._panel.draw()
        return self.sentence

    def picture(self) -> Picture:
        """The graph with the numbers that are known at this step; the op at work has a thick frame."""
        step, sheet = self.step, self._sheet
        reached: set[Box] = {*self._record.leaves, *self._record.calls[: step.done]}
        texts = {b: lines(b, b in reached, step.collected) for b in sheet.boxes}
        picture = paint(sheet, texts, self._light(reached))
        picture.alt = self._in_words()
        return picture

    def _light(self, reached: set[Box]) -> Light:
        """Weight on the call at work and on the lines through which its numbers come or its gradients go."""
        step, sheet, back = self.step, self._sheet, self.step.phase == "backward"
        into = [sheet.boxes[target] is step.call and (v.needs or not back) for _, target, v in sheet.edges]
        lit = tuple([k for k, inside in enumerate(into) if inside])
        return Light(frozenset(set(sheet.boxes) - reached), step.call, lit, back)

    def heading(self) -> str:
        return f"Step {self.position} of {self.last}, {self.step.phase}."

    def _in_words(self) -> str:
        step = self.step
        made = [v for call in self._record.calls[: step.done] for v in call.outputs.values()]
        values = sentences.values([*self._record.leaves, *made])
        text = f"{self.heading()} {step.sentence} Values so far: {', '.join(values)}."
        grads = [f"{v.name} {sentences.short(g)}" for v, g in step.collected.items()]
        return text + (f" Gradients so far: {', '.join(grads)}." if grads else "")

    def __repr__(self) -> str:
        return f"{self.heading()} {self.sentence}"

    def _ipython_display_(self) -> None:
        self._panel = _Panel(self)


def stepper(loss: Any, names: Any = None, gradient: Any = None) -> Stepper:
    """Walk through the tape of `loss`, node by node; the last line of a cell shows it. See `Stepper`."""
    return Stepper(loss, names, gradient)


def _way_there(rec: Record) -> list[Step]:
    first = Step("start", sentences.starting(rec), None, 0, {})
    calls = enumerate(rec.calls, start=1)
    return [first, *[Step("forward", sentences.forward(call), call, n, {}) for n, call in calls]]


def _way_back(rec: Record, upstream: np.ndarray) -> list[Step]:
    collected, count = {rec.loss: upstream}, len(rec.calls)
    steps = [Step("backward", sentences.seeding(rec.loss, upstream), None, count, dict(collected))]
    for call, dout, arrivals in flow(rec, upstream):
        collected.update({a.value: a.total for a in arrivals})
        sentence = sentences.backward(call, rec.loss, dout, arrivals)
        steps.append(Step("backward", sentence, call, count, dict(collected)))
    return steps


def _room(rec: Record, steps: list[Step]) -> Sheet:
    """Places for the boxes, with room for the longest text that each will hold."""
    longest: dict[Value, np.ndarray] = {}
    for v, array in [pair for step in steps for pair in step.collected.items()]:
        if v not in longest or len(brief(array)) > len(brief(longest[v])):
            longest[v] = array
    texts: dict[Box, list[Line]] = {box: lines(box, True, longest) for box in boxes_of(rec)}
    return arrange(rec, texts)


class _Panel:
    """The widgets of one `Stepper`, and its picture and words, which outlive the kernel."""

    def __init__(self, stepper: Stepper) -> None:
        from IPython.display import display

        self._stepper = stepper
        self._make_widgets()
        note = "Run this cell to walk through the graph."
        told = {"text/html": f"<small>{note}</small>", "text/plain": note}
        display(with_view(told, self.box), raw=True)
        shown = self._shown()
        self.places = [display(data, metadata=about, raw=True, display_id=True) for data, about in shown]

    def _make_widgets(self) -> None:
        import ipywidgets as widgets

        narrow = {"width": "7em"}
        self.back = widgets.Button(description="Back", tooltip="One step back", layout=narrow)
        self.next = widgets.Button(description="Next", tooltip="One step on", layout=narrow)
        self.slider = widgets.IntSlider(
            value=self._stepper.position, min=0, max=self._stepper.last, description="step",
            layout={"width": "26em", "max_width": "90%"},
        )  # fmt: skip
        self.back.on_click(lambda _: self._stepper.back())
        self.next.on_click(lambda _: self._stepper.forward())
        self.slider.observe(lambda change: self._moved(change["new"]), names="value")
        self.box = widgets.HBox([self.back, self.next, self.slider], layout={"flex_flow": "row wrap"})

    def _moved(self, position: int) -> None:
        if position != self._stepper.position:
            self._stepper.go(position)

    def draw(self) -> None:
        """Show where the stepper stands now."""
        self.slider.value = self._stepper.position
        for place, (data, about) in zip(self.places, self._shown(), strict=True):
            place.update(data, metadata=about, raw=True)

    def _shown(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The sentence, the picture and the picture in words."""
        told = f"{self._stepper.heading()} {self._stepper.sentence}"
        head, said = html.escape(self._stepper.heading()), html.escape(self._stepper.sentence)
        page = f'<p role="status" style="min-height: 3em"><strong>{head}</strong> {said}</p>'
        return [({"text/html": page, "text/plain": told}, {}), *outputs(self._stepper.picture())]
