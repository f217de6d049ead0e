"""Shared, local and constant arrays, made inside a kernel."""

from __future__ import annotations

import ast
import functools
import re
import sys
from typing import Any

import numpy as np

from ...errors import ArgumentError, DtypeError
from ..poison import poison
from . import report
from .array import Array, Constant, Watched
from .memory import HOST, UNWRITTEN, Memory
from .report import Site, kernel_frame
from .thread import Size, Thread, now, thread

LIMIT = 48 * 1024  # bytes of shared memory for a block, static and dynamic together
ASSIGNED = re.compile(r"^([A-Za-z_]\w*)\s*(?::[^=]*)?=(?!=)")


def shared_array(shape: Any, dtype: Any) -> Any:
    """The block's array of this line: the first thread makes it, the others get the same."""
    me = thread()
    frame = kernel_frame(sys._getframe(1))
    key = (id(frame.f_code), frame.f_lasti, shape, dtype)
    if key not in me.block.shared:
        site = Site(frame.f_code, frame.f_lasti)
        where = "cuda.shared.array"
        kind = checked_dtype(where, dtype)
        name = named(site, f"shared {len(me.block.shared) + 1}")
        if isinstance(shape, int) and shape == 0:
            made = dynamic(me, kind, name)
        else:
            sizes = checked_shape(where, shape)
            account(me, int(np.prod(sizes)) * kind.itemsize)
            made = array_of("shared", sizes, kind, name)
            if isinstance(made, Array):
                me.block.memories.append(made._memory)
        me.block.shared[key] = made
    return me.block.shared[key]


def local_array(shape: Any, dtype: Any) -> Any:
    thread()
    kind, sizes = checked_dtype("cuda.local.array", dtype), checked_shape("cuda.local.array", shape)
    frame = kernel_frame(sys._getframe(1))
    return array_of("local", sizes, kind, named(Site(frame.f_code, frame.f_lasti), "local array"))


def const_array(array: Any) -> Any:
    """A copy that the kernel reads: the compiler copies it, too."""
    me = thread()
    array = np.ascontiguousarray(array)
    if not now.launch.checks:
        return array
    frame = kernel_frame(sys._getframe(1))
    key = ("const", id(frame.f_code), frame.f_lasti)
    if key not in me.block.shared:
        name = named(Site(frame.f_code, frame.f_lasti), "constant array")
        memory = Memory(array.reshape(-1), "global", name, array.shape, [HOST] * array.size)
        me.block.shared[key] = Constant(memory, array.shape, steps_of(array.shape))
    return me.block.shared[key]


def dynamic(me: Thread, dtype: np.dtype, name: str) -> Any:
    """The block's dynamic shared memory: every array of it begins at its start."""
    block = me.block
    bytes_ = now.launch.bytes
    if block.dynamic is None:
        account(me, bytes_)
        block.dynamic = {"raw": np.zeros(bytes_, np.uint8)}
        if bytes_ >= 4:
            poison(block.dynamic["raw"][: bytes_ // 4 * 4].view(np.float32))
    data = block.dynamic["raw"][: bytes_ // dtype.itemsize * dtype.itemsize].view(dtype)
    if not now.launch.checks:
        return data
    same = block.dynamic.get(dtype.itemsize)  # arrays of cells of one size share their shadow
    memory = Memory(data, "shared", name, data.shape, same.writes if same else [UNWRITTEN] * data.size)
    if same:
        memory.reads, memory.readers, memory.atoms, memory.sync = (
            same.reads,
            same.readers,
            same.atoms,
            same.sync,
        )
    block.dynamic[dtype.itemsize] = memory
    block.memories.append(memory)
    kind = Watched if now.launch.options.watch else Array
    return kind(memory, data.shape, (1,))


def array_of(space: str, shape: tuple[int, ...], dtype: np.dtype, name: str) -> Any:
    data = poison(np.empty(shape, dtype))
    if not now.launch.checks:
        return data
    memory = Memory(data.reshape(-1), space, name, shape, [UNWRITTEN] * data.size)
    kind = Watched if now.launch.options.watch else Array
    return kind(memory, shape, steps_of(shape))


def steps_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    steps, step = [], 1
    for n in reversed(shape):
        steps.append(step)
        step *= n
    return tuple(reversed(steps))


def named(site: Site, otherwise: str) -> str:
    """The variable that the line assigns to; of several, the one in this call's place."""
    found = ASSIGNED.match(site.source)
    return found.group(1) if found else _in_place(site.source).get(site.column, otherwise)


@functools.cache  # each thread of a launch that makes a local array asks
def _in_place(source: str) -> dict[int | None, str]:
    """In ``ta, tb = call(), call()``, by the column where a call begins: the variable that it fills."""
    try:
        (line,) = ast.parse(source).body
    except (SyntaxError, ValueError):
        return {}
    if not isinstance(line, ast.Assign) or len(line.targets) != 1:
        return {}
    names, values = line.targets[0], line.value
    if not isinstance(names, ast.Tuple) or not isinstance(values, ast.Tuple):
        return {}
    pairs = zip(names.elts, values.elts)
    return {value.col_offset: name.id for name, value in pairs if isinstance(name, ast.Name)}


def account(me: Thread, more: int) -> None:
    """A block has 48 KiB of shared memory, unless a launch asks the driver for more."""
    me.block.static += more
    if me.block.static > LIMIT:
        got = f"{me.block.static} bytes of shared memory in one block, {more} here by {now.launch.who()}"
        now.launch.report(report.MEMORY, got, f"at most {LIMIT} (48 KiB)", "smaller tiles")


def checked_dtype(where: str, dtype: Any) -> np.dtype:
    if dtype in (float, int, bool, complex):
        got = f"dtype {dtype.__name__}"
        raise DtypeError(where, got, "a type with its size", f"{np.dtype(dtype).name.replace('64', '32')}")
    try:
        if isinstance(dtype, (type, np.dtype)) and issubclass(np.dtype(dtype).type, (np.number, np.bool_)):
            return np.dtype(dtype)
    except TypeError:
        pass
    raise DtypeError(where, f"dtype {dtype!r}", "a type of NumPy's", "float32")


def checked_shape(where: str, shape: Any) -> tuple[int, ...]:
    """Whole numbers above 0, known when the kernel is compiled."""
    sizes = shape if isinstance(shape, tuple) else (shape,)
    late = [s for s in sizes if isinstance(s, (Size, np.integer))]
    if late:
        got = f"a size of {int(late[0])} that is known only when the kernel runs"
        hint = "a number, or a variable outside of the kernel; or dynamic memory: launch(..., shared=bytes)"
        raise ArgumentError(where, got, "a size that is known when the kernel is compiled", hint)
    if not sizes or not all(type(s) is int and s > 0 for s in sizes):
        got = f"shape {shape!r}"
        raise ArgumentError(
            where, got, "a whole number above 0, or a tuple of them", f"{where}((16, 16), float32)"
        )
    return tuple(sizes)


def checked_alignment(where: str, alignment: Any) -> None:
    """A power of two, in bytes."""
    if alignment is not None and not (
        type(alignment) is int and alignment > 0 and not alignment & alignment - 1
    ):
        raise ArgumentError(where, f"alignment {alignment!r}", "a power of two, in bytes", "alignment=16")
