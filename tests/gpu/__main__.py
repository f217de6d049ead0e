"""``python -m tests.gpu``, or ``make gpu PYTHON=python3``: check and time the kernels on this machine's GPU.

Uses the interpreter that runs it, as it is. Without a GPU it says so and ends with status 0. With one, the
status is 0 only if everything ran and agreed; aims that are not met do not change it.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import doctor, plan, sanitize
from .plan import Budget, Item
from .pool import COMMAND, Worker
from .results import FOLDER, Results

SECONDS = 450.0
TIMING = 0.45
"""The share of the time that comparing and training leave for what comes after them."""


class Run:
    """One run: its workers, its budget, its results."""

    def __init__(
        self, results: Results, budget: Budget, command: tuple[str, ...], jobs: int, out: Any
    ) -> None:
        self.results, self.budget, self.command, self.jobs, self.out = results, budget, command, jobs, out
        self.workers: dict[str, Worker] = {}

    def worker(self, name: str) -> Worker:
        return self.workers.setdefault(name, Worker(self.command))

    def do(self, item: Item, keep: float = 0.0) -> dict[str, Any]:
        """Ask for one item, unless its time is gone, and write what became of it."""
        left = self.budget.left(keep)
        if left < 2:
            answer: dict[str, Any] = {"status": "not reached", "why": "the time was used up"}
        elif item.part == "sanitizer":
            answer = sanitize.run(min(item.seconds, left))
        else:
            answer = self.worker(item.worker).ask(item.request, min(item.seconds, left))
        self.results.put(item.part, item.name, answer)
        words = f": {answer['why']}" if answer.get("why") else ""
        print(
            f"{self.budget.passed():5.0f} s  {item.part} {item.name}: {answer['status']}{words}",
            file=self.out,
            flush=True,
        )
        return answer

    def side_by_side(self, items: Iterable[Item], keep: float) -> None:
        """Items of one worker in turn, different workers at once; each worker ends with its last item."""
        lanes: dict[str, list[Item]] = {}
        for item in items:
            lanes.setdefault(item.worker, []).append(item)

        def lane(name: str) -> None:
            for item in lanes[name]:
                self.do(item, keep)
            self.workers.pop(name, Worker()).close()

        with ThreadPoolExecutor(self.jobs) as threads:
            list(threads.map(lane, lanes))

    def all(self) -> None:
        """Everything, the most important first."""
        if self.do(plan.CHECK)["status"] != "ok":
            for item in plan.everything():  # what they would need is not there, and the line above says what
                self.results.put(item.part, item.name, {"status": "not reached"})
            return
        timing = TIMING * self.budget.seconds
        self.side_by_side(plan.compare_items(), timing * 1.15)
        self.side_by_side(plan.train_items(), timing)
        for item in (plan.CEILINGS, plan.OVERHEAD, *plan.timing_items(aims=True), plan.MEMORY):
            self.do(item, timing * 0.35)
        for item in plan.step_items():
            self.do(item, timing * 0.2)
        self.do(plan.SANITIZER)
        for item in plan.timing_items(aims=False):
            self.do(item)

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


def main(argv: list[str] | None = None, here: Any = doctor.here, command: tuple[str, ...] = COMMAND) -> int:
    """The command; `here` and `command` stand in for a GPU in tests."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"time for everything ({SECONDS:.0f})")
    parser.add_argument(
        "--jobs", type=int, default=min(6, os.cpu_count() or 1), help="processes that compare"
    )
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the results (benchmarks/gpu)")
    options = parser.parse_args(argv)
    found = here()
    if not found.name:
        print(f"gpu: {'a GPU is here that cannot be used' if found.broken else 'no GPU here'}: {found.why}.")
        return 1 if found.broken else 0
    if "--fake" in command and options.out == FOLDER:
        parser.error("figures of an interpreter do not belong among those of a GPU: --out")
    typed = " ".join(["python -m tests.gpu", *(sys.argv[1:] if argv is None else argv)])
    results = Results(found.name, str(datetime.date.today()), typed, options.out)
    run = Run(results, Budget(options.seconds), command, options.jobs, sys.stdout)
    print(f"gpu: {found.name}; {options.seconds:.0f} s at most; results go to {results.paths[0]}", flush=True)
    try:
        run.all()
    finally:
        run.close()
        results.finish(run.budget.passed())
    bad = results.bad()
    print("\n".join([f"written: {path}" for path in results.paths]))
    print(
        f"gpu: all ran, all agreed, {run.budget.passed():.0f} s"
        if not bad
        else f"gpu: {len(bad)} items failed, differ or were not reached:"
    )
    print("\n".join(f"  {line}" for line in bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
