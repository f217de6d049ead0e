"""What a kernel takes of a GPU, found by compiling it without one: registers, shared memory, spills, float64.

with recorded() as launches:
    ops.softmax.pair("simt").forward(x)
for launched in launches:
    print(compiled(launched, "sm_90"))
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from . import door, kernel

ARCHITECTURES = ("sm_75", "sm_80", "sm_90")


class Launched(NamedTuple):
    """A kernel with all that decides what the compiler makes of it."""

    kernel: kernel.Kernel
    types: tuple  # (dtype, ndim) of an array, dtype of a number
    block: tuple[int, int, int]
    shared: int


class Resources(NamedTuple):
    registers: int
    shared: int  # bytes, static
    local: int  # bytes of a thread: arrays and spills
    spills: int  # bytes stored
    float64: int  # instructions in PTX
    ptx: str


@contextmanager
def recorded() -> Iterator[list[Launched]]:
    """Collect every kernel that is launched, once for each combination of types and block."""
    seen: dict[Launched, None] = {}

    def watch(kernel: Any, grid: Any, block: Any, args: tuple, shared: int) -> None:
        types = tuple([(a.dtype, a.ndim) if getattr(a, "ndim", 0) else np.dtype(type(a)) for a in args])
        seen.setdefault(Launched(kernel, types, block, shared))

    launches: list[Launched] = []
    kernel.watchers.append(watch)
    try:
        yield launches
    finally:
        kernel.watchers.remove(watch)
        launches += seen


def compiled(launched: Launched, architecture: str = "sm_90") -> Resources:
    """Compile for an architecture and read what the assembler says."""
    cuda = door.compiler()
    from cuda.core import Linker, LinkerOptions, ObjectCode
    from numba import from_dtype, types
    from numba.cuda import dispatcher

    def typed(kind: Any) -> Any:
        return types.Array(from_dtype(kind[0]), kind[1], "C") if isinstance(kind, tuple) else from_dtype(kind)

    capability = (int(architecture[3:-1]), int(architecture[-1]))
    signature = types.void(*map(typed, launched.types))
    asked = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: type("Device", (), {"compute_capability": capability})
    try:  # a kernel that calls a device function asks the driver, which may not be there, for its capability
        ptx, _ = cuda.compile(
            launched.kernel.for_compiler(), signature, device=False, abi="numba", cc=capability, output="ptx",
            fastmath=launched.kernel.options["fastmath"],
            launch_bounds=launched.kernel.options.get("launch_bounds"),
        )  # fmt: skip
    finally:
        dispatcher.get_current_device = asked
    options = LinkerOptions(arch=architecture, verbose=True, ptxas_options=["-v"])
    linker = Linker(ObjectCode.from_ptx(ptx.encode()), options=options)
    linker.link("cubin")
    log = linker.get_info_log()
    number = lambda pattern: int(found[-1]) if (found := re.findall(pattern, log)) else 0
    return Resources(
        number(r"used (\d+) registers"), number(r"(\d+) bytes smem"), number(r"(\d+) bytes lmem"),
        number(r"(\d+) bytes spill stores"), len(re.findall(r"\.f64\b", ptx)), ptx,
    )  # fmt: skip
