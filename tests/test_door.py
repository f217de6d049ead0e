"""The door to CUDA where something is missing: what the messages say, and that their hints work."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import strict

import tinynn as tn
from tinynn import gpu, nn
from tinynn.course import doctor
from tinynn.errors import DeviceError
from tinynn.gpu import arrays, door


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """What is missing is found out once in a process; here, once a test."""
    caches = door.missing, door.cupy, door.compiler
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def machine(monkeypatch: pytest.MonkeyPatch, *installed: str, devices: Any = None) -> None:
    """A machine with these packages, whose driver counts so many GPUs, or raises."""
    found = importlib.util.find_spec
    ours = lambda name, *rest: name in installed if name in ("numba_cuda", "cupy") else found(name, *rest)
    monkeypatch.setattr(importlib.util, "find_spec", lambda *args: ours(*args) or None)

    def count() -> int:
        if isinstance(devices, Exception):
            raise devices
        return devices

    cupy: Any = ModuleType("cupy")
    cupy.cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=count))
    if "cupy" in installed:
        monkeypatch.setitem(sys.modules, "cupy", cupy)


class CUDARuntimeError(RuntimeError):
    """As CuPy's own is called."""


OLD = CUDARuntimeError(
    "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
)
MISSING = {
    "nothing installed": ((), None, "numba-cuda is not installed", '".[cuda]"'),
    "no CuPy": (("numba_cuda",), None, "cupy is not installed, which keeps arrays", '".[cuda]"'),
    "no numba-cuda": (("cupy",), 1, "numba-cuda is not installed, which compiles", '".[cuda]"'),
    "no driver, or an old one": (
        ("numba_cuda", "cupy"),
        OLD,
        "finds no usable GPU (CUDARuntimeError: cuda",
        "580",
    ),
    "no GPU": (("numba_cuda", "cupy"), 0, "CUDA finds no GPU", 'tinynn.backend("simt")'),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_named_with_what_to_install(monkeypatch, name):
    installed, devices, says, hint = MISSING[name]
    machine(monkeypatch, *installed, devices=devices)
    assert not gpu.available()
    x = tn.tensor([1.0, -2.0])
    for call in (
        lambda: x.to("cuda"),
        lambda: nn.Linear(2, 2).to("cuda:0"),
        lambda: tn.tensor([1.0], device="cuda"),
        gpu.require,
        gpu.synchronize,
        lambda: gpu.elapsed(lambda: None),
        lambda: gpu.to_device(np.ones(2)),
        gpu.memory,
    ):
        with pytest.raises(DeviceError) as raised:
            call()
        assert says in raised.value.got and "expected an NVIDIA GPU with its driver" in str(raised.value)
        assert hint in raised.value.hint
        assert 'tinynn.backend("simt"), which runs the kernels on the CPU' in raised.value.hint
    with tn.backend("simt"):  # the hint
        assert x.relu().tolist() == [1.0, 0.0]
    assert not arrays.used  # what was refused leaves nothing behind


def test_a_machine_with_all_of_it_is_available(monkeypatch):
    machine(monkeypatch, "numba_cuda", "cupy", devices=1)
    assert gpu.available() and gpu.require() is None


def test_a_package_that_is_blocked_counts_as_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba_cuda", None)
    assert "numba-cuda is not installed" in str(door.missing())


def test_other_devices_are_named():
    with pytest.raises(DeviceError, match="got 'cuda:1'; expected 'cpu' or 'cuda', the first GPU"):
        tn.tensor([1.0]).to("cuda:1")
    assert tn.tensor([1.0], device="cpu").to("cpu:0").device == "cpu"


def test_memory_of_the_gpu_is_told():
    with strict.standing_in():
        assert set(gpu.memory()) == {"in use", "held", "free", "total"}


def test_numbers_come_by_one_copy_and_tables_go_up_once():
    with strict.standing_in():
        x = arrays.to_device(np.array([1.0, 2.0], np.float32))
        with strict.counted() as copies:
            assert arrays.numbers(x.sum(), x[:1], x.max()) == [3.0, 1.0, 2.0]
        assert [c.direction for c in copies] == ["down"]
        table = np.arange(3) + np.random.default_rng().random()
        with strict.counted() as copies:
            assert arrays.table(table, x) is arrays.table(table.copy(), x)
        assert [c.direction for c in copies] == ["up"]
    assert arrays.numbers(np.float32(1), np.array([2])) == [1.0, 2.0]


def test_contiguous_copies_only_what_is_not():
    with strict.standing_in():
        x = arrays.to_device(np.ones((2, 3), np.float32))
        with strict.counted() as copies:
            assert arrays.contiguous(x) is x
            turned = arrays.contiguous(x.T)
        assert turned.flags.c_contiguous and turned.shape == (3, 2) and not copies


@pytest.mark.parametrize(
    "count, installed, status, says",
    [
        (None, (), "ok", "no NVIDIA driver: everything runs on the CPU"),
        (0, ("cupy",), "ok", "an NVIDIA driver, but no GPU"),
        (2, (), "warn", "2 with driver, not used: numba-cuda and CuPy not installed"),
        (1, ("cupy",), "warn", "numba-cuda not installed"),
        (1, ("numba_cuda", "cupy"), "ok", '1 with driver, numba-cuda 1.2, CuPy 1.2: tensor.to("cuda")'),
    ],
)
def test_the_doctor_says_one_line_of_the_gpu(monkeypatch, count, installed, status, says):
    machine(monkeypatch, *installed, devices=count)
    monkeypatch.setattr(doctor, "gpu_count", lambda: count)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.2")
    line = doctor.gpu_line()
    assert line.status == status and says in line.found and "\n" not in line.found
    assert (".[cuda]" in line.remedy) == (status == "warn")


# -- the strict array itself: what it refuses ----------------------------------------------------------------


def test_the_strict_array_refuses_what_a_gpu_would_copy_or_does_not_have():
    with strict.standing_in():
        x, host = arrays.to_device(np.ones((2, 3), np.float32)), np.ones((2, 3), np.float32)
        mask, erf = x > 0, np.frompyfunc(abs, 1, 1)
        for refused in (
            lambda: np.asarray(x), lambda: np.ascontiguousarray(x), lambda: float(x[0, 0]),
            lambda: int(x[0, 0]), lambda: bool(x[0, 0]), lambda: range(x[0, 0].astype(int)),
            lambda: list(x), lambda: x.item(),
            lambda: x.tolist(), lambda: x + host, lambda: host + x, lambda: np.add(x, host), lambda: 1.0 in x,
            lambda: np.where(mask, x, host), lambda: x[np.array([0])], lambda: x[[0]], lambda: x[mask],
            lambda: x.__setitem__(0, host[0]), lambda: np.concatenate([x, host]), lambda: np.nonzero(x),
            lambda: np.unique(x), lambda: erf(x), lambda: np.ones(2, like=x), lambda: np.full(2, 1.0, like=x),
            lambda: np.einsum_path("ij,ij", x, x), lambda: x.ctypes, lambda: x.flags.writeable,
            lambda: np.matmul(x, host.T), lambda: x @ host.T, lambda: x.get(),
        ):  # fmt: skip
            with pytest.raises((strict.Refused, AttributeError)):
                refused()
        assert [c.direction for c in strict.copies[-1:]] == ["up"]


def test_the_strict_array_does_what_a_gpu_does():
    with strict.standing_in():
        x = arrays.to_device(np.arange(6, dtype=np.float32).reshape(2, 3))
        with strict.counted() as copies:
            y = np.zeros((2, 3), np.float32, like=x)
            y[0] = x[1]
            y[1:] += 2 * x[:1]
            y *= np.float32(0.5)
            np.add(y, x, out=y)
            np.add.at(y, np.arange(2, like=x), x)
            y[y > 100] = 0
            z = np.where(y > 3, y, 0).sum(axis=0) + np.maximum(x, 0).mean()
            assert isinstance(x.sum(), strict.ndarray) and x.sum().shape == () and len(x) == 2
            assert (np.shape(x), np.ndim(x), np.result_type(x)) == ((2, 3), 2, np.float32)
        assert not copies
        a = np.arange(6, dtype=np.float32).reshape(2, 3)
        b = np.stack([a[1] * 0.5, a[0]]) + 2 * a
        wanted = np.where(b > 3, b, 0).sum(axis=0) + a.mean()
        np.testing.assert_allclose(arrays.to_host(z), wanted)
        assert strict.copies[-1].direction == "down" and strict.copies[-1].where.startswith("test_door.py")
