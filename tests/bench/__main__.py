"""``python -m tests.bench [WHAT]``: the table. WHAT is ops, steps, tape, cold, memory, or nothing for all."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from .cases import CASES
from .cold import cold
from .memory import attention_peaks
from .race import CONTESTANTS, Spread, present, race

RESULTS = Path(__file__).resolve().parent / "results"
STEPS = ("mlp", "digit cnn", "cifar cnn", "rnn", "gru", "lstm", "attention", "gpt")
GROUPS = {"steps": STEPS, "tape": ("100",), "ops": ("",)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "what", nargs="*", help="ops, steps, tape, cold, memory, or the beginning of a case's name"
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.05, help="length of one round of one contestant")
    parser.add_argument("--save", action="store_true", help="write the table into tests/bench/results")
    options = parser.parse_args()
    what = options.what or ["steps", "tape", "ops", "cold", "memory"]

    lines, results = [*header()], {}
    print("\n".join(lines))
    names = [name for name in CASES if any(chosen(name, w) for w in what)]
    if names:
        lines += emit(table_head())
        for name, found in race(names, options.rounds, options.seconds):
            results[name] = found
            lines += emit(row(name, found))
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
    if options.save:
        print("written:", *save(lines, results))


def chosen(name: str, what: str) -> bool:
    if what == "ops":
        return not any(chosen(name, other) for other in ("steps", "tape"))
    return any(name.startswith(beginning) for beginning in GROUPS.get(what, (what,)))


def emit(*lines: str) -> list[str]:
    for line in lines:
        print(line, flush=True)
    return list(lines)


def header() -> list[str]:
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
        "PyTorch is eager, with 2 threads. A ratio says how many times as long as tinynn the other takes,",
        "turn by turn.",
        "",
    ]


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


def save(lines: list[str], results: dict[str, Any]) -> list[Path]:
    RESULTS.mkdir(exist_ok=True)
    stem = f"{datetime.date.today()}-{'-'.join(cpu().lower().split())}"
    page, data = RESULTS / f"{stem}.md", RESULTS / f"{stem}.json"
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    page.write_text(f"`{command}`\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
    plain = {"header": lines[0], "command": command, "results": results}
    data.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    return [page, data]


if __name__ == "__main__":
    main()
