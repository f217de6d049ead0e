"""Watching a process from outside: how long it has run, how much memory it and its children hold."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Any, NamedTuple


class Limits(NamedTuple):
    """Seconds for one call and for all of a check, bytes above what the idle worker holds.

    `compiling` seconds are for what is not the function's own time: unpacking it with the modules it
    needs, and what Numba compiles. The clock of the call stands still meanwhile.
    """

    seconds: float = 5.0
    total: float = 20.0
    memory: int = 1 << 30
    compiling: float = 60.0
    processes: int = 16


class Clock:
    """The time of the present call, and of the calls before it; the time spent waiting for other things."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.before = self.call = self.waited = 0.0
        self.running = False
        self.since = time.monotonic()

    def turn(self, running: bool) -> None:
        """The function runs from now on, or waits for the compiler."""
        lasted = time.monotonic() - self.since
        if self.running:
            self.call += lasted
        else:
            self.waited += lasted
        self.running, self.since = running, self.since + lasted

    def next_call(self) -> None:
        self.turn(True)
        self.before, self.call = self.before + self.call, 0.0

    def over(self) -> bool:
        lasted = time.monotonic() - self.since
        if not self.running:
            return self.waited + lasted > self.limits.compiling
        call = self.call + lasted
        return call > self.limits.seconds or self.before + call > self.limits.total


class Tree:
    """A process and everything that it started.

    Children that were there when `settle` was called belong to it: on Windows the ``python.exe`` of an
    environment starts the real one, and a grader's worker sits inside bubblewrap.
    """

    def __init__(self, pid: int) -> None:
        import psutil

        self.root = psutil.Process(pid)
        self.group = pid if hasattr(os, "getpgid") and os.getpgid(pid) == pid else None
        self.family: set[Any] = {self.root}
        self.seen: set[Any] = set()

    def settle(self) -> None:
        self.family |= set(self._children())

    def alive(self) -> bool:
        return _alive(self.root)

    def strangers(self) -> set[Any]:
        """Processes that a function has started and that are still there."""
        found = set(self._children()) - self.family
        self.seen |= found  # one that detaches itself later is known by then
        return found

    def usage(self) -> tuple[int, int]:
        """How many strangers there are, and bytes in memory, all processes together."""
        strangers = self.strangers()
        return len(strangers), sum(self._resident(p) for p in self.family | strangers)

    def kill(self) -> None:
        """End all of it. Again and again, since whoever starts processes may be starting one right now."""
        for _ in range(20):
            todo = {p for p in self.strangers() | self.seen | self.family if _alive(p)}
            self._kill_group()
            if not todo:
                return
            for process in todo:
                with _gone_is_fine():
                    process.kill()
            time.sleep(0.005)

    def _kill_group(self) -> None:
        """POSIX: those too whose parent ended before anybody looked."""
        if self.group is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.group, signal.SIGKILL)

    def _children(self) -> list[Any]:
        found: list[Any] = []
        with _gone_is_fine():
            found = self.root.children(recursive=True)
        return found

    def _resident(self, process: Any) -> int:
        size = 0
        with _gone_is_fine():
            size = process.memory_info().rss
        return size


@contextlib.contextmanager
def _gone_is_fine() -> Iterator[None]:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError):
        yield


def _alive(process: Any) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
