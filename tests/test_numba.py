"""The compiled pairs: the reference's answers also where numbers are not finite, and errors as stated."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from cases import CASES, PURE

import tinynn as tn
from tinynn import ops, threads
from tinynn.backends import has_numba

if not has_numba():
    pytest.skip("no Numba here", allow_module_level=True)

from numba import njit

from tinynn import warm
from tinynn.ops import kernel, kernel_math

COMPILED = sorted(name for name, op in ops.catalogue.items() if "numba" in op.kernels)
TOLERANCE = {"rtol": 3e-5, "atol": 3e-6, "equal_nan": True}


@pytest.fixture(params=["alone", "together"])
def team(request, monkeypatch):
    """Kernels in one thread, and cut in as many parts as there are threads however little there is to do."""
    ops.catalogue["relu"].pair("numba").forward(np.ones(1, np.float32))  # loads the kernels
    n = 1 if request.param == "alone" else threads.most_threads()
    monkeypatch.setattr(threads, "team", (n, 1))
    return n


def both(name):
    return ops.catalogue[name].pair("numba"), ops.catalogue[name].pair("numpy")


def run(pair, arrays, params, dout=None):
    """Outputs and gradients; updates change copies of their arrays."""
    arrays = [np.copy(a) for a in arrays]
    with np.errstate(all="ignore"):
        out, cache = pair.forward(*arrays, **params)
        outs = out if isinstance(out, tuple) else (out,)
        if pair.backward is None:
            return (*outs, *arrays)
        dout = np.ones(outs[0].shape, outs[0].dtype) if dout is None else dout
        rest = [np.ones(o.shape, o.dtype) for o in outs[1:]]
        dout = (dout, *rest) if isinstance(out, tuple) else dout
        return (*outs, *pair.pull(dout, cache, (True,) * len(arrays)))


def assert_same(got, wanted, **tolerance):
    assert len(got) == len(wanted)
    for g, w in zip(got, wanted):
        assert (g is None) == (w is None)
        if w is not None:
            assert np.shape(g) == np.shape(w) and np.asarray(g).dtype == np.asarray(w).dtype
            np.testing.assert_allclose(g, w, **(tolerance or TOLERANCE))


# -- the pairs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMPILED)
def test_both_pairs_are_called_alike(name):
    module = importlib.import_module(ops.catalogue[name].kernels["numba"])
    compiled, reference = both(name)
    assert compiled.name == "numba" and compiled.forward is getattr(module, f"{name}_forward")
    for mine, theirs in ((compiled.forward, reference.forward), (compiled.backward, reference.backward)):
        assert (mine is None) == (theirs is None)
        if mine:
            mine, theirs = inspect.signature(mine).parameters, inspect.signature(theirs).parameters
            assert list(mine) == list(theirs)
            assert [p.default for p in mine.values()] == [p.default for p in theirs.values()]


SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 100.0, -100.0, 1e-42]
LINES = [case for case in CASES if case.op in COMPILED]


@pytest.mark.parametrize("case", LINES, ids=lambda case: case.id)
@pytest.mark.parametrize("value", SPECIAL, ids=str)
def test_special_values_do_what_they_do_in_the_reference(case, value, team):
    """One special value in each floating input in turn, then in what comes from upstream."""
    compiled, reference = both(case.op)
    arrays = case.arrays(np.float32)
    if case.op.endswith("_update") and value < 0:
        return  # a state below 0 has no meaning
    for k, array in enumerate(arrays):
        if array.dtype.kind == "f" and array.size:
            changed = [np.copy(a) for a in arrays]
            changed[k].reshape(-1)[array.size // 2] = value
            # What cancels leaves rounding errors, as large as the numbers it is made of.
            size = {1e30: 1e29, 100.0: 10.0}.get(abs(value), 1.0)
            loose = TOLERANCE | {"rtol": 3e-5 if size < 1e29 else 1e-3, "atol": 3e-6 * size}
            got, wanted = (run(pair, changed, case.params) for pair in (compiled, reference))
            if case.op == "scaled_dot_product_attention" and not np.isfinite(value):
                # A gradient through a closed pair is 0 times NaN in the formula, and left out in the kernel.
                got, wanted = got[:1], wanted[:1]
            assert_same(got, wanted, **loose)


def test_masks_of_minus_infinity_give_probability_zero(team):
    x = np.random.default_rng(0).standard_normal((5, 40)).astype(np.float32)
    x[:, 7:30] = -np.inf
    x[2, :39] = -np.inf
    p, _ = both("softmax")[0].forward(x)
    assert (p[:, 7:30] == 0).all() and p[2, 39] == 1
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    loss, cache = both("cross_entropy")[0].forward(x, np.array([1, 2, 39, 31, 32]), reduction="none")
    assert np.isfinite(loss).all() and loss[2] == 0
    dx, _ = both("cross_entropy")[0].backward(np.ones(5, np.float32), cache)
    assert (dx[:, 7:30] == 0).all() and np.isfinite(dx).all()


@pytest.mark.parametrize("case", [c for c in PURE if c.op in COMPILED], ids=lambda case: case.id)
def test_float64_runs_the_reference(case):
    compiled, reference = both(case.op)
    arrays = case.arrays(np.float64)
    assert_same(run(compiled, arrays, case.params), run(reference, arrays, case.params), rtol=1e-15)


@pytest.mark.parametrize("case", [c for c in LINES if c.op in {p.op for p in PURE}], ids=lambda case: case.id)
def test_read_only_arrays_are_taken(case, team):
    compiled, reference = both(case.op)
    arrays = case.arrays(np.float32)
    for array in arrays:
        array.flags.writeable = False
    with np.errstate(all="ignore"):
        got, wanted = (pair.forward(*arrays, **case.params)[0] for pair in (compiled, reference))
    assert_same(*[out if isinstance(out, tuple) else (out,) for out in (got, wanted)])


def broadcast_upstream(shape):
    return np.broadcast_to(np.float32(0.5), shape)


def transposed_upstream(shape):
    return np.full(shape[::-1], 0.5, np.float32).T


@pytest.mark.parametrize("upstream", [broadcast_upstream, transposed_upstream])
@pytest.mark.parametrize("case", [c for c in LINES if c.op in {p.op for p in PURE}], ids=lambda case: case.id)
def test_gradients_in_any_layout_are_taken(case, upstream, team):
    compiled, reference = both(case.op)
    arrays = case.arrays(np.float32)
    out, _ = reference.forward(*arrays, **case.params)
    shape = np.shape(out[0] if isinstance(out, tuple) else out)
    wanted = run(reference, arrays, case.params, np.full(shape, 0.5, np.float32))
    assert_same(run(compiled, arrays, case.params, upstream(shape)), wanted)


@pytest.mark.parametrize("n", [1, 2, 3, 15, 16, 17, 1000, 70_001])
def test_sizes_around_the_width_of_a_register(n, team):
    x = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    for name in (
        "relu",
        "leaky_relu",
        "sigmoid",
        "tanh",
        "gelu",
        "silu",
        "softplus",
        "softmax",
        "layer_norm",
    ):
        compiled, reference = both(name)
        dout = np.random.default_rng(n + 1).standard_normal(n).astype(np.float32)
        tolerance = {"rtol": 1e-3, "atol": 2e-5}  # float32 against float32: both round
        assert_same(run(compiled, [x], {}, dout), run(reference, [x], {}, dout), **tolerance)


@pytest.mark.parametrize("n", [1, 1000, 100_003])
def test_dropout_has_the_reference_s_mask_bit_for_bit(n, team):
    x = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    compiled, reference = both("dropout")
    for p, seed in ((0.5, 1), (0.1, 2**63 - 1), (0.9, 12345)):
        (y, (kept, _)), (z, (wanted, _)) = (pair.forward(x, p=p, seed=seed) for pair in (compiled, reference))
        assert (kept == wanted).all()
        np.testing.assert_array_max_ulp(y, z, 1)


def test_needs_spare_the_work():
    arrays = [np.ones((3, 4), np.float32), np.ones((5, 4), np.float32), np.ones(5, np.float32)]
    compiled, _ = both("linear")
    _, cache = compiled.forward(*arrays)
    dx, dw, db = compiled.pull(np.ones((3, 5), np.float32), cache, (False, True, False))
    assert dx is None and db is None and dw.shape == (5, 4)


def test_no_result_depends_on_the_memory_it_is_written_to(monkeypatch):
    """`empty` may hold anything; here it holds NaN."""
    for name in COMPILED:
        module = importlib.import_module(ops.catalogue[name].kernels["numba"])
        if hasattr(module, "empty"):
            monkeypatch.setattr(module, "empty", nans)
    for case in LINES:
        compiled, reference = both(case.op)
        arrays = case.arrays(np.float32)
        assert_same(run(compiled, arrays, case.params), run(reference, arrays, case.params))


def nans(shape, dtype=np.float32):
    return np.full(shape, np.nan if np.dtype(dtype).kind == "f" else 1, dtype)


def test_training_on_both_backends_agrees():
    x = np.random.default_rng(0).standard_normal((64, 20)).astype(np.float32)
    t = np.arange(64) % 5
    losses = {}
    for name in ("numpy", "numba"):
        with tn.backend(name):
            tn.manual_seed(0)
            model = tn.nn.Sequential(
                tn.nn.Linear(20, 32), tn.nn.GELU(), tn.nn.LayerNorm(32), tn.nn.Linear(32, 5)
            )
            optimizer = tn.optim.AdamW(model.parameters(), lr=1e-2)
            for _ in range(30):
                optimizer.zero_grad()
                loss = tn.functional.cross_entropy(model(x), t)
                loss.backward()
                optimizer.step()
            losses[name] = loss.item()
    assert losses["numba"] == pytest.approx(losses["numpy"], rel=1e-3)


# -- the arithmetic ------------------------------------------------------------------------------------


@functools.cache
def loop_over(function):
    @njit("void(f4[::1], f4[::1])", **kernel.OPTIONS)
    def loop(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    return loop


def values(function, x):
    y = np.empty_like(x)
    loop_over(function)(x, y)
    return y


@kernel_math.inline
def normal_cdf(x):
    return kernel_math.normal_cdf(x, kernel_math.exp(-kernel_math.HALF * x * x))


def exact_normal_cdf(x):
    from math import erfc

    return np.array([0.5 * erfc(-v / np.sqrt(2)) for v in x])


def exact_sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


EXACT = {
    "exp": (kernel_math.exp, np.exp, (-86.9, 88.7), 2e-7),
    "tanh": (kernel_math.tanh, np.tanh, (-90, 90), 3e-7),
    "sigmoid": (kernel_math.sigmoid, exact_sigmoid, (-86.9, 90), 3e-7),
    "log1p": (kernel_math.log1p, np.log1p, (0, 1), 3e-7),
    "normal_cdf": (normal_cdf, exact_normal_cdf, (-5, 10), 2e-6),
}


@pytest.mark.parametrize("name", EXACT)
def test_errors_are_as_stated(name):
    function, exact, (low, high), stated = EXACT[name]
    rng = np.random.default_rng(0)
    small = rng.choice([-1, 1], 20_000) * 10.0 ** rng.uniform(-30, 0, 20_000)
    x = np.concatenate([np.linspace(low, high, 80_001), small[(small >= low) & (small <= high)]])
    x = x.astype(np.float32)
    wanted = exact(x.astype(np.float64))
    error = np.abs(values(function, x) - wanted) / np.abs(wanted).clip(1e-300)
    assert error.max() < stated


@pytest.mark.parametrize(
    "name, limits", [("exp", (0, np.inf)), ("tanh", (-1, 1)), ("sigmoid", (0, 1)), ("normal_cdf", (0, 1))]
)
def test_nan_stays_and_infinities_give_the_limits(name, limits):
    x = np.array([np.nan, -np.inf, np.inf, -1e5, 1e5], np.float32)
    y = values(EXACT[name][0], x)
    assert np.isnan(y[0])
    assert tuple(y[1:]) == (*limits, *limits)


def test_a_row_s_largest_number():
    @njit("f4(f4[:, ::1])", **kernel.OPTIONS)
    def largest(x):
        return kernel_math.row_max(x.view(np.int32), 0)

    for row in (
        [1, -2, 3],
        [-1, -2],
        [-np.inf, -np.inf],
        [-np.inf, 5],
        [np.inf, 0],
        [0.0, -0.0],
        [1e-20, -1],
    ):
        assert largest(np.array([row], np.float32)) == np.float32(max(row))
    assert np.isnan(largest(np.array([[1, np.nan, np.inf]], np.float32)))


# -- compiling, and what stays on disk ---------------------------------------------------------------------

FIRST_STEP = """
import numpy as np, tinynn as tn
x = tn.tensor(np.ones((4, 4), np.float32), requires_grad=True)
tn.functional.relu(x).sum().backward()
print(x.grad.data.sum())
"""


def first_step(cache, **environment):
    env = {k: v for k, v in os.environ.items() if k not in ("TINYNN_QUIET", "TINYNN_BACKEND")}
    env |= {"NUMBA_CACHE_DIR": str(cache), "TINYNN_BACKEND": "numba", **environment}
    return subprocess.run(
        [sys.executable, "-c", FIRST_STEP], env=env, capture_output=True, encoding="utf-8", check=True
    )


def test_a_compilation_is_announced_once_and_kept_on_disk(tmp_path):
    cold, warm = first_step(tmp_path), first_step(tmp_path)
    assert cold.stdout == warm.stdout == "16.0\n"
    assert cold.stderr.count("compiling kernels") == 1
    assert "compiling" not in warm.stderr
    assert list(tmp_path.rglob("*.nbc"))
    assert "compiling" not in first_step(tmp_path / "quiet", TINYNN_QUIET="1").stderr


def test_without_a_writable_place_kernels_still_run(monkeypatch):
    monkeypatch.setattr(kernel, "_writable", lambda folder: False)
    kernel.cache_folder.cache_clear()
    try:
        folder = kernel.cache_folder()
        assert not str(folder).startswith(str(kernel.__file__).rsplit("kernel", 1)[0])
        folder.mkdir()
    finally:
        kernel.cache_folder.cache_clear()


def test_the_cache_s_name_follows_what_kernels_are_built_from():
    name = kernel.cache_folder().name
    assert name.startswith("kernels-") and len(name) == len("kernels-") + 12


def test_warm_compiles_every_kernel(capfd):
    assert warm.main([]) == 0
    assert "all kernels compiled" in capfd.readouterr().out
    assert warm.compile_all(quiet=True) == len(kernel.compilers) >= 30
    kernel.before_compiling = kernel.announce


def test_the_background_gives_way_to_who_waits_but_not_to_a_file_left_behind(monkeypatch, tmp_path):
    busy = tmp_path / "busy"
    monkeypatch.setattr(kernel, "busy_file", lambda: busy)
    monkeypatch.setattr(warm, "PATIENCE", 0.5)

    def seconds():
        start = time.perf_counter()
        warm.give_way()
        return time.perf_counter() - start

    assert seconds() < 0.1  # nobody has compiled here
    busy.touch()
    assert seconds() >= 0.4
    os.utime(busy, (time.time() - 60,) * 2)
    assert seconds() < 0.1


def test_background_lowers_its_priority_and_says_two_lines(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tinynn", "warm", "--background"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert len(done.stdout.splitlines()) == 2
