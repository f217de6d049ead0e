"""Memory: what attention takes beyond its inputs, and what a training step takes in a process of its own.

python -m tests.bench.memory torch "gpt step, batch 32"      one process's answer, in bytes
"""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np  # noqa: F401  first, as students do

from .cases import CASES, floats

PROJECT = Path(__file__).resolve().parents[2]


def attention_peaks(t: int = 4096, heads: int = 4, width: int = 32) -> dict[str, int]:
    """Most bytes that live at once during forward and backward, by each backend's pair."""
    import tinynn as tn

    found = {}
    for backend, how in (("numba", "tiled"), ("numpy", "plain")):
        with tn.backend(backend):
            leaves = [tn.tensor(floats(1, heads, t, width), requires_grad=True) for _ in range(3)]
            tn.functional.relu(leaves[0][:, :, :1])  # what a backend needs to start is not counted
            tn.memory.clear()
            tracemalloc.start()
            tn.functional.scaled_dot_product_attention(*leaves, is_causal=True).sum().backward()
            found[how] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    return found


def step_peak(library: str, case: str) -> int:
    """Most bytes that a fresh process held while it ran a case ten times, beyond what its imports took."""
    command = [sys.executable, "-m", "tests.bench.memory", library, case]
    environment = {**os.environ, "TINYNN_QUIET": "1"}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def _resident(field: str) -> int:
    """Bytes that this process holds now (VmRSS), or has held at most (VmHWM)."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise SystemExit("peak memory is read from /proc, which this system does not have")


def main(library: str, case: str) -> None:
    small = "relu 64x64" if library == "torch" else "linear 64x784 to 256"  # loads kernels and BLAS
    CASES[small](library)()
    before = _resident("VmRSS")
    run = CASES[case](library)
    for _ in range(10):
        run()
    print(_resident("VmHWM") - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
