"""References on the strict array: NumPy's pairs run on a GPU's arrays, and nothing copies unasked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import strict
from cases import CASES, Case

from tinynn import ops


@pytest.fixture(autouse=True)
def standing_in() -> Iterator[None]:
    with strict.standing_in():
        yield


def up(values: Any) -> Any:
    """Arrays as the GPU's, without counting."""
    if isinstance(values, (tuple, list)):
        return type(values)(map(up, values))
    return strict.ndarray(np.array(values)) if isinstance(values, (np.ndarray, np.generic)) else values


def down(values: Any) -> Any:
    """What is inside; everything must be of the GPU."""
    if isinstance(values, (tuple, list)):
        return tuple(map(down, values))
    assert values is None or isinstance(values, strict.ndarray), f"{values!r} is not on the GPU"
    return None if values is None else values._inside


def equal(found: Any, wanted: Any) -> None:
    found = found if isinstance(found, tuple) else (found,)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    assert len(found) == len(wanted)
    for f, w in zip(found, wanted):
        if w is None:
            assert f is None
            continue
        assert f.dtype == w.dtype and f.shape == w.shape
        np.testing.assert_allclose(f, w, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_the_reference_runs_on_a_gpu(case: Case) -> None:
    op, arrays = ops.catalogue[case.op], case.arrays(np.float32)
    pair = op.pairs["numpy"]
    on_host, on_gpu = [a.copy() for a in arrays], up(arrays)
    wanted, cache = pair.forward(*on_host, **case.params)
    with strict.counted() as copies:
        found, gpu_cache = pair.forward(*on_gpu, **case.params)
        equal(down(found), wanted)
        equal(down(tuple(on_gpu)), tuple(on_host))  # updates change their inputs
        if pair.backward:
            dout = upstream(wanted)
            needs = tuple([a.dtype.kind == "f" for a in arrays])
            grads = pair.pull(up(dout), gpu_cache, needs)
            equal(down(grads), as_tuple(pair.pull(dout, cache, needs)))
    assert len(copies) <= allowed(case), copies


def as_tuple(x: Any) -> tuple:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def upstream(out: Any) -> Any:
    if isinstance(out, tuple):
        return tuple(map(upstream, out))
    rng = np.random.default_rng(0)
    return np.asarray(rng.normal(size=np.shape(out)), out.dtype) if out.dtype.kind == "f" else None


def allowed(case: Case) -> int:
    """Copies up: arrays of the host among the parameters, and tables of constants, which stay there."""
    index = case.params.get("index")
    parts = index if isinstance(index, tuple) else (index,)
    count = sum(isinstance(part, np.ndarray) for part in parts)
    tables = {"rotary": 2, "avg_pool2d": 1, "adaptive_avg_pool2d": 1}.get(case.op, 0)
    return count + (case.params.get("lengths") is not None) + tables
