"""The cockpit: a `Trainer` that plays, with what shows it."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ...nn import Module
from ..plots import Picture
from .pictures import Pictures, difference
from .run import Run, Trainer, Trouble
from .settings import Settings
from .words import status, trouble_as_text

if TYPE_CHECKING:
    from .panel import Panel

SLICE = 0.025  # seconds of training at a stretch
FRAME = 0.05  # seconds from one picture to the next, at least
FRAMES = 400  # pictures a run at the speed it starts with: 20 seconds to watch
SPEEDS = (1, 2, 5, 10, 20, 50, 100, 1000)


class Cockpit:
    """A training run to drive: made by `cockpit`, shown by the last line of a cell.

    Everything a button does is a method too, so that a cell, or a test, drives it the same way.

    Attributes
    ----------
    model : Module
        The network, in the state of the run at work.
    runs : list of Run
        "A", and its forks "B" to "D"; each has `records`, one a step.
    run : Run
        The one at work.
    losses : list of float
        Of the run at work, up to where it stands.
    at : int
        Steps trained where it stands.
    settings : Settings
        For the next step.
    speed : int
        Steps between two pictures, at most.
    trouble : Trouble or None
        What made a NaN or an infinity, if the last step did.
    done : bool
    """

    _at_work: Cockpit | None = None  # one plays at a time: two would take each other's turns

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.pictures = trainer, Pictures(trainer)
        self.speed = next((s for s in SPEEDS if trainer.total <= FRAMES * s), SPEEDS[-1])
        self._task: asyncio.Task | None = None
        self._panel: Panel | None = None
        self._drawn: dict[str, tuple[float, float]] = {}  # sheet to when it was drawn, and what it cost

    @property
    def model(self) -> Module:
        return self.trainer.machine.model

    @property
    def runs(self) -> list[Run]:
        return self.trainer.runs

    @property
    def run(self) -> Run:
        return self.trainer.run

    @property
    def at(self) -> int:
        return self.trainer.at

    @property
    def settings(self) -> Settings:
        return self.trainer.settings

    @property
    def trouble(self) -> Trouble | None:
        return self.trainer.trouble

    @property
    def done(self) -> bool:
        return self.trainer.done

    @property
    def losses(self) -> list[float]:
        return self.run.losses[: self.at]

    # -- driving ---------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self._task is not None

    def play(self) -> None:
        """Train beside whatever else the kernel does; the kernel's event loop must be running."""
        if self.running or self.done:
            return self._show("Finished: rewind or restart to train on" if self.done else "")
        self._take_over()
        self._task = asyncio.get_running_loop().create_task(self._play())
        self._show()

    def pause(self) -> None:
        """Stop after the step that is under way; `play` goes on from there."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._show_all("Paused")

    def step(self) -> None:
        """Train a single step."""
        self._halt()
        self.trainer.step()
        self._show_all("One step" if not self.done else "Finished")

    def set(self, **changes: Any) -> None:
        """Change settings from the next step on: ``set(lr=0.01, optimizer="adam")``; playing goes on."""
        before = self.settings
        self.trainer.set(**changes)
        changed = difference(before, self.settings)
        if changed:
            self._show(f"Set: {changed}, from the next step on")

    def rewind(self, step: int) -> None:
        """Put everything back to how it was after `step` steps, the settings too; see `Trainer.rewind`."""
        self._halt()
        self.trainer.rewind(step)
        self._show_all(self.trainer.notice or "Rewound")

    def restart(self) -> None:
        """Go back to the beginning; the settings stay as they are chosen now."""
        self._halt()
        self.trainer.restart()
        self._show_all("Back at the beginning")

    def fork(self) -> Run:
        """Begin another run where this one stands, in another colour; at most four in all."""
        self._halt()
        run = self.trainer.fork()
        self._show_all(f"Run {run.name} begins here")
        return run

    def switch(self, name: str) -> None:
        """Put another run to work, at its end."""
        self._halt()
        self.trainer.switch(name)
        self._show_all(f"Run {name} is at work")

    def run_to_end(self) -> None:
        """Train what is left of the run at once, leave plain pictures, and say how many steps it was.

        The numbers are those of a played run, bit for bit.
        """
        self._halt()
        try:
            while not self.done:
                self.trainer.step()
                if self.trouble is not None:
                    break
        finally:  # interrupted too: what was learned stays
            self._finish()
            print(f"{self.at} of {self.trainer.total} steps trained.")
            if self.trouble is not None:
                print(trouble_as_text(self.trouble))

    def picture(self) -> Picture:
        """All there is to see now, as one picture without controls."""
        return self.pictures.picture()

    # -- the loop --------------------------------------------------------------------------------------

    def _take_over(self) -> None:
        if Cockpit._at_work is not None and Cockpit._at_work is not self:
            Cockpit._at_work.pause()
        Cockpit._at_work = self

    def _halt(self) -> None:
        """Pause without drawing, for what draws itself afterwards."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _play(self) -> None:
        try:
            while not self.done:
                began = perf_counter()
                self._train_a_little()
                if self.trouble is not None:
                    break
                self._draw_some()
                await asyncio.sleep(max(0.005, FRAME - (perf_counter() - began)))
        except Exception as problem:  # nobody awaits this task, so it has to say itself what went wrong
            self._task = None
            return self._show_all(f"Stopped: {type(problem).__name__}: {problem}")
        self._task = None
        self._show_all("Stopped" if self.trouble else "Finished")

    def _train_a_little(self) -> None:
        began = perf_counter()
        for _ in range(self.speed):
            self.trainer.step()
            if self.done or self.trouble is not None or perf_counter() - began > SLICE:
                break

    # -- showing ---------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        from .panel import Panel

        self._take_over()
        if self._panel is not None:
            self._panel.close()
        self._panel = Panel(self)
        for name in self.pictures.sheets:
            self._draw(name)
        self._panel.show(self.picture())
        self._show_all("Ready")

    def _draw_some(self) -> None:
        """The loss, and of the other sheets the one whose turn it is: the dearer, the more seldom."""
        if self._panel is None:
            return
        now = perf_counter()
        others = [name for name in self.pictures.sheets if name != "loss"]
        waited = {n: (now - self._drawn.get(n, (0, 1))[0]) / self._drawn.get(n, (0, 1e-3))[1] for n in others}
        for name in ("loss", max(others, key=lambda n: waited[n])):
            self._draw(name)
        self._panel.tell_status(status(self.trainer))

    def _draw(self, name: str) -> None:
        assert self._panel is not None
        began = perf_counter()
        self._panel.images[name].value = self.pictures.png(name)
        self._drawn[name] = (perf_counter(), perf_counter() - began)

    def _show(self, news: str = "") -> None:
        if self._panel is not None:
            self._panel.refresh(status(self.trainer), news)

    def _show_all(self, news: str) -> None:
        """Every sheet, every text alternative: at pauses, when there is time to look."""
        if self._panel is not None:
            for name in self.pictures.sheets:
                self._draw(name)
            self._panel.refresh(status(self.trainer), news)
            self._panel.tell(self.pictures.words())

    def _finish(self) -> None:
        if self._panel is not None:
            self._panel.leave(self.picture())
            self._panel = None

    def __repr__(self) -> str:
        return f"Cockpit(run {self.run.name}, {status(self.trainer)})"
