"""Numba's CUDA compiler and CuPy: imported here and nowhere else, with the repairs that they need.

Numba-cuda is in maintenance mode and has a successor; this is the only file that will change.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import DeviceError

INSTALL = 'python -m pip install -e ".[cuda]"'
OLDER = 'python -m pip install -e ".[cuda12]", for a driver older than 580'
INTERPRETED = 'tinynn.backend("simt"), which runs the kernels on the CPU'

SETTINGS = {
    "CUDA_ARRAY_INTERFACE_SYNC": 0,  # all runs in one stream: a launch need not wait for the work before it
    "CUDA_LOW_OCCUPANCY_WARNINGS": 0,  # small grids are what small networks have
}
"""Of Numba's, by its own names; one that stands in the environment wins."""


@functools.cache
def compiler() -> ModuleType:
    """The module ``numba.cuda`` of numba-cuda. Compiling for a GPU needs none."""
    if not _is_installed("numba_cuda"):
        raise DeviceError("cuda", "no numba-cuda, which compiles kernels", "it installed", INSTALL)
    if not hasattr(np, "row_stack"):  # numba-cuda 0.30 names it; NumPy 2.5 took it away
        setattr(np, "row_stack", np.vstack)  # noqa: B010
    module = importlib.import_module("numba.cuda")
    config = importlib.import_module("numba.cuda.core.config")
    for name, value in SETTINGS.items():
        if f"NUMBA_{name}" not in os.environ:
            setattr(config, name, value)
    return module


@functools.cache
def cupy() -> ModuleType:
    """CuPy, whose arrays are ours on the GPU."""
    try:
        return importlib.import_module("cupy")
    except ImportError as error:
        raise DeviceError("cuda", f"no CuPy ({error})", "CuPy for your CUDA version", INSTALL) from error


def special() -> ModuleType:
    """CuPy's functions that SciPy has and NumPy has not."""
    return importlib.import_module("cupyx.scipy.special")


@functools.cache
def missing() -> str | None:
    """What keeps kernels from running on a GPU here, in words; None if nothing does."""
    for package, does in (("numba_cuda", "compiles kernels"), ("cupy", "keeps arrays on the GPU")):
        if not _is_installed(package):
            return f"{package.replace('_', '-')} is not installed, which {does}"
    try:
        count = cupy().cuda.runtime.getDeviceCount()
    except Exception as error:  # whatever a driver that is absent, too old or broken raises
        return f"CUDA finds no usable GPU ({type(error).__name__}: {str(error).strip()})"
    return None if count else "CUDA finds no GPU"


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # blocked by an import hook, or by None in sys.modules
        return False


def available() -> bool:
    """Whether kernels can run on a GPU here. Equals torch.cuda.is_available."""
    return missing() is None


def require(where: str = "cuda") -> None:
    """Raise a DeviceError that says what is missing, unless a GPU can be used."""
    if reason := missing():
        first = INSTALL if "not installed" in reason else OLDER if "driver" in reason.lower() else None
        hint = f"{first}; or {INTERPRETED}" if first else INTERPRETED
        raise DeviceError(where, f"'cuda', but {reason}", "an NVIDIA GPU with its driver", hint)


def synchronize() -> None:
    """Wait until the GPU has done all that was asked of it. Equals torch.cuda.synchronize."""
    require("synchronize")
    cupy().cuda.runtime.deviceSynchronize()


def elapsed(work: Callable[[], Any], *, repeats: int = 20, warm: int = 3) -> float:
    """Median seconds that `work` takes on the GPU, between two events in its stream, after `warm` runs."""
    require("elapsed")
    cuda = cupy().cuda
    for _ in range(warm):
        work()
    times = []
    for _ in range(repeats):
        start, end = cuda.Event(), cuda.Event()
        start.record()
        work()
        end.record()
        end.synchronize()
        times.append(cuda.get_elapsed_time(start, end) / 1e3)
    return float(np.median(times))
