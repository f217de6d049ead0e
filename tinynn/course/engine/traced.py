"""The student's own lines in a traceback, with their local names: library code is not where to look."""

from __future__ import annotations

import linecache
import os
import re
import sysconfig
import types
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .call import Line

MOST_LINES = 6
MOST_NAMES = 12


def lines_of(problem: BaseException, home: str = "") -> tuple[Line, ...]:
    """The student's own lines that `problem` passed through, the innermost last.

    `home` is the file of the function that was called: it counts as the student's wherever it lies.
    """
    return _lines(_frames(problem.__traceback__), home)


def lines_now(frame: types.FrameType | None, home: str = "") -> tuple[Line, ...]:
    """The same for code that is running: the frames from `frame` outward."""
    outward = []
    while frame is not None:
        outward.append((frame, frame.f_lineno))
        frame = frame.f_back
    return _lines(reversed(outward), home)


def _frames(trace: types.TracebackType | None) -> Iterator[tuple[types.FrameType, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _lines(frames: Iterable[tuple[types.FrameType, int]], home: str) -> tuple[Line, ...]:
    """The last few; a function that calls itself shows each of its lines once."""
    own: dict[tuple[str, int], types.FrameType] = {}
    for frame, number in frames:
        file = frame.f_code.co_filename
        if file == home or is_own(file):
            own.pop((file, number), None)
            own[file, number] = frame
    return tuple(_line(frame, *place) for place, frame in list(own.items())[-MOST_LINES:])


def _line(frame: types.FrameType, file: str, number: int) -> Line:
    text = linecache.getline(file, number).strip()[:300]
    inside = frame.f_code.co_name != "<module>"
    return Line(number, text, frame.f_code.co_name, _names(frame.f_locals, text) if inside else {})


def is_own(file: str) -> bool:
    """Whether a file is the student's: a notebook's cell, or a .py outside Python and all packages."""
    if file.startswith("<"):  # of a generated function ("<frozen os>", Numba's "<string>") there is no text
        return bool(linecache.getline(file, 1))
    return _is_own_path(file)


@lru_cache(maxsize=4096)
def _is_own_path(file: str) -> bool:
    path = _normal(file)
    return "site-packages" not in Path(path).parts and not path.startswith(_foreign())


@lru_cache(maxsize=1)
def _foreign() -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    package = Path(__file__).resolve().parents[2]
    return tuple(_normal(str(path)) + os.sep for path in {*paths, package} if path)


def _normal(path: str) -> str:
    return os.path.normcase(os.path.abspath(path))


# -- local names ----------------------------------------------------------------------------------------


def _names(values: dict[str, Any], line: str) -> dict[str, str]:
    """What the names held, those of the line first."""
    said = {name: described(v) for name, v in list(values.items())[: 4 * MOST_NAMES] if name.isidentifier()}
    told = [name for name, text in said.items() if text]
    used = set(re.findall(r"\w+", line))
    return {name: said[name] for name in sorted(told, key=lambda name: name not in used)[:MOST_NAMES]}


def described(value: Any) -> str:
    """A value in a few words: "array (4, 3) float64", "list of 3"; "" for functions, classes and modules."""
    try:
        return _described(value)
    except Exception:  # an attribute or a repr of the student's own
        return type(value).__name__


def _described(value: Any) -> str:
    kind = type(value)
    if value is None or kind in (bool, int, float, complex, str):
        return _short(value)
    if kind is np.ndarray:
        return f"array {value.shape} {value.dtype}"
    if isinstance(value, np.generic):
        return f"{_short(value.item())} {value.dtype}"
    if kind in (list, tuple, dict, set):
        return f"{kind.__name__} of {len(value)}"
    if isinstance(value, (type, types.ModuleType)) or callable(value):
        return ""
    if isinstance(getattr(value, "data", None), np.ndarray):
        return f"{kind.__name__} {value.data.shape} {value.data.dtype}"
    if type(getattr(value, "shape", None)) is tuple and hasattr(value, "dtype"):  # as a kernel sees it
        return f"array {value.shape} {value.dtype}"
    return kind.__name__


def _short(value: Any) -> str:
    if type(value) is int and value.bit_length() > 128:
        return f"int of {value.bit_length()} bits"
    text = repr(value[:60] if type(value) is str else value)
    return text if len(text) <= 45 else text[:40] + "..."
