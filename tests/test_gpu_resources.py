"""What is read of a compiled kernel, how many blocks fit, which launches are recorded; needs no compiler."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gpu import real, report
from tinynn import ops
from tinynn.gpu import cuda, float32, launch, resources
from tinynn.gpu.resources import Resources, estimate, float64_in, recorded

PTX = """
.visible .entry fma_f64.f64(.param .f64 add_param_0)
{
    .reg .f64   %fd<3>;
    ld.param.f64    %fd1, [add_param_0];
    cvt.f64.f32     %fd2, %f1;
    @%p1 add.f64    %fd3, %fd1, %fd2;
    @!%p2 fma.rn.f64 %fd3, %fd1, %fd2, %fd3;
    fma.rn.f32  %f2, %f1, %f1, %f1;
    cvt.rn.f32.f64  %f3, %fd3;
    setp.lt.f64 %p3, %fd3, 0d0000000000000000;
    mov.f64     %fd1, %fd2;
    st.global.f64   [%rd1], %fd3;
    bra $L_f64;
$L_f64:
    ret;
}
"""


def test_float64_arithmetic_is_counted_and_moves_and_names_are_not():
    assert float64_in(PTX) == 5


LOG = """ptxas info    : Compiling entry function 'k'
ptxas         .     {stack} bytes stack frame, {stores} bytes spill stores, {loads} bytes spill loads
ptxas info    : Used {registers} registers, used 1 barriers, 468 bytes cmem[0]
info    : used {registers} registers, used 1 barriers, {stack} stack, {smem} bytes smem, 0 bytes lmem
"""


def test_the_assemblers_log_is_read():
    log = LOG.format(stack=256, stores=8, loads=12, registers=64, smem=2048)
    assert resources._read(log, "", "sm_80") == Resources(64, 2048, 256, 8, 0, "", 12)
    assert resources._read(log, "", "sm_90").shared == 1024  # the rest is the system's


def test_what_numba_is_asked_for_counts_as_figures_of_the_kernel_itself():
    helper = LOG.format(stack=16, stores=0, loads=0, registers=24, smem=0)
    assert resources._read(
        helper + LOG.format(stack=0, stores=0, loads=0, registers=40, smem=0), "", "sm_75"
    ) == (Resources(40, 0, 16, 0, 0, "", 0))


@pytest.mark.parametrize(
    "registers, shared, threads, architecture, share, blocks, limit",
    [  # worked out by hand from the rules
        (32, 0, 256, "sm_75", 1.0, 4, "warps"),
        (64, 0, 256, "sm_75", 1.0, 4, "warps"),
        (65, 0, 256, "sm_75", 0.75, 3, "registers"),
        (32, 0, 256, "sm_80", 1.0, 8, "warps"),
        (255, 0, 128, "sm_80", 0.125, 2, "registers"),
        (16, 0, 32, "sm_80", 0.5, 32, "blocks"),
        (16, 0, 32, "sm_75", 0.5, 16, "blocks"),
        (40, 48 * 1024, 256, "sm_80", 0.375, 3, "shared memory"),
        (40, 48 * 1024, 256, "sm_90", 0.5, 4, "shared memory"),
        (40, 65 * 1024, 256, "sm_75", 0.0, 0, "does not fit"),
        (128, 0, 1024, "sm_90", 0.0, 0, "does not fit"),
        (64, 0, 1024, "sm_90", 0.5, 1, "registers"),
        (64, 0, 33, "sm_90", 0.5, 16, "registers"),
    ],
)
def test_occupancy(registers, shared, threads, architecture, share, blocks, limit):
    found = estimate(Resources(registers, shared, 0, 0, 0, ""), threads, 0, architecture)
    assert (found.share, found.blocks, found.limit) == (share, blocks, limit)
    dynamic = estimate(Resources(registers, 0, 0, 0, 0, ""), threads, shared, architecture)
    assert dynamic == found


# -- recording -----------------------------------------------------------------------------------------------


def make_scale(FACTOR, function):
    @cuda.jit
    def scale(x, y, n):
        i = cuda.grid(1)
        if i < n:
            y[i] = function(x[i]) * float32(FACTOR)

    return scale


@cuda.jit(device=True)
def same(v):
    return v


scale = make_scale(3, same)


def test_launches_are_recorded_with_types_block_and_what_a_factory_built_in():
    x, y = np.ones(5, np.float32), np.zeros(5, np.float32)
    with recorded() as seen:
        launch(scale, 1, 32, x, y, 5)
        launch(scale, 2, (4, 8), x, y, 5, shared=16)
        launch(scale, 3, 32, x, y, 4)  # no other types, no other block
    assert [(s.block, s.shared) for s in seen] == [((32, 1, 1), 0), ((4, 8, 1), 16)]
    assert seen[0].label == "scale[FACTOR=3, function=same]"
    assert seen[0].signature == "2 x float32 1-d, int32"
    assert np.array_equal(y, 3 * x)


def test_without_running_nothing_is_computed_and_large_arrays_cost_nothing():
    x = np.broadcast_to(np.float32(1), (1 << 40,))
    y = np.zeros(5, np.float32)
    with recorded(run=False) as seen:
        launch(scale, 1, 32, x, y, 5)
        launch(scale, 1, 32, x.reshape(1 << 20, 1 << 20), np.zeros((), np.int64), 2.5)
    assert not y.any()
    assert [s.signature for s in seen] == ["2 x float32 1-d, int32", "float32 2-d, int64 0-d, float32"]
    launch(scale, 1, 32, np.ones(5, np.float32), y, 5)
    assert y.all()  # and afterwards kernels run again


def test_two_kernels_of_one_factory_are_compiled_once():
    of = lambda kernel: resources._key(resources.Launched(kernel, (), (32, 1, 1), 0), "sm_90")
    assert of(make_scale(3, same)) == of(scale) != of(make_scale(4, same))


# -- calls of real size --------------------------------------------------------------------------------------


def test_every_case_of_real_size_is_one_that_the_op_takes():
    for case in real.REAL:
        op = ops.catalogue[case.op]
        arrays = [np.asarray(make(real.Blank(), np.float32)) for make in case.makers]
        assert op.spec(*arrays, **case.params)


def test_ops_with_kernels_have_cases_of_real_size_and_launch_something():
    with_kernels = [name for name, op in ops.catalogue.items() if "cuda" in op.kernels]
    assert set(with_kernels) <= {case.op for case in real.REAL}
    found = real.launches()
    assert list(found) == with_kernels and all(found.values())


def test_the_table_gives_one_figure_where_all_are_alike():
    launched = resources.Launched(scale, ((np.dtype(np.float32), 1),) * 2, (256, 1, 1), 64)
    figures = {a: Resources(n, 0, 0, 0, 0, "") for a, n in zip(resources.ARCHITECTURES, (20, 20, 22))}
    text = report.table([report.Row("neg", launched, figures)])[-1]
    assert text.startswith(
        "| scale[FACTOR=3, function=same] | neg | 256 + 64 B | 2 x float32 1-d | 20 / 20 / 22 | 0 |"
    )
    assert text.endswith("| 100 (warps) |")


def test_faults_are_said_architecture_by_architecture():
    launched = resources.Launched(scale, (), (1024, 1, 1), 0)
    bad = {"sm_80": Resources(70, 0, 16, 8, 3, ""), "sm_90": Resources(32, 0, 16, 0, 0, "")}
    row = report.Row("neg", launched, bad)
    assert row.faults() == [
        "sm_80: 8 bytes spilled",
        "sm_80: 3 float64 instructions",
        "sm_80: not one block fits",
        "sm_90: 16 bytes of local memory",
    ]
