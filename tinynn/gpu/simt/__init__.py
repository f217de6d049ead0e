"""The interpreter: runs kernels on the CPU, thread by thread, and says exactly what is wrong with them.

Each thread of a block is a greenlet that runs until it meets the others: at a barrier, a shuffle, a vote.
So a run is deterministic, and every access to memory can be held against all others: hardware, which
hides most mistakes on most days, does not do that.

    with simt.settings(order="reversed", outputs="y"):
        launch(kernel, 4, 64, x, y)                    # raises a KernelError at the first mistake

    with simt.collected() as findings:
        launch(kernel, 4, 64, x, y)                    # gathers them

What it finds, as `Finding.kind` names it:

* index: out of range or negative, along each axis
* unwritten: a read of shared, local or (from `tinynn.gpu.empty`) global memory that nobody wrote
* race: two threads at one cell, at least one of them writes, and neither comes first. Within a block a
  barrier orders them, within a warp a syncwarp (a shuffle does not: it is no memory barrier). Atomics do not
  race with atomics. Plain writes of the same value do not count: whoever comes last, the cell holds the same
* barrier, exchange: a barrier, shuffle, vote or syncwarp that not all who must come reach. Threads that have
  left the kernel count as missing: today's GPUs do not wait for them, but CUDA promises nothing
* deadlock, endless: threads that wait for ever, or never end
* output: cells of an output that no thread wrote (see `settings`)
* memory: more than 48 KiB of shared memory, a size known too late, constant memory written
* call: a name of cuda, or an array, used as CUDA does not have it
* exception: whatever the kernel's own Python raised

It is fast enough for a lesson: 256 threads with 63 accesses and 24 barriers each take 0.03 s, a naive product
about 1 microsecond for each of its accesses, 0.2 without checks (``python tests/simt_speed.py``).

What it does not see: how the compiler types a kernel. Integers of arrays are NumPy's and wrap around at
their size, where Numba computes int32 + int32 in 64 bits; ``0.5 * x`` stays float32 here and is float64
there (`tinynn.gpu.resources` counts those). Indices, shapes and whole numbers among a launch's arguments
are Python's and do not wrap around; for Numba they are int64 as soon as one computes with them. Blocks run
one after another: one that waits for a later one is a deadlock, as it can be on a GPU.
"""

from __future__ import annotations

from .options import Access, Options, collected, settings
from .report import KINDS, Finding, Place
from .run import run
from .thread import Thread, thread

__all__ = [
    "KINDS",
    "Access",
    "Finding",
    "Options",
    "Place",
    "Thread",
    "collected",
    "run",
    "settings",
    "thread",
]
