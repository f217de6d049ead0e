"""Clocks and turns: how long work takes on the GPU, contestants one after the other, medians.

Everything runs in CUDA's default stream: CuPy's, numba-cuda's and PyTorch's are the same one. So two events
of CuPy's enclose whatever was asked for between them, whoever asked.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import math
import sys
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Any

import numpy as np

Work = Callable[[], Any]

ROUND = 0.004  # seconds of one contestant's turn, at least
ROUNDS = 12


class Device:
    """The GPU of this process."""

    real = True
    rounds = ROUNDS

    def __init__(self) -> None:
        from tinynn.gpu import door

        self._cupy = door.cupy

    def describe(self) -> dict[str, Any]:
        """Name, memory, cache and versions, as the driver tells them."""
        runtime = self._cupy().cuda.runtime
        p = runtime.getDeviceProperties(0)
        free, total = runtime.memGetInfo()
        return {
            "name": p["name"].decode() if isinstance(p["name"], bytes) else str(p["name"]),
            "capability": [p["major"], p["minor"]], "multiprocessors": p["multiProcessorCount"],
            "cache": p["l2CacheSize"], "memory": total, "free": free, "gpus": runtime.getDeviceCount(),
            "driver": runtime.driverGetVersion(), "runtime": runtime.runtimeGetVersion(),
        }  # fmt: skip

    def synchronize(self) -> None:
        """Wait for all work, and raise what went wrong in it."""
        self._cupy().cuda.runtime.deviceSynchronize()

    def seconds(self, work: Work, times: int) -> float:
        """How long `times` runs take on the GPU."""
        cuda = self._cupy().cuda
        start, end = cuda.Event(), cuda.Event()
        start.record()
        for _ in range(times):
            work()
        end.record()
        end.synchronize()
        return cuda.get_elapsed_time(start, end) / 1e3

    def free(self) -> None:
        """Give memory that nobody uses back to the driver, CuPy's and PyTorch's."""
        gc.collect()
        self._cupy().get_default_memory_pool().free_all_blocks()
        if "torch" in sys.modules:
            sys.modules["torch"].cuda.empty_cache()

    def peak(self, work: Work) -> int:
        """Bytes that `work` holds at most beyond what is held before it, in CuPy's pool."""
        self.free()
        pool = self._cupy().get_default_memory_pool()
        before = pool.total_bytes()
        work()
        self.synchronize()
        return pool.total_bytes() - before

    @property
    def size(self) -> float:
        """The share of a contest's full size that is run here."""
        return 1.0

    def torch(self) -> Any:
        """PyTorch in float32, without TF32; None where it is not installed."""
        if importlib.util.find_spec("torch") is None:
            return None
        torch = importlib.import_module("torch")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        return torch


def turns(device: Device, contestants: dict[str, Work], limit: float = 8.0) -> dict[str, dict[str, Any]]:
    """Time them in turn: nobody is always first, and what the machine does meanwhile hits all alike.

    Parameters
    ----------
    limit : float
        Seconds after which no further round begins.

    Returns
    -------
    dict
        For each, seconds of one run: `median`, `low` and `high` (quartiles), and `rounds`.
    """
    start, calls = time.monotonic(), {}
    for name, work in contestants.items():
        work()  # compiles, and finds its memory
        device.synchronize()
        once = device.seconds(work, 1) if device.real else 1.0
        if once < ROUND:
            once = device.seconds(work, 3) / 3
        calls[name] = max(1, min(200, math.ceil(ROUND / max(once, 1e-7))))
    names, taken = list(contestants), {name: [] for name in contestants}
    for n in range(device.rounds):
        if n >= 3 and time.monotonic() - start > limit:
            break
        for name in names[n % len(names) :] + names[: n % len(names)]:
            taken[name].append(device.seconds(contestants[name], calls[name]) / calls[name])
        if n == 0 and time.monotonic() - start > limit:
            break
    return {name: spread(values) for name, values in taken.items()}


def spread(values: list[float]) -> dict[str, Any]:
    """The middle of many measurements and the middle half of them."""
    low, _, high = quantiles(values, n=4) if len(values) > 1 else values * 3
    return {"median": median(values), "low": low, "high": high, "rounds": len(values)}


def ceilings(device: Device) -> dict[str, Any]:
    """What this GPU can do: bytes a second of a copy, and float32 operations a second of its BLAS at 4096.

    The copy reads and writes, so both count. CuPy's product is cuBLAS's, in float32 without TF32 unless
    CUPY_TF32 says otherwise; PyTorch's is asked too, and the better one is the ceiling.
    """
    from tinynn.gpu import to_device

    n = int((1 << 28) * device.size) or 16
    copy = _copy(device, n)
    device.free()
    side = max(8, int(4096 * device.size))
    a, b = (to_device(np.random.default_rng(i).standard_normal((side, side), np.float32)) for i in (0, 1))
    products: dict[str, Work] = {"cupy": lambda: np.matmul(a, b)}
    if torch := device.torch():
        ta, tb = torch.from_dlpack(a), torch.from_dlpack(b)
        products["torch"] = lambda: torch.matmul(ta, tb)
    found = turns(device, products)
    best = min(times["median"] for times in found.values())
    return {
        "status": "ok", "bytes": 8 * n / copy["median"], "flops": 2 * side**3 / best,
        "copy": copy, "products": found, "side": side, "copied": 4 * n,
    }  # fmt: skip


def _copy(device: Device, n: int) -> dict[str, Any]:
    from tinynn.gpu import empty, to_device

    source = to_device(np.ones(n, np.float32))
    target = empty(source.shape, source)
    return turns(device, {"copy": lambda: np.copyto(target, source)})["copy"]


def overhead(device: Device) -> dict[str, Any]:
    """Microseconds of the host for one launch: what a step of many small kernels is made of."""
    from tinynn.gpu import direct, launch, to_device

    from .probes import nothing, nothing_of_four

    x = to_device(np.zeros(64, np.float32))
    y = to_device(np.zeros(64, np.float32))
    ways: dict[str, Work] = {
        "an empty kernel": lambda: launch(nothing, 1, 32, x),
        "one of four arrays and two numbers": lambda: launch(nothing_of_four, 1, 32, x, y, x, y, 64, 0.5),
        "CuPy's x + y": lambda: x + y,
    }
    if torch := device.torch():
        tx, ty = torch.from_dlpack(x), torch.from_dlpack(y)
        ways["PyTorch's x + y"] = lambda: tx + ty
    return {"status": "ok", "microseconds": {name: _host(device, work) for name, work in ways.items()},
            "dispatcher": direct.why_not}  # fmt: skip


def _host(device: Device, work: Work, calls: int = 300) -> float:
    calls = calls if device.real else 3
    for _ in range(3):
        work()
    best = math.inf
    for _ in range(5):
        device.synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            work()
        best = min(best, (time.perf_counter() - start) / calls)
    device.synchronize()
    return best * 1e6
