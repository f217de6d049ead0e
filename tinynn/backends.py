"""Which implementation of an op runs: the backend, the wrappers around it, and the device.

A *backend* is a setting of the whole process, `backend("numpy")`, `backend("numba")` or `backend("simt")`;
each op has a pair of functions for it, or falls back to its NumPy reference. It says what runs on the CPU:
arrays of the GPU run the op's CUDA kernels whatever the backend is, or the reference where it has none.
A *wrapper* is a function ``(op, pair) -> pair`` laid around whatever would run: it can count, check or
replace results and touches no op (`tinynn.wrappers` has some).
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .errors import ArgumentError, DeviceError
from .gpu import arrays, door

if TYPE_CHECKING:
    from .ops.op import Op, Pair

    Wrapper = Callable[[Op, Pair], Pair]

NAMES = ("numpy", "numba", "simt")

_name: str | None = None  # None until the first op runs or the user chooses
_wrappers: list[Wrapper] = []
_said: set[str] = set()

resolved: dict[Op, Pair] = {}
"""What runs for each op right now. Emptied whenever a setting changes, filled again by `resolve`."""

arrays.at_first_use.append(resolved.clear)


def say_once(key: str, text: str) -> None:
    """Print one line to stderr, once in a process; TINYNN_QUIET=1 silences it."""
    if key not in _said and not os.environ.get("TINYNN_QUIET"):
        bars = sys.modules.get("tqdm")  # above a progress bar, not in its line
        say = bars.tqdm.write if bars else print
        say(f"tinynn: {text}", file=sys.stderr)
    _said.add(key)


def has_numba() -> bool:
    """Whether the compiled kernels can run here; looks without importing."""
    try:
        return all(importlib.util.find_spec(name) for name in ("numba", "scipy", "threadpoolctl"))
    except (ImportError, ValueError):  # blocked by an import hook, or by None in sys.modules
        return False


def _default() -> str:
    if has_numba():
        return "numba"
    text = "Numba is not installed, so the NumPy pairs run: same results, slower. `pip install numba`"
    say_once("numba", text)
    return "numpy"


def current_backend() -> str:
    """Name of the backend that runs now."""
    global _name
    if _name is None:
        wanted = os.environ.get("TINYNN_BACKEND")
        _name = _checked(wanted) if wanted else _default()
    return _name


def _checked(name: str) -> str:
    if name not in NAMES:
        raise ArgumentError("backend", repr(name), " or ".join(map(repr, NAMES)), 'backend("numpy")')
    if name == "numba" and not has_numba():
        got = "'numba', but Numba, SciPy or threadpoolctl is not installed"
        raise DeviceError("backend", got, "'numpy'", 'backend("numpy")')
    return name


class backend:
    """Choose which implementation runs on the CPU, from here on or inside a ``with`` block.

    >>> backend("numpy")            # from here on
    >>> with backend("numba"): ...  # inside the block only

    Parameters
    ----------
    name : {"numpy", "numba", "simt"}
        "numpy" is the reference, to be read; "numba" (the default where Numba is installed) is compiled
        and uses several threads; "simt" interprets the CUDA kernels thread by thread, which is slow and
        finds their mistakes. The environment variable TINYNN_BACKEND sets the first choice.
    """

    def __init__(self, name: str) -> None:
        self.name, self._before = _checked(name), current_backend()
        self._set(name)

    def _set(self, name: str) -> None:
        global _name
        _name = name
        resolved.clear()

    def __enter__(self) -> backend:
        self._set(self.name)
        return self

    def __exit__(self, *exc: object) -> None:
        self._set(self._before)

    def __repr__(self) -> str:
        return f"backend({self.name!r})"


@contextmanager
def wrapped(wrapper: Wrapper) -> Iterator[Wrapper]:
    """Lay `wrapper` around every op for the length of a ``with`` block; the innermost block is outermost."""
    _wrappers.append(wrapper)
    resolved.clear()
    try:
        yield wrapper
    finally:
        _wrappers.remove(wrapper)
        resolved.clear()


def resolve(op: Op) -> Pair:
    """The pair that runs for `op` now: a replacement first, then the backend's own, then the reference."""
    pair = op.replacement or op.composed() or op.pair(current_backend())
    if arrays.used and pair.composition is None:
        pair = where_arrays_lie(op, pair)
    for wrapper in _wrappers:
        if pair.composition is None:
            pair = wrapper(op, pair)
    resolved[op] = pair
    return pair


class Made(NamedTuple):
    """A cache of arrays of the GPU, and the pair that made it."""

    pair: Pair
    cache: Any


def where_arrays_lie(op: Op, pair: Pair) -> Pair:
    """`pair` for arrays of the CPU, the op's CUDA kernels for those of the GPU; a replacement for both.

    Stands around every op once an array was on the GPU. A cache of the GPU remembers its pair.
    """
    replaced = op.replacement is not None

    def forward(*inputs: Any, **params: Any) -> tuple[Any, Any]:
        for x in inputs:
            if x.__class__ is not np.ndarray and arrays.is_on_gpu(x):
                break
        else:
            return pair.forward(*inputs, **params)
        require_one_device(op, inputs)
        chosen = pair if replaced else op.pair("cuda")
        out, cache = chosen.forward(*inputs, **params)
        return out, Made(chosen, cache)

    def backward(dout: Any, cache: Any, needs: tuple[bool, ...] | None = None) -> Any:
        chosen, cache = cache if cache.__class__ is Made else (pair, cache)
        assert chosen.backward is not None
        return chosen.backward(dout, cache) if needs is None else chosen.pull(dout, cache, needs)

    return replace(pair, forward=forward, backward=backward if pair.backward else None)


def require_one_device(op: Op, inputs: tuple) -> None:
    """Refuse inputs of which some are on the GPU and some are not."""
    if all(x is None or arrays.is_on_gpu(x) for x in inputs):
        return
    named = {name: arrays.where_is(x) for name, x in zip(op.names(inputs), inputs) if x is not None}
    got = " and ".join(f"{name} on {place}" for name, place in named.items())
    here = next(name for name, place in named.items() if place == "cpu")
    raise DeviceError(op.name, got, "all on one device", f"{here}.to('cuda')")


def device_named(target: Any) -> str | None:
    """The device that `target` names, "cpu" or "cuda", if it can be used here; None for what names none."""
    known = isinstance(target, str) and target.split(":")[0] in ("cpu", "cuda", "gpu", "mps")
    return check_device(target) if known else None


def check_device(device: str) -> str:
    """ "cpu" or "cuda", if tensors can live there, else a DeviceError that says what is missing."""
    if device not in ("cpu", "cpu:0", "cuda", "cuda:0"):
        raise DeviceError("device", repr(device), "'cpu' or 'cuda', the first GPU", "tensor.to('cpu')")
    if device.startswith("cuda") and arrays.stand_in is None:
        door.require("device")
    return device.split(":")[0]
