"""What kernels index: a NumPy array behind checks."""

from __future__ import annotations

from sys import _getframe
from typing import Any, NoReturn

import numpy as np

from ...errors import DtypeError
from ..poison import poisoned
from . import report
from .memory import Memory
from .options import Access
from .report import kernel_frame, shown
from .thread import SITE_BITS, Size, now
from .undefined import Undefined

__all__ = ["Array", "Constant", "Watched"]


class Array:
    """An array as a kernel sees it: one axis after the other, in a run of memory with a shadow.

    ``x[i]`` and ``x[i, j]`` are NumPy scalars of the array's dtype, so that float32 stays float32; integers
    wrap around at the dtype's size, where Numba's would first grow to 64 bits. ``x[i]`` of two axes and
    ``x[2:5]`` are arrays on the same memory. An index out of range, negative ones included, is a finding.
    """

    __slots__ = (
        "_axes", "_column", "_columns", "_count", "_data", "_memory", "_offset", "_reads", "_row", "_rows",
        "_step", "_steps", "_writes", "shape",
    )  # fmt: skip

    def __init__(self, memory: Memory, shape: tuple, steps: tuple, offset: int = 0) -> None:
        self._memory, self._data = memory, memory.data
        self._writes, self._reads = memory.writes, memory.reads
        self.shape, self._steps, self._offset = shape, steps, offset
        self._axes = len(shape)
        self._count: int = shape[0] if self._axes == 1 else 0
        self._step: int = steps[0] if self._axes == 1 else 0
        self._rows, self._columns, self._row, self._column = (*shape, *steps) if self._axes == 2 else (0,) * 4

    def __getitem__(self, index: Any) -> Any:
        if type(index) is int and 0 <= index < self._count:
            cell = self._offset + index * self._step
        elif type(index) is tuple and len(index) == 2 == self._axes:  # like one axis written out: for speed
            i, j = index
            if type(i) is int and type(j) is int and 0 <= i < self._rows and 0 <= j < self._columns:
                cell = self._offset + i * self._row + j * self._column
            elif type(cell := self._cell(index)) is not int:
                return cell
        elif type(cell := self._cell(index)) is not int:
            return cell
        frame = _getframe(now.depth)
        stamp = now.stamp | (frame.f_lasti >> 1 if frame.f_code is now.main else now.site(frame))
        memory = self._memory
        write, read = self._writes[cell], self._reads[cell]
        if not 0 < write < memory.limit:
            memory.loaded(cell, write)
        if read < memory.limit:
            self._reads[cell] = stamp
        elif (read ^ stamp) >> SITE_BITS:
            memory.also_read(cell, read, stamp)
        now.steps -= 1
        if not now.steps:
            now.endless()
        return self._data[cell]

    def __setitem__(self, index: Any, value: Any) -> None:
        if type(index) is int and 0 <= index < self._count:
            cell = self._offset + index * self._step
        else:
            cell = self._cell(index)
            if type(cell) is not int:
                self._fill(cell, value)
                return
        frame = _getframe(now.depth)
        stamp = now.stamp | (frame.f_lasti >> 1 if frame.f_code is now.main else now.site(frame))
        memory = self._memory
        write, read = self._writes[cell], self._reads[cell]
        if (write >= memory.limit and (write ^ stamp) >> SITE_BITS) or read >= memory.limit:
            memory.stored(cell, write, read, stamp, value)
        self._writes[cell], self._reads[cell] = stamp, 0
        now.steps -= 1
        if not now.steps:
            now.endless()
        if type(value) is Undefined:
            value = value.used(f"is stored in {memory.label(cell)}")
        try:
            self._data[cell] = value
        except (OverflowError, TypeError, ValueError):
            self._data[cell] = wrapped(value, self._data.dtype, memory.label(cell))

    # -- from an index to a cell ---------------------------------------------------------------------------

    def _cell(self, index: Any) -> Any:
        """The cell of a full index; an array for a row or slice; a number for what lies outside."""
        if type(index) is not tuple:
            index = (index,)
        if len(index) != len(self.shape):
            return self._slowly(index)
        cell = self._offset
        for i, size, step in zip(index, self.shape, self._steps):
            if type(i) is not int:
                if not isinstance(i, (np.integer, Size)):
                    return self._slowly(index)
                i = int(i)
            if not 0 <= i < size:
                return self._slowly(index)
            cell += i * step
        return cell

    def _slowly(self, index: tuple) -> Any:
        if len(index) > len(self.shape):
            got = f"{len(index)} indices [{shown(index)}] for {self._name} of shape {self.shape}"
            return self._outside(got, report.counted(len(self.shape), "index").replace("indexs", "indices"))
        shape, steps, offset = [], [], self._offset
        for axis, (i, size, step) in enumerate(zip(index, self.shape, self._steps)):
            if type(i) is slice:
                start, stop, stride = i.indices(size)
                shape.append(max(0, -(-(stop - start) // stride)))
                steps.append(step * stride)
                offset += start * step
                continue
            if type(i) is Undefined:
                i = i.used(f"is an index of {self._name}")
            if isinstance(i, (float, bool, np.floating, np.bool_)) or not hasattr(i, "__index__"):
                got = f"index {i!r} of type {type(i).__name__} into {self._name}"
                hint = "i // 2 where i / 2 gives a float" if isinstance(i, float) else None
                return self._outside(got, "a whole number", hint)
            i = int(i)
            if not 0 <= i < size:
                return self._out_of_range(i, axis, size)
            offset += i * step
        if not shape and len(index) == len(self.shape):
            return offset
        kept = len(index)
        return type(self)(self._memory, (*shape, *self.shape[kept:]), (*steps, *self._steps[kept:]), offset)

    def _out_of_range(self, i: int, axis: int, size: int) -> Any:
        which = f" on axis {axis}" if len(self.shape) > 1 else ""
        expected = f"0 to {size - 1}{which}" if size else "no index at all: this array is empty"
        got = f"index {i}{which} into {self._called} of shape {self.shape} by {now.launch.who()}"
        if i < 0:
            hint = "a guard with if: Numba takes a negative index as counted from the end, as Python does"
        elif self._memory.space == "shared" and not size:
            hint = "bytes of dynamic shared memory: launch(..., shared=1024)"
        elif self._memory.space == "global" and self.shape == self._memory.shape:
            hint = f"a guard: if i < {self._name}.shape[{axis}], with your name for i"
        else:
            hint = "a guard with if, or a larger array"
        return self._outside(got, expected, hint)

    def _outside(self, got: str, expected: str, hint: str | None = None) -> Any:
        """Report an index; where that goes on, a read gives garbage and a write goes nowhere."""
        got = got if " by thread" in got else f"{got} by {now.launch.who()}"
        now.launch.report(report.INDEX, got, expected, hint)
        garbage = poisoned(self.dtype)
        return self.dtype.type(0) if garbage is None else garbage.view(self.dtype)[0]

    def _fill(self, rows: Any, value: Any) -> None:
        """``x[i, :] = 0``: cell by cell, as Numba does it; it copies no array to another."""
        if not isinstance(rows, Array):  # an index out of range
            return
        if isinstance(value, (Array, np.ndarray)):
            got = f"an array of shape {value.shape}"
            raise DtypeError(
                f"a part of {self._name}", got, "one number for all cells", "a loop over the cells"
            )
        depth, now.depth = now.depth, 2 * now.depth + 1
        try:
            for place in np.ndindex(*rows.shape):
                rows[place] = value
        finally:
            now.depth = depth

    # -- what else Numba's arrays offer --------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self._memory.name

    @property
    def _called(self) -> str:
        return self._name if self.shape == self._memory.shape else f"a part of {self._name}"

    @property
    def dtype(self) -> np.dtype:
        return self._data.dtype

    @property
    def size(self) -> int:
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def itemsize(self) -> int:
        return self._data.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        return tuple([step * self.itemsize for step in self._steps])

    @property
    def T(self) -> Array:
        return type(self)(self._memory, self.shape[::-1], self._steps[::-1], self._offset)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> NoReturn:
        raise DtypeError(
            self._name, "a loop over an array", "a loop over its indices", "for i in range(x.size)"
        )

    def __repr__(self) -> str:
        return f"{self._name}: {self._memory.space} array of {self.dtype} {self.shape}"


class Constant(Array):
    """Constant memory: read only."""

    __slots__ = ()

    def __setitem__(self, index: Any, value: Any) -> None:
        got = f"a write to {self._name}[{shown(index)}], constant memory, by {now.launch.who()}"
        now.launch.report(report.MEMORY, got, "reads alone", "cuda.shared.array or cuda.local.array")


class Watched(Array):
    """An array whose accesses are told to ``watch``."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        value = super().__getitem__(index)
        if not isinstance(value, Array):
            self.tell("load", index)
        return value

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, value)
        self.tell("store", index)

    def tell(self, kind: str, index: Any) -> None:
        cell = self._offset
        index = index if isinstance(index, tuple) else (index,)
        if len(index) != len(self.shape) or not all(isinstance(i, (int, np.integer)) for i in index):
            return  # a slice, whose cells are told one by one; or a finding
        for i, size, step in zip(index, self.shape, self._steps):
            if not 0 <= i < size:
                return
            cell += int(i) * step
        tell(self, kind, cell)


def tell(array: Array, kind: str, cell: int) -> None:
    """Tell an access to the one who watches."""
    launch, thread, memory = now.launch, now.thread, array._memory
    assert thread is not None
    frame = kernel_frame(_getframe(1))
    key = (id(frame.f_code), frame.f_lasti)
    nth = thread.counts[key] = thread.counts.get(key, -1) + 1
    launch.options.watch(  # type: ignore[misc]
        Access(
            launch.name, frame.f_lineno, frame.f_lasti, memory.space, kind,
            memory.name, cell, array.itemsize, thread.block.place, thread.number, nth,
        )
    )  # fmt: skip


def wrapped(value: Any, dtype: np.dtype, label: str) -> Any:
    """A value as the GPU would store it: integers lose their upper bits."""
    if isinstance(value, int) and dtype.kind in "iu":
        bits = 8 * dtype.itemsize
        return np.array([value & ((1 << bits) - 1)], f"u{dtype.itemsize}").view(dtype)[0]
    if isinstance(value, (float, np.floating)):
        with np.errstate(all="ignore"):
            return np.asarray(value).astype(dtype)[()]
    if isinstance(value, (Array, np.ndarray)):
        raise DtypeError(label, f"an array of shape {value.shape}", "a number: one cell holds one")
    raise DtypeError(label, f"a value of type {type(value).__name__}", f"a number for {dtype}")


def stamped() -> int:
    """The stamp of an access that another function than an array's method makes."""
    frame = kernel_frame(_getframe(1))
    if frame.f_code is now.main:
        return now.stamp | frame.f_lasti >> 1
    assert now.site(frame) < 1 << SITE_BITS
    return now.stamp | now.site(frame)
