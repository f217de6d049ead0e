"""What the worker says to the notebook: frames of JSON and raw arrays, checked in full, never pickle.

A pickle can run code in whoever reads it. The worker runs code that nobody has read, so what comes from
it is only ever numbers, strings and containers of these:

    frame    8 bytes: length of the payload; payload
    payload  4 bytes: length of the JSON; the JSON (ASCII); the arrays' bytes, one after the other

JSON's own null, bool, number and string stand for themselves; everything else is a list with its kind in
front: ``["tuple", [...]]``, ``["array", "<f8", [4, 3]]``. Frames to the worker are pickles: see travel.py.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ...errors import TinynnError
from .call import ENDS, Line, Odd, Outcome, Problem

LENGTH = struct.Struct("<Q")
JSON_LENGTH = struct.Struct("<I")

MOST_BYTES = 256 << 20
"""A frame from the worker: the largest result (see perform.py) with some room."""

MOST_JSON = 16 << 20
"""Bytes of it that are JSON: the objects made of them are many times larger."""

_NATIVE = [np.dtype(c) for c in "?bhilqBHILQefdg"]
DTYPES = {d.newbyteorder("<").str for d in _NATIVE} | {d.newbyteorder(">").str for d in _NATIVE}
DEPTH = 12
"""Containers within containers, an Odd's array included; `call.plain` makes fewer."""

WRONG = (ValueError, TypeError, LookupError, ArithmeticError, struct.error, RecursionError, MemoryError)
"""What a decoder raises on bytes that it does not expect."""

KINDS = ("ready", "loaded", "cannot", "compiling", "compiled", "outcome", "done", "where")


class Malformed(TinynnError, ValueError):
    """A frame that the worker cannot have meant."""


class Message(NamedTuple):
    """One frame from the worker: one of `KINDS`, outcomes where it brings some, a word for the reader."""

    kind: str
    outcomes: list[Outcome] = []
    note: str = ""


# -- frames -------------------------------------------------------------------------------------------------


def put(stream: BinaryIO, payload: bytes) -> None:
    """Write one frame."""
    stream.write(LENGTH.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def take(stream: BinaryIO, most: int = MOST_BYTES) -> bytes | None:
    """Read one frame; None where the stream ends between two.

    Raises
    ------
    Malformed
        For a length above `most`, before anything of it is read, and for a stream that ends in the middle.
    """
    head = stream.read(LENGTH.size)
    if not head:
        return None
    size = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else most + 1
    if size > most:
        raise _malformed(f"a frame of {size} bytes")
    payload = stream.read(size)
    if len(payload) < size:
        raise _malformed(f"{len(payload)} bytes of {size}")
    return payload


def _malformed(got: str) -> Malformed:
    return Malformed("worker", got, "a whole frame of outcomes")


# -- messages -----------------------------------------------------------------------------------------------


def encode(kind: str, outcomes: Sequence[Outcome] = (), note: str = "") -> bytes:
    """The payload of a message."""
    arrays: list[bytes] = []
    said = {"kind": kind, "note": note, "outcomes": [_from_outcome(o, arrays) for o in outcomes]}
    text = json.dumps(said, separators=(",", ":")).encode("ascii")
    return b"".join([JSON_LENGTH.pack(len(text)), text, *arrays])


def decode(payload: bytes) -> Message:
    """The message of a payload, whatever its bytes are.

    Raises
    ------
    Malformed
        And nothing else.
    """
    try:
        size = JSON_LENGTH.unpack_from(payload)[0]
        _must(size <= MOST_JSON, "too much JSON")
        said = json.loads(payload[JSON_LENGTH.size : JSON_LENGTH.size + size].decode("ascii"))
        arrays = _Arrays(memoryview(payload)[JSON_LENGTH.size + size :])
        outcomes = [_to_outcome(o, arrays) for o in _a(list, said["outcomes"])]
        _must(said["kind"] in KINDS and not len(arrays.left), "kind, or bytes left over")
        return Message(said["kind"], outcomes, _a(str, said["note"]))
    except WRONG as problem:
        raise _malformed(f"{type(problem).__name__}: {str(problem)[:100]}") from None


def _must(condition: Any, what: str) -> None:
    if not condition:
        raise ValueError(what)


def _a(kind: Any, value: Any) -> Any:
    """`value`, which must be of exactly this type: True is no int."""
    _must(type(value) is kind, f"{type(value).__name__} for {kind.__name__}")
    return value


def _from_outcome(o: Outcome, arrays: list[bytes]) -> list[Any]:
    problem = o.problem and [*o.problem[:2], [list(line) for line in o.problem.lines], o.problem.mark]
    value, positions = _from_value(o.value, arrays), [list(o.changed), list(o.shares)]
    return [o.end, value, problem, *positions, o.printed, float(o.seconds)]


def _to_outcome(item: Any, arrays: _Arrays) -> Outcome:
    end, value, problem, changed, shares, printed, seconds = _a(list, item)
    _must(end in ENDS and math.isfinite(_a(float, seconds)), "end or seconds")
    changed, shares = (tuple(_a(int, i) for i in _a(list, places)) for places in (changed, shares))
    told = None if problem is None else _to_problem(*_a(list, problem))
    return Outcome(end, _to_value(value, arrays), told, changed, _a(str, printed), seconds, shares)


def _to_problem(kind: Any, message: Any, lines: Any, mark: Any) -> Problem:
    told = tuple(_to_line(*_a(list, line)) for line in _a(list, lines))
    return Problem(_a(str, kind), _a(str, message), told, _a(str, mark))


def _to_line(number: Any, text: Any, function: Any, names: Any) -> Line:
    said = {_a(str, name): _a(str, value) for name, value in _a(dict, names).items()}
    return Line(_a(int, number), _a(str, text), _a(str, function), said)


# -- values -------------------------------------------------------------------------------------------------


def _from_value(value: Any, arrays: list[bytes]) -> Any:
    kind = type(value)
    if value is None or kind in (bool, float, str):
        return value
    if kind is int:  # a huge one in base 16: Python refuses to read one of many digits
        return value if abs(value) < 1 << 63 else ["int", hex(value)]
    if kind in (tuple, list):
        return [kind.__name__, [_from_value(v, arrays) for v in value]]
    if kind is dict:
        return ["dict", [[k, _from_value(v, arrays)] for k, v in value.items()]]
    if kind is Odd:
        return ["odd", value.kind, value.text, _from_value(value.value, arrays)]
    if kind is np.ndarray and value.dtype.str in DTYPES:
        arrays.append(value.tobytes())
        return ["array", value.dtype.str, list(value.shape)]
    raise TypeError(f"{kind.__name__} is not plain")


def _to_value(item: Any, arrays: _Arrays, depth: int = 0) -> Any:
    _must(depth < DEPTH, "too deep")
    if item is None or type(item) in (bool, int, float, str):
        return item
    kind, *rest = _a(list, item)
    inner = lambda v: _to_value(v, arrays, depth + 1)
    if kind == "int":
        return int(_a(str, *rest), 16)
    if kind in ("tuple", "list"):
        return (tuple if kind == "tuple" else list)(inner(v) for v in _a(list, *rest))
    if kind == "dict":
        return {_a(str, k): inner(v) for k, v in _a(list, *rest)}
    if kind == "odd":
        name, text, value = rest
        return Odd(_a(str, name), _a(str, text), inner(value))
    _must(kind == "array", "kind of value")
    return arrays.next(*rest)


class _Arrays:
    """The arrays' bytes, taken from the front."""

    def __init__(self, data: memoryview) -> None:
        self.left = data

    def next(self, dtype: Any, shape: Any) -> np.ndarray:
        sizes = [_a(int, n) for n in _a(list, shape)]
        _must(dtype in DTYPES and len(sizes) <= 64 and all(n >= 0 for n in sizes), "dtype or shape")
        size = math.prod(sizes) * np.dtype(dtype).itemsize
        _must(size <= len(self.left), "fewer bytes than its shape says")
        flat = np.frombuffer(self.left[:size], dtype)
        self.left = self.left[size:]
        # A bool is one bit: any other byte would be a value that no program can make.
        return (flat.view("u1") != 0 if flat.dtype == bool else flat.copy()).reshape(sizes)
