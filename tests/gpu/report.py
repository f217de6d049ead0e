"""``python -m tests.gpu.report [--write]``: what every kernel of the library takes, compiled without a GPU.

The launches come from running the ops on real sizes without running the kernels (`real.launches`): kernels,
types, blocks and dynamic shared memory are those that a GPU would get.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tinynn import atomic
from tinynn.errors import TinynnError
from tinynn.gpu.resources import (
    ARCHITECTURES,
    Launched,
    Occupancy,
    Resources,
    compile_all,
    estimate,
)

from .real import launches

PAGE = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu" / "resources.md"
COMPILERS = ("numba-cuda", "nvidia-nvvm", "nvidia-nvjitlink")


class Row(NamedTuple):
    """One launch on all architectures."""

    op: str
    launched: Launched
    found: dict[str, Resources]
    label: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        block = " x ".join(str(n) for n in self.launched.block if n > 1) or "1"
        dynamic = f" + {self.launched.shared} B" if self.launched.shared else ""
        return self.label or self.launched.label, self.op, block + dynamic, self.launched.signature

    def occupancy(self, architecture: str) -> Occupancy:
        found = self.found[architecture]
        return estimate(found, self.launched.threads, self.launched.shared, architecture)

    def faults(self) -> list[str]:
        """What a kernel should not have, architecture by architecture."""
        said = []
        for a, r in self.found.items():
            said += [f"{a}: {r.spills} bytes spilled"] if r.spills or r.loads else []
            said += [f"{a}: {r.local} bytes of local memory"] if r.local and not r.spills else []
            said += [f"{a}: {r.float64} float64 instructions"] if r.float64 else []
            said += [f"{a}: not one block fits"] if not self.occupancy(a).blocks else []
        return said


def shorter(found: list[Row]) -> list[Row]:
    """Labels without what a factory built into every kernel of that name alike."""
    built_in: dict[str, list[set[str]]] = {}
    for row in found:
        name, parts = _parts(row.launched.label)
        built_in.setdefault(name, []).append(set(parts))
    alike = lambda sets: set.intersection(*sets) if len(set(map(frozenset, sets))) > 1 else set()
    common = {name: alike(sets) for name, sets in built_in.items()}
    kept = []
    for row in found:
        name, parts = _parts(row.launched.label)
        differ = [part for part in parts if part not in common[name]]
        kept.append(row._replace(label=name + (f"[{', '.join(differ)}]" if differ else "")))
    return kept


def _parts(label: str) -> tuple[str, list[str]]:
    name, _, inside = label.rstrip("]").partition("[")
    return name, inside.split(", ") if inside else []


def rows(names: list[str] | None = None, processes: int | None = None) -> list[Row]:
    """Compile everything that is launched, in the order of the catalogue."""
    found = launches(names)
    done = compile_all([one for seen in found.values() for one in seen], processes=processes)
    every = [(op, one) for op, seen in found.items() for one in seen]
    return shorter([Row(op, one, {a: done[one, a] for a in ARCHITECTURES}) for op, one in every])


def versions() -> str:
    found = []
    for package in COMPILERS:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def table(found: Iterable[Row]) -> list[str]:
    """Markdown: one line a launch, the figures of the architectures beside each other."""
    head = ["kernel", "op", "block", "arguments"]
    figures = [
        "registers",
        "shared, B",
        "local, B",
        "spills, B",
        "float64",
        "occupancy, %, and what limits it",
    ]
    lines = ["| " + " | ".join([*head, *figures]) + " |", "|---" * (len(head) + len(figures)) + "|"]
    for row in found:
        r = list(row.found.values())
        places = [row.occupancy(a) for a in row.found]
        cells = [
            _each(x.registers for x in r), _each(x.shared for x in r), _each(x.local for x in r),
            _each(x.spills + x.loads for x in r), _each(x.float64 for x in r),
            _each(f"{100 * o.share:.0f}" for o in places) + f" ({_each(o.limit for o in places)})",
        ]  # fmt: skip
        lines.append("| " + " | ".join([*row.key, *cells]) + " |")
    return lines


def _each(values: Iterable[object]) -> str:
    """One value where all are alike, else all of them: 32, or 32 / 30 / 30."""
    texts = list(map(str, values))
    return texts[0] if len(set(texts)) == 1 else " / ".join(texts)


def page(found: list[Row]) -> str:
    kernels = len({row.launched.label for row in found})
    faults = [f"- `{row.key[0]}` ({row.op}): {fault}" for row in found for fault in row.faults()]
    return "\n".join([
        "# What the kernels take", "",
        f"`make cuda`, then `python -m tests.gpu.report --write`; {versions()}. {kernels} kernels, "
        f"{len(found)} launches, compiled for {', '.join(ARCHITECTURES)} without a GPU. Where architectures "
        "differ, their figures stand in that order. Shared memory is static, of a block; dynamic bytes stand "
        "with the block. Local memory is of a thread. Spills are bytes stored and loaded again. Occupancy is "
        "an estimate: the share of a multiprocessor's warps that can be there at once.", "",
        *(["Spills, local memory and float64:", "", *faults] if faults
          else ["No kernel spills, uses local memory or computes in float64."]),
        "", *table(found), "",
    ])  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.report", description=__doc__)
    parser.add_argument("ops", nargs="*", help="which ops (all)")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} in benchmarks/gpu")
    parser.add_argument("--processes", type=int, help="that compile side by side (one a core, at most 4)")
    options = parser.parse_args(argv)
    if options.write and options.ops:
        parser.error("--write takes all ops")
    start = time.perf_counter()
    try:
        text = page(rows(options.ops or None, options.processes))
    except TinynnError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(text)
    print(f"{time.perf_counter() - start:.0f} s")
    if options.write:
        print("written:", atomic.write(PAGE, text.encode()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
