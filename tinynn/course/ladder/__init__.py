"""What the project of Part III gives: three operations, and how a rung of the ladder is counted and timed.

It knows no kernel: a grader's process, to which the folder of the exercises is hidden, imports it too.

    tasks     the operations: what they compute, and the least bytes that must be moved
    counted   a CUDA kernel in the interpreter: its result in every order of the threads, and its traffic
    clock     seconds of a function on this machine, as a share of the machine's measured roof
    device    the same for a kernel, where there is a GPU
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {"TASKS": "tasks", "count": "counted", "on_gpu": "device", "score": "clock"}


def __getattr__(name: str) -> Any:
    """Load what draws and measures when it is first named: a check needs neither."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
