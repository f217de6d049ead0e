"""How long each chapter runs, untouched, from the first cell to the last, in a kernel of its own."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from .contents import chapter


def measure(paths: Iterable[Path]) -> dict[str, Any]:
    """Seconds for each notebook that runs to its end, the date and the machine."""
    found = {}
    for path in paths:
        c, seconds = chapter(path), seconds_of(path)
        print(
            f"{path.name}: " + ("stopped before its end" if seconds is None else f"{seconds:.1f} s"),
            flush=True,
        )
        if seconds is not None:
            found[c.number] = {"seconds": round(seconds, 1), "digest": c.digest}
    return {"date": date.today().isoformat(), "machine": machine(), "chapters": found}


def seconds_of(path: Path) -> float | None:
    """One run, the start of the kernel included; None where a cell fails."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook, began = nbformat.read(path, as_version=4), time.perf_counter()
    try:
        NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError):
        return None
    return time.perf_counter() - began


def machine() -> str:
    """What the figures depend on, without the name of anybody's computer."""
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {os.cpu_count()} cores, Python {platform.python_version()}"
