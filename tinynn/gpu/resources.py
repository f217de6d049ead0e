"""What a kernel takes of a GPU, found by compiling it without one: registers, shared memory, spills, float64.

    with recorded(run=False) as launches:
        softmax_cuda.softmax_forward(x)
    for launched in launches:
        print(launched.label, compiled(launched, "sm_90"), occupancy(launched, "sm_90"))

Numba's compiler turns a kernel into PTX, NVIDIA's portable assembly; its assembler, through nvJitLink, turns
that into a GPU's own code and says what it takes. Both come with ``pip install "numba-cuda[cu13]"``; neither
asks for a driver.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from . import arrays, door, kernel

ARCHITECTURES = ("sm_75", "sm_80", "sm_90")


class Launched(NamedTuple):
    """A kernel with all that decides what the compiler makes of it, and how many run side by side."""

    kernel: kernel.Kernel
    types: tuple  # (dtype, ndim) of an array, dtype of a number
    block: tuple[int, int, int]
    shared: int  # bytes, dynamic

    @property
    def label(self) -> str:
        """The kernel's name, with what a factory built in: ``tiled[TILE=16]``."""
        function = self.kernel.function
        cells = zip(function.__code__.co_freevars, [c.cell_contents for c in function.__closure__ or ()])
        built_in = [f"{name}={_plain(value)}" for name, value in cells if _plain(value)]
        return function.__name__ + (f"[{', '.join(built_in)}]" if built_in else "")

    @property
    def signature(self) -> str:
        """Types of the arguments: ``3 x float32 2-d, int64 1-d, int32``."""
        names = [f"{t[0]} {t[1]}-d" if isinstance(t, tuple) else str(t) for t in self.types]
        runs = [(name, len(list(same))) for name, same in itertools.groupby(names)]
        return ", ".join([name if n == 1 else f"{n} x {name}" for name, n in runs])

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return int(np.prod(self.block))


def _plain(value: Any) -> str:
    """How a name that a factory bound is written; empty for what says nothing (modules, types)."""
    if isinstance(value, (bool, int, float, np.number)):
        return str(value)
    return value.__name__ if isinstance(value, kernel.Kernel) else ""  # type: ignore[attr-defined]


class Resources(NamedTuple):
    """Of one thread, but for `shared`, which is a block's."""

    registers: int
    shared: int  # bytes, static
    local: int  # bytes: arrays whose indices the compiler does not know, and spills
    spills: int  # bytes stored because registers ran out
    float64: int  # instructions in PTX
    ptx: str
    loads: int = 0  # bytes of spills loaded again


@contextmanager
def recorded(run: bool = True) -> Iterator[list[Launched]]:
    """Collect every kernel that is launched, once for each combination of types, block and shared memory.

    With ``run=False`` nothing is computed: arrays of real size cost nothing, and outputs stay as they were.
    """
    seen: dict[Launched, None] = {}

    def watch(kernel: Any, grid: Any, block: Any, args: tuple, shared: int) -> bool:
        seen.setdefault(Launched(kernel, tuple(map(_type, args)), block, shared))
        return not run

    launches: list[Launched] = []
    kernel.watchers.append(watch)
    try:
        yield launches
    finally:
        kernel.watchers.remove(watch)
        launches += seen


def _type(value: Any) -> Any:
    is_array = isinstance(value, np.ndarray) or arrays.is_on_gpu(value)
    return (np.dtype(value.dtype), value.ndim) if is_array else np.dtype(type(value))


# -- compiling -----------------------------------------------------------------------------------------------

_memory: dict[tuple, Resources] = {}


def _key(launched: Launched, architecture: str) -> tuple:
    """What the compiler's answer depends on: two kernels of one factory with the same sizes are one."""
    function = launched.kernel.function
    cells = tuple([c.cell_contents for c in function.__closure__ or ()])
    options = tuple(sorted(launched.kernel.options.items()))
    return function.__module__, function.__code__, cells, options, launched.types, architecture


def compiled(launched: Launched, architecture: str = "sm_90") -> Resources:
    """Compile for an architecture and read what the assembler says; remembered for the life of the process.

    Raises
    ------
    DeviceError
        Where numba-cuda is not installed.
    """
    key = _key(launched, architecture)
    if key not in _memory:
        ptx = _ptx(launched, (int(architecture[3:-1]), int(architecture[-1])))
        _memory[key] = _read(_assembled(ptx, architecture, launched), ptx, architecture)
    return _memory[key]


def _ptx(launched: Launched, capability: tuple[int, int]) -> str:
    cuda = door.compiler()
    from numba import from_dtype, types
    from numba.cuda import dispatcher

    def typed(kind: Any) -> Any:
        return types.Array(from_dtype(kind[0]), kind[1], "C") if isinstance(kind, tuple) else from_dtype(kind)

    taken = ("fastmath", "launch_bounds", "opt", "lineinfo")
    options = {name: value for name, value in launched.kernel.options.items() if name in taken}
    signature = types.void(*map(typed, launched.types))
    asked = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: type("Device", (), {"compute_capability": capability})
    try:  # a kernel that calls a device function asks the driver, which may not be there, for its capability
        function = launched.kernel.for_compiler()
        return cuda.compile(
            function, signature, device=False, abi="numba", cc=capability, output="ptx", **options
        )[0]
    finally:
        dispatcher.get_current_device = asked


def _assembled(ptx: str, architecture: str, launched: Launched) -> str:
    """What the assembler says about a kernel: its log."""
    from cuda.core import Linker, LinkerOptions, ObjectCode

    most = launched.kernel.options.get("max_registers")
    options = LinkerOptions(
        arch=architecture, verbose=True, ptxas_options=["-v"], max_register_count=most or None
    )
    linker = Linker(ObjectCode.from_ptx(ptx.encode()), options=options)
    linker.link("cubin")
    return linker.get_info_log()


def _read(log: str, ptx: str, architecture: str) -> Resources:
    """The figures in the log. Local arrays are called stack; from sm_90 on smem holds what is reserved."""
    most = lambda pattern: max(map(int, re.findall(pattern, log)), default=0)
    shared = most(r"(\d+) bytes smem")
    if int(architecture[3:-1]) >= 9 and shared:
        shared -= LIMITS[architecture].reserved
    local = max(most(r"(\d+) bytes stack frame"), most(r"(\d+) bytes lmem"))
    stores, loads = most(r"(\d+) bytes spill stores"), most(r"(\d+) bytes spill loads")
    return Resources(most(r"[Uu]sed (\d+) registers"), shared, local, stores, float64_in(ptx), ptx, loads)


INSTRUCTION = re.compile(r"^\s*(?:@!?%\w+\s+)?([a-z][a-z0-9_]*(?:\.[a-z0-9_:]+)*)\s", re.MULTILINE)


def float64_in(ptx: str) -> int:
    """Instructions that compute in float64 or convert to or from it: add.f64, fma.rn.f64, cvt.f64.f32.

    What only moves eight bytes (ld, st, mov) does not count, nor do declarations and names.
    """
    moves = ("ld", "st", "mov", "selp", "shfl")
    names = [name.split(".") for name in INSTRUCTION.findall(ptx)]
    return sum("f64" in parts[1:] and parts[0] not in moves for parts in names)


def compile_all(
    launches: Sequence[Launched],
    architectures: Sequence[str] = ARCHITECTURES,
    processes: int | None = None,
) -> dict[tuple[Launched, str], Resources]:
    """`compiled` for all of them, by default in as many processes as there are cores, four at most."""
    door.compiler()
    todo = {_key(launched, a): (launched, a) for launched in launches for a in architectures}
    todo = {key: what for key, what in todo.items() if key not in _memory}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = min(processes or min(cores, 4), len(todo))
    if processes > 1 and "fork" in multiprocessing.get_all_start_methods():
        global _work  # kernels cannot be sent to a process, so a copy of this one finds them here
        _work = list(todo.values())
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            _memory.update(zip(todo, pool.map(_compile_one, range(len(_work)), chunksize=1)))
    return {(launched, a): compiled(launched, a) for launched in launches for a in architectures}


_work: list[tuple[Launched, str]] = []


def _compile_one(i: int) -> Resources:
    return compiled(*_work[i])


# -- how many run side by side -------------------------------------------------------------------------------


class Limits(NamedTuple):
    """Of one multiprocessor."""

    warps: int
    blocks: int
    shared: int  # bytes
    reserved: int  # bytes of shared memory that the system keeps for itself in each block
    unit: int  # bytes in whose multiples shared memory is given out
    registers: int = 65536
    register_unit: int = 256  # registers of a warp are given out in multiples of it
    parts: int = 4  # a multiprocessor's registers and warps lie in so many parts


LIMITS = {
    "sm_75": Limits(32, 16, 64 * 1024, 0, 256),
    "sm_80": Limits(64, 32, 164 * 1024, 1024, 128),
    "sm_90": Limits(64, 32, 228 * 1024, 1024, 128),
}
"""Source: NVIDIA, CUDA C++ Programming Guide, Technical specifications per compute capability."""


class Occupancy(NamedTuple):
    """How full a multiprocessor can be: the share of its warps that are there at once, and what limits it."""

    share: float
    blocks: int
    limit: str  # warps, blocks, registers or shared memory; "does not fit" where not one block does


def occupancy(launched: Launched, architecture: str = "sm_90") -> Occupancy:
    """An estimate from the block, the registers and the shared memory of a launch."""
    return estimate(compiled(launched, architecture), launched.threads, launched.shared, architecture)


def estimate(found: Resources, threads: int, dynamic: int, architecture: str) -> Occupancy:
    """Occupancy of blocks of so many threads with `dynamic` bytes of shared memory beside the static ones."""
    limits, warps = LIMITS[architecture], -(-threads // 32)
    by_limit = room(found.registers, found.shared + dynamic, threads, architecture)
    blocks = min(by_limit.values())
    together = _up(warps, limits.parts) * _registers_of_a_warp(found.registers, limits)
    if not blocks or together > limits.registers:  # which the launch checks
        return Occupancy(0.0, 0, "does not fit")
    return Occupancy(blocks * warps / limits.warps, blocks, min(by_limit, key=lambda name: by_limit[name]))


def room(registers: int, shared: int, threads: int, architecture: str = "sm_90") -> dict[str, int]:
    """Blocks on a multiprocessor by each limit alone; `estimate` takes the smallest."""
    limits, warps = LIMITS[architecture], -(-threads // 32)
    taken = _up(shared + limits.reserved, limits.unit)
    in_a_part = limits.registers // limits.parts // _registers_of_a_warp(registers, limits)
    return {
        "warps": limits.warps // warps,
        "blocks": limits.blocks,
        "registers": in_a_part * limits.parts // warps,
        "shared memory": limits.shared // taken if taken else limits.blocks,
    }


def _registers_of_a_warp(registers: int, limits: Limits) -> int:
    return _up(max(registers, 1) * 32, limits.register_unit)


def _up(n: int, unit: int) -> int:
    return -(-n // unit) * unit
