"""The process that runs a student's functions: ``python -m tinynn.course.engine.worker``.

It reads requests from its standard input, makes the calls one at a time and sends each outcome when it is
there, so that the reader knows which call ran over. It sets itself no limit of time or memory: who started
it watches from outside, kills it and starts another (process.py). What it does for its part:

* Its pipes move away from the file descriptors 0, 1 and 2, which then lead nowhere: whatever prints, C
  code included, cannot get between the frames.
* It ends when whoever started it ends. A thread that reads the pipe sees the end of it; a loop in compiled
  code keeps that thread from running, so on Linux the kernel is asked for a signal as well, and everywhere
  a timer of faulthandler, which runs without Python's lock, ends a call that nobody stopped.
* No RLIMIT_AS: the stacks of Numba's threads and BLAS's buffers reserve gigabytes of addresses that are
  never used, so a limit that helps would stop right answers. Where memory runs out all the same, Linux is
  told to take this process first.

Requests are pickles, from whoever started it (travel.py); answers are never pickles (wire.py).

`serve` runs other functions than a notebook's as well. A grader's child makes its namespace first and is
then asked for functions by name::

    pipes = worker.take_pipes()                 # before anything of the submission runs
    ... run the notebook's cells in `namespace` ...
    worker.serve(pipes, resolve=lambda request: [namespace[name] for name in request["names"]])

and its parent: ``Worker(command=[...]).ask(travel.request(["relu_backward"], calls, seconds), ...)``. What
`resolve` raises is answered as "cannot", with its message as the note.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import linecache
import os
import pickle
import queue
import signal
import sys
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from ...backends import backend, current_backend
from . import travel
from .call import Call, Odd, Outcome, Problem
from .faces import seen_as
from .perform import perform_one
from .traced import is_own, lines_now
from .wire import encode, put, take

EVERYTHING = (BaseException,)
AFTER = 90.0
"""Seconds beyond a call's limit after which the timer ends it: compiling may take that long."""

WATCHED = ("builtins", "math", "numpy")
"""Modules that a function may have damaged: after that, a fresh process."""

Resolve = Callable[[dict], Sequence[Callable]]


def main() -> None:
    pipes = take_pipes()
    # What a notebook's functions know as __main__ is not this file.
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        serve(pipes)
    finally:  # a damaged interpreter, or threads that a function left, might not let it end by itself
        os._exit(1)


def serve(pipes: Pipes, resolve: Resolve = lambda request: travel.unpack(request["functions"])) -> None:
    """Answer requests until the pipe ends; `resolve` gives the functions that one is about."""
    at_start = _Start()
    pipes.say("ready")
    while True:
        request = pipes.requests.get()
        if request["kind"] == "load":
            _load(request["modules"])
            continue
        _answer(pipes, request, resolve)
        damaged = at_start.damaged()
        at_start.forget_modules()
        pipes.say("done", note="fresh" if damaged else "")


def _answer(pipes: Pipes, request: dict, resolve: Resolve) -> None:
    try:
        _settle(request)
        functions, calls = seen_as(resolve(request), request["faces"]), travel.unpack(request["calls"])
    except BaseException as problem:  # what cannot be read here can raise anything
        return pipes.say("cannot", note=f"{type(problem).__name__}: {problem}"[:300])
    pipes.say("loaded")
    for call in calls:
        _tell_of_compiling(pipes)
        outcome = _timed(functions[call.function], call, request["seconds"] + AFTER)
        pipes.tell(outcome)


def _settle(request: dict) -> None:
    """Folder, import path, backend and the text of the cells, as in the notebook."""
    for file, text in request.get("sources", {}).items():
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    if around := request.get("around"):
        sys.path[:] = around["path"]
        with contextlib.suppress(OSError):  # a folder that is gone
            os.chdir(around["folder"])
        if around["backend"] != current_backend():
            backend(around["backend"])
        _load(around["modules"])


def _load(modules: Sequence[str]) -> None:
    for name in modules:
        with contextlib.suppress(Exception):  # the function will say what is wrong, if it needs it at all
            importlib.import_module(name)


def _timed(function: Callable, call: Call, seconds: float) -> Outcome:
    faulthandler.dump_traceback_later(seconds, exit=True, file=_nowhere)
    try:
        return perform_one(function, call, EVERYTHING)
    finally:
        faulthandler.cancel_dump_traceback_later()


_told = False


def _tell_of_compiling(pipes: Pipes) -> None:
    """Say when Numba compiles: that time is not the function's."""
    global _told
    if _told or "numba" not in sys.modules:
        return
    from numba.core import event

    class Tell(event.Listener):
        depth = 0  # a function that calls another compiles both

        def on_start(self, event: Any) -> None:
            self.depth += 1
            if self.depth == 1:
                pipes.say("compiling")

        def on_end(self, event: Any) -> None:
            self.depth -= 1
            if self.depth == 0:
                pipes.say("compiled")

    event.register("numba:compile", Tell())
    _told = True


# -- what a function left behind ---------------------------------------------------------------------------


class _Start:
    """How the process was before it ran anything."""

    def __init__(self) -> None:
        self.modules = set(sys.modules)
        self.contents = {name: dict(vars(sys.modules[name])) for name in WATCHED}
        self.threads = threading.active_count()
        self.recursion = sys.getrecursionlimit()

    def damaged(self) -> bool:
        """Whether the next function would find another world."""
        changed = any(
            vars(sys.modules[name]).get(key) is not value
            for name, contents in self.contents.items()
            for key, value in contents.items()
        )
        return changed or threading.active_count() > self.threads or sys.getrecursionlimit() != self.recursion

    def forget_modules(self) -> None:
        """The student's own .py files are read again at the next check: they may have been edited."""
        for name in sys.modules.keys() - self.modules:
            if is_own(getattr(sys.modules[name], "__file__", None) or "<"):
                del sys.modules[name]


# -- pipes --------------------------------------------------------------------------------------------------


class Pipes:
    """Requests in, messages out. A thread reads, so that the end of the pipe is seen during a call too."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._in, self._out = incoming, outgoing
        self._lock = threading.Lock()
        self.requests: queue.SimpleQueue[dict] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(BaseException):
            while (payload := take(self._in, 1 << 40)) is not None:
                request = pickle.loads(payload)
                if request["kind"] == "where":
                    self._say_where()
                else:
                    self.requests.put(request)
        os._exit(0)  # nobody is there to answer

    def _say_where(self) -> None:
        """The student's lines that are running now."""
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        self.say("where", [Outcome("time", problem=Problem("Running", "", lines_now(frame)))])

    def tell(self, outcome: Outcome) -> None:
        try:
            self.say("outcome", [outcome])
        except (TypeError, MemoryError):  # of an unusual dtype, or no memory left for the copy
            odd = Odd(type(outcome.value).__name__, "cannot be sent")
            self.say("outcome", [Outcome("value", odd, None, outcome.changed, outcome.printed)])

    def say(self, kind: str, outcomes: Sequence[Outcome] = (), note: str = "") -> None:
        payload = encode(kind, outcomes, note)
        with self._lock:
            try:
                put(self._out, payload)
            except (OSError, ValueError):  # closed, at one end or the other
                os._exit(0)


def take_pipes() -> Pipes:
    """Move the pipes away from descriptors 0, 1 and 2, see that this process ends with its parent."""
    global _nowhere
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    _nowhere = os.fdopen(nowhere, "w", encoding="utf-8")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the notebook's stop button is the parent's business
    if sys.platform == "linux":
        _end_with_parent()
    return Pipes(incoming, outgoing)


_nowhere: Any = None


def _end_with_parent() -> None:
    """Linux: a signal when the thread that started this process ends; be the first to go without memory.

    Elsewhere the timer has to do. Grandchildren whose parent ends become children of this process, where
    the watcher finds them.
    """
    with contextlib.suppress(OSError, AttributeError, ImportError):
        import ctypes

        PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
        prctl = ctypes.CDLL(None).prctl
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with contextlib.suppress(OSError):
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no file behind


if __name__ == "__main__":
    main()
