"""Every kernel of the library, compiled for three architectures without a GPU: no spills, no float64.

Needs numba-cuda, which ``make cuda`` installs. At the sizes that the library launches; see tests/gpu/real.py.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.gpu import report
from tinynn import ops
from tinynn.gpu import cuda, float32, launch, resources
from tinynn.gpu.resources import ARCHITECTURES, compile_all, compiled, occupancy, recorded

pytestmark = [pytest.mark.cuda, pytest.mark.timeout(2400)]  # the first test waits for all compilations

EXCEPTIONS = {
    f"attend[BK={keys}, BQ=64, COLUMNS={columns}, DROPS=True": "mask and dropout: 8 or 40 bytes on sm_75"
    for keys, columns in ((64, 4), (32, 2))
}
"""Kernels that may spill, use local memory or compute in float64: the beginning of their label, and why."""

WITH_KERNELS = [name for name, op in ops.catalogue.items() if "cuda" in op.kernels]


@pytest.fixture(scope="module")
def rows():
    return report.rows()


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_KERNELS)
def test_no_kernel_spills_or_computes_in_float64(rows, name):
    faults = [
        f"{row.key}: {fault}"
        for row in rows
        for fault in row.faults()
        if row.op == name and not any(map(row.key[0].startswith, EXCEPTIONS))
    ]
    assert any(row.op == name for row in rows)
    assert not faults, "\n".join(faults)


@pytest.mark.slow
def test_every_exception_is_needed_and_its_kernel_says_why(rows):
    for label in EXCEPTIONS:
        of_it = [row for row in rows if row.key[0].startswith(label)]
        assert any(row.faults() for row in of_it), f"{label} needs no exception"
        assert all(row.launched.kernel.__doc__ for row in of_it), f"{label} has no docstring"


@pytest.mark.slow
def test_the_committed_table_is_that_of_these_kernels(rows):
    """Exactly, where the compilers are those of the table; else the launches, and about as many registers."""
    written = report.PAGE.read_text(encoding="utf-8")
    lines = [line for line in written.splitlines() if line.startswith("| ")]
    fresh = report.table(rows)
    hint = "run: python -m tests.gpu.report --write"
    if report.versions() in written:
        assert lines == [line for line in fresh if line.startswith("| ")], hint
    else:
        assert [line.split(" | ")[:4] for line in lines[1:]] == [
            line.split(" | ")[:4] for line in fresh[2:]
        ], hint
        for old, new in zip(lines[1:], fresh[2:]):
            assert abs(_registers(old) - _registers(new)) <= 16, f"{old}\n{new}\n{hint}"


def _registers(line):
    return max(map(int, line.split(" | ")[4].split(" / ")))


# -- the instrument itself: kernels whose figures are known ------------------------------------------------


@cuda.jit
def plain(x, y, n):
    i = cuda.grid(1)
    if i < n:
        y[i] = math.exp(x[i]) * float32(0.5)


@cuda.jit
def in_float64(x, y, n):
    i = cuda.grid(1)
    if i < n:
        y[i] = math.sqrt(x[i] * 0.1)  # 0.5, which is exact in float32, the compiler puts right by itself


@cuda.jit
def with_local_array(x, y, n):
    i = cuda.grid(1)
    kept = cuda.local.array(64, float32)
    k = 0
    while k < 64:
        kept[(k * n) % 64] = x[i]
        k += 1
    if i < n:
        y[i] = kept[i % 64]


@cuda.jit(max_registers=24)
def out_of_registers(x, y, n):
    i = cuda.grid(1)
    kept = cuda.local.array(32, float32)
    for k in range(32):  # unrolled: 32 values that live until after the barrier
        kept[k] = x[i + k]
    cuda.syncthreads()
    for k in range(32):
        y[i + k] = kept[k] * x[n - k] + kept[31 - k]


def make_shared(SIZE):
    @cuda.jit
    def through_shared(x, y, n):
        tile = cuda.shared.array(SIZE, float32)
        i = cuda.threadIdx.x
        tile[i] = half(x[i])
        cuda.syncthreads()
        y[i] = tile[SIZE - 1 - i]

    return through_shared


@cuda.jit(device=True)
def half(v):
    return v * float32(0.5)


def launched(kernel, block=256):
    x = np.zeros(1024, np.float32)
    with recorded(run=False) as seen:
        launch(kernel, 1, block, x, x, 1000)
    return seen[0]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_plain_kernel_has_none_of_the_faults(architecture):
    found = compiled(launched(plain), architecture)
    assert 4 <= found.registers <= 32
    assert (found.shared, found.local, found.spills, found.loads, found.float64) == (0, 0, 0, 0, 0)
    assert f".target {architecture}" in found.ptx
    assert occupancy(launched(plain), architecture).share == 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_each_fault_is_seen(architecture):
    assert compiled(launched(in_float64), architecture).float64 == 4  # there, the product, the root, and back
    assert compiled(launched(with_local_array), architecture).local == 256
    tight = compiled(launched(out_of_registers), architecture)
    assert tight.registers <= 24 and tight.spills > 0 and tight.loads > 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_shared_memory_is_that_of_the_kernel_also_where_the_system_takes_some(architecture):
    found = compiled(launched(make_shared(2048)), architecture)
    assert found.shared == 8192 and found.float64 == 0


def test_many_are_compiled_in_processes_of_their_own_and_remembered(monkeypatch):
    kernels = [launched(make_shared(64 * n)) for n in range(1, 5)]
    found = compile_all(kernels, ("sm_80", "sm_90"), processes=2)
    assert [found[k, "sm_90"].shared for k in kernels] == [256, 512, 768, 1024]
    monkeypatch.setattr(resources, "_ptx", None)  # nothing is compiled again
    assert compile_all(kernels, ("sm_80", "sm_90"), processes=2) == found
    assert compiled(launched(make_shared(64)), "sm_80") == found[kernels[0], "sm_80"]
