"""Device functions that the tiled attention kernels share; a block's threads stand in TY rows of TX.

Thread (ty, tx) owns the rows ty, ty + TY, ... and the columns tx, tx + TX, ... of a tile of scores. Its part
lies in registers. Tiles in shared memory have rows four numbers longer than needed: eight neighbouring
threads then read four numbers each from eight rows by one instruction, and no two of them meet in a bank.

Shared memory answers one warp a cycle and the arithmetic units take four, so a product needs four
multiplications for each number that a thread reads. A tile of 8 x 4 numbers read four columns at a time
takes 12 reads (of 16 bytes) for 128 multiplications.
"""

from __future__ import annotations

from ..gpu import cuda, float32, uint32

LOW = float32(-3e38)
"""Where a running maximum begins, and the score of a closed pair: no infinity, which fast arithmetic may
assume away. What is not above it counts as closed."""

NO_MASK, BOOL_MASK, ADDED_MASK = 0, 1, 2


def make_scored(MASK):
    """Scores as softmax sees them; `MASK` is NO_MASK, BOOL_MASK or ADDED_MASK."""

    @cuda.jit(device=True)
    def scored(s, mask, place, closed):
        """s plus what the mask holds at `place`; LOW where the pair is closed, also if s is NaN."""
        if closed:
            return LOW
        if MASK == BOOL_MASK:
            return s if mask[place] else LOW
        if MASK == ADDED_MASK:
            added = mask[place]
            return LOW if added <= LOW else s + added
        return s

    return scored


def make_load(ROWS, WIDTH, THREADS):
    """Of WIDTH and THREADS one divides the other."""
    EACH = ROWS * WIDTH // THREADS  # numbers of the tile that a thread brings
    ONCE = min(EACH, THREADS // 8)  # of which so many are under way; a small block has more registers in use
    ACROSS = min(WIDTH, THREADS)  # neighbours in a row; a thread's next number lies THREADS numbers further

    @cuda.jit(device=True)
    def load(x, head, first, factor, tid, tile):
        """tile[r, e] = factor x[head, first + r, e], and 0 beyond x; neighbouring threads read neighbours.

        A branch around a read would make each wait for the one before. So all are made, those beyond x
        at its last row or column, and replaced by 0 afterwards.
        """
        values = cuda.local.array(ONCE, float32)
        rows, width = uint32(x.shape[1]), uint32(x.shape[2])
        top, left = tid // uint32(ACROSS), tid % uint32(ACROSS)
        while top < uint32(ROWS):
            for step in range(ONCE):
                r = first + top + uint32(step * THREADS // WIDTH)
                e = left + uint32(step * THREADS % WIDTH)
                values[step] = x[head, min(r, rows - uint32(1)), min(e, width - uint32(1))]
            for step in range(ONCE):
                r = top + uint32(step * THREADS // WIDTH)
                e = left + uint32(step * THREADS % WIDTH)
                tile[r, e] = values[step] * factor if first + r < rows and e < width else float32(0)
            top += uint32(ONCE * THREADS // WIDTH)

    return load


def make_dots(TY, TX, ROWS, COLUMNS, WIDTH):
    @cuda.jit(device=True)
    def dots(a, b, ty, tx, out):
        """out[i, j] = a[ty + i TY] . b[tx + j TX], the products of a thread's rows of a and of b."""
        left, right = cuda.local.array((ROWS, 4), float32), cuda.local.array((COLUMNS, 4), float32)
        for i in range(ROWS):
            for j in range(COLUMNS):
                out[i, j] = float32(0)
        e = uint32(0)
        while e < uint32(WIDTH):
            for c in range(4):
                for i in range(ROWS):
                    left[i, c] = a[ty + uint32(i * TY), e + uint32(c)]
                for j in range(COLUMNS):
                    right[j, c] = b[tx + uint32(j * TX), e + uint32(c)]
            for c in range(4):
                for i in range(ROWS):
                    for j in range(COLUMNS):
                        out[i, j] += left[i, c] * right[j, c]
            e += uint32(4)

    return dots


def make_mix(TY, TX, ROWS, COLUMNS, KEYS):
    NEAR = min(COLUMNS, 4)  # columns side by side, read together

    @cuda.jit(device=True)
    def mix(p, x, ty, tx, out):
        """out[i, c] += sum_j p[ty + i TY, j] x[j, column c of this thread]."""
        left, right = cuda.local.array((ROWS, 4), float32), cuda.local.array(COLUMNS, float32)
        j = uint32(0)
        while j < uint32(KEYS):
            for b in range(4):
                for i in range(ROWS):
                    left[i, b] = p[ty + uint32(i * TY), j + uint32(b)]
            for b in range(4):
                for c in range(COLUMNS):
                    right[c] = x[j + uint32(b), tx * uint32(NEAR) + uint32(c // NEAR * NEAR * TX + c % NEAR)]
                for i in range(ROWS):
                    for c in range(COLUMNS):
                        out[i, c] += left[i, b] * right[c]
            j += uint32(4)

    return mix


def make_column(TX, COLUMNS):
    NEAR = min(COLUMNS, 4)

    @cuda.jit(device=True)
    def column(tx, c):
        """Which column of the result is number c of thread tx."""
        return tx * uint32(NEAR) + uint32(c // NEAR * NEAR * TX + c % NEAR)

    return column
