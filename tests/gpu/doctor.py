"""The first step: what is there, and in one line what is wrong.

`here` runs in the run's own process and asks the driver alone, without a context. `examine` runs in a worker
and tries, in the order in which they build on each other, all that the rest needs.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .timing import Device

PACKAGES = (
    "numpy",
    "cupy-cuda13x",
    "cupy-cuda12x",
    "numba",
    "numba-cuda",
    "llvmlite",
    "cuda-core",
    "torch",
    "scipy",
)
NO_DEVICE, STUB = 100, 34


class Here(NamedTuple):
    """Whether a GPU is there: its name, or why it cannot be used (`broken`), or why there is none."""

    name: str = ""
    why: str = ""
    broken: bool = False


def here() -> Here:
    """Ask the driver, which every NVIDIA GPU needs, without Python packages."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError as error:
        return Here(why=f"no CUDA driver ({error})", broken=_traces())
    status = driver.cuInit(0)
    if status:
        broken = status not in (NO_DEVICE, STUB) and _traces()
        return Here(why=f"the driver answers with error {status}", broken=broken)
    count, device, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
    if driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return Here(why="the driver finds no GPU")
    if driver.cuDeviceGet(ctypes.byref(device), 0) or driver.cuDeviceGetName(name, 256, device):
        return Here(why="the driver does not tell the GPU's name", broken=True)
    return Here(name.value.decode("utf-8", "replace"))


def _traces() -> bool:
    """Signs of a GPU whose driver does not answer: a device file, or a line from nvidia-smi."""
    return Path("/dev/nvidia0").exists() or "GPU 0" in smi("-L")


def smi(*options: str) -> str:
    """What nvidia-smi says; nothing where it is not there."""
    if shutil.which("nvidia-smi") is None:
        return ""
    try:
        done = subprocess.run(["nvidia-smi", *options], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


# -- in a worker ---------------------------------------------------------------------------------------------


def examine(device: Device) -> dict[str, Any]:
    """Try everything in turn; the first step that fails ends it, since the others build on it."""
    found: dict[str, Any] = {"python": platform.python_version(), "versions": versions(), "steps": []}
    for name, step, hint in STEPS:
        try:
            found |= step(device) or {}
        except Exception as error:  # whatever a library raises is what is to be told
            text = " ".join(f"{type(error).__name__}: {error}".split())[:500]
            return found | {"status": "failed", "why": f"{name}: {text}. Try: {hint}"}
        found["steps"].append(name)
    return found | {"status": "ok"}


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _packages(device: Device) -> dict[str, Any]:
    import tinynn

    assert "tinynn.course" not in sys.modules
    return {"tinynn": tinynn.__version__}


def _cupy(device: Device) -> dict[str, Any]:
    return device.describe()


def _arrays(device: Device) -> None:
    from tinynn.gpu import to_device, to_host

    x = np.arange(1000, dtype=np.float32)
    there = to_device(x)
    assert np.array_equal(to_host(np.maximum(there + there, 4)), np.maximum(x + x, 4)), "wrong sums"
    assert there[3:4].sum().shape == () and to_host(there.sum()) == x.sum(), "wrong sum"


def _compiler(device: Device) -> None:
    from tinynn.gpu import door

    if device.real:  # an interpreter compiles nothing
        door.compiler()


def _launch(device: Device) -> dict[str, Any]:
    """A kernel on a part of an array, on numbers of each type, on an array without dimensions."""
    from tinynn.gpu import direct, empty, launch, to_device, to_host

    from .probes import probe

    x = to_device(np.arange(1000, dtype=np.float32).reshape(2, 500))
    scale, yes = to_device(np.float32(2)), to_device(np.array([True, False]))
    for way in ("first", "again"):  # compiled, and found
        y = empty((500,), x)
        y.fill(-1)
        launch(probe, 4, 128, x[1], y, scale, yes, 0.5, 500, True)
        device.synchronize()
        wrong = np.flatnonzero(to_host(y) != 2 * np.arange(500, 1000, dtype=np.float32) + 1.5)
        assert wrong.size == 0, f"launched {way}: {wrong.size} of 500 elements are wrong, from {wrong[:1]} on"
    return {"dispatcher": direct.why_not}


def _streams(device: Device) -> None:
    """CuPy's work, then a kernel's, then CuPy's: each must see what the one before wrote."""
    from tinynn.gpu import empty, launch, to_device, to_host

    from .probes import add_one

    n = 1 << (22 if device.real else 6)
    x = to_device(np.zeros(n, np.float32))
    y = empty(x.shape, x)
    for _ in range(20):
        x = x * 1 + 1
        launch(add_one, -(-n // 256), 256, x, y, n)
        x = y * 1
    values = to_host(x)
    assert values.min() == values.max() == 40, (
        f"{values.min()} to {values.max()} instead of 40: a race of streams"
    )


def _events(device: Device) -> dict[str, Any]:
    from tinynn.gpu import to_device

    x = to_device(np.zeros(1 << (24 if device.real else 4), np.float32))
    work = lambda: x + x
    device.seconds(work, 3)
    short, long = device.seconds(work, 10), device.seconds(work, 100)
    assert 0 < short < long, f"10 sums take {short:.2e} s, 100 take {long:.2e} s"
    return {"events": [short, long]}


def _torch(device: Device) -> dict[str, Any]:
    """PyTorch is there to compare with; without it its columns stay empty."""
    if importlib.util.find_spec("torch") is None or not device.real:
        return {"torch": None}
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        raise RuntimeError(f"PyTorch {torch.__version__} sees no GPU (built for CUDA {torch.version.cuda})")
    from tinynn.gpu import to_device, to_host

    x = to_device(np.arange(8, dtype=np.float32))
    doubled = torch.from_dlpack(x) * 2
    torch.cuda.synchronize()
    assert doubled.cpu().tolist() == (to_host(x) * 2).tolist()
    return {"torch": f"{torch.__version__}, CUDA {torch.version.cuda}, {torch.cuda.get_device_name(0)}"}


def _clocks(device: Device) -> dict[str, Any]:
    asked = "clocks.sm,clocks.mem,clocks.max.sm,temperature.gpu,power.draw,utilization.gpu,driver_version"
    return {"nvidia-smi": smi(f"--query-gpu={asked}", "--format=csv") if device.real else ""}


Step = tuple[str, Callable[[Device], dict[str, Any] | None], str]
NO_OTHER_STREAM = "no setting of CUPY_ or NUMBA_CUDA_PER_THREAD_DEFAULT_STREAM in the environment"
STEPS: list[Step] = [
    ("import tinynn", _packages, "python -m tests.gpu from the folder of the README"),
    ("CuPy and the GPU", _cupy, "pip install cupy-cuda13x, or cupy-cuda12x for a driver of CUDA 12"),
    ("CuPy's arrays", _arrays, "a CuPy that finds NVRTC and its headers: pip install nvidia-cuda-nvrtc"),
    ("numba-cuda", _compiler, 'pip install "numba-cuda[cu13]"'),
    ("a kernel on CuPy's arrays", _launch, "numba-cuda and CuPy for the same CUDA as the driver's"),
    ("order of CuPy's work and kernels'", _streams, NO_OTHER_STREAM),
    ("timing by events", _events, "a GPU that nobody else uses"),
    ("PyTorch", _torch, "a PyTorch built for this driver, or none at all"),
    ("clocks", _clocks, "nvidia-smi"),
]
