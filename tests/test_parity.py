"""The same numbers as PyTorch: values and gradients of every op, in every backend.

The vectors were computed by PyTorch (see torch_vectors/make_ops.py), so this needs none. The slow
test at the end computes them again with the PyTorch that is installed, and fails without one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import CASES, Case
from test_ops import call_functional, each_backend

import tinynn
from tinynn import ops

FOLDER = Path(__file__).parent / "torch_vectors"


def load(path: Path) -> dict[str, np.ndarray]:
    """Names and arrays out of the one vector that holds them end to end."""
    with np.load(path, allow_pickle=False) as file:
        index, values = json.loads(str(file["index"])), file["values"]
    found, at = {}, 0
    for name, dtype, shape in index:
        n = int(np.prod(shape))
        found[name] = values[at : at + n].reshape(shape).astype(dtype)
        at += n
    return found


VECTORS = load(FOLDER / "ops.npz")
STORED = [c for c in CASES if f"{c.op}-{c.number}.out" in VECTORS]
DTYPES = [np.float32, np.float64]
TOLERANCE = {np.float32: {"rtol": 2e-4, "atol": 2e-6}, np.float64: {"rtol": 1e-9, "atol": 1e-12}}


def parts(case: Case, name: str) -> list[np.ndarray]:
    """The stored arrays in0, in1, ... or grad0, ... of a case; None where there is none."""
    stem = f"{case.op}-{case.number}.{name}"
    return [VECTORS.get(f"{stem}{i}") for i in range(len(case.makers))]


def stored(case: Case, name: str) -> np.ndarray:
    return VECTORS[f"{case.op}-{case.number}.{name}"]


def each(case: Case, name: str, i: int) -> np.ndarray:
    """What belongs to output i; that of the first, or only one, has no number."""
    return stored(case, f"{name}{i or ''}")


def as_dtype(array: np.ndarray, dtype: type) -> np.ndarray:
    return array.astype(dtype) if array.dtype.kind == "f" else array


@pytest.mark.parametrize("case", [c for c in STORED if not c.op.endswith("_update")], ids=lambda c: c.id)
@each_backend
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.__name__)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_values_and_gradients_are_those_of_pytorch(case, backend, dtype):
    if case.op == "cast" and dtype == np.float32:
        return  # its dtype is its parameter
    leaves = [tinynn.Tensor(as_dtype(a, dtype), a.dtype.kind == "f") for a in parts(case, "in")]
    with tinynn.backend(backend):
        result = call_functional(case, leaves)
        outs = result if isinstance(result, tuple) else (result,)
        weighted = [(out * each(case, "dout", i).astype(out.data.dtype)).sum() for i, out in enumerate(outs)]
        sum(weighted[1:], weighted[0]).backward()
    for i, out in enumerate(outs):
        np.testing.assert_allclose(out.data, each(case, "out", i), **TOLERANCE[dtype])
    for leaf, wanted in zip(leaves, parts(case, "grad")):
        if wanted is not None:
            np.testing.assert_allclose(leaf.grad.data, wanted, **TOLERANCE[dtype])


@pytest.mark.parametrize("case", [c for c in STORED if c.op.endswith("_update")], ids=lambda c: c.id)
@each_backend
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.__name__)
def test_a_step_of_an_optimiser_is_that_of_pytorch(case, backend, dtype):
    arrays = [as_dtype(a, dtype) for a in parts(case, "in")]
    with tinynn.backend(backend):
        ops.catalogue[case.op].forward(*arrays, **case.params)
    np.testing.assert_allclose(arrays[0], stored(case, "out"), **TOLERANCE[dtype])
    for now, wanted in zip(arrays[2:], parts(case, "state")):
        np.testing.assert_allclose(now, wanted, **TOLERANCE[dtype])


def test_every_op_that_pytorch_has_is_compared():
    assert {c.op for c in STORED} == set(ops.catalogue) - {"dropout", "rotary"}
    assert (FOLDER / "ops.npz").stat().st_size < 300_000


def test_dropout_keeps_its_share_and_the_mean():
    x = tinynn.tensor(np.ones(100_000), requires_grad=True)
    y = tinynn.functional.dropout(x, p=0.3, generator=0)
    y.sum().backward()
    kept = y.data != 0
    assert abs(kept.mean() - 0.7) < 0.01 and abs(y.data.mean() - 1) < 0.01
    np.testing.assert_allclose(y.data[kept], 1 / 0.7, rtol=1e-6)
    np.testing.assert_array_equal(x.grad.data, y.data)


@pytest.mark.slow
@pytest.mark.torch
def test_the_stored_vectors_are_what_the_installed_pytorch_gives():
    code = "import make_ops, numpy as np, sys; np.savez(sys.argv[1], **make_ops.vectors())"
    command = [sys.executable, "-W", "ignore", "-c", code]
    fresh_file = FOLDER / "fresh.npz"
    try:
        subprocess.run([*command, str(fresh_file)], cwd=FOLDER, check=True)
        with np.load(fresh_file) as file:
            fresh = {name: file[name] for name in file.files}
    finally:
        fresh_file.unlink(missing_ok=True)
    assert fresh.keys() == VECTORS.keys()
    for name, array in fresh.items():
        np.testing.assert_allclose(array, VECTORS[name], rtol=1e-9, atol=1e-12, err_msg=name)
