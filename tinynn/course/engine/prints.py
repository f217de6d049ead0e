"""What a function prints, caught: a little is kept of any amount."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any

KEPT = 400
"""Bytes that are kept; the verdict shows them in a few lines."""


class Printed(io.RawIOBase):
    """Takes any number of bytes and keeps the first few."""

    def __init__(self) -> None:
        self.kept, self.all = b"", 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        room = KEPT - len(self.kept)
        if room > 0:
            self.kept += bytes(memoryview(data).cast("B")[:room])
        self.all += size
        return size

    def text(self) -> str:
        """What was kept, and how much there was."""
        kept = self.kept.decode("utf-8", errors="ignore")
        return kept if self.all <= KEPT else f"{kept}\n... ({self.all:,} bytes in all)"


@contextmanager
def captured() -> Iterator[Printed]:
    """Everything that Python code writes to stdout and stderr goes into a `Printed`, in order."""
    printed = Printed()
    # A stream of text over bytes, so that ``sys.stdout.buffer`` and ``.encoding`` are there too.
    buffer: Any = printed
    stream = io.TextIOWrapper(buffer, "utf-8", errors="replace", newline="\n", write_through=True)
    try:
        with redirect_stdout(stream), redirect_stderr(stream):
            yield printed
    finally:
        with suppress(ValueError):  # closed or detached by the function
            stream.detach()
