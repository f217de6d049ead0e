"""A lock between processes that the operating system gives back when its holder dies."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PATIENCE = 5.0  # seconds to wait for another process, which holds it for a few milliseconds
UNKNOWN = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}  # a file system without locks

if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _give(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on `path`, an empty file that is left behind.

    Raises
    ------
    TimeoutError
        An OSError: another process has held it for `PATIENCE` seconds.
    """
    with open(path, "ab") as file:
        held = _wait(file, path)
        try:
            yield
        finally:
            if held:
                _give(file)


def _wait(file: IO[bytes], path: Path) -> bool:
    """Whether the lock is held; a file system that knows none is used without."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            _take(file)
            return True
        except OSError as problem:
            if problem.errno in UNKNOWN:
                return False
            if time.monotonic() > end:
                raise TimeoutError(errno.ETIMEDOUT, "held by another process", str(path)) from problem
        time.sleep(0.01)
