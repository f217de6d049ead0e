"""The lens: patterns whose numbers are worked out by hand, and laws that every pattern keeps."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinynn.errors import ArgumentError, KernelError
from tinynn.gpu import Kernel, cuda, float32, launch
from tinynn.gpu.lens import Step, look, words
from tinynn.gpu.lens.steps import GOOD

# -- kernels -----------------------------------------------------------------------------------------------


@cuda.jit
def copy(x, y):
    i = cuda.grid(1)
    if i < y.size:
        y[i] = x[i]


@cuda.jit
def strided(x, y, k):
    i = cuda.grid(1)
    y[i] = x[i * k] * float32(2) + float32(1)


@cuda.jit
def gathered(x, index, y):
    i = cuda.grid(1)
    y[i] = x[index[i]]


@cuda.jit
def row_sums(a, out):
    row = cuda.grid(1)
    total = float32(0)
    j = 0
    while j < a.shape[1]:
        total += a[row, j]
        j += 1
    out[row] = total


@cuda.jit
def transposed(a, out):
    j, i = cuda.grid(2)
    out[j, i] = a[i, j]


def make_tiled(T, WIDTH):
    @cuda.jit
    def tiled(a, out):
        tile = cuda.shared.array((T, WIDTH), float32)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        tile[y, x] = a[y, x]
        cuda.syncthreads()
        out[y, x] = tile[x, y]

    return tiled


@cuda.jit
def interleaved(x, out):
    s = cuda.shared.array(256, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    d = 1
    while d < 256:
        k = 2 * d * t
        if k < 256:
            s[k] += s[k + d]
        cuda.syncthreads()
        d *= 2
    if t == 0:
        out[0] = s[0]


@cuda.jit
def contiguous(x, out):
    s = cuda.shared.array(256, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    d = 128
    while d > 0:
        if t < d:
            s[t] += s[t + d]
        cuda.syncthreads()
        d //= 2
    if t == 0:
        out[0] = s[0]


@cuda.jit
def counted(x, bins):
    i = cuda.grid(1)
    cuda.atomic.add(bins, x[i], float32(1))


@cuda.jit
def in_turn(x, y):
    t = cuda.grid(1)
    for i in range(32):
        if t == i:
            y[t] = x[t]


@cuda.jit(device=True)
def bent(v):
    if v > float32(0):
        return v * v
    return float32(0) * v


@cuda.jit
def calls(x, y):
    i = cuda.grid(1)
    y[i] = bent(x[i]) + math.sqrt(bent(float32(2)))


def floats(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def zeros(*shape):
    return np.zeros(shape, np.float32)


# -- patterns of global memory -----------------------------------------------------------------------------

# A warp's 32 floats are 128 bytes. At a stride of k they lie 4k bytes apart, so that from k = 8 on each has a
# sector of 32 bytes of its own: 32 sectors, 1024 bytes, one eighth of them used.
LOADS = {
    "side by side": (lambda: look(copy, 1, 32, floats(32), zeros(32)), 4, 128 / 128, "coalesced"),
    "stride 2": (lambda: look(strided, 1, 32, floats(64), zeros(32), 2), 8, 128 / 256, "strided"),
    "stride 8": (lambda: look(strided, 1, 32, floats(256), zeros(32), 8), 32, 128 / 1024, "strided"),
    "stride 32": (lambda: look(strided, 1, 32, floats(1024), zeros(32), 32), 32, 128 / 1024, "strided"),
    "one for all": (lambda: look(strided, 1, 32, floats(8), zeros(32), 0), 1, 4 / 32, "broadcast"),
    # Backwards, the same four sectors.
    "reversed": (lambda: gather(np.arange(32)[::-1]), 4, 1.0, "coalesced"),
    # From the second element on: 28 bytes of the first sector, three whole ones, 4 bytes of the fifth.
    "one along": (lambda: gather(np.arange(1, 33)), 5, 128 / 160, "misaligned"),
    # Elements 0 and 9 in turn: two sectors, fewer than 32 elements side by side would take.
    "two apart": (lambda: gather(np.arange(32) % 2 * 9), 2, 8 / 64, "broadcast"),
    "scattered": (lambda: gather(np.arange(32) ** 2), 30, 128 / (30 * 32), "scattered"),
}


def gather(index):
    return look(gathered, 1, 32, floats(1024), np.ascontiguousarray(index, np.int32), zeros(32))


@pytest.mark.parametrize("pattern", LOADS)
def test_sectors_and_efficiency_of_a_load(pattern):
    run, sectors, efficiency, judgement = LOADS[pattern]
    load = run().array("x")
    assert (load.sectors, load.efficiency, load.judgement) == (sectors, efficiency, judgement)


def test_squares_lie_in_thirty_sectors():
    """The count in the table above: 0, 1, 4 share a sector, and each of the others has its own."""
    assert len({i * i * 4 // 32 for i in range(32)}) == 30


def test_a_column_of_a_row_major_matrix_wastes_seven_eighths():
    """Each of 8 rounds reads 32 floats 32 bytes apart: 32 sectors; at the end 4 for the sums."""
    report = look(row_sums, 1, 32, floats(32, 8), zeros(32))
    line = report.find("total += a[row, j]")
    assert line.sectors == 8 * 32 and line.efficiency == 1 / 8 and len(line.steps) == 8
    assert report.moved == (8 * 32 + 4) * 32 and report.used == 9 * 128
    assert report.worst is not None and report.worst.array == "a"
    assert [s.rounds for s in line.steps] == [(n,) for n in range(8)]


def test_a_naive_transpose_reads_well_and_writes_badly():
    report = look(transposed, 1, (32, 32), floats(32, 32), zeros(32, 32))
    assert report.array("a").efficiency == 1 and report.array("out").efficiency == 1 / 8
    assert report.array("out").sectors == 32 * 32 and report.worst.kind == "store"


def test_the_last_warp_of_100_elements():
    """Warps of 32, 32, 32 and 4 elements: 4, 4, 4 sectors and one, half used; one test goes both ways."""
    report = look(copy, 2, 64, floats(100), zeros(100))
    line = report.find("y[i] = x[i]")
    assert report.array("x").sectors == 13 and line.efficiency == 800 / 832
    assert (line.runs, line.split, line.share) == (4, 1, 100 / 128)
    test = report.find("if i < y.size")
    assert (test.tests, test.forks, report.forks) == (4, 1, 1)
    assert report.divergent == [line]


# -- shared memory -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "ways", "extra"), [(32, 32, 32 * 31), (33, 1, 0), (40, 8, 32 * 7)])
def test_a_column_of_a_tile_and_the_padding_that_mends_it(width, ways, extra):
    """Word (x, y) is in bank (width * x + y) % 32: 32: all in one; 33: all apart; 40: in 4 banks."""
    report = look(make_tiled(32, width), 1, (32, 32), floats(32, 32), zeros(32, 32))
    load = report.find("tile[x, y]")
    assert (load.ways, load.conflicts, report.conflicts) == (ways, extra, extra)
    assert report.array("a").efficiency == report.array("out").efficiency == 1


def test_a_reduction_with_addresses_apart_conflicts_and_one_side_by_side_does_not():
    """With a step of d, thread t has word 2 d t. Warps that take part and words a bank (ways) at d = 1: 4
    warps, 2 ways; 2: 2, 4; 4: 1, 8; 8: 16 threads 16 words apart, 8 ways; 16: 8 threads in bank 0, 8; then 4,
    2 and 1. Turns beyond the first: 4 + 2 * 3 + 7 + 7 + 7 + 3 + 1 = 35, for each of two loads and a store.
    """
    bad, good = (look(kernel, 1, 256, floats(256), zeros(1)) for kernel in (interleaved, contiguous))
    assert (bad.conflicts, bad.ways, good.conflicts, good.ways) == (3 * 35, 8, 0, 1)
    assert bad.worst.judgement == "conflict" and good.worst is None
    assert bad.flops == good.flops == 255


def test_elements_of_eight_bytes_take_two_phases():
    cells = tuple(range(32))
    step = shared(cells, itemsize=8)
    assert (len(step.phases), step.ways, step.trips, step.extra) == (2, 1, 2, 0)
    step = shared(tuple(2 * c for c in cells), itemsize=8)  # 16 bytes apart: lane 8 meets lane 0 in its half
    assert (step.ways, step.trips, step.judgement) == (2, 4, "conflict")


def test_bytes_of_one_word_are_no_conflict():
    assert shared(tuple(range(32)), itemsize=1).ways == 1


def test_a_word_for_all_is_free_but_not_for_atomics():
    assert shared((7,) * 32).judgement == "broadcast" and shared((7,) * 32).trips == 1
    step = shared((7,) * 32, kind="atomic")
    assert (step.ways, step.trips, step.judgement) == (32, 32, "serial")


# -- atomics -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bins", "ways", "judgement"), [(1, 32, "serial"), (4, 8, "serial"), (32, 1, "coalesced")]
)
def test_atomics_at_one_address_wait(bins, ways, judgement):
    report = look(counted, 1, 32, (np.arange(32) % bins).astype(np.int32), zeros(32))
    row = report.array("bins")
    assert (row.ways, row.judgement, report.serial) == (ways, judgement, ways - 1)


# -- laws --------------------------------------------------------------------------------------------------


def step(cells, itemsize=4, lanes=None, space="global", kind="load"):
    lanes = tuple(range(len(cells))) if lanes is None else lanes
    return Step(1, space, kind, "x", itemsize, (0, 0, 0), 0, (), lanes, tuple(cells))


def shared(cells, itemsize=4, kind="load"):
    return step(cells, itemsize, space="shared", kind=kind)


CELLS = st.lists(st.integers(0, 500), min_size=1, max_size=32)
SIZES = st.sampled_from([1, 2, 4, 8])


@given(CELLS, SIZES, st.sampled_from(["load", "store", "atomic"]))
def test_sectors_and_efficiency_are_those_of_the_bytes(cells, itemsize, kind):
    s = step(cells, itemsize, kind=kind)
    touched = {c * itemsize + b for c in cells for b in range(itemsize)}
    assert set(s.sectors) == {b // 32 for b in touched} and set(s.lines) == {b // 128 for b in touched}
    assert s.used == len(touched) and itemsize / 32 <= s.efficiency <= 1
    assert s.extra >= 0 and (s.judgement in GOOD) == (s.extra == 0)


@given(CELLS, SIZES, st.randoms(use_true_random=False), st.sampled_from(["global", "shared"]))
def test_who_reads_what_changes_no_number_within_half_a_warp(cells, itemsize, random, space):
    cells = cells[:16]
    mixed = list(cells)
    random.shuffle(mixed)
    one, other = step(cells, itemsize, space=space), step(mixed, itemsize, space=space)
    for number in ("sectors", "lines", "used", "ways", "trips", "least", "extra"):
        assert getattr(one, number) == getattr(other, number)


@given(CELLS, st.sampled_from(["load", "store"]))
def test_ways_are_the_most_words_of_a_bank(cells, kind):
    banks = Counter(word % 32 for word in set(cells))
    s = shared(cells, kind=kind)
    assert s.ways == s.trips == max(banks.values()) and s.least == 1


@given(st.integers(0, 500), st.integers(1, 32), SIZES, st.sampled_from(["global", "shared"]))
def test_a_broadcast_is_free(cell, lanes, itemsize, space):
    s = step([cell] * lanes, itemsize, space=space)
    assert s.extra == 0 and s.ways == 1 and s.judgement in GOOD


@given(st.integers(0, 8), st.integers(1, 40))
def test_a_stride_is_recognised(start, stride):
    s = step([start + stride * lane for lane in range(32)])
    assert s.stride == stride
    assert s.judgement == ("coalesced" if not s.extra else "misaligned" if stride == 1 else "strided")


# -- what the kernel's text tells --------------------------------------------------------------------------


def test_the_kernel_computes_what_it_always_does_and_its_arrays_stay_as_they_are():
    x, y, expected = floats(64), zeros(32), zeros(32)
    launch(strided, 1, 32, x, expected, 2)
    report = look(strided, 1, 32, x, y, 2)
    assert not y.any() and report.shapes == {"x": (64,), "y": (32,)}
    look(strided, 1, 32, x, y, 2, change=True)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("kernel", [interleaved, contiguous])
def test_a_kernel_with_loops_and_barriers_computes_the_same(kernel):
    out = zeros(1)
    look(kernel, 1, 256, floats(256), out, change=True)
    assert out[0] == 255 * 128


def test_arithmetic_counts_floats_and_not_addresses():
    """``x[i * k] * 2 + 1``: two operations for each of 32 threads; ``i * k`` is a whole number."""
    report = look(strided, 1, 32, floats(64), zeros(32), 2)
    assert report.flops == 64 and report.find("y[i] =").flops == 64
    assert report.intensity == 64 / (256 + 128)


def test_arithmetic_of_a_loop_counts_every_round():
    assert look(row_sums, 1, 32, floats(32, 8), zeros(32)).flops == 32 * 8


def test_a_device_function_is_looked_into():
    """17 of 32 threads have x > 0 and multiply once; 15 do so in another line; all multiply once for 2.

    Besides, each adds and takes a root.
    """
    report = look(calls, 1, 32, floats(32) - 14, zeros(32))
    assert report.find("return v * v").flops == 17 + 32 and report.find("float32(0) * v").flops == 15
    assert report.flops == 17 + 32 + 15 + 2 * 32
    test = report.find("if v > float32(0)")
    assert (test.tests, test.forks) == (2, 1)  # two calls in one line are two tests


twice = cuda.jit(device=True)(lambda v: v + v)
thrice, never = cuda.jit(device=True)(lambda v: v + v + v), lambda v: v


@cuda.jit
def calls_lambdas(x, y):
    i = cuda.grid(1)
    y[i] = twice(x[i]) + thrice(x[i])


def test_a_lambda_is_looked_into_unless_its_statement_holds_another():
    y = zeros(32)
    report = look(calls_lambdas, 1, 32, floats(32), y, change=True)
    assert report.flops == 32 * 2 and report.find("twice =").flops == 32 and report.opaque == ("<lambda>",)
    np.testing.assert_array_equal(y, 5 * floats(32))


class Elsewhere(Kernel):
    """A device function that the interpreter computes in its own way."""

    def __call__(self, *args):
        return np.exp(*args)


exponential = Elsewhere(lambda x: math.exp(x), device=True)


@cuda.jit
def calls_elsewhere(x, y):
    i = cuda.grid(1)
    y[i] = exponential(x[i]) + float32(1)


def test_a_function_with_a_twin_in_the_interpreter_stays_that_twin_and_is_one_operation():
    x, y, expected = -floats(32), zeros(32), zeros(32)
    launch(calls_elsewhere, 1, 32, x, expected)
    report = look(calls_elsewhere, 1, 32, x, y, change=True)
    np.testing.assert_array_equal(y, expected)
    assert report.flops == 2 * 32 and not report.opaque


def test_rounds_that_others_sit_out_are_not_put_together():
    """Every thread writes once, but each in its own round: 32 steps of one thread, not one of 32."""
    report = look(in_turn, 1, 32, floats(32), zeros(32))
    stores = report.array("y").steps
    assert [(s.rounds, s.lanes) for s in stores] == [((n,), (n,)) for n in range(32)]
    assert report.find("if t == i").forks == 32


@cuda.jit(device=True)
def first_above(x, bound):
    for i in range(x.size):
        k = 0
        while k < 2:
            if x[i] > bound:
                return i
            k += 1
    return -1


@cuda.jit
def ways_out(x, y):
    t = cuda.grid(1)
    if t >= 40:
        return
    found = first_above(x, float32(t))
    i = 0
    while True:
        i += 1
        if i == 3:
            continue
        y[t, 0] += x[t]
        if i > t % 5:
            break
    for i in range(3):
        if i == found:
            break
    else:
        y[t, 1] = float32(found)


def test_loops_left_early_and_functions_left_inside_them_compute_the_same():
    x, y, expected = floats(40), zeros(40, 2), zeros(40, 2)
    launch(ways_out, 2, 32, x, expected)
    report = look(ways_out, 2, 32, x, y, change=True)
    np.testing.assert_array_equal(y, expected)
    assert expected.any() and report.find("if t >= 40").forks == 1
    last = [s for s in report.find("y[t, 1] =").steps if s.warp == 0 and s.block[0] == 0]
    assert [len(s.lanes) for s in last] == [32 - 2]  # of threads 0 and 1 the loop ends early; all others meet


def test_steps_come_in_the_order_of_the_program():
    report = look(copy, 2, 64, floats(128), zeros(128))
    assert [(s.block[0], s.warp, s.kind) for s in report.steps] == [
        (block, warp, kind) for block in (0, 1) for warp in (0, 1) for kind in ("load", "store")
    ]


def test_python_may_speed_an_instruction_up_while_the_kernel_runs():
    """After a few threads the load is another instruction inside Python, and still the same step."""
    for _ in range(3):
        report = look(copy, 1, 32, floats(32), zeros(32))
        assert [len(s.lanes) for s in report.steps] == [32, 32]


def test_a_kernel_without_a_text_is_looked_at_all_the_same_and_that_is_said():
    names = {"cuda": cuda}
    exec("def secret(x, y):\n    i = cuda.grid(1)\n    y[i] = x[2 * i] + x[2 * i]\n", names)
    report = look(cuda.jit(names["secret"]), 1, 32, floats(64), zeros(32))
    assert report.opaque == ("secret",) and "Without source" in repr(report)
    assert report.array("x").efficiency == 0.5 and len(report.array("x").steps) == 2


def test_a_line_is_found_by_its_number_and_its_text():
    report = look(copy, 1, 32, floats(32), zeros(32))
    number = copy.function.__code__.co_firstlineno + 4
    assert report.lines[number] is report.find("y[i]") and report.lines[number].text == "y[i] = x[i]"


# -- words -------------------------------------------------------------------------------------------------


def test_the_table_of_a_strided_copy():
    said = repr(look(strided, 1, 32, floats(1024), zeros(32), 32))
    assert said.startswith("strided: 1 block of 32 threads, 1 warp\nline  source")
    assert "load x   32     128 of 1,024 B, 12.5%    strided" in said
    assert "Global memory: 256 of 1,152 bytes moved are used (22.2%), in 36 sectors of 32 bytes." in said
    assert "Arithmetic: 64 operations on floats, 0.056 for each byte moved." in said
    assert "Divergence: none" in said and "load x: strided." in said.splitlines()[-1]


def test_the_table_on_a_page_is_escaped_and_marks_what_to_look_at():
    page = look(copy, 1, 64, floats(64), zeros(50))._repr_html_()
    assert "if i &lt; y.size:" in page and "✓" in page and "✗" in page and 'scope="col"' in page
    assert page.count("<tr>") == page.count("</tr>") == 4


def test_sentences():
    report = look(strided, 1, 32, floats(1024), zeros(32), 32)
    assert words.sentence(report.steps[0]) == (
        "Warp 0 of block 0 reads 32 elements of x from 32 sectors: 128 of 1,024 bytes used."
    )
    assert words.sentence(shared(range(32))) == (
        "Warp 0 of block 0 reads 32 elements of x in 32 banks: one turn."
    )
    assert words.sentence(shared([32 * i for i in range(8)])).endswith(
        "reads 8 elements of x in 1 bank: bank 0 is asked for 8 words: 8 turns, one after another."
    )
    assert words.sentence(step([3] * 5, kind="atomic")).endswith(
        "5 threads want the same element: 5 turns, one after the other."
    )
    assert words.sentence(step([3], space="local")).endswith("1 thread, each its own memory.")


# -- refused -----------------------------------------------------------------------------------------------


def test_what_cannot_be_looked_at_is_refused():
    with pytest.raises(ArgumentError, match=r"expected a kernel.*Try: @cuda.jit above its def"):
        look(lambda x: x, 1, 32, floats(3))
    with pytest.raises(ArgumentError, match="expected a kernel"):
        look(bent, 1, 32, floats(3))
    with pytest.raises(ArgumentError, match=r"C order.*np.ascontiguousarray"):
        look(copy, 1, 32, floats(8, 8).T, zeros(64))
    with pytest.raises(ArgumentError, match=r"got 524,288 threads; expected at most 262,144"):
        look(copy, 1024, 512, floats(3), zeros(3))
    report = look(copy, 1, 32, floats(32), zeros(32))
    with pytest.raises(ArgumentError, match=r"no line with 'nowhere'"):
        report.find("nowhere")
    with pytest.raises(ArgumentError, match=r"array 'z'; expected one that was touched: x, y"):
        report.array("z")


@cuda.jit
def beyond(x, y):
    i = cuda.grid(1)
    y[i] += x[i + 1]


def test_a_mistake_is_told_as_in_any_launch():
    with pytest.raises(KernelError) as plain:
        launch(beyond, 1, 32, floats(32), zeros(32))
    with pytest.raises(KernelError) as seen:
        look(beyond, 1, 32, floats(32), zeros(32))
    assert str(seen.value) == str(plain.value) and "index 32 into x" in str(plain.value)
