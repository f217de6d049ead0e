"""The arrays handed to a kernel, as it sees them; arrays that share memory share their shadow."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.lib.stride_tricks import as_strided

from ...errors import ArgumentError, DtypeError
from ..poison import poisoned
from .array import Array, Watched
from .memory import HOST, Memory
from .options import Options


def parameters(code: CodeType, args: tuple, options: Options) -> tuple[tuple, list[Memory]]:
    """The arguments with each array behind checks, and the memory below."""
    kind = Watched if options.watch is not None else Array
    names = name_of_each(code, len(args))
    found: dict[tuple, list[int]] = {}
    for n, array in enumerate(args):
        if isinstance(array, np.ndarray):
            if array.dtype.hasobject:
                raise DtypeError(names[n], f"an array of {array.dtype}", "an array of numbers")
            found.setdefault((id(root(array)), array.dtype), []).append(n)
    out, memories = list(args), []
    for members in found.values():
        arrays = [args[n] for n in members]
        data, start = run_of(arrays)
        memory = Memory(data, "global", names[members[0]], arrays[0].shape, written(data))
        memories.append(memory)
        for n, array in zip(members, arrays):
            offset = (address(array) - start) // array.itemsize
            memory.origin = offset if n == members[0] else memory.origin
            steps = tuple([s // array.itemsize for s in array.strides])
            out[n] = kind(memory, tuple(map(int, array.shape)), steps, offset)
    return tuple(out), memories


def name_of_each(code: CodeType, count: int) -> list[str]:
    names = list(code.co_varnames[: code.co_argcount])
    return names + [f"argument {n}" for n in range(len(names), count)]


def root(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def run_of(arrays: list[np.ndarray]) -> tuple[np.ndarray, int]:
    """All cells from the arrays' first to their last, flat, and where they begin."""
    if len(arrays) == 1 and arrays[0].flags.c_contiguous:
        return arrays[0].reshape(-1), address(arrays[0])
    bounds = [byte_bounds(a) for a in arrays if a.size]
    if not bounds:
        return arrays[0].reshape(-1), address(arrays[0])
    start, end = min(b[0] for b in bounds), max(b[1] for b in bounds)
    lowest = next(a for a in arrays if a.size and byte_bounds(a)[0] == start)
    corner = lowest[tuple([slice(-1, None) if s < 0 else slice(0, 1) for s in lowest.strides])]
    n = (end - start) // lowest.itemsize
    return as_strided(corner, (n,), (lowest.itemsize,)), start


def written(data: np.ndarray) -> list[int]:
    """For each cell whether somebody wrote it: not, where still stands what `tinynn.gpu.empty` put there."""
    pattern = poisoned(data.dtype)
    if pattern is None:
        return [HOST] * data.size
    fresh = data.view(pattern.dtype) == pattern
    return (~fresh).view(np.int8).tolist() if fresh.any() else [HOST] * data.size


def outputs_of(code: CodeType, args: tuple, memories: list[Memory], outputs: Any) -> Iterator[str]:
    """For each output with cells that no thread wrote: which, and how many."""
    names = name_of_each(code, len(args))
    for output in [outputs] if isinstance(outputs, (str, np.ndarray)) else outputs:
        for name, view in views_of(output, names, args):
            memory = view._memory
            cells = np.full(view.shape, view._offset)
            for axis, step in enumerate(view._steps):
                places = np.arange(view.shape[axis]) * step
                cells += places.reshape([-1 if a == axis else 1 for a in range(view.ndim)])
            missing = [c for c in cells.ravel().tolist() if memory.writes[c] <= HOST]
            if missing:
                first = memory.label(missing[0])
                more = f" and {len(missing) - 1} more of its {view.size} cells" if len(missing) > 1 else ""
                yield f"an output {name} of which no thread wrote {first}{more}"


def views_of(output: Any, names: list[str], args: tuple) -> list[tuple[str, Array]]:
    """The parameters meant: by name, or by the memory of an array."""
    found = []
    for name, arg in zip(names, args):
        if isinstance(arg, Array):
            data = arg._memory.data
            by_array = isinstance(output, np.ndarray) and np.may_share_memory(output, data)
            if name == output if isinstance(output, str) else by_array:
                found.append((name, arg))
    if not found:
        got = f"the output {output!r}" if isinstance(output, str) else "an output that is no argument"
        raise ArgumentError("simt.settings", got, "an array that the kernel gets, or a parameter's name")
    return found
