"""A race: one op in pure Python, NumPy, Numba and your own code, by size, under the roof of this machine.

    race("softmax", mine=my_softmax)          race("matmul", sizes=[16, 64, 256])

Forward only, in float32. The answers are compared before anybody is timed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ... import backends, ops, threads
from ...errors import ArgumentError
from ...ops import Op, Out
from . import words
from .clock import Contender, lap, output, too_slow
from .gpu import measured
from .result import Race, Work
from .roof import blas_threads, kernel_threads, measure
from .tracks import TRACKS, Inputs, Track, find

__all__ = ["TRACKS", "Race", "race"]

SHARE = 0.15  # seconds for a contender at a size: longer tells no more
RESERVED = ("Pure Python", "NumPy", "Numba")
Mine = Callable[..., Any] | Mapping[str, Callable[..., Any]]


def race(
    op: str | Op,
    sizes: Sequence[int] | None = None,
    mine: Mine | None = None,
    *,
    inputs: Inputs | None = None,
    limit: float = 0.5,
    seconds: float = 10.0,
    bar: bool = True,
    gpu: Path | None = None,
) -> Race:
    """Time an op at several sizes, implementation by implementation.

    Parameters
    ----------
    op : str or Op
        One of `TRACKS`; or another op together with `inputs`.
    sizes : sequence of int, optional
        The n in the shapes; each op has sizes of its own.
    mine : callable, or dict of name to callable, optional
        Takes the op's arrays and returns its output, or a pair (output, cache).
    inputs : callable, optional
        ``inputs(n, rng)``: the arrays at size n, instead of the op's own.
    limit : float
        Seconds. Who is expected to take longer for one call is not asked for larger sizes: its line ends.
    seconds : float
        For all sizes together; what is left after that gets three calls each. The roofline comes on top,
        about two seconds.
    bar : bool
        Whether to show how far it is.
    gpu : Path, optional
        A folder of results measured on a GPU, instead of the course's own.

    Raises
    ------
    ArgumentError
        For an op that is not known, sizes that are none, and a name that is taken.
    """
    track = find(op, sizes, inputs)
    contenders, earlier = _contenders(track, mine), measured(track.op.name, track.shapes, gpu)
    share = min(SHARE, seconds / (len(track.sizes) * len(contenders)))
    if backends.has_numba():
        ops.matmul.pair("numba")  # it sets up the threads of every BLAS, before anybody limits them
    most, work = threads.get_num_threads(), list[Work]()
    with kernel_threads(most), _bar(len(track.sizes) + 1, track.op.name, bar) as progress:
        end = perf_counter() + seconds
        for n in track.sizes:
            _one_size(track, n, contenders, work, share if perf_counter() < end else 0.0, limit)
            progress.update()
        roofline = measure()
        progress.update()
    return Race(
        track.op.name, track.shapes, track.sizes, tuple(work), contenders, most, roofline,
        earlier, _notes(track, most),
    )  # fmt: skip


def _contenders(track: Track, mine: Mine | None) -> list[Contender]:
    """Who takes part: pure Python if the op is written in it, NumPy, Numba if it has a kernel, and yours."""
    op, plain = track.op, track.plain
    found = [Contender("NumPy", lambda: op.pair("numpy").forward)]
    if plain is not None:
        found.insert(0, Contender("Pure Python", lambda: plain, lists=True))
    if "numba" in op.kernels and backends.has_numba():
        found.append(Contender("Numba", lambda: op.pair("numba").forward))
    return found + [_yours(name, function) for name, function in _named(mine).items()]


def _named(mine: Mine | None) -> Mapping[str, Callable[..., Any]]:
    if mine is None:
        return {}
    if isinstance(mine, Mapping):
        taken = [name for name in mine if name in RESERVED]
        if taken:
            raise ArgumentError("race", f"mine with the name {taken[0]!r}", "a name of its own", "'my loop'")
        return mine
    return {"Yours": mine}


def _yours(name: str, function: Any) -> Contender:
    if not callable(function):
        got = f"{name} as {type(function).__name__} {function!r}"
        raise ArgumentError("race", got, "a function of the op's arrays", "mine=my_function, without ()")
    return Contender(name, lambda: function)


def _one_size(
    track: Track, n: int, contenders: list[Contender], work: list[Work], share: float, limit: float
) -> None:
    arrays = track.arrays(n)
    work.append(_work(track.op, n, arrays))
    growth = work[-1].flops / work[-2].flops if len(work) > 1 else 1.0
    for contender in contenders:
        if not contender.ended and too_slow(contender, growth, limit):
            contender.end(f"a call at {n:,} would take longer than {limit:g} s")
    truth = output(track.op.pairs["numpy"].forward(*map(_wide, arrays)))
    with blas_threads(1):  # more would be in the way of the kernels' threads
        lap(contenders, n, arrays, truth, share, limit)


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _work(op: Op, n: int, arrays: Sequence[np.ndarray]) -> Work:
    """FLOPs by the op's own rule; bytes of what has to be read and written at least once."""
    spec = op.spec(*arrays)
    outs = [spec.out] if isinstance(spec.out, Out) else spec.out
    written = [int(np.prod(out.shape)) * out.dtype.itemsize for out in outs]
    return Work(n, spec.flops, sum(a.nbytes for a in arrays) + sum(written))


def _notes(track: Track, most: int) -> list[str]:
    notes = []
    if "numba" not in track.op.kernels:
        notes.append(f"{track.op.name} has no compiled kernel: on both backends NumPy runs.")
    elif not backends.has_numba():
        notes.append("Numba is not installed here.")
    else:
        notes.append(f"Numba may use {words.threads(most)}.")
    alone = "NumPy works in 1 thread here, so that its threads and Numba's do not fight."
    return [*notes, alone if threads.blas_info() else "NumPy's BLAS does not say how many threads it uses."]


def _bar(total: int, name: str, shown: bool) -> Any:
    """A bar of plain text; tqdm.auto would load ipywidgets. One step for each size, one for the roofline."""
    from tqdm import tqdm

    # In a notebook errors are red, and a bar that left would leave an empty red line.
    page = _in_notebook()
    return tqdm(
        total=total, desc=f"racing {name}", unit="size", disable=not shown, leave=page, dynamic_ncols=True,
        file=sys.stdout if page else sys.stderr,
    )  # fmt: skip


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return getattr(ipython and ipython.get_ipython(), "kernel", None) is not None
