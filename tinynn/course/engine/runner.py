"""Run a student's function where it can do no harm: ``run([f], calls) -> Ran(outcomes, where, notes)``.

One worker process is started, kept, and used for every check. It is watched from outside while a call
runs; when that takes too long, too much memory or too many processes, the worker is killed with everything
that it started, and another takes its place. Calls are made in order by the same function objects, so
state that a function keeps shows in a later call; the next check begins anew.

What the function changes in a global, it changes in a copy of it: the notebook's stays as it was. Large
globals travel with the function each time (measured on two cores: 100 MB take a third of a second).

Time that Numba compiles is not the function's (see `Limits.compiling`): the worker says when compiling
begins and ends, and the clock of the call stands still meanwhile. So an endless loop in compiled code is
stopped as soon as one in Python.

What cannot travel (a function over an open file, a lock, a generator) runs in the notebook's process: then
`Ran.where` is "here", a note says so, and no limit holds but the notebook's stop button.
"""

from __future__ import annotations

import atexit
import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from . import travel
from .call import Call, Line, Outcome
from .faces import seen_as
from .perform import perform, problem_of
from .process import Answer, NotStarted, Worker
from .texts import phrases
from .watch import Limits

_worker: Worker | None = None
_lock = threading.Lock()
"""One check at a time."""


class Ran(NamedTuple):
    """What came of a function's calls.

    Attributes
    ----------
    outcomes : list of Outcome
        One for each call. Where one ended with ``time`` or ``memory``, its `problem` is None or of the kind
        "Running": `problem.lines` are the student's lines that were running then.
    where : str
        "worker" or "here", the notebook's process.
    notes : tuple of str
        What the student should know about how it was run; mostly empty.
    """

    outcomes: list[Outcome]
    where: str
    notes: tuple[str, ...] = ()


class Stopped(KeyboardInterrupt):
    """The student pressed stop: shown as a few words with the line, instead of a page of library code."""

    def __init__(self, lines: Sequence[Line] = ()) -> None:
        self.lines = tuple(lines)
        where = f" {_say('line')}\n    {lines[-1].text}" if lines else ""
        super().__init__(f"{_say('stopped')}{where}\n{_say('loop')}\n{_say('mend')}")

    def _render_traceback_(self) -> list[str]:  # IPython asks for this
        return [str(self)]


def run(
    functions: Sequence[Callable],
    calls: Sequence[Call],
    *,
    faces: Sequence[str] = (),
    seconds: float = Limits().seconds,
    total: float = Limits().total,
    memory: int = Limits().memory,
) -> Ran:
    """Make the calls in the worker, or here if the functions cannot travel.

    Parameters
    ----------
    functions : sequence of functions
        ``functions[call.function]`` is what a call is about.
    calls : sequence of Call
    faces : sequence of str, optional
        Ways to run the only function; then ``faces[call.function]`` is what a call is about.
    seconds, total : float
        Limits for one call and for all together, compiling by Numba not counted.
    memory : int
        Bytes beyond what the worker holds when the functions have arrived there.

    Raises
    ------
    Stopped
        A KeyboardInterrupt, for the student pressed stop. The worker is killed then.
    """
    limits = Limits(seconds, total, memory)
    with _lock:
        try:
            return _run(functions, calls, limits, faces)
        except Stopped:
            raise
        except KeyboardInterrupt:
            lines = _worker.where() if _worker else ()
            _stop()
            raise Stopped(lines) from None


def start() -> None:
    """Start the worker and return at once, so that it is ready when the first check comes.

    From the main thread: on Linux the worker ends with the thread that started it.
    """
    with contextlib.suppress(OSError, NotStarted), _lock:
        _started()


def stop() -> None:
    """End the worker; the next check starts another."""
    with _lock:
        _stop()


def _run(functions: Sequence[Callable], calls: Sequence[Call], limits: Limits, faces: Sequence[str]) -> Ran:
    here = partial(_here, seen_as(functions, faces), calls)
    try:
        request = travel.request(functions, calls, limits.seconds, faces)
    except Exception as problem:  # whatever a student's object raises when it is pickled
        return here("cannot", f"{type(problem).__name__}: {problem}")
    try:
        answer = _asked(request, len(calls), limits)
    except (OSError, NotStarted) as problem:
        return here("started", str(problem))
    if answer.fate == "cannot":
        return here("cannot", answer.note)
    return Ran(answer.outcomes, "worker", _notes(answer, limits))


def _asked(request: bytes, calls: int, limits: Limits) -> Answer:
    """The worker's answer; if it is used up afterwards, the next one starts in the background."""
    worker = _started()
    worker.ready()
    answer = worker.ask(request, calls, limits)
    if worker.dead or worker.fresh_wanted:
        _stop()
        _started()
    return answer


def _started() -> Worker:
    global _worker
    if _worker is not None and _worker.gone():  # killed from outside, or by the system for want of memory
        _stop()
    if _worker is None:
        _worker = Worker()
        _worker.load(travel.slow_modules(sys.modules.keys() & {"numba"}))  # this notebook has come to use it
    return _worker


@atexit.register
def _stop() -> None:
    global _worker
    if _worker is not None:
        _worker.kill()
    _worker = None


# -- here ---------------------------------------------------------------------------------------------------


def _here(functions: Sequence[Callable], calls: Sequence[Call], why: str, reason: str) -> Ran:
    try:
        outcomes = perform(functions, calls)
    except KeyboardInterrupt as problem:
        raise Stopped(problem_of(problem).lines) from None
    reason = " ".join(reason.split())[-200:]
    return Ran(outcomes, "here", (_say("here", why=_say(why, reason=reason)),))


def _notes(answer: Answer, limits: Limits) -> tuple[str, ...]:
    if answer.fate == "processes":
        return (_say("processes", processes=limits.processes),)
    return (_say("died", how=_how(answer.note)),) if answer.fate == "died" else ()


def _how(code: str) -> str:
    """An exit code in words; negative ones are signals."""
    if not code.startswith("-"):
        return _say("code", code=code) if code not in ("", "0") else ""
    with contextlib.suppress(ValueError):
        name = signal.Signals(-int(code)).name
        return _say("killed" if name == "SIGKILL" else "signal", signal=name)
    return ""


def _say(name: str, **values: object) -> str:
    return phrases("sandbox")["notes"][name].format(**values)
