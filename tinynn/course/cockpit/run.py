"""Training that can be rewound and forked, without any widget: `Trainer`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...diverged import DivergedError
from ...errors import ArgumentError, StateError
from ...nn.checks import whole
from .machine import Machine, Record, Snapshot
from .origin import Input
from .settings import Settings

NAMES = "ABCD"
SPACING = 8  # steps between two snapshots, at first
SNAPSHOTS = 64
BYTES = 128 << 20


class Shelf:
    """Snapshots of one run, at even distances.

    At most 64 of them and at most 128 MB, but two in any case. When there are more, every other one goes
    and the distance doubles: going back replays at most one distance, which is at most a 32nd of the run
    while the snapshots are small.
    """

    def __init__(self, snapshots: Sequence[Snapshot] = (), spacing: int = SPACING) -> None:
        self.snapshots, self.spacing = list(snapshots), spacing

    def offer(self, at: int) -> bool:
        """Whether a snapshot of step `at` is wanted."""
        return at % self.spacing == 0 and not (self.snapshots and self.snapshots[-1].at >= at)

    def keep(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)
        while len(self.snapshots) > max(2, min(SNAPSHOTS, BYTES // max(1, snapshot.nbytes))):
            self.spacing *= 2
            self.snapshots = [s for s in self.snapshots if s.at % self.spacing == 0]

    def latest(self, at: int) -> Snapshot:
        """The last one up to step `at`; the first step's is always there."""
        return next(s for s in reversed(self.snapshots) if s.at <= at)

    def until(self, at: int) -> Shelf:
        """The part up to step `at`, as a shelf of its own; snapshots never change and can stand on two."""
        return Shelf([s for s in self.snapshots if s.at <= at], self.spacing)


class Run:
    """One line of training.

    Attributes
    ----------
    name : str
        "A", and "B" to "D" for forks.
    records : list of Record
    start : int
        The step at which it left another run; 0 for the first.
    cut : (int, list of float)
        Where it was last rewound and trained on anew, and the losses that came after that before.
    """

    def __init__(self, name: str, records: Sequence[Record] = (), shelf: Shelf | None = None) -> None:
        self.name, self.records, self.start = name, list(records), len(records)
        self.shelf = shelf or Shelf()
        self.end: Snapshot | None = None  # the state after the last record, while another step is looked at
        self.cut: tuple[int, list[float]] = (0, [])

    @property
    def losses(self) -> list[float]:
        return [record.loss for record in self.records]

    def __repr__(self) -> str:
        return f"Run({self.name}: {len(self.records)} steps)"


class Trouble(NamedTuple):
    """A step that made a NaN or an infinity.

    Attributes
    ----------
    step : int
        The first step that made one.
    op : str
        The first op that made one, such as ``"exp forward"``.
    error : DivergedError
    inputs : list of Input
        What went into that op.
    back : int
        The step to which training went back.
    """

    step: int
    op: str
    error: DivergedError
    inputs: list[Input]
    back: int


class Trainer:
    """Runs of one machine: each has its past, and one of them is at work.

    Parameters
    ----------
    machine : Machine
    settings : Settings
        For the first step.
    epochs : int
        A run ends when it has taken each example so often.

    Attributes
    ----------
    runs : list of Run
    run : Run
        The one at work.
    at : int
        Steps behind the machine as it stands; fewer than the run's records after a `rewind`.
    settings : Settings
        For the next step.
    trouble : Trouble or None
        Of the last step, if it failed.
    notice : str
        What was odd about the last call, or nothing.
    """

    def __init__(self, machine: Machine, settings: Settings, epochs: int) -> None:
        self.machine, self.settings = machine, settings
        self.epochs = whole("cockpit", "epochs", epochs)
        self.run, self.at = Run(NAMES[0]), 0
        self.runs = [self.run]
        self.trouble: Trouble | None = None
        self.notice = ""
        self.run.shelf.keep(machine.snapshot(0, settings))

    @property
    def done(self) -> bool:
        return self.machine.seen >= self.epochs * len(self.machine.x)

    @property
    def total(self) -> int:
        """Steps of the whole run, if the batch size stays."""
        examples, size = len(self.machine.x), self.settings.batch_size
        passes, rest = divmod(max(0, self.epochs * examples - self.machine.seen), examples)
        return self.at + passes * -(-examples // size) - (-rest // size)

    # -- training --------------------------------------------------------------------------------------

    def set(self, **changes: Any) -> None:
        """Change settings from the next step on; an error leaves them as they were."""
        settings = self.settings.but(**changes)
        self.settings = settings.checked(self.machine.menu, len(self.machine.x))

    def step(self) -> None:
        """Train one step; on a NaN or an infinity go back instead, and say in `trouble` what happened."""
        if self.done:
            return
        self.trouble, self.notice = None, ""
        if self.at < len(self.run.records):
            self._cut()
        try:
            record = self.machine.step(self.settings, self.at + 1)
        except DivergedError as error:
            self._go_back(error)
            return
        self.run.records.append(record)
        self.at += 1
        if self.run.shelf.offer(self.at):
            self.run.shelf.keep(self.machine.snapshot(self.at, self.settings))

    def _cut(self) -> None:
        """What came after this step is no longer this run's, and stays to be seen."""
        run, at = self.run, self.at
        run.cut = (at, [record.loss for record in run.records[at:]])
        del run.records[at:]
        run.shelf, run.end = run.shelf.until(at), None

    # -- going back ------------------------------------------------------------------------------------

    def rewind(self, step: int) -> None:
        """Put everything back to how it was after `step` steps, the settings too.

        The steps after it stay on record, so that going forward again or forking is possible, until
        another step is trained from there. That step, with the same settings, is the same bit for bit.
        """
        if not 0 <= whole("cockpit", "step", step, 0) <= len(self.run.records):
            got, last = f"step={step} to go back to", len(self.run.records)
            raise ArgumentError("cockpit", got, f"one from 0 to {last}", f"rewind({last})")
        self.trouble, self.notice = None, ""
        self._rest()
        self._go(step)

    def restart(self) -> None:
        """Go back to the beginning and keep the settings as they are chosen now."""
        settings = self.settings
        self.rewind(0)
        self.settings = settings

    def _rest(self) -> None:
        """Before leaving the end of a run, remember it."""
        if self.at == len(self.run.records):
            self.run.end = self.machine.snapshot(self.at, self.settings)

    def _go(self, step: int) -> None:
        run = self.run
        if run.end is not None and run.end.at == step:
            return self._stand(run.end)
        self._stand(run.shelf.latest(step))
        while self.at < step:
            self._replay()
        if step < len(run.records):
            self.settings = run.records[step].settings

    def _stand(self, snapshot: Snapshot) -> None:
        self.machine.restore(snapshot)
        self.at, self.settings = snapshot.at, snapshot.settings

    def _replay(self) -> None:
        """Make a step of the record again. What it depends on outside the cockpit may have changed."""
        before = self.run.records[self.at]
        again = self.machine.step(before.settings, self.at + 1)
        if repr(again) != repr(before) and not self.notice:
            changed = "the function that was switched in, the data, the model or the backend"
            self.notice = f"Step {self.at + 1} is not what it was: {changed} has changed since."
        self.run.records[self.at] = again
        self.at += 1

    def _go_back(self, error: DivergedError) -> None:
        """From a failed step to the last good one; what failed stays to be seen as `Run.cut`."""
        op, step, back = error.op, self.at + 1, self._last_good()
        update = op.startswith("the parameter") and self.at > 0  # made by the update of the step before
        if update:
            step = self.at
            op = self._before_update(step)
        inputs = self.machine.first_inputs(update)
        self._go(back)
        self._cut()
        self.trouble = Trouble(step, op, error, inputs, back)

    def _before_update(self, step: int) -> str:
        """Stand before the update of `step`, with its batch at hand; return the update's name."""
        record = self.run.records[step - 1]
        self._go(step - 1)
        self.machine.step(record.settings, step)  # for its batch
        self._go(step - 1)  # for the parameters before it
        self.machine.use(record.settings)
        op = getattr(self.machine.optimizer, "op", None)
        return f"{op.name if op else record.settings.optimizer} forward"

    def _last_good(self) -> int:
        """Before the last step whose loss was at most twice the smallest mean of ten in a row."""
        losses = np.array(self.run.losses)
        if not len(losses):
            return 0
        width = min(10, len(losses))
        best = np.convolve(losses, np.full(width, 1 / width), "valid").min()
        return int(np.flatnonzero(losses <= max(2 * best, losses.min()))[-1])

    # -- several runs ----------------------------------------------------------------------------------

    def fork(self) -> Run:
        """Begin another run from where this one stands now; this one keeps all its steps."""
        if len(self.runs) == len(NAMES):
            raise StateError("cockpit", f"a fork beside {len(NAMES)} runs", f"at most {len(NAMES)} runs")
        self._rest()
        run = Run(NAMES[len(self.runs)], self.run.records[: self.at], self.run.shelf.until(self.at))
        self.runs.append(run)
        self.run = run
        return run

    def switch(self, name: str) -> None:
        """Put another run to work, at its end."""
        found = {run.name: run for run in self.runs}
        if name not in found:
            raise ArgumentError("cockpit", f"a run {name!r}", f"one of {', '.join(found)}", 'switch("A")')
        if found[name] is self.run:
            return
        self._rest()
        self.run, self.trouble, self.notice = found[name], None, ""
        assert self.run.end is not None
        self._stand(self.run.end)
