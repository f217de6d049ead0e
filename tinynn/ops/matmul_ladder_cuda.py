"""A ladder of matrix products: each rung computes the same c = a b, and each is faster for one reason.

    naive       one thread, one element of c: 2 loads for every multiplication
    tiled       a block loads a tile once for all its threads: 2 / TILE loads from memory
    blocked     one thread, TM x TN elements, kept in registers: (TM + TN) / (TM TN) loads from shared memory
    buffered    the next tile is under way while this one is multiplied; threads do not queue for a bank

All take a (A, M, K), b (B, K, N) and c (Z, M, N): stacks of matrices, one block of threads in the grid's z
for each of the Z. Matrix z of c comes from number ``z // a_div % A`` of a, and so for b: an operand with
fewer matrices than c is used again, without a copy. With TA the matrices of a lie transposed, (A, K, M),
with TB those of b, (B, N, K): the backward passes need a^T b and a b^T. The flags and the tile sizes are
constants while a kernel is compiled. What lies outside of a matrix counts as 0, so any size will do.

Numbers are unsigned (uint32): for a signed index Numba adds code that lets -1 mean the last element. Loops
whose bounds are constants are unrolled, and arrays indexed by their counters become registers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import ArgumentError
from ..gpu import Kernel, blocks, cuda, float32, launch
from ..gpu import uint32 as u

ZERO = float32(0)
PAD = 4  # floats that lengthen a row of a shared tile, so that a column spreads over the banks


class Rung(NamedTuple):
    """A kernel and the shape of its work: `block` threads compute a tile (rows, columns) of c."""

    kernel: Kernel
    tile: tuple[int, int]
    block: tuple[int, int]
    finishes: bool = False  # whether the kernel takes a bias, to finish totals with

    def __call__(self, a: Any, b: Any, c: Any, a_div: int = 1, b_div: int = 1, bias: Any = None) -> None:
        z, m, n = c.shape
        grid = (blocks(n, self.tile[1]), blocks(m, self.tile[0]), z)
        last = (c[0, 0] if bias is None else bias,) if self.finishes else ()  # what is not read is some row
        launch(self.kernel, grid, self.block, a, b, c, a_div, b_div, *last)


def make_naive(
    ROWS: int = 16, COLUMNS: int = 16, TA: bool = False, TB: bool = False, SWAP: bool = False
) -> Rung:
    """Rung 1: each thread computes one element of c, from a row of a and a column of b.

    c_ij = sum_k a_ik b_kj. 2 K loads and 2 K FLOPs a thread. Neighbouring threads share a row: their loads
    of b lie side by side, and one load of a serves them all. With SWAP they share a column instead: each
    load of a then touches as many rows as there are neighbours, for 4 bytes of each.
    """

    @cuda.jit
    def naive(a, b, c, a_div, b_div):
        j, i, z = u(cuda.blockIdx.x * COLUMNS), u(cuda.blockIdx.y * ROWS), u(cuda.blockIdx.z)
        if SWAP:
            i, j = i + u(cuda.threadIdx.x), j + u(cuda.threadIdx.y)
        else:
            i, j = i + u(cuda.threadIdx.y), j + u(cuda.threadIdx.x)
        a, b, c = a[z // u(a_div) % u(a.shape[0])], b[z // u(b_div) % u(b.shape[0])], c[z]
        if i < u(c.shape[0]) and j < u(c.shape[1]):
            total = ZERO
            k, depth = u(0), u(a.shape[0] if TA else a.shape[1])
            while k < depth:
                total += (a[k, i] if TA else a[i, k]) * (b[j, k] if TB else b[k, j])
                k += u(1)
            c[i, j] = total

    return Rung(naive, (ROWS, COLUMNS), (ROWS, COLUMNS) if SWAP else (COLUMNS, ROWS))


def make_tiled(TILE: int = 16, TA: bool = False, TB: bool = False) -> Rung:
    """Rung 2: TILE x TILE threads load a tile of a and one of b into shared memory, and all read both.

    Each number is loaded from memory once for a tile instead of once for a thread: TILE times less. Two loads
    from shared memory remain for each multiplication. A tile that lies transposed is read along its memory
    all the same and turned on its way into shared memory. There rows are longer by one: else the numbers of
    a column would share a bank, and threads would queue.
    """
    WIDE = TILE + 1

    @cuda.jit
    def tiled(a, b, c, a_div, b_div):
        tile_a, tile_b = cuda.shared.array((TILE, WIDE), float32), cuda.shared.array((TILE, WIDE), float32)
        x, y, z = u(cuda.threadIdx.x), u(cuda.threadIdx.y), u(cuda.blockIdx.z)
        row, column = u(cuda.blockIdx.y * TILE), u(cuda.blockIdx.x * TILE)  # where the block's tile begins
        a, b, c = a[z // u(a_div) % u(a.shape[0])], b[z // u(b_div) % u(b.shape[0])], c[z]
        total = ZERO
        k, depth = u(0), u(a.shape[0] if TA else a.shape[1])
        while k < depth:
            if TA:
                tile_a[x, y] = at(a, k + y, row + x)
            else:
                tile_a[y, x] = at(a, row + y, k + x)
            if TB:
                tile_b[x, y] = at(b, column + y, k + x)
            else:
                tile_b[y, x] = at(b, k + y, column + x)
            cuda.syncthreads()  # the tiles are whole
            for i in range(u(TILE)):
                total += tile_a[y, i] * tile_b[i, x]
            cuda.syncthreads()  # and may be written again
            k += u(TILE)
        if row + y < u(c.shape[0]) and column + x < u(c.shape[1]):
            c[row + y, column + x] = total

    return Rung(tiled, (TILE, TILE), (TILE, TILE))


@cuda.jit(device=True)
def at(a, i, j):
    """a[i, j], and 0 outside of the matrix."""
    if i < u(a.shape[0]) and j < u(a.shape[1]):
        return a[i, j]
    return ZERO


def make_blocked(
    BM: int = 128, BN: int = 128, BK: int = 8, TM: int = 8, TN: int = 8, TA: bool = False, TB: bool = False
) -> Rung:
    """Rung 3: each thread computes TM x TN elements of c in registers, a block BM x BN.

    In each step of k a thread loads TM + TN numbers from shared memory for TM TN multiplications: at 8 x 8
    four for one load. Both tiles lie in shared memory with k first, so that a thread's numbers are
    neighbours, and one instruction loads four of them. 64 of 86 instructions of a step multiply (PTX).
    """
    X, THREADS, LONG_A, LONG_B = u(BN // TN), threads_of(BM, BN, BK, TM, TN), BM + PAD, BN + PAD
    load_a, load_b = make_load(BM, BK, THREADS, TA), make_load(BN, BK, THREADS, not TB)

    @cuda.jit(launch_bounds=(int(THREADS), 2))
    def blocked(a, b, c, a_div, b_div):
        tile_a = cuda.shared.array((BK, LONG_A), float32, 16)
        tile_b = cuda.shared.array((BK, LONG_B), float32, 16)
        left, right = cuda.local.array(TM, float32), cuda.local.array(TN, float32)
        total = cuda.local.array((TM, TN), float32)
        for i in range(u(TM)):
            for j in range(u(TN)):
                total[i, j] = ZERO
        t, z = u(cuda.threadIdx.x), u(cuda.blockIdx.z)
        row, column = u(cuda.blockIdx.y * BM), u(cuda.blockIdx.x * BN)
        y, x = u(t // X * u(TM)), u(t % X * u(TN))  # where the thread's elements begin, in the block's
        a, b, c = a[z // u(a_div) % u(a.shape[0])], b[z // u(b_div) % u(b.shape[0])], c[z]
        k, depth = u(0), u(a.shape[0] if TA else a.shape[1])
        while k < depth:
            load_a(tile_a, a, row, k, t)
            load_b(tile_b, b, column, k, t)
            cuda.syncthreads()
            step = u(0)
            while step < u(BK):
                for i in range(u(TM)):
                    left[i] = tile_a[step, y + u(i)]
                for j in range(u(TN)):
                    right[j] = tile_b[step, x + u(j)]
                for i in range(u(TM)):
                    for j in range(u(TN)):
                        total[i, j] += left[i] * right[j]
                step = u(step + u(1))
            cuda.syncthreads()
            k = u(k + u(BK))
        for i in range(u(TM)):
            for j in range(u(TN)):
                if row + y + u(i) < u(c.shape[0]) and column + x + u(j) < u(c.shape[1]):
                    c[row + y + u(i), column + x + u(j)] = total[i, j]

    return Rung(blocked, (BM, BN), (int(THREADS), 1))


def threads_of(BM: int, BN: int, BK: int, TM: int, TN: int, *, lines: bool = False) -> u:
    """Threads of a block; an error unless the sizes divide, and with `lines` threads fill whole lines."""
    threads = BM // TM * (BN // TN)
    wrong = BM % TM or BN % TN or BM * BK % threads or BN * BK % threads
    if wrong or (lines and any(threads % size for size in (BM, BN, BK))):
        got = f"BM={BM}, BN={BN}, BK={BK}, TM={TM}, TN={TN}"
        expected = f"TM to divide BM, TN BN, and {threads} threads BM BK and BN BK, the numbers of a tile"
        expected += f"; and {threads} to be a multiple of BM, BN and BK" if lines else ""
        raise ArgumentError("matmul tiles", got, expected, "BM=64, BN=64, BK=8, TM=4, TN=4")
    return u(threads)


def make_load(SIDE: int, BK: int, THREADS: u, K_FIRST: bool) -> Kernel:
    """A device function with which THREADS threads bring a tile of an operand into shared memory.

    tile[k, i] is the operand's number i along its side of c, at depth k. The operand may lie either way,
    (K, side) or (side, K): the threads follow the memory, and turn the second kind on the way.
    """
    EACH, S, D = u(SIDE * BK // THREADS), u(SIDE), u(BK)

    @cuda.jit(device=True)
    def load(tile, a, side, k, t):
        for e in range(EACH):
            n = u(t + u(e) * THREADS)
            if K_FIRST:
                tile[n // S, n % S] = at(a, u(k + n // S), u(side + n % S))
            else:
                tile[n % D, n // D] = at(a, u(side + n // D), u(k + n % D))

    return load


def make_buffered(
    BM: int = 128, BN: int = 128, BK: int = 8, TM: int = 8, TN: int = 8, TA: bool = False, TB: bool = False,
    FINISH: Kernel | None = None,
) -> Rung:  # fmt: skip
    """Rung 4: as `blocked`, with two tiles of each operand in turn, and threads laid out for the banks.

    While a tile is multiplied the next one is on its way from memory into registers; then it goes to the
    other half of shared memory, and one barrier a tile is enough. A thread's elements are groups of 4,
    the groups of all threads side by side: eight threads that load four floats each touch all 32 banks
    once. The 32 threads of a warp form a rectangle WY x WX, which needs fewer different numbers than a line.

    FINISH(total, bias, column), a device function, says what is written in place of a total.

    At 8 x 8 a step of k is 4 loads of 16 bytes for 64 multiply-adds, of 78 instructions in PTX (0.82); with
    the way of a tile through registers 0.68. The launch bounds hold a thread to 128 registers, so that two
    blocks fit on a multiprocessor. Left on the table: loads of 16 bytes from memory, which Numba cannot say.
    """
    Y, X, last = u(BM // TM), u(BN // TN), FINISH or total_alone
    WY, WX = min(u(4), Y), min(u(8), X)
    THREADS, WARP, ACROSS = threads_of(BM, BN, BK, TM, TN, lines=True), WY * WX, X // WX
    fetch_a, put_a = make_stage(BM, BK, THREADS, TA)
    fetch_b, put_b = make_stage(BN, BK, THREADS, not TB)
    EACH_A, EACH_B = int(BM * BK // THREADS), int(BN * BK // THREADS)
    LONG_A, LONG_B, G = BM + PAD, BN + PAD, u(min(4, TM, TN))
    GY, GX = u(Y * G), u(X * G)

    @cuda.jit(launch_bounds=(int(THREADS), 2))
    def buffered(a, b, c, a_div, b_div, bias):
        tile_a = cuda.shared.array((2, BK, LONG_A), float32, 16)
        tile_b = cuda.shared.array((2, BK, LONG_B), float32, 16)
        next_a, next_b = cuda.local.array(EACH_A, float32), cuda.local.array(EACH_B, float32)
        left, right = cuda.local.array(TM, float32), cuda.local.array(TN, float32)
        total = cuda.local.array((TM, TN), float32)
        for i in range(u(TM)):
            for j in range(u(TN)):
                total[i, j] = ZERO
        t, z = u(cuda.threadIdx.x), u(cuda.blockIdx.z)
        row, column = u(cuda.blockIdx.y * BM), u(cuda.blockIdx.x * BN)
        y = u((t // WARP // ACROSS * WY + t % WARP // WX) * G)
        x = u((t // WARP % ACROSS * WX + t % WX) * G)
        a, b, c = a[z // u(a_div) % u(a.shape[0])], b[z // u(b_div) % u(b.shape[0])], c[z]
        k, depth, now = u(0), u(a.shape[0] if TA else a.shape[1]), u(0)
        fetch_a(next_a, a, row, k, t)
        fetch_b(next_b, b, column, k, t)
        put_a(tile_a, now, next_a, t)
        put_b(tile_b, now, next_b, t)
        cuda.syncthreads()
        while k < depth:
            k = u(k + u(BK))
            fetch_a(next_a, a, row, k, t)
            fetch_b(next_b, b, column, k, t)
            step = u(0)
            while step < u(BK):
                for i in range(u(TM)):
                    left[i] = tile_a[now, step, y + u(i) // G * GY + u(i) % G]
                for j in range(u(TN)):
                    right[j] = tile_b[now, step, x + u(j) // G * GX + u(j) % G]
                for i in range(u(TM)):
                    for j in range(u(TN)):
                        total[i, j] += left[i] * right[j]
                step = u(step + u(1))
            now = u(u(1) - now)
            put_a(tile_a, now, next_a, t)
            put_b(tile_b, now, next_b, t)
            cuda.syncthreads()
        for i in range(u(TM)):
            r = row + y + u(i) // G * GY + u(i) % G
            for j in range(u(TN)):
                q = column + x + u(j) // G * GX + u(j) % G
                if r < u(c.shape[0]) and q < u(c.shape[1]):
                    c[r, q] = last(total[i, j], bias, q)

    return Rung(buffered, (BM, BN), (int(THREADS), 1), True)


@cuda.jit(device=True)
def total_alone(total, bias, j):
    return total


def make_stage(SIDE: int, BK: int, THREADS: u, K_FIRST: bool) -> tuple[Kernel, Kernel]:
    """`make_load` in two steps: fetch from memory into registers, put from there into shared memory."""
    EACH, S, D = u(SIDE * BK // THREADS), u(SIDE), u(BK)
    NEXT = u(THREADS // (S if K_FIRST else D))  # lines of memory from one of a thread's numbers to its next

    @cuda.jit(device=True)
    def fetch(registers, a, side, k, t):
        for e in range(EACH):
            if K_FIRST:
                registers[e] = at(a, u(k + t // S + u(e) * NEXT), u(side + t % S))
            else:
                registers[e] = at(a, u(side + t // D + u(e) * NEXT), u(k + t % D))

    @cuda.jit(device=True)
    def put(tile, half, registers, t):
        for e in range(EACH):
            if K_FIRST:
                tile[half, t // S + u(e) * NEXT, t % S] = registers[e]
            else:
                tile[half, t % D, t // D + u(e) * NEXT] = registers[e]

    return fetch, put
