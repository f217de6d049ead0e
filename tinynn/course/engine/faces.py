"""Ways to run a student's answer: in plain Python, under watch for races, compiled with bounds checked.

An exercise names its `faces`, and a call says by its number which of them it is about. They are put on where
the function has arrived, in the worker or in a grader's child.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .watched import Watched


def in_python(function: Any) -> Any:
    """The function that a decorator of Numba's was put on; any other as it is."""
    return getattr(function, "py_func", function)


def compiled(function: Any) -> Any:
    """Compiled anew, in one thread. An index out of range is an error here, and no look at foreign memory."""
    from numba import njit

    return njit(boundscheck=True)(in_python(function))


def watched(function: Any) -> Any:
    return Watched(in_python(function))


FACES: dict[str, Callable[[Any], Any]] = {"python": in_python, "watched": watched, "compiled": compiled}


def seen_as(functions: Sequence[Any], faces: Sequence[str]) -> list[Any]:
    """The functions themselves; with `faces`, each of them put on the only function."""
    if not faces:
        return list(functions)
    (function,) = functions
    return [FACES[name](function) for name in faces]
