"""Pictures that move: a training run to watch, start and pause, and a picture that follows a slider.

While a cell runs, the kernel answers no button. So a run that is started from its button trains as a task
of the kernel's event loop: a few milliseconds of steps, a picture, then the others have their turn.
"""

from __future__ import annotations

import asyncio
import html
import math
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any

from ..errors import ArgumentError
from .plots import SCREEN_DPI, Picture, in_words
from .views import with_view

SLICE = 0.025  # seconds of training at a stretch
FRAME = 0.05  # seconds between two pictures, at least: the server drops what comes faster
PICTURES = 40  # pictures a run, so that a quick one can still be watched


class Live:
    """A training run with a picture that grows, a button to start and pause it, and one for a single step.

    The last line of a cell shows it. `run_to_end` does what is left of the run at once, in a notebook or
    anywhere else. A finished run leaves a plain picture in the place of its buttons.

    Parameters
    ----------
    steps : iterable of float
        Each turn trains one step and gives its loss: a generator with the training loop inside.
    total : int
        Steps of the whole run. A generator that ends earlier ends the run.
    picture : callable
        ``picture(losses) -> Picture``, called with the losses so far.

    Attributes
    ----------
    losses : list of float
    done : bool
    """

    _at_work: Live | None = None  # one run trains at a time: two would take each other's turns

    def __init__(
        self, steps: Iterable[float], total: int, picture: Callable[[Sequence[float]], Picture]
    ) -> None:
        if total < 1:
            raise ArgumentError("Live", f"total={total}", "at least one step", "total=100")
        self._steps, self.total, self._picture = iter(steps), total, picture
        self.losses: list[float] = []
        self.done = False
        self._pace = math.ceil(total / PICTURES)
        self._drawn_at = 0.0
        self._task: asyncio.Task | None = None
        self._panel: _Panel | None = None

    # -- training ----------------------------------------------------------------------------------

    def step(self) -> None:
        """Train one step."""
        try:
            self.losses.append(float(next(self._steps)))
        except StopIteration:
            self.done = True
        except BaseException:
            self.done = True  # a generator that raised is over
            raise
        self.done = self.done or len(self.losses) >= self.total

    def run_to_end(self) -> None:
        """Train all steps that are left, drawing on the way, and say how many steps it was."""
        self.pause()
        try:
            while not self.done:
                if self._train_a_little():
                    self._draw()
        finally:  # interrupted too: what was learned stays
            self._finish()
            print(f"{len(self.losses)} of {self.total} steps trained.")

    def start(self) -> None:
        """Train beside whatever else the kernel does; the kernel's event loop must be running."""
        if self.done or self.running:
            return
        self._take_over()
        self._task = asyncio.get_running_loop().create_task(self._train())
        self._say()

    def _take_over(self) -> None:
        if Live._at_work is not None:
            Live._at_work.pause()
        Live._at_work = self

    def pause(self) -> None:
        """Stop after the step that is under way; `start` goes on from there."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._say()

    @property
    def running(self) -> bool:
        return self._task is not None

    async def _train(self) -> None:
        try:
            while not self.done:
                began = perf_counter()
                if self._train_a_little():
                    self._draw()
                await asyncio.sleep(max(0.005, FRAME - (perf_counter() - began)))
        except Exception as problem:  # nobody awaits this task, so it has to say itself what went wrong
            self._task = None
            self._say(f"Stopped: {type(problem).__name__}: {problem}")
            return
        self._task = None
        self._finish()

    def _train_a_little(self) -> bool:
        """Train for `SLICE` seconds or to the next picture, whichever is first; whether a picture is due."""
        until = (len(self.losses) // self._pace + 1) * self._pace
        began = perf_counter()
        while not self.done and len(self.losses) < until and perf_counter() - began < SLICE:
            self.step()
        return len(self.losses) >= until and perf_counter() - self._drawn_at >= FRAME

    # -- showing -----------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        self._take_over()  # the same cell run again: what it showed before is gone from the page
        self._panel = _Panel(self)
        self._panel.show(self._picture(self.losses))
        self._say()

    def _draw(self) -> None:
        if self._panel is not None:
            self._panel.draw(self._picture(self.losses))
            self._say()
        self._drawn_at = perf_counter()

    def _say(self, text: str = "") -> None:
        if self._panel is not None:
            self._panel.say(text or self._status(), self.running)

    def _status(self) -> str:
        loss = f", loss {self.losses[-1]:.2f}" if self.losses else ": press Train"
        return f"Step {len(self.losses)} of {self.total}{loss}"

    def _tell(self) -> None:
        if self._panel is not None:
            self._panel.tell(self._picture(self.losses))

    def _finish(self) -> None:
        if self._panel is not None:
            self._panel.leave(self._picture(self.losses))
            self._panel = None

    def _toggle(self, _: Any) -> None:
        if not self.running:
            return self.start()
        self.pause()
        self._tell()

    def _one_step(self, _: Any) -> None:
        self.pause()
        try:
            self.step()
        except Exception as problem:
            return self._say(f"Stopped: {type(problem).__name__}: {problem}")
        self._draw()
        self._tell()
        if self.done:
            self._finish()


class _Panel:
    """The widgets of one `Live`: a picture, two buttons, a line of text."""

    def __init__(self, run: Live) -> None:
        import ipywidgets as widgets

        self.image = widgets.Image(format="png")
        self.train = widgets.Button(tooltip="Start the training, or pause it", layout={"width": "7em"})
        self.one = widgets.Button(
            description="One step", tooltip="Train a single step", layout={"width": "7em"}
        )
        self.status = widgets.Label()
        self.train.on_click(run._toggle)
        self.one.on_click(run._one_step)
        # Buttons above the picture: below it they are off the screen of a laptop.
        self.box = widgets.VBox([widgets.HBox([self.train, self.one, self.status]), self.image])

    def show(self, picture: Picture) -> None:
        from IPython.display import display

        self.draw(picture)
        data, about = picture.bundle()
        self.place = display(with_view(data, self.box), metadata=about, raw=True, display_id=True)
        self.words = display(_in_words(picture), raw=True, display_id=True)

    def draw(self, picture: Picture) -> None:
        _draw_into(self.image, picture)

    def say(self, text: str, running: bool) -> None:
        self.status.value = text
        self.train.description = "Pause" if running else "Train"
        self.train.icon = "pause" if running else "play"

    def tell(self, picture: Picture) -> None:
        """Say in words what stands there now; while it moves, the status line does."""
        self.words.update(_in_words(picture), raw=True)

    def leave(self, picture: Picture) -> None:
        """Put the last picture where the widgets were: it outlives the kernel, and buttons would not."""
        data, about = picture.bundle()
        self.place.update(data, metadata=about, raw=True)
        self.words.update(_in_words(picture), raw=True)
        self.box.close()


def slider(label: str, values: Sequence[Any], picture: Callable[[Any], Picture], value: Any = None) -> None:
    """Show a slider over `values`, the picture of the chosen one, and the picture in words.

    Parameters
    ----------
    label : str
        What is chosen; screen readers say it.
    picture : callable
        ``picture(value) -> Picture``.
    value : one of `values`, optional
        Where the slider stands at first; the first one if left out.
    """
    _follow([_checked(label, values, value)], picture)


def _checked(label: str, values: Sequence[Any], value: Any) -> Any:
    """A slider that is not yet shown."""
    if not len(values) or value not in [None, *values]:
        got = f"value={value!r} and values={list(values)}"
        raise ArgumentError("slider", got, "a value that is among them")
    return _handle(label, values, values[0] if value is None else value)


def _follow(handles: Sequence[Any], picture: Callable[..., Picture]) -> None:
    """Show the handles and the picture of what they say, drawn anew after every move."""
    import ipywidgets as widgets
    from IPython.display import display

    first = outputs(picture(*(handle.value for handle in handles)))
    box = handles[0] if len(handles) == 1 else widgets.VBox(list(handles))
    labels = ", ".join(handle.description for handle in handles)
    note = f"Run this cell for its slider{'s' * (len(handles) > 1)}: {labels}."
    data = {"text/html": f"<small>{html.escape(note)}</small>", "text/plain": note}
    display(with_view(data, box), raw=True)
    # The picture is an output of its own: it outlives the kernel, and the slider does not.
    places = [display(data, metadata=about, raw=True, display_id=True) for data, about in first]

    def redraw(_: dict[str, Any]) -> None:
        try:
            drawn = outputs(picture(*(handle.value for handle in handles)))
        except Exception as problem:  # an exception in a callback would vanish in the log
            said = f"{type(problem).__name__}: {problem}"
            return places[1].update({"text/html": html.escape(said), "text/plain": said}, raw=True)
        for place, (data, about) in zip(places, drawn, strict=True):
            place.update(data, metadata=about, raw=True)

    for handle in handles:
        handle.observe(redraw, names="value")


def _handle(label: str, values: Sequence[Any], value: Any) -> Any:
    import ipywidgets as widgets

    return widgets.SelectionSlider(
        options=[(str(v), v) for v in values], value=value, description=label,
        style={"description_width": "initial"}, layout={"width": "40em", "max_width": "98%"},
    )  # fmt: skip


def outputs(picture: Picture) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The image and its words, each with its metadata."""
    return [picture.bundle(), (_in_words(picture), {})]


def _draw_into(image: Any, picture: Picture) -> None:
    image.value = picture.png(1.4 * SCREEN_DPI)
    image.width = str(round(picture.get_size_inches()[0] * SCREEN_DPI))


def _in_words(picture: Picture) -> dict[str, str]:
    return {"text/html": in_words(picture.alt), "text/plain": picture.alt}
