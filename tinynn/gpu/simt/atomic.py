"""Atomics: one thread at a time reads, changes and writes a cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import DtypeError, MissingError
from .array import Array, Constant, Watched, stamped, tell, wrapped
from .race import of_block
from .thread import latest, now, thread
from .undefined import Undefined

UNSIGNED: set[np.dtype] = {np.dtype(np.uint32), np.dtype(np.uint64)}
INTEGERS: set[np.dtype] = {np.dtype(np.int32), np.dtype(np.int64), *UNSIGNED}
NUMBERS: set[np.dtype] = {np.dtype(np.float32), np.dtype(np.float64), *INTEGERS}


class Atomics:
    """``cuda.atomic``: each takes an array and an index and returns the value before.

    Dtypes are those that Numba compiles: float32, float64 and integers of 32 and 64 bits; `exch`, `cas`
    and the bitwise ones integers only; `inc` and `dec` unsigned ones.
    """

    def add(self, array: Any, index: Any, value: Any) -> Any:
        return change("add", NUMBERS, array, index, value, lambda old, new: old + new)

    def sub(self, array: Any, index: Any, value: Any) -> Any:
        return change("sub", NUMBERS, array, index, value, lambda old, new: old - new)

    def max(self, array: Any, index: Any, value: Any) -> Any:
        return change("max", NUMBERS, array, index, value, lambda old, new: new if new > old else old)

    def min(self, array: Any, index: Any, value: Any) -> Any:
        return change("min", NUMBERS, array, index, value, lambda old, new: new if new < old else old)

    def and_(self, array: Any, index: Any, value: Any) -> Any:
        return change("and_", INTEGERS, array, index, value, lambda old, new: old & new)

    def or_(self, array: Any, index: Any, value: Any) -> Any:
        return change("or_", INTEGERS, array, index, value, lambda old, new: old | new)

    def xor(self, array: Any, index: Any, value: Any) -> Any:
        return change("xor", INTEGERS, array, index, value, lambda old, new: old ^ new)

    def inc(self, array: Any, index: Any, value: Any) -> Any:
        """Count up to `value`, then start again at 0."""
        return change("inc", UNSIGNED, array, index, value, lambda old, top: 0 if old >= top else old + 1)

    def dec(self, array: Any, index: Any, value: Any) -> Any:
        """Count down to 0, then start again at `value`."""
        down = lambda old, top: top if old == 0 or old > top else old - 1
        return change("dec", UNSIGNED, array, index, value, down)

    def exch(self, array: Any, index: Any, value: Any) -> Any:
        return change("exch", INTEGERS, array, index, value, lambda old, new: new)

    def cas(self, array: Any, index: Any, old: Any, value: Any) -> Any:
        """Compare and swap: write `value` where `old` stands."""
        expected = as_stored(array, old)
        return change("cas", INTEGERS, array, index, value, lambda now, new: new if now == expected else now)

    def compare_and_swap(self, array: Any, old: Any, value: Any) -> Any:
        return self.cas(array, 0, old, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        known = ", ".join(n for n in vars(Atomics) if not n.startswith("__"))
        raise MissingError(f"cuda.atomic.{name}", "an atomic that the interpreter does not know", known)


def change(
    name: str, dtypes: set[np.dtype], array: Any, index: Any, value: Any, new: Callable[[Any, Any], Any]
) -> Any:
    """Put ``new(old, value)`` in a cell and return what stood there."""
    me = thread()
    if not isinstance(array, (Array, np.ndarray)) or isinstance(array, Constant):
        what = "constant memory" if isinstance(array, Constant) else f"a {type(array).__name__}"
        raise DtypeError(f"cuda.atomic.{name}", what, "an array in global or shared memory")
    if array.dtype not in dtypes:
        known = "one of " + ", ".join(sorted(map(str, dtypes)))
        raise DtypeError(f"cuda.atomic.{name}", f"an array of {array.dtype}", known)
    if isinstance(array, np.ndarray):
        data, cell = array, index
    else:
        data, cell = array._data, array._cell(index)
        if isinstance(cell, Array):
            raise DtypeError(f"cuda.atomic.{name}", f"a whole row of {array._name}", "the index of one cell")
        if type(cell) is not int:
            return cell  # out of range, and said so
        note(array, cell)
    if type(value) is Undefined:
        value = value.used("goes into an atomic")
    old = data[cell]
    data[cell] = result = as_stored(array, new(old, as_stored(array, value)))
    if isinstance(array, Watched):
        tell(array, "atomic", cell)
    if result == old:  # it may be waiting for another thread: let them run
        me.wait("spin")
    return old


def as_stored(array: Any, value: Any) -> Any:
    try:
        return array.dtype.type(value)
    except (OverflowError, TypeError, ValueError):
        return wrapped(value, array.dtype, "an atomic")


def note(array: Array, cell: int) -> None:
    """Look for races; take over what the last one to change this cell had done, and hand on one's own."""
    me, memory = now.thread, array._memory
    assert me is not None
    memory.changed(cell, stamped())
    now.steps -= 1
    if now.steps <= 0:
        now.endless()
    block = of_block(me.block.number)
    for key, fence in ((cell, me.fence), ((cell, block), me.fence_block)):
        if told := memory.sync.get(key):
            me.knows(told)
        if fence:
            memory.sync[key] = latest(told or {}, fence)
