"""Compile every kernel of the package now, so that no training step has to wait for it.

    python -m tinynn warm                 with a progress bar
    python -m tinynn warm --background    at low priority; steps aside while another process compiles

What is compiled stays on disk, beside the package or where `tinynn.ops.kernel.cache_folder` says.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence

from .backends import has_numba

PATIENCE = 60.0  # seconds after which a compilation beside a busy foreground goes on all the same


def main(argv: Sequence[str] | None = None) -> int:
    """Compile all kernels; returns the exit status, 0."""
    parser = argparse.ArgumentParser(prog="python -m tinynn warm", description="compile every kernel now")
    parser.add_argument("--background", action="store_true", help="low priority, one line at start and end")
    options = parser.parse_args([] if argv is None else list(argv))
    if not has_numba():
        print("tinynn: Numba is not installed: the NumPy pairs run, and there is nothing to compile.")
        return 0
    os.environ["TINYNN_QUIET"] = "1"  # the bar says what goes on
    start = time.perf_counter()
    if options.background:
        lower_priority()
        print("tinynn: kernels compile in the background; you can start to work.", flush=True)
    compile_all(quiet=options.background)
    print(f"tinynn: all kernels compiled, {time.perf_counter() - start:.0f} s.", flush=True)
    return 0


def compile_all(quiet: bool = False) -> int:
    """Compile every kernel, or load it where that was done before; returns how many there are."""
    from . import ops

    modules = {op.kernels["numba"] for op in ops.catalogue.values() if "numba" in op.kernels}
    for module in sorted(modules, key=_when):
        importlib.import_module(module)
    from .ops import kernel

    kernel.before_compiling = give_way if quiet else kernel.before_compiling
    for compile in _with_bar(kernel.compilers, quiet):
        compile()
    return len(kernel.compilers)


FIRST = ("matmul", "loss", "update", "activation")
"""What a first network needs; the others follow by name."""


def _when(module: str) -> tuple[int, str]:
    name = module.rsplit(".", 1)[1].removesuffix("_numba")
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)


def _with_bar(compilers: Iterable[Callable[[], None]], quiet: bool) -> Iterable[Callable[[], None]]:
    if quiet or not importlib.util.find_spec("tqdm"):
        return compilers
    from tqdm import tqdm

    return tqdm(compilers, desc="compiling kernels", unit="kernel")


def give_way() -> None:
    """Wait while another process compiles for somebody; a file left behind stops counting by itself."""
    from .ops.kernel import BUSY_SECONDS, busy_file

    start = time.time()
    while time.time() - start < PATIENCE:
        try:
            age = time.time() - busy_file().stat().st_mtime
        except OSError:  # nobody has compiled here yet
            return
        if not 0 <= age < BUSY_SECONDS:
            return
        time.sleep(0.2)


def lower_priority() -> None:
    """Let every other process go first."""
    if hasattr(os, "nice"):
        os.nice(max(0, 15 - os.nice(0)))
    elif importlib.util.find_spec("psutil"):
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
