"""Holds an op's CUDA kernels, in the interpreter and on outputs full of NaN, against the reference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import interpreted
import numpy as np
import pytest
from cases import Case
from interpreted import launched

from tinynn import ops

TOLERANCE = {"rtol": 3e-5, "atol": 1e-5}


@contextmanager
def poison(*modules: Any) -> Iterator[None]:
    """`interpreted.poison`, for the length of a ``with`` block."""
    with pytest.MonkeyPatch.context() as patches:
        interpreted.poison(patches, *modules)
        yield


def compare(op: str, arrays: list[np.ndarray], params: dict, **tolerance: Any) -> list[str]:
    """Outputs and gradients of both pairs are the same; the names of the kernels that ran."""
    kernels, reference = ops.catalogue[op].pair("simt"), ops.catalogue[op].pair("numpy")
    with launched() as names, np.errstate(all="ignore"):
        wanted, reference_cache = reference.forward(*arrays, **params)
        out, cache = kernels.forward(*arrays, **params)
        same(out, wanted, **tolerance)
        dout = np.random.default_rng(0).standard_normal(np.shape(wanted)).astype(np.float32)
        needs = (True,) * len(arrays)
        grads, wanted_grads = kernels.pull(dout, cache, needs), reference.pull(dout, reference_cache, needs)
    assert len(grads) == len(wanted_grads)
    for grad, wanted_grad in zip(grads, wanted_grads):
        assert (grad is None) == (wanted_grad is None)
        if grad is not None:
            same(grad, wanted_grad, **tolerance)
    return names


def compare_case(case: Case, **tolerance: Any) -> None:
    """As `compare`, and kernels ran unless there was nothing to compute."""
    arrays = case.arrays(np.float32)
    names = compare(case.op, arrays, case.params, **tolerance)
    assert bool(names) == all(a.size for a in arrays)


def same(got: Any, wanted: Any, **tolerance: Any) -> None:
    assert np.shape(got) == np.shape(wanted) and got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, **(TOLERANCE | tolerance))
