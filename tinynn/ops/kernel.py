"""Compiled kernels: the decorator, and `split`, which shares a loop among threads.

A kernel is two functions. The inner one does the work for a share of the loop; the outer one, which is
called from Python, says how long the loop is and what a round costs:

    @share
    def relu_share(lo, hi, x, y):
        x, y = x[lo:hi], y[lo:hi]           # a loop from 0 over slices, for an index that may be negative
        for i in range(x.size):             # is checked every time, which stops vectorisation
            y[i] = x[i] if x[i] > 0 else 0

    @kernel("f4[::1], f4[::1]")
    def relu(team, x, y):
        split(relu_share, team, x.size, 0.06, (x, y))      # 0.06 ns an element

Every kernel has one signature, is compiled at its first call and kept on disk. Only `_fan_out` is
compiled with ``parallel=True``: 0.3 s once, where each parallel kernel would cost that (a kernel of two
plain functions takes 0.17 s, and 0.002 s from disk).
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .. import threads
from ..backends import say_once

threads.load_blas()  # before anything else can load SciPy's BLAS, and before Numba starts threads

from llvmlite import ir  # noqa: E402
from numba import config, njit, prange, types  # noqa: E402
from numba.core import cgutils, event  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

__all__ = ["FLOAT32", "integers", "kernel", "plain", "ready", "share", "split", "unsigned"]

# Division by zero gives inf: Numba's check for it stops vectorisation (Adam took 12 times as long). Of
# fastmath's licences all but nnan and ninf, so that NaN and masks of -inf keep their meaning.
OPTIONS = {"error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz", "arcp"}, "nogil": True}

FLOAT32 = np.dtype(np.float32)

unsigned = np.uintp
"""For the bounds of a loop over columns lo to hi; a strip of columns is not contiguous and cannot be sliced.

An unsigned index is never negative and so needs no check. Slices of single rows would do as well, but
threads that make slices of one array in a loop count references to it all the time, one after the other.
"""


def plain(x: np.ndarray) -> bool:
    """Whether kernels take `x`: float32, in C order, aligned, writable, not empty."""
    return x.dtype == FLOAT32 and x.flags.carray and x.size > 0


def integers(x: np.ndarray) -> np.ndarray:
    """Integers as kernels take them: int64, in C order."""
    return x if x.dtype == np.int64 and x.flags.carray else np.array(x, np.int64, order="C")


def ready(dy: Any) -> np.ndarray:
    """A gradient as kernels take it; copied if it is a broadcast or strided view."""
    return (
        dy
        if dy.__class__ is np.ndarray and dy.dtype == FLOAT32 and dy.flags.carray
        else np.array(dy, FLOAT32, order="C")
    )


share = njit(**OPTIONS, forceinline=True)
"""Decorator of the inner function ``f(lo, hi, *args)``, and of helpers that kernels call.

Inlined by force: left to itself, the process that compiles runs a copy of its own, optimised apart from
the one that is kept on disk, and the two round differently.
"""


def kernel(signature: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of the outer function ``f(team, *args)``; `signature` gives the types of `args`.

    What it returns is called from Python without `team`. One thread at a time is inside.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        compiled: Any = None

        def compile() -> None:
            nonlocal compiled
            compiled = compiled or _compile(function, f"void(UniTuple(intp, 2), {signature})")

        @functools.wraps(function)
        def run(*args: Any) -> None:
            with threads.lock:
                if compiled is None:
                    compile()
                compiled(threads.team, *args)

        compilers.append(compile)
        return run

    return decorate


compilers: list[Callable[[], None]] = []
"""Compiles a kernel without running it: one for each kernel of the modules imported so far."""


# -- sharing a loop among threads ---------------------------------------------------------------------
# split(body, team, n, cost, args) calls body(lo, hi, *args) so that the calls cover range(n): once if the
# whole takes less than n cost nanoseconds are worth, else in equal parts, each in a thread of its own.

WORD = ir.IntType(64)
WORKER = ir.FunctionType(ir.VoidType(), [WORD] * 3)  # (address of args, lo, hi)
FAN_OUT = types.void(types.intp, types.intp, types.intp, types.intp)

_get_threads = types.ExternalFunction("get_num_threads", types.intp())
_set_threads = types.ExternalFunction("set_num_threads", types.void(types.intc))


@intrinsic
def _invoke(typingctx: Any, worker: Any, args: Any, lo: Any, hi: Any) -> tuple:
    """Call the function at an address."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        worker, *rest = values
        builder.call(builder.inttoptr(worker, WORKER.as_pointer()), rest)
        return context.get_dummy_value()

    return FAN_OUT, codegen


def _fan_out(worker: int, args: int, n: int, parts: int) -> None:
    before = _get_threads()
    _set_threads(parts)
    for part in prange(parts):
        _invoke(worker, args, n * part // parts, n * (part + 1) // parts)
    _set_threads(before)


@functools.cache
def _parallel_loop() -> Any:
    """Compile `_fan_out`, which starts Numba's threads."""
    return threads.start(lambda: _compile(_fan_out, FAN_OUT, parallel=True))


PARTS = types.intp(types.UniTuple(types.intp, 2), types.intp, types.float64)


def _parts(team: tuple[int, int], n: int, cost: float) -> int:
    return max(1, min(team[0], n, int(n * cost / team[1])))


@functools.cache
def _division() -> Any:
    """`_parts`, compiled when a kernel that needs it is: a kernel from disk has it inside."""
    return njit(PARTS, **OPTIONS)(_parts)


@intrinsic
def split(typingctx: Any, body: Any, team: Any, n: Any, cost: Any, args: Any) -> tuple:
    """Call ``body(lo, hi, *args)`` over range(n), in as many threads as `n` rounds of `cost` ns pay for.

    `args` is a tuple. Threads get its address: they run before the caller goes on.
    """
    inner = body.get_call_type(typingctx, (types.intp, types.intp, *args.types), {})

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _, team, n, cost, arguments = values
        worker = ir.Function(builder.module, WORKER, builder.module.get_unique_name("worker"))
        worker.linkage = "internal"
        inside = ir.IRBuilder(worker.append_basic_block())
        address, lo, hi = worker.args
        loaded = inside.load(inside.inttoptr(address, arguments.type.as_pointer()))
        _call(context, inside, body.dispatcher, inner, [lo, hi, *cgutils.unpack_tuple(inside, loaded)])
        inside.ret_void()

        parts = _call(context, builder, _division(), PARTS, [team, n, cost])
        stored = builder.ptrtoint(cgutils.alloca_once_value(builder, arguments), WORD)
        with builder.if_else(builder.icmp_signed("==", parts, WORD(1))) as (alone, together):
            with alone:
                builder.call(worker, [stored, WORD(0), n])
            with together:
                _call(
                    context,
                    builder,
                    _parallel_loop(),
                    FAN_OUT,
                    [builder.ptrtoint(worker, WORD), stored, n, parts],
                )
        return context.get_dummy_value()

    return types.void(body, PARTS.args[0], types.intp, types.float64, args), codegen


def _call(context: Any, builder: Any, dispatcher: Any, signature: Any, values: list) -> Any:
    """Write a call of a compiled function; kernels raise nothing, so its status is not looked at."""
    result = dispatcher.get_compile_result(signature)
    context.add_linking_libs([result.library])
    return context.call_internal_no_propagate(builder, result.fndesc, signature, values)[1]


# -- compiling, once on each machine ------------------------------------------------------------------------


def _compile(function: Callable[..., None], signature: Any, **options: Any) -> Any:
    """Compile for one signature, or load what was compiled before."""
    if function is not _fan_out:
        _parallel_loop()
    with _cache_in(cache_folder()):
        return njit(signature, cache=True, **OPTIONS, **options)(function)


@functools.cache
def cache_folder() -> Path:
    """Where compiled kernels lie: NUMBA_CACHE_DIR, beside the source, at home, or a temporary place.

    The last part of the name is a hash of the files that every kernel is built from: Numba looks at the
    file of a kernel alone when it asks whether the source has changed.
    """
    here = Path(__file__).resolve().parent
    sources = sorted(here.glob("kernel*.py"))
    name = "kernels-" + hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    setting = os.environ.get("NUMBA_CACHE_DIR")
    places = (
        [Path(setting)]
        if setting
        else [here / "__pycache__", Path("~/.cache/tinynn").expanduser(), _temporary()]
    )
    for place in places:
        if _writable(place / name):
            return place / name
    return Path(tempfile.mkdtemp(prefix="tinynn-")) / name


def _temporary() -> Path:
    """A folder of this user's in the temporary one."""
    return Path(tempfile.gettempdir()) / f"tinynn-kernels-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def _writable(folder: Path) -> bool:
    """Make `folder` and try to write in it; no if it belongs to somebody else, whose code would run here."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    except OSError:
        return False


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Numba asks for its cache folder when a function is decorated; the user's own functions keep theirs."""
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


BUSY_SECONDS = 3.0


def busy_file() -> Path:
    """Touched while a process compiles for somebody who waits; `tinynn.warm` in the background gives way."""
    return cache_folder() / "busy"


def announce() -> None:
    """Say that a compilation has begun, and touch the busy file, at most five times a second."""
    global _touched
    say_once(
        "compile",
        "compiling kernels at their first use, once on this machine (python -m tinynn warm does all)",
    )
    if time.monotonic() - _touched > 0.2:
        _touched = time.monotonic()
        busy_file().touch()


_touched = -1.0
before_compiling = announce


class _Watch(event.Listener):
    """Hears of each step of a compilation, which loading from disk has none of."""

    def on_start(self, event: Any) -> None:
        if str(event.data.get("module")).startswith("tinynn."):
            before_compiling()

    def on_end(self, event: Any) -> None: ...


event.register("numba:run_pass", _Watch())
