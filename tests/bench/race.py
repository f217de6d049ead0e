"""Workers that take turns: one process for each contestant, so that no library's threads disturb another's.

After Numba's threads had run in a process, PyTorch in the same process was several times slower; side by
side but at the same time they would share the cores. So each has a process of its own, and one round of
one contestant runs at a time, in turn, which spreads whatever else the machine does over all of them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

PROJECT = Path(__file__).resolve().parents[2]

# glibc gives large blocks back to the system at once, and the next ones cost page faults; so it keeps them.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"}


PAUSE = 0.1  # seconds between rounds
BUSY = 0.1  # share of the processors that may be at work meanwhile
PATIENCE = 20.0  # seconds to wait for that


class Contestant(NamedTuple):
    title: str
    library: str
    environment: dict[str, str]


CONTESTANTS = {
    "ours": Contestant("tinynn", "tinynn", {"TINYNN_BACKEND": "numba"}),
    "numpy": Contestant("NumPy pairs", "tinynn", {"TINYNN_BACKEND": "numpy"}),
    "torch": Contestant("PyTorch", "torch", {}),
    "best": Contestant("PyTorch at its best", "torch", KEEP_MEMORY | {"TINYNN_BENCH_BEST": "1"}),
}
"""PyTorch twice: as it comes, and with memory that stays in the process, as ours does, and with convolutions'
images and weights channels last. Both have the fused optimiser, its fastest."""


class Spread(NamedTuple):
    """The middle of many measurements and the middle half of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        quarters = quantiles(values, n=4) if len(values) > 1 else values * 3
        return cls(median(values), quarters[0], quarters[2])


wanted = list(CONTESTANTS)


def present() -> list[str]:
    """The contestants that are wanted and can run here."""
    return [k for k in wanted if CONTESTANTS[k].library == "tinynn" or importlib.util.find_spec("torch")]


class Worker:
    """A process with one library, that times one round when told to."""

    def __init__(self, contestant: Contestant) -> None:
        command = [sys.executable, "-m", "tests.bench.worker", contestant.library]
        self.process = subprocess.Popen(
            command, cwd=PROJECT, env={**os.environ, **contestant.environment}, text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def round(self, case: str, seconds: float) -> float:
        assert self.process.stdin and self.process.stdout
        print(json.dumps({"case": case, "seconds": seconds}), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the worker ended in {case!r}; its traceback is above")
        return json.loads(answer)["seconds"]

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=30)


def settle() -> None:
    """Wait until the machine is idle: the last worker's threads spin on, and others may be at work."""
    try:
        import psutil
    except ImportError:
        return time.sleep(PAUSE)
    start = time.monotonic()
    while psutil.cpu_percent(PAUSE) > 100 * BUSY and time.monotonic() - start < PATIENCE:
        pass


def race(cases: Iterable[str], rounds: int, seconds: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each case: the time of each contestant, and the ratio of each other to ours, round by round."""
    workers = {key: Worker(CONTESTANTS[key]) for key in present()}
    try:
        for case in cases:
            times: dict[str, list[float]] = {key: [] for key in workers}
            for n in range(rounds + 1):
                for key, worker in workers.items():
                    settle()
                    taken = worker.round(case, seconds)
                    if n:  # the first round warms up
                        times[key].append(taken)
            ratios = {k: [t / o for t, o in zip(v, times["ours"])] for k, v in times.items() if k != "ours"}
            yield (
                case,
                {
                    "seconds": {k: Spread.of(v) for k, v in times.items()},
                    "ratio": {k: Spread.of(v) for k, v in ratios.items()},
                },
            )
    finally:
        for worker in workers.values():
            worker.close()
