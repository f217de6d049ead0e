"""For the tests of CUDA kernels: run a pair in the interpreter and its reference, and compare the two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn import ops

TOLERANCE = {"rtol": 3e-5, "atol": 3e-6}


def poisoned(plain: Callable = np.empty) -> Callable:
    """np.empty, but fresh memory holds NaN (and True): an element that no thread writes shows."""

    def empty(*args: Any, **kwargs: Any) -> np.ndarray:
        out = plain(*args, **kwargs)
        if out.dtype != object:
            out.reshape(-1).view(np.uint8).fill(0xFF)
        return out

    return empty


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng((seed, *shape)).normal(size=shape).astype(np.float32)


def compare(name: str, *arrays: Any, dout: Any = None, tolerance: Any = TOLERANCE, **params: Any) -> Any:
    """Forward and backward in kernels, as the reference has them; returns the output."""
    pair, reference = ops.catalogue[name].pair("simt"), ops.catalogue[name].pairs["numpy"]
    with np.errstate(all="ignore"):
        (out, cache), (wanted, known) = pair.forward(*arrays, **params), reference.forward(*arrays, **params)
        assert cache[0].name == "cuda", "the reference ran in place of the kernels"
        close(out, wanted, tolerance)
        dout = normal(*np.shape(wanted), seed=7) if dout is None else dout
        needs = tuple([a.dtype.kind == "f" for a in arrays])
        for got, grad in zip(pair.pull(dout, cache, needs), reference.pull(dout, known, needs), strict=True):
            assert (got is None) == (grad is None)
            if grad is not None:
                close(got, grad, tolerance)
    return out


def close(got: Any, wanted: Any, tolerance: Any) -> None:
    assert np.shape(got) == np.shape(wanted) and np.result_type(got) == np.result_type(wanted)
    np.testing.assert_allclose(got, wanted, **tolerance)
