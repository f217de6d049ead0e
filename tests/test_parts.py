"""Large inputs: loops shared among 1, 2 and 5 threads, in memory that was used before.

python tests/test_parts.py 5        # the comparison alone, with 5 threads
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import BIG, Case

from tinynn import ops, threads
from tinynn.backends import has_numba

needs_numba = pytest.mark.skipif(not has_numba(), reason="no Numba here")


def outs_of(out) -> list[np.ndarray]:
    return list(out) if isinstance(out, tuple) else [out]


def run(case: Case, backend: str, dtype: type) -> list[np.ndarray]:
    """Outputs and gradients, or what an update leaves behind."""
    pair, arrays = ops.catalogue[case.op].pair(backend), case.arrays(dtype)
    out, cache = pair.forward(*arrays, **case.params)
    if pair.backward is None:
        return arrays
    rng = np.random.default_rng(1)
    douts = [np.asarray(rng.normal(size=o.shape), dtype) for o in outs_of(out)]
    if case.op == "batch_norm":
        douts[1:] = [None, None]  # its statistics take no gradient
    grads = pair.pull(tuple(douts) if isinstance(out, tuple) else douts[0], cache, (True,) * len(arrays))
    return outs_of(out) + [g for g in grads if g is not None]


def compare(case: Case) -> None:
    """float32 kernels against the reference in float64, held while the op runs on other numbers."""
    held, wanted = run(case, "numba", np.float32), run(case, "numpy", np.float64)
    copies = [array.copy() for array in held]
    other = case._replace(op=case.op, makers=tuple(reversed_sign(m) for m in case.makers))
    for _ in range(2):
        run(other, "numba", np.float32)
    assert len(held) == len(wanted)
    for got, copy, want in zip(held, copies, wanted):
        np.testing.assert_array_equal(got, copy)  # nobody wrote into memory that is held
        assert got.dtype == np.float32 and got.shape == want.shape
        scale = np.abs(want).max() if want.size else 1
        # A plain recurrent layer with weights this large makes a difference grow from step to step.
        rounding = 4e-5 if case.op == "rnn" else 2e-6
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=rounding * max(scale, 1), err_msg=case.id)


def reversed_sign(maker):
    def make(rng, dtype):
        array = maker(rng, dtype)
        return -array if array.dtype.kind == "f" and array.min() < 0 else array

    return make


def compare_all(n: int) -> None:
    """With `n` threads, each woken for the least bit of work."""
    ops.relu.pair("numba").forward(np.ones(10, np.float32))  # compiled: Numba's threads have started
    threads.set_num_threads(n)
    for case in BIG:
        threads.team = (n, 1)
        compare(case)
        assert threads.team == (n, 1)


@needs_numba
@pytest.mark.parametrize("case", BIG, ids=lambda c: c.id)
def test_large_inputs_agree_with_the_reference(case):
    compare(case)


@needs_numba
@pytest.mark.parametrize("n, layer", [(1, None), (2, None), (5, None), (5, "workqueue")])
def test_any_number_of_threads_gives_the_same(n, layer):
    setting = {"NUMBA_NUM_THREADS": str(n), **({"NUMBA_THREADING_LAYER": layer} if layer else {})}
    command = [sys.executable, str(Path(__file__)), str(n)]
    done = subprocess.run(command, env=os.environ | setting, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    compare_all(int(sys.argv[1]))
