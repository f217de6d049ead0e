"""What tests of CUDA kernels share: a pair in the interpreter beside the reference, memory full of NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from cases import BIG, CASES

from tinynn import ops
from tinynn.gpu import kernel, simt

TOLERANCE = {"rtol": 3e-5, "atol": 3e-6, "equal_nan": True}


def cases_of(*names: str, quick: Callable[[list], bool]) -> list:
    """The cases of these ops as parameters of a test; slow where `quick` says no of the arrays."""
    cases = [c for c in CASES + BIG if c.op in names]
    marks = [() if quick(c.arrays(np.float32)) else (pytest.mark.slow,) for c in cases]
    return [pytest.param(c, id=c.id, marks=m) for c, m in zip(cases, marks)]


def small_and_large(*names: str) -> tuple[list, list]:
    """The cases of these ops, small ones and large ones."""
    return [c for c in CASES if c.op in names], [c for c in BIG if c.op in names]


def is_big(case: Any) -> bool:
    return any(case is c for c in BIG)


@contextmanager
def for_size(case: Any) -> Iterator[None]:
    """Large cases run without the interpreter's checks, which small ones of the same kernels have passed."""
    with simt.settings(checks=not is_big(case)):
        yield


@contextmanager
def launched() -> Iterator[list[str]]:
    """The names of all kernels that are launched, in order."""
    names: list[str] = []
    watch = lambda kernel, *_: names.append(kernel.__name__)
    kernel.watchers.append(watch)
    try:
        yield names
    finally:
        kernel.watchers.remove(watch)


def poison(monkeypatch: Any, *modules: Any) -> None:
    """Every new array of these modules is full of NaN, or of a number that is no place."""

    def empty(shape: Any, like: Any, dtype: Any = np.float32) -> np.ndarray:
        return np.full(shape, np.nan if np.dtype(dtype).kind == "f" else -(2**30), dtype)

    for module in modules:
        monkeypatch.setattr(module, "empty", empty)


def run(pair: Any, arrays: list, params: dict, dout: Any = None, needs: tuple | None = None) -> list:
    """Outputs and gradients of a pair, for upstream gradients drawn anew unless given."""
    with np.errstate(all="ignore"):
        out, cache = pair.forward(*arrays, **params)
        outs = out if isinstance(out, tuple) else (out,)
        rng = np.random.default_rng(7)
        drawn = tuple([rng.normal(size=o.shape).astype(np.float32) for o in outs])
        given = dout if dout is not None else drawn if isinstance(out, tuple) else drawn[0]
        return [*outs, *pair.pull(given, cache, needs or (True,) * len(arrays))]


def agrees(name: str, arrays: list, params: dict, *, scale: float = 1.0, **kwargs: Any) -> list[str]:
    """Compare the kernels with the reference, forward and backward; the names of the kernels that ran."""
    op = ops.catalogue[name]
    with launched() as names:
        got = run(op.pair("simt"), arrays, params, **kwargs)
    expected = run(op.pair("numpy"), arrays, params, **kwargs)
    for a, b in zip(got, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            tolerance = {**TOLERANCE, "atol": scale * TOLERANCE["atol"]}
            np.testing.assert_allclose(a, b, **tolerance)
    assert bool(names) == all(a.size for a in arrays if a is not None), "the reference ran, not the kernels"
    return names


def drawn(*shapes: tuple[int, ...], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]
