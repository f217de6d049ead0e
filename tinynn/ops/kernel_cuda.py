"""What the CUDA kernels of several families share: how many threads, a block's total.

A GPU hides the wait for memory behind other work: there must be many loads under way at once. So a
kernel that goes through an array takes a grid of many blocks, and where one element needs one load only,
each thread has several elements under way.
"""

from __future__ import annotations

from typing import Any

from ..gpu import Kernel, blocks, cuda, empty, float32, launch
from .team_cuda import FULL, WARP

THREADS = 256  # in a block: eight warps, small enough that eight blocks fit on a multiprocessor
MOST = 4096  # blocks in a grid: several for each multiprocessor of any GPU; beyond, threads go on in strides


def threads_for(n: int) -> int:
    """Threads of a block that has `n` elements to go through: whole warps, at most THREADS."""
    return min(THREADS, WARP * blocks(n, WARP))


def power_of_two(n: int) -> int:
    """The smallest that is not below n."""
    return 1 << (n - 1).bit_length()


def block_of(rows: int, columns: int) -> tuple[int, int]:
    """Width and height of a block over a matrix: as wide as a warp, if there are as many columns."""
    width = min(WARP, power_of_two(columns))
    return width, min(THREADS // width, power_of_two(rows))


def launch_over(kernel: Kernel, n: int, *args: Any, each: int = 1) -> None:
    """Launch over `n` elements, `each` to a thread, in a kernel that goes on in strides of the whole grid."""
    threads = threads_for(n)
    launch(kernel, min(MOST, blocks(n, each * threads)), threads, *args)


def number(value: float, like: Any) -> Any:
    """One float32 where `like` lies, as an array of one element. Nothing is copied from the host."""
    out = empty((1,), like)
    out.fill(value)
    return out


# -- one value from a whole block ------------------------------------------------------------------


@cuda.jit(device=True, fastmath=False)
def plus(a, b):
    return a + b


@cuda.jit(device=True, fastmath=False)
def larger(a, b):
    """The larger of two; NaN if one is."""
    return a if a > b or a != a else b


def make_warp(combine: Kernel) -> Kernel:
    """A device function: every lane gives `a` and gets the combination of all 32, in five exchanges.

    Lanes trade with the one 16 away, then 8, 4, 2, 1: after each trade twice as many share one result.
    Nothing passes through memory. Source: the butterfly of the fast Fourier transform.
    """

    @cuda.jit(device=True, fastmath=False)
    def warp(a):
        a = combine(a, cuda.shfl_xor_sync(FULL, a, 16))
        a = combine(a, cuda.shfl_xor_sync(FULL, a, 8))
        a = combine(a, cuda.shfl_xor_sync(FULL, a, 4))
        a = combine(a, cuda.shfl_xor_sync(FULL, a, 2))
        return combine(a, cuda.shfl_xor_sync(FULL, a, 1))

    return warp


def make_block(combine: Kernel, start: Any) -> Kernel:
    """A device function: every thread of a block gives `a` and gets the combination of all.

    Each warp leaves its result in shared memory, and each warp combines those. Blocks are
    one-dimensional and made of whole warps; `start` changes nothing that it is combined with.
    """
    warp = make_warp(combine)

    @cuda.jit(device=True, fastmath=False)
    def block(a):
        of_warps = cuda.shared.array(WARP, float32)
        lane = cuda.threadIdx.x % WARP
        a = warp(a)
        if lane == 0:
            of_warps[cuda.threadIdx.x // WARP] = a
        cuda.syncthreads()
        a = start
        if lane < cuda.blockDim.x // WARP:
            a = of_warps[lane]
        a = warp(a)
        cuda.syncthreads()  # all have read before a second call writes
        return a

    return block
