"""Kernels generated from scalar functions, dropout and the updates, run in the interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from cases import CASES, Case
from cuda_pairs import close, compare, normal, poisoned
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import mutually_broadcastable_shapes
from interpreted import launched

from tinynn import ops
from tinynn.ops import map_cuda
from tinynn.ops.dropout import uniform
from tinynn.ops.map_cuda import layout, mapped

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

ONE_INPUT = (
    "neg",
    "exp",
    "log",
    "sqrt",
    "abs",
    "relu",
    "leaky_relu",
    "sigmoid",
    "tanh",
    "gelu",
    "silu",
    "softplus",
)
TWO_INPUTS = ("add", "sub", "mul", "div", "pow", "maximum")
PURE = (*ONE_INPUT, *TWO_INPUTS, "clip", "where", "sum", "mean", "max", "var", "dropout")
UPDATES = ("sgd_update", "rmsprop_update", "adam_update", "adamw_update", "ema_update")
SIZES = (1, 31, 32, 33, 1000, 1025, 2049)  # around a warp, a block, and four elements a thread

MINE = [c for c in CASES if c.op in PURE and all(a.size for a in c.arrays(np.float32))]
FIRST = list({c.op: c for c in reversed(MINE)}.values())


@pytest.fixture(autouse=True)
def fresh_memory_is_poisoned(monkeypatch):
    monkeypatch.setattr(np, "empty", poisoned())


# -- every op --------------------------------------------------------------------------------------


def run(case: Case) -> None:
    with launched() as names:
        compare(case.op, *case.arrays(np.float32), **case.params)
    assert names


@pytest.mark.parametrize("case", FIRST, ids=lambda c: c.id)
def test_kernels_agree_with_the_reference(case):
    run(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", MINE, ids=lambda c: c.id)
def test_kernels_agree_with_the_reference_in_every_case(case):
    run(case)


def test_every_op_of_these_families_has_a_case_and_kernels():
    assert {c.op for c in MINE} == set(PURE)
    assert all("cuda" in ops.catalogue[name].kernels for name in (*PURE, *UPDATES))


@pytest.mark.parametrize("n", [1, 33, 1000])
def test_sizes_that_blocks_do_not_divide(n):
    compare("silu", normal(n))
    compare("mul", normal(n), normal(n, seed=1))
    compare("where", normal(n) > 0, normal(n), normal(n, seed=1))
    compare("dropout", normal(n), p=0.5, seed=n)


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("op", [*ONE_INPUT, *TWO_INPUTS])
def test_sizes_that_blocks_do_not_divide_in_every_op(op, n):
    arrays = [np.abs(normal(n, seed=k)) + 0.1 for k in range(2 if op in TWO_INPUTS else 1)]
    compare(op, *arrays)


@pytest.mark.parametrize("op", ["exp", "mul", "maximum", "where", "dropout"])
def test_inputs_in_any_order_of_memory(op):
    x, y = normal(9, 7).T, normal(14, 9)[::-2]
    assert not x.flags.c_contiguous and not y.flags.c_contiguous
    arrays = {"where": (x > 0, x, y), "exp": (x,), "dropout": (x,)}.get(op, (x, y))
    params = {"p": 0.3, "seed": 5} if op == "dropout" else {}
    compare(op, *arrays, dout=normal(9, 7, seed=3).T, **params)


def test_a_gradient_that_nobody_needs_is_not_computed():
    x, y = normal(5), normal(5, seed=1)
    for op in TWO_INPUTS:
        pair = ops.catalogue[op].pair("simt")
        _, cache = pair.forward(x, y)
        for needs in ((True, False), (False, True)):
            with launched() as names:
                grads = pair.pull(x, cache, needs)
            assert tuple(g is not None for g in grads) == needs
            assert len(names) <= 1


def test_integers_stay_integers():
    x, y = np.array([5, -7, 2]), np.array([1, 2, 2])
    for op, wanted in (("add", x + y), ("sub", x - y), ("mul", x * y), ("maximum", np.maximum(x, y))):
        with launched() as names:
            out, _ = ops.catalogue[op].pair("simt").forward(x, y)
        assert names and out.dtype == np.int64 and out.tolist() == wanted.tolist()


# -- broadcasting ----------------------------------------------------------------------------------

SHAPES = [
    ((4, 5), (5,)), ((4, 1), (5,)), ((1, 5), (4, 1)), ((), (3, 4)), ((1, 1), (6,)), ((2, 3, 4), (3, 1)),
    ((2, 3, 4), (2, 1, 4)), ((2, 1, 4), (3, 1)), ((9, 33), (9, 1)), ((3, 20, 2), (20, 1)),
    ((2, 1, 3, 1), (1, 4, 1, 5)), ((2, 1, 3, 1, 2), (4, 1, 5, 1)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_broadcasting(shapes):
    compare("mul", *[normal(*s) for s in shapes])
    compare("mul", *[normal(*s) for s in reversed(shapes)])


@pytest.mark.slow
@pytest.mark.parametrize("op", [*TWO_INPUTS, "where"])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_broadcasting_of_every_op(op, shapes):
    arrays = [np.abs(normal(*s)) + 0.1 for s in shapes]
    compare(op, *([arrays[0] > 0.5, *arrays] if op == "where" else arrays))


@pytest.mark.parametrize("shapes", [*SHAPES, ((2, 1, 3), (3,), (4, 1)), ((1,), (1, 1))], ids=str)
def test_a_layout_says_where_each_element_lies(shapes):
    elements_lie_where_the_layout_says(shapes)


def elements_lie_where_the_layout_says(shapes) -> None:
    shape, sizes, strides = layout(*shapes)
    assert shape == np.broadcast_shapes(*shapes) and np.prod(sizes) == np.prod(shape)
    for s, steps in zip(shapes, strides):
        numbers = np.broadcast_to(np.arange(np.prod(s)).reshape(s), shape).ravel()
        assert [np.dot(place, steps) for place in np.ndindex(*sizes)] == numbers.tolist()


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(mutually_broadcastable_shapes(num_shapes=3, min_side=1, max_side=4, max_dims=5))
def test_a_layout_of_any_shapes_says_where_each_element_lies(drawn):
    elements_lie_where_the_layout_says(drawn.input_shapes)


def test_neighbouring_axes_that_broadcast_alike_become_one():
    assert layout((8, 3, 4), (4,)) == ((8, 3, 4), (24, 4), ((4, 1), (0, 1)))
    assert layout((8, 3, 4), (8, 3, 4)) == ((8, 3, 4), (96,), ((1,), (1,)))
    assert layout((2, 3), ()) == ((2, 3), (6,), ((1,), (0,)))


def test_a_grid_that_is_too_small_goes_on_in_strides(monkeypatch):
    monkeypatch.setattr(map_cuda, "MOST", 1)
    compare("mul", normal(2, 9, 35), normal(9, 1))


def test_a_scalar_function_of_one_s_own_becomes_a_kernel():
    @mapped
    def fused(x, y, z):
        return x * y + z

    x, y, z = normal(4, 5), normal(5, seed=1), normal(4, 1, seed=2)
    with launched() as names:
        close(fused(x, y, z), x * y + z, {"rtol": 1e-6, "atol": 1e-6})
    assert names == ["fused_strided"] and fused.__name__ == "fused"


# -- values at the edges ---------------------------------------------------------------------------

ODD = np.array(
    [np.nan, np.inf, 0.0, -0.0, 1, 2, 0.5, 3, 88, 104, 1e4, 1e20, 3e38, 1e-20, 1e-40], np.float32
)  # fmt: skip
ODD = np.concatenate([ODD, -ODD])
EXACT = {"rtol": 3e-5, "atol": 1e-43}


@pytest.mark.parametrize("op", [*ONE_INPUT, "gelu by tanh", "clip", "dropout"])
def test_odd_values(op):
    params = {"clip": {"low": -1, "high": 2.0}, "dropout": {"p": 0.5, "seed": 3}}.get(op, {})
    params = {"approximate": "tanh"} if "tanh" in op and "gelu" in op else params
    for dout in (1.0, np.inf, np.nan, 0.0):
        compare(op.split()[0], ODD, dout=np.full_like(ODD, dout), tolerance=EXACT, **params)


@pytest.mark.parametrize("op", TWO_INPUTS)
def test_odd_pairs_of_values(op):
    x, y = [a.ravel() for a in np.meshgrid(ODD, ODD)]
    compare(op, x, y, dout=np.ones_like(x), tolerance=EXACT)


@pytest.mark.parametrize("bounds", [{"low": 0.0}, {"high": 0.0}, {"low": 1, "high": 1}], ids=str)
def test_clip_with_one_bound_or_both(bounds):
    compare("clip", ODD, tolerance=EXACT, **bounds)


# -- dropout ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2**62, 2**64 - 1])
def test_dropout_keeps_what_the_reference_keeps_number_for_number(seed):
    x = np.ones((37, 41), np.float32)
    out, cache = ops.dropout.pair("simt").forward(x, p=0.4, seed=seed)
    kept = uniform(seed, x.size).reshape(x.shape) >= np.float32(0.4)
    np.testing.assert_array_equal(out != 0, kept)
    np.testing.assert_array_equal(ops.dropout.pair("simt").backward(x, cache)[0], out)


# -- updates ---------------------------------------------------------------------------------------

SETTINGS = [
    ("sgd_update", 0, {"lr": 0.1}),
    ("sgd_update", 0, {"lr": 0.1, "weight_decay": 0.1}),
    ("sgd_update", 1, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    ("sgd_update", 1, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("rmsprop_update", 1, {"lr": 0.01, "weight_decay": 0.1}),
    ("rmsprop_update", 2, {"lr": 0.01, "alpha": 0.9, "eps": 1e-3, "momentum": 0.9}),
    ("adam_update", 2, {"lr": 0.01, "t": 1}),
    ("adam_update", 2, {"lr": 1, "t": 1000, "beta1": 0.5, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    ("adamw_update", 2, {"lr": 0.01, "t": 3, "weight_decay": 0.5}),
    ("ema_update", 0, {"momentum": 0.1}),
]


@pytest.mark.parametrize("op, states, settings", SETTINGS, ids=str)
@pytest.mark.parametrize("n", [33, 1000])
def test_an_update_changes_parameter_and_state_as_the_reference_does(op, states, settings, n):
    arrays = [normal(n), normal(n, seed=1), *[np.abs(normal(n, seed=2 + k)) for k in range(states)]]
    wanted, gradient = [a.copy() for a in arrays], arrays[1].copy()
    with launched() as names:
        out, cache = ops.catalogue[op].pair("simt").forward(*arrays, **settings)
    ops.catalogue[op].pairs["numpy"].forward(*wanted, **settings)
    assert len(names) == 1 and out is arrays[0] and cache is None
    for got, want in zip(arrays, wanted):
        close(got, want, {"rtol": 2e-6, "atol": 1e-7})
    np.testing.assert_array_equal(arrays[1], gradient)


@pytest.mark.parametrize("op, states, settings", SETTINGS, ids=str)
def test_an_update_with_odd_values_is_the_reference_s(op, states, settings):
    values = ODD[np.abs(ODD) != np.float32(3e38)]  # there a factor earlier or later decides on infinity
    p, g = [a.ravel() for a in np.meshgrid(values, values)]
    arrays = [p, g, *[np.abs(g[::-1]).copy() for _ in range(states)]]
    wanted = [a.copy() for a in arrays]
    with np.errstate(all="ignore"):
        ops.catalogue[op].pair("simt").forward(*arrays, **settings)
        ops.catalogue[op].pairs["numpy"].forward(*wanted, **settings)
    for got, want in zip(arrays, wanted):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-40)


def test_an_update_of_a_matrix_in_fortran_order_changes_that_very_matrix():
    p, g = np.asfortranarray(normal(5, 7)), normal(5, 7, seed=1)
    wanted = p - np.float32(0.5) * g
    out, _ = ops.sgd_update.pair("simt").forward(p, g, lr=0.5)
    assert out is p
    np.testing.assert_allclose(p, wanted, rtol=1e-6)
