"""How fast the interpreter is: ``python tests/simt_speed.py``. Computing time, the best of seven."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from simt_kernels import floats, make_tiled, matmul_naive, zeros

from tinynn.gpu import cuda, float32, launch, simt


@cuda.jit
def course(x, y):
    """A kernel of course size: 50 accesses a thread, 25 barriers."""
    s = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    for k in range(12):
        cuda.syncthreads()
        v = s[(t + k) % 64]
        cuda.syncthreads()
        s[t] += v
        s[t] = s[t] * float32(0.5)
    y[cuda.grid(1)] = s[t]


@cuda.jit
def shuffled(x, y):
    """Nothing but meetings: 50 shuffles a thread."""
    v = x[cuda.grid(1)]
    for _ in range(50):
        v = cuda.shfl_xor_sync(0xFFFFFFFF, v, 1)
    y[cuda.grid(1)] = v


def best(run: Callable[[], Any]) -> float:
    times = []
    for _ in range(7):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


x, y, a, c = zeros(256), zeros(256), floats(32, 32), zeros(32, 32)
WORK = {
    "course size: 4 x 64 threads, 63 accesses, 24 barriers": lambda: launch(course, 4, 64, x, y),
    "4 x 64 threads, 50 shuffles": lambda: launch(shuffled, 4, 64, x, y),
    "matmul 32 x 32 naive, 66 560 accesses": lambda: launch(matmul_naive, (4, 4), (8, 8), a, a, c),
    "matmul 32 x 32 tiled, 82 944 accesses": lambda: launch(make_tiled(8), (4, 4), (8, 8), a, a, c),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "checks": {},
    "no checks": {"checks": False},
    "watched": {"watch": lambda access: None},
}

if __name__ == "__main__":
    print(f"{'milliseconds':56}" + "".join(f"{name:>12}" for name in SETTINGS))
    for name, work in WORK.items():
        print(f"{name:56}", end="")
        for options in SETTINGS.values():
            with simt.settings(**options):
                print(f"{1e3 * best(work):12.1f}", end="", flush=True)
        print()
