"""One worker process, from the side of who started it: asked, watched, killed."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from .call import Line, Outcome, Problem
from .watch import Clock, Limits, Tree
from .wire import Malformed, Message, decode, put, take

EVERY = 0.03
"""Seconds between two looks at a running call: at some GB/s, what it can take beyond its limit is 200 MB."""

STARTING = Limits(seconds=60, total=60)
"""For Python, NumPy and this package to load: cold, from a slow disk, with a virus scanner."""

GONE = Message("gone")


class NotStarted(RuntimeError):
    """A worker that never said it was ready; its last words."""


class Answer(NamedTuple):
    """Outcomes of a request, one for each call, and why they ended early.

    `fate`: "", or what happened: "time", "memory", "processes", "died", or "cannot" (the worker could not
    read the request; `note` says why, and there are no outcomes).
    """

    outcomes: list[Outcome]
    fate: str = ""
    note: str = ""


class Worker:
    """A process that makes calls. Started at once; `ready` waits for it.

    Never forked: a forked child of a process that has used Numba's OpenMP dies in its first parallel loop.

    Parameters
    ----------
    command : list of str, optional
        What to start instead; it has to call `tinynn.course.engine.worker.serve`.
    environment, folder : optional
        For the process; a notebook's own otherwise.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        environment: dict[str, str] | None = None,
        folder: str | Path | None = None,
    ) -> None:
        self.last_words = tempfile.TemporaryFile()  # the worker lets go of it once it is ready
        self.process = subprocess.Popen(
            command or [sys.executable, "-P", "-m", "tinynn.course.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.last_words,
            cwd=folder,
            env=environment or _environment(),
            **_apart(),
        )
        self.tree = Tree(self.process.pid)
        self._messages: queue.Queue[Message] = queue.Queue(maxsize=2)
        self._letters: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.fresh_wanted = self.dead = self._ready = False
        for work, pipe in ((self._write, self.process.stdin), (self._read, self.process.stdout)):
            threading.Thread(target=work, args=(pipe,), name="worker's pipe", daemon=True).start()

    def ready(self, limits: Limits = STARTING) -> None:
        """Wait until it can be asked; raise `NotStarted` if it does not come to that."""
        clock = Clock(limits)
        clock.next_call()
        while not self._ready:
            message = self._next(EVERY)
            if fate := self._fate(message, clock, 0):
                self.kill()
                raise NotStarted(self._words() or fate)
            if message is not None and message.kind == "ready":
                self.tree.settle()
                self._ready = True

    def load(self, modules: Sequence[str]) -> None:
        """Have it import modules as soon as it can, before a check waits for them."""
        self._letters.put(pickle.dumps({"kind": "load", "modules": list(modules)}))

    def ask(self, request: bytes, calls: int, limits: Limits) -> Answer:
        """Send a request of `travel.request`, and watch until its calls are done or one runs over.

        Runs in whatever thread calls it; a KeyboardInterrupt passes through, after which the worker has to
        be killed.
        """
        self._letters.put(request)
        clock, (_, baseline) = Clock(limits), self.tree.usage()
        outcomes: list[Outcome] = []
        while True:
            message = self._next(EVERY)
            if fate := self._fate(message, clock, baseline):
                clock.turn(False)
                return self._ended(outcomes, calls, fate, clock.call)
            if message is None:
                continue
            if message.kind == "cannot":
                self._finish()
                return Answer([], "cannot", message.note)
            if message.kind == "loaded":
                _, baseline = self.tree.usage()
            if message.kind == "outcome":  # of a function that writes frames itself, no more than asked for
                outcomes += message.outcomes[: min(1, calls - len(outcomes))]
            if message.kind in ("loaded", "outcome"):
                clock.next_call()
            if message.kind in ("compiling", "compiled"):
                clock.turn(message.kind == "compiled")
            if message.kind == "done":
                self._cleaned(message)
                return self._ended(outcomes, calls, "died") if len(outcomes) < calls else Answer(outcomes)

    def where(self, seconds: float = 0.3) -> tuple[Line, ...]:
        """The student's lines that are running, as far as the worker answers: compiled code does not."""
        self._letters.put(pickle.dumps({"kind": "where"}))
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            message = self._next(left)
            if message is None or message.kind == "gone":
                break
            if message.kind == "where" and message.outcomes and message.outcomes[0].problem:
                return message.outcomes[0].problem.lines
        return ()

    def gone(self) -> bool:
        """Whether it ended by itself. Asked without waiting for it, so that its id is not given away."""
        return self.dead or not self.tree.alive()

    def kill(self) -> None:
        """End the process and everything that it started."""
        if self.dead:
            return
        self.dead = True
        self.tree.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: nothing more can be done
            self.process.wait(5)
        self._letters.put(None)

    # -- what happened --------------------------------------------------------------------------------------

    def _fate(self, message: Message | None, clock: Clock, baseline: int) -> str:
        """Why it has to end now, or "". The clock counts at each message too: they may come without end."""
        if message is not None and message.kind == "gone":
            return "died"
        processes, memory = self.tree.usage() if message is None else (0, 0)
        if processes > clock.limits.processes:
            return "processes"
        if memory - baseline > clock.limits.memory:
            return "memory"
        return "time" if clock.over() else ""

    def _ended(self, outcomes: list[Outcome], calls: int, fate: str, seconds: float = 0.0) -> Answer:
        """The call that was running ended so; those after it were not made."""
        # While memory runs out there is less time to ask.
        lines = self.where(0.3 if fate == "time" else 0.05) if fate in ("time", "memory") else ()
        by_itself = fate == "died" and self._ends_by_itself()
        self.kill()
        if len(outcomes) == calls:
            return Answer(outcomes)  # it ended after its last call
        end = "died" if fate == "processes" else fate
        last = Outcome(end, problem=Problem("Running", "", lines) if lines else None, seconds=seconds)
        skipped = [Outcome("skipped")] * (calls - len(outcomes) - 1)
        note = str(self.process.returncode) if by_itself else ""
        return Answer([*outcomes, last, *skipped], fate, note)

    def _ends_by_itself(self) -> bool:
        """The pipe's end comes a little before the process's, and its exit code is worth a short wait."""
        end = time.monotonic() + 0.3
        while self.tree.alive() and time.monotonic() < end:
            time.sleep(0.005)
        return not self.tree.alive()

    def _cleaned(self, message: Message) -> None:
        """A function that left processes, threads or a changed NumPy behind has used this worker up."""
        self.fresh_wanted = bool(message.note) or bool(self.tree.strangers())

    def _finish(self) -> None:
        message = self._next(STARTING.seconds)
        if message is None or message.kind != "done":
            self.kill()
        else:
            self._cleaned(message)

    # -- pipes ----------------------------------------------------------------------------------------------

    # In threads: waiting for a queue can be timed and interrupted on every system, waiting for a pipe cannot.

    def _write(self, pipe: BinaryIO) -> None:
        with contextlib.suppress(OSError, ValueError), pipe:
            while (letter := self._letters.get()) is not None:
                put(pipe, letter)

    def _read(self, pipe: BinaryIO) -> None:
        with contextlib.suppress(OSError, ValueError, Malformed), pipe:
            while (payload := take(pipe)) is not None and not self.dead:
                self._deliver(decode(payload))
        self._deliver(GONE)

    def _deliver(self, message: Message) -> None:
        """The queue is short, so that whoever sends without end fills no memory here."""
        while not self.dead:
            with contextlib.suppress(queue.Full):
                return self._messages.put(message, timeout=0.5)

    def _next(self, seconds: float) -> Message | None:
        with contextlib.suppress(queue.Empty):
            return self._messages.get(timeout=seconds)
        return None

    def _words(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            self.last_words.seek(0)
            return self.last_words.read()[-2000:].decode("utf-8", "replace").strip()
        return ""


def _environment() -> dict[str, str]:
    """The notebook's, with one thread for BLAS: two processes' threads fight, and checks are small."""
    quiet = {"TINYNN_QUIET": "1", "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
    return {**threads, **os.environ, **quiet, "PYTHONPATH": _import_path()}


def _import_path() -> str:
    """So that the process finds this package where it is not installed; the rest comes with the request."""
    root = Path(__file__).resolve().parents[3]
    given = os.environ.get("PYTHONPATH", "")
    return given if root.name == "site-packages" else os.pathsep.join(filter(None, [given, str(root)]))


def _apart() -> dict[str, Any]:
    """Out of reach of the signals that Jupyter sends to the kernel's process group; no console window."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
