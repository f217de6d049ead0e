"""The first training step of a fresh process: with an empty kernel cache, beside the warm-up, and warm.

The time runs from the start of Python to the end of the step, imports included.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from statistics import median

from .race import PROJECT

STEP = """
import time; start = time.perf_counter()
import numpy as np
imported = time.perf_counter()
import tinynn as tn
from tinynn import nn, optim, functional as F
tinynn_imported = time.perf_counter()
model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = optim.Adam(model.parameters())
x = tn.tensor(np.random.default_rng(0).standard_normal((64, 784)).astype(np.float32))
loss = F.cross_entropy(model(x), np.arange(64) % 10)
loss.backward()
optimizer.step()
print(tinynn_imported - imported, time.perf_counter() - start)
"""


def first_step(cache: str) -> tuple[float, float, str]:
    """(seconds of the import beyond NumPy's, seconds until the step is done, what it said)."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "TINYNN_BACKEND": "numba"}
    environment.pop("TINYNN_QUIET", None)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", STEP],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return float(done.stdout.split()[0]), time.perf_counter() - start, done.stderr


def cold() -> dict[str, float]:
    """Seconds for each way to start, and whether the cold one said that it compiles."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as cache:
        _, found["cold"], said = first_step(cache)
        assert "compil" in said, said
        warm = [first_step(cache) for _ in range(5)]
        found["warm"] = median(seconds for _, seconds, _ in warm)
        found["import tinynn, beyond NumPy"] = median(extra for extra, _, _ in warm)
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "tinynn", "warm", "--background"]
        warming = subprocess.Popen(
            command, cwd=PROJECT, env={**os.environ, "NUMBA_CACHE_DIR": cache}, stdout=subprocess.DEVNULL
        )
        try:
            time.sleep(1.0)  # it has begun
            _, found["cold, beside the warm-up"], _ = first_step(cache)
            start = time.perf_counter()
            warming.wait(timeout=300)
            found["rest of the warm-up"] = time.perf_counter() - start
        finally:
            if warming.poll() is None:
                warming.send_signal(signal.SIGTERM)
    return found
