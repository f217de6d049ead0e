"""``python -m tests.bench [WHAT]``: the table. WHAT is ops, steps, tape, cold, memory, or nothing for all."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from .cases import CASES
from .cold import cold
from .memory import attention_peaks, step_peak
from .race import CONTESTANTS, Spread, present, race, wanted

RESULTS = Path(__file__).resolve().parent / "results"
STEPS = ("mlp", "digit cnn", "cifar cnn", "rnn", "gru", "lstm", "attention", "gpt")
BESIDE = ("gru step, H 64", "gru step, H 256")
"""Timed with the steps, and left out of their mean."""
GROUPS = {"steps": STEPS, "tape": ("100",), "ops": ("",)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "what", nargs="*", help="ops, steps, tape, cold, memory, or the beginning of a case's name"
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.05, help="length of one round of one contestant")
    parser.add_argument("--threads", type=int, default=2, help="of either library")
    parser.add_argument(
        "--against",
        nargs="+",
        choices=[*CONTESTANTS][1:],
        default=[*CONTESTANTS][1:],
        help="who else (all)",
    )
    parser.add_argument("--save", action="store_true", help="write the table into tests/bench/results")
    options = parser.parse_args()
    what = options.what or ["steps", "tape", "ops", "cold", "memory"]

    wanted[:] = ["ours", *options.against]
    os.environ["TINYNN_BENCH_THREADS"] = str(options.threads)
    lines, results = [*header(options.threads)], {}
    print("\n".join(lines))
    names = [name for name in CASES if any(chosen(name, w) for w in what)]
    if names:
        lines += emit(table_head())
        for name, found in race(names, options.rounds, options.seconds):
            results[name] = found
            lines += emit(row(name, found))
        lines += emit(*means(results))
    if "cold" in what:
        results["first step"] = found = cold()
        lines += emit("", "First MLP training step of a fresh process, seconds:", "")
        lines += emit(*(f"    {how}: {seconds:.2f}" for how, seconds in found.items()))
    if "memory" in what:
        results["attention memory"] = found = attention_peaks()
        lines += emit(
            "", "Peak memory of causal attention, 1 x 4 heads of 32, T 4096, forward and backward, MB:", ""
        )
        lines += emit(*(f"    {how}: {peak / 2**20:.0f}" for how, peak in found.items()))
        lines += emit("", "Peak memory of ten steps in a fresh process, beyond its imports, MB:", "")
        for name in filter(is_step, CASES):
            peaks = {
                key: step_peak(key, name)
                for key in ("tinynn", "torch")
                if key == "tinynn" or "torch" in present()
            }
            results[f"memory of {name}"] = peaks
            lines += emit(f"    {name}: " + ", ".join(f"{k} {peak / 2**20:.0f}" for k, peak in peaks.items()))
    if options.save:
        print("written:", *save(lines, results, options.threads))


def chosen(name: str, what: str) -> bool:
    if what == "ops":
        return not any(chosen(name, other) for other in ("steps", "tape"))
    return any(name.startswith(beginning) for beginning in GROUPS.get(what, (what,)))


def is_step(name: str) -> bool:
    return chosen(name, "steps")


def means(results: dict[str, Any]) -> list[str]:
    """Geometric means of the ratios over the course's workloads that were timed."""
    steps = {name: found for name, found in results.items() if is_step(name) and name not in BESIDE}
    if len(steps) < 2:
        return []
    lines = ["", f"Geometric means over the {len(steps)} workloads ({', '.join(BESIDE)} apart):", ""]
    for key in next(iter(steps.values()))["ratio"]:
        ratios = [found["ratio"][key].median for found in steps.values()]
        worst = min(steps, key=lambda name: steps[name]["ratio"][key].median)
        mean = f"{geometric_mean(ratios):.2f}, least {min(ratios):.2f} ({worst})"
        lines.append(f"    {CONTESTANTS[key].title} / tinynn: {mean}")
    return lines


def emit(*lines: str) -> list[str]:
    for line in lines:
        print(line, flush=True)
    return list(lines)


def header(threads: int) -> list[str]:
    versions = [f"Python {platform.python_version()}"]
    for package in ("numpy", "numba", "scipy", "torch"):
        if importlib.util.find_spec(package):
            versions.append(f"{package} {importlib.metadata.version(package)}")
    settings = [
        f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith(("OPENBLAS", "OMP_", "NUMBA_"))
    ]
    machine = f"{datetime.date.today()}, {cpu()}, {cores()} cores; {', '.join(versions)}"
    return [
        f"{machine}; {' '.join(settings) or 'no settings'}.",
        "float32, forward and backward; microseconds: the median and the middle half of the rounds.",
        f"Threads: {threads}, of either. BLAS: {blas()}. NumPy is imported first.",
        "PyTorch is eager, its optimiser fused; at its best it keeps memory too, and images channels last.",
        "A ratio says how many times as long as tinynn the other takes, turn by turn.",
        "",
    ]


def blas() -> str:
    """The kernels that each BLAS chose, in a process that began as a student's does."""
    code = "import numpy, tinynn; tinynn.tensor([[1.0]]) @ [[1.0]]; tinynn.ops.linear.pair('numba')\n"
    code += (
        'print(\', \'.join(f\'{b["library"]} {b["name"]} {b["core"]}\' for b in tinynn.threads.blas_info()))'
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"TINYNN_QUIET": "1"}, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"


def cpu() -> str:
    """The processor's name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def table_head() -> str:
    others = [CONTESTANTS[key].title for key in present()]
    ratios = [f"{title} / tinynn" for title in others[1:]]
    return "\n".join(
        ["| " + " | ".join(["", *others, *ratios]) + " |", "|---" * (1 + len(others + ratios)) + "|"]
    )


def row(name: str, found: dict[str, Any]) -> str:
    times = [micro(found["seconds"][key]) for key in present()]
    ratios = [f"{s.median:.2f} ({s.low:.2f} to {s.high:.2f})" for s in found["ratio"].values()]
    return "| " + " | ".join([name, *times, *ratios]) + " |"


def micro(s: Spread) -> str:
    digits = 1 if s.median < 1e-4 else 0
    return f"{s.median * 1e6:.{digits}f} ({s.low * 1e6:.{digits}f} to {s.high * 1e6:.{digits}f})"


def save(lines: list[str], results: dict[str, Any], threads: int) -> list[Path]:
    RESULTS.mkdir(exist_ok=True)
    stem = f"{datetime.date.today()}-{'-'.join(cpu().lower().split())}-{threads}-threads"
    page, data = RESULTS / f"{stem}.md", RESULTS / f"{stem}.json"
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    page.write_text(f"`{command}`\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
    plain = {"header": lines[0], "command": command, "results": results}
    data.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    return [page, data]


if __name__ == "__main__":
    main()
