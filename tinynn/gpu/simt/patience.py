"""A watchdog for loops that touch no memory and wait for nobody, where nothing else could count steps."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .thread import now


class Endless(Exception):
    """Raised from outside in a thread of a kernel that does not come to an end."""


_lock = threading.Lock()
_work = threading.Event()
_running: tuple[int, float] | None = None  # the OS thread that interprets, and its patience
_watchdog: threading.Thread | None = None


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Raise `Endless` inside if one turn of a kernel's thread takes this much computing time."""
    global _running, _watchdog
    if _watchdog is None or not _watchdog.is_alive():
        _watchdog = threading.Thread(target=_watch, name="tinynn.gpu.simt watchdog", daemon=True)
        _watchdog.start()
    ident = threading.get_ident()
    _running = ident, seconds
    _work.set()
    try:
        yield
    finally:
        with _lock:
            _running = None
            _work.clear()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), None)  # none is to come late


def _watch() -> None:
    turns, since = -1, (0.0, 0.0)
    while True:
        if not _work.is_set():
            turns = -1
        _work.wait()
        with _lock:
            if _running is None:
                continue
            ident, seconds = _running
            spent = time.process_time(), time.monotonic()  # a busy machine, or other threads, end nothing
            if now.turns != turns:
                turns, since = now.turns, spent
            elif min(spent[0] - since[0], spent[1] - since[1]) > seconds:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(Endless))
                since = spent
        time.sleep(min(0.1, seconds / 4))
