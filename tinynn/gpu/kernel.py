"""A kernel: one thread's work, and its launch over a grid of blocks."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any

import numpy as np

from ..errors import ArgumentError, DeviceError, StateError
from . import arrays, direct, door

Size = int | tuple[int, ...]


class Kernel:
    """What `cuda.jit` makes of a function: compiled on the GPU, interpreted on NumPy's arrays.

    Parameters
    ----------
    function : callable
        One thread's work, in the part of Python that Numba compiles for CUDA.
    device : bool
        A function that kernels call, and not a kernel itself.
    **options
        For Numba's compiler. ``fastmath=True`` is the default: exp and division by the GPU's own
        approximations, as CUDA's ``-use_fast_math``.
    """

    def __init__(self, function: Callable, *, device: bool = False, **options: Any) -> None:
        functools.update_wrapper(self, function)
        self.function, self.device = function, device
        self.options = {"fastmath": True, **options}

    def __repr__(self) -> str:
        return f"{'device function' if self.device else 'kernel'} {self.__name__}"  # type: ignore[attr-defined]

    def __call__(self, *args: Any) -> Any:
        """Call a device function from inside a kernel, in the interpreter."""
        if not self.device:
            name = self.__name__  # type: ignore[attr-defined]
            raise StateError(
                name, "a call", "a launch over a grid of blocks", f"{name}[blocks, threads](...)"
            )
        return self.function(*args)

    def __getitem__(self, configuration: tuple) -> Callable[..., None]:
        """``kernel[grid, block](...)``, CUDA's notation: the same as ``launch(kernel, grid, block, ...)``."""
        if not (isinstance(configuration, tuple) and len(configuration) in (2, 4)):
            got = f"[{configuration!r}]"
            raise ArgumentError(
                repr(self), got, "[blocks in the grid, threads in a block]", "kernel[4, 32](x)"
            )
        grid, block = configuration[:2]
        shared = configuration[3] if len(configuration) == 4 else 0  # the third is a stream, as in Numba
        return functools.partial(launch, self, grid, block, shared=shared)

    def __getstate__(self) -> dict[str, Any]:
        """What was compiled for a GPU stays in its process."""
        return {k: v for k, v in self.__dict__.items() if k not in ("compiled", "_launchers")}

    @functools.cached_property
    def compiled(self) -> Any:
        """Numba's dispatcher, which compiles for each new combination of types."""
        return door.compiler().jit(device=self.device, **self.options)(self.for_compiler())

    def for_compiler(self) -> FunctionType:
        """The function, with `cuda` and device functions bound to what Numba's compiler knows."""
        from . import cuda

        def known(value: Any) -> Any:
            if value is cuda:
                return door.compiler()
            return value.compiled if isinstance(value, Kernel) else value

        f: Any = self.function
        used = {"__name__", *f.__code__.co_names}  # attributes too: math.log would name a function called log
        names = {k: known(v) for k, v in f.__globals__.items() if k in used and v is not self}
        cells = tuple([CellType(known(c.cell_contents)) for c in f.__closure__ or ()])
        copy = FunctionType(f.__code__, names, f.__name__, f.__defaults__, cells or None)
        copy.__qualname__, copy.__module__ = f.__qualname__, f.__module__
        return copy


def blocks(n: int, size: int) -> int:
    """How many blocks of `size` cover n: n / size, rounded up."""
    return -(-n // size)


def three(where: str, size: Size) -> tuple[int, int, int]:
    """A grid or block as (x, y, z)."""
    sizes = size if isinstance(size, tuple) else (size,)
    if not 1 <= len(sizes) <= 3 or not all(isinstance(s, (int, np.integer)) and s > 0 for s in sizes):
        raise ArgumentError(
            where, f"{size!r}", "one to three whole numbers above 0", "launch(kernel, 4, 128, x)"
        )
    return (*[int(s) for s in sizes], 1, 1)[:3]  # type: ignore[return-value]


def plain_argument(value: Any) -> Any:
    """A Python float as float32, a Python int as int32; arrays as they are."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return np.float32(value)
    if isinstance(value, int):
        return np.int32(value) if -(2**31) <= value < 2**31 else np.int64(value)
    return value


watchers: list[Callable[..., bool | None]] = []
"""Called with (kernel, grid, block, arguments, shared) before each launch: who compiles or counts them.
Where one returns True, the kernel does not run."""


def launch(kernel: Kernel, grid: Size, block: Size, *args: Any, shared: int = 0) -> None:
    """Run `kernel` once for each thread of ``grid`` blocks of ``block`` threads.

    Parameters
    ----------
    kernel : Kernel
    grid, block : int or tuple of up to three ints
        Blocks in the grid, threads in a block (at most 1024).
    *args
        Arrays, all on the GPU or all NumPy's, and numbers.
    shared : int
        Bytes of dynamic shared memory: what ``cuda.shared.array(0, dtype)`` sees.
    """
    where = repr(kernel)
    grid, block = three(f"{where}, grid", grid), three(f"{where}, block", block)
    if math.prod(block) > 1024:
        raise ArgumentError(
            where, f"{math.prod(block)} threads in a block", "at most 1024", "more blocks, smaller"
        )
    args = tuple([plain_argument(a) for a in args])
    places = {arrays.where_is(a) for a in args if hasattr(a, "shape") and not isinstance(a, np.generic)}
    if len(places) > 1:
        raise DeviceError(
            where, "arrays of the GPU and of NumPy in one launch", "all in one place", "to_device(x)"
        )
    skips = [watch(kernel, grid, block, args, shared) for watch in watchers]
    if any(skips):
        return
    if places == {"cuda"} and arrays.stand_in is None:
        direct.run(kernel, grid, block, args, shared)
    else:
        from . import simt

        simt.run(kernel, grid, block, tuple([arrays.inside(a) for a in args]), shared=shared)
