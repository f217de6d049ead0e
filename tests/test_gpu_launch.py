"""The short way to launch: what is handed to a compiled kernel is what Numba's dispatcher would hand over."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

from tinynn.gpu import cuda, direct, launch
from tinynn.gpu import kernel as kernels


class OnGPU:
    """As much of CuPy's array as a launch looks at, and of Numba's to compare with."""

    __module__ = "cupy.fake"
    __cuda_memory__ = True

    def __init__(self, array, address=4096):
        self.dtype, self.ndim, self.size, self.itemsize = array.dtype, array.ndim, array.size, array.itemsize
        self.shape, self.strides, self.flags = array.shape, array.strides, array.flags
        self.data = SimpleNamespace(ptr=address)
        layout = SimpleNamespace(
            strides_in_bytes=array.strides, is_contiguous_c=array.flags.c_contiguous, is_contiguous_f=False
        )
        self._strided_memory_view_shim = SimpleNamespace(
            ptr=address, shape=array.shape, dtype=array.dtype, size=array.size, _layout=layout
        )


ARGUMENTS = (
    OnGPU(np.zeros((3, 4), np.float32)),
    OnGPU(np.zeros((2, 3, 4), np.int64).transpose(2, 0, 1), 8192),
    OnGPU(np.zeros((), np.float32)),
    OnGPU(np.zeros(5, bool)),
    np.float32(0.25),
    np.int32(-3),
    np.int64(2**40),
    np.uint32(7),
    np.uint64(2**63),
    True,
    np.bool_(False),
)


def plain(value):
    return value.value if hasattr(value, "value") else value


@cuda.jit
def kernel(x, n):
    """Never runs here."""


def test_arrays_and_numbers_are_laid_out_one_after_the_other():
    found = direct.flat((OnGPU(np.zeros((3, 4), np.float32)), np.int32(5), True))
    assert [plain(v) for v in found] == [0, 0, 12, 4, 4096, 3, 4, 16, 4, 5, True]
    assert isinstance(found[-2], ctypes.c_int32)


@pytest.mark.cuda
def test_that_is_what_numba_hands_over():
    from numba import from_dtype, types

    from tinynn.gpu.door import compiler

    compiler()
    from numba.cuda.dispatcher import _Kernel

    theirs, this = [], SimpleNamespace(extensions=[])
    for a in ARGUMENTS:
        kind = (
            types.Array(from_dtype(a.dtype), a.ndim, "C")
            if isinstance(a, OnGPU)
            else from_dtype(np.dtype(type(a)))
        )
        _Kernel._prepare_args(this, kind, a, 0, [], theirs)
    ours = direct.flat(ARGUMENTS)
    assert [plain(v) for v in ours] == [plain(v) for v in theirs]
    sizes = [ctypes.sizeof(v) if isinstance(v, ctypes._SimpleCData) else None for v in ours]
    assert sizes == [ctypes.sizeof(v) if isinstance(v, ctypes._SimpleCData) else None for v in theirs]


@pytest.fixture
def machine(monkeypatch):
    """A dispatcher and a launch that write down what they are asked for."""
    asked = []

    class Dispatcher:
        overloads = {}

        def __getitem__(self, configuration):
            return lambda *args: asked.append(("dispatcher", configuration))

    def launcher(dispatcher, args):
        asked.append(("compile", args))
        return lambda grid, block, shared, values: asked.append(("direct", (grid, block, shared), values))

    fresh = kernels.Kernel(kernel.function)
    fresh.__dict__["compiled"] = Dispatcher()
    monkeypatch.setattr(direct, "_launcher", launcher)
    monkeypatch.setattr(direct, "why_not", None)
    return fresh, asked


def test_what_is_compiled_once_is_launched_again(machine):
    fresh, asked = machine
    x, y = OnGPU(np.zeros(4, np.float32)), OnGPU(np.zeros((2, 2), np.float32))
    for array in (x, x, y, x, y):
        launch(fresh, 2, 32, array, 5, shared=16)
    assert [what for what, *_ in asked] == [
        "compile", "direct", "direct", "compile", "direct", "direct", "direct",
    ]  # fmt: skip
    assert asked[1][1] == ((2, 1, 1), (32, 1, 1), 16)
    assert [plain(v) for v in asked[1][2]] == [0, 0, 4, 4, 4096, 4, 4, 5]


def test_arrays_in_another_order_are_another_kernel(machine):
    fresh, asked = machine
    x = np.zeros((2, 3), np.float32)
    for array in (x, x.T, x[:, ::2], x):
        launch(fresh, 1, 32, OnGPU(array), 1)
    assert [what for what, *_ in asked].count("compile") == 3


@pytest.mark.cuda
def test_types_are_those_that_the_compiler_knows():
    names = [
        str(direct._typed(a)) for a in (*ARGUMENTS[:1], OnGPU(np.zeros((2, 3), np.int64).T), *ARGUMENTS[3:])
    ]
    assert names == [
        "array(float32, 2d, C)", "array(int64, 2d, F)", "array(bool, 1d, C)", "float32", "int32", "int64",
        "uint32", "uint64", "bool", "bool",
    ]  # fmt: skip


def test_where_numba_keeps_its_kernels_elsewhere_its_own_way_is_taken(machine, monkeypatch):
    fresh, asked = machine

    def elsewhere(dispatcher, args):
        raise AttributeError("no _codelibrary")

    monkeypatch.setattr(direct, "_launcher", elsewhere)
    for _ in range(3):
        launch(fresh, 1, 32, OnGPU(np.zeros(4, np.float32)), 1)
    assert [what for what, *_ in asked] == ["dispatcher"] * 3
    assert direct.why_not == "AttributeError: no _codelibrary"


@pytest.mark.cuda
def test_a_launch_does_not_wait_for_the_stream():
    import importlib

    from tinynn.gpu.door import compiler

    compiler()
    config = importlib.import_module("numba.cuda.core.config")
    assert config.CUDA_ARRAY_INTERFACE_SYNC == 0 and config.CUDA_LOW_OCCUPANCY_WARNINGS == 0
