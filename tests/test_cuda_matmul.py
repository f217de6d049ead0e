"""The ladder of matrix products, rung by rung in the interpreter; matmul and linear on top of it."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest
from against_reference import compare, compare_case, poison, same
from cases import BIG, CASES
from interpreted import launched

from tinynn import ops
from tinynn.errors import ArgumentError
from tinynn.ops import matmul_cuda
from tinynn.ops.matmul_ladder_cuda import make_blocked, make_buffered, make_naive, make_tiled

OPS = ("matmul", "linear")
RUNGS = {
    "naive": lambda **flags: make_naive(2, 3, **flags),
    "swapped": lambda **flags: make_naive(2, 3, SWAP=True, **flags),
    "tiled": lambda **flags: make_tiled(3, **flags),
    "blocked": lambda **flags: make_blocked(4, 6, 2, 2, 3, **flags),
    "blocked, tall": lambda **flags: make_blocked(8, 4, 4, 4, 1, **flags),
    "buffered": lambda **flags: make_buffered(4, 4, 2, 2, 2, **flags),
    "buffered, wide": lambda **flags: make_buffered(16, 16, 4, 2, 8, **flags),
    "buffered, warps": lambda **flags: make_buffered(8, 16, 16, 1, 1, **flags),
}
FLAGS = list(itertools.product([False, True], repeat=2))


TINY = (4, 4, 2, 2, 2)


@pytest.fixture(autouse=True)
def tiny_tiles_on_poisoned_outputs(monkeypatch):
    """The pairs run four threads a block; the library's own tiles have a test of their own."""
    with monkeypatch.context() as tiny, poison(matmul_cuda):
        tiny.setitem(matmul_cuda.TILES, "small", TINY)
        matmul_cuda.rung.cache_clear()
        yield tiny
    matmul_cuda.rung.cache_clear()


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def flops(case):
    return ops.catalogue[case.op].spec(*case.arrays(np.float32), **case.params).flops


def climb(rung, m, n, k, ta=False, tb=False, z=1):
    """One product by one rung, on an output full of NaN, against NumPy's in float64."""
    a, b = normal(z, k, m) if ta else normal(z, m, k), normal(z, n, k) if tb else normal(z, k, n)
    c = np.full((z, m, n), np.nan, np.float32)
    rung(a, b, c)
    wanted = (a.swapaxes(1, 2) if ta else a).astype(float) @ (b.swapaxes(1, 2) if tb else b)
    np.testing.assert_allclose(c, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", RUNGS)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (5, 7, 3), (9, 2, 8), (1, 17, 5)], ids=str)
def test_every_rung_multiplies_matrices_that_tiles_do_not_divide(name, sizes):
    climb(RUNGS[name](), *sizes)


@pytest.mark.parametrize("name", RUNGS)
@pytest.mark.parametrize("ta, tb", [(True, False), (False, True), (True, True)])
def test_every_rung_takes_operands_that_lie_transposed(name, ta, tb):
    climb(RUNGS[name](TA=ta, TB=tb), 5, 7, 3, ta, tb, z=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNGS)
@pytest.mark.parametrize("ta, tb", FLAGS)
def test_every_rung_on_sizes_around_its_tiles(name, ta, tb):
    rung = RUNGS[name](TA=ta, TB=tb)
    rows, columns = rung.tile
    for m, n, k in itertools.product((1, rows - 1, rows + 1), (1, columns, columns + 1), (1, 9)):
        climb(rung, m, n, k, ta, tb)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiled", "blocked", "buffered"])
@pytest.mark.parametrize("ta, tb", [(False, True), (True, False)])
def test_the_library_s_tile_sizes(name, ta, tb, tiny_tiles_on_poisoned_outputs):
    tiny_tiles_on_poisoned_outputs.undo()
    matmul_cuda.rung.cache_clear()
    for tiles in ("small", "middle", "large"):
        climb(matmul_cuda.rung(name, tiles, ta, tb), 65, 67, 9, ta, tb)


@pytest.mark.parametrize("make", [make_naive, make_tiled, make_blocked, make_buffered])
def test_a_rung_fits_on_a_screen(make):
    assert len(inspect.getsource(make().kernel.function).splitlines()) <= 60


@pytest.mark.parametrize("make", [make_blocked, make_buffered])
def test_tile_sizes_that_do_not_divide_are_refused(make):
    for sizes in ((8, 16, 8, 1, 1), (6, 8, 4, 4, 4), (8, 6, 4, 4, 4)):
        with pytest.raises(ArgumentError, match="BM=64, BN=64, BK=8, TM=4, TN=4"):
            make(*sizes)
    with pytest.raises(ArgumentError, match="multiple of BM, BN and BK"):
        make_buffered(8, 64, 4, 4, 4)
    assert make(BM=64, BN=64, BK=8, TM=4, TN=4).tile == (64, 64)


def test_a_stack_that_is_shorter_is_used_again():
    """Matrix z of c comes from number z // div % A of a."""
    a, b, c = normal(2, 3, 4), normal(3, 4, 5), np.full((6, 3, 5), np.nan, np.float32)
    for make in RUNGS.values():
        c.fill(np.nan)
        make()(a, b, c, 3, 1)
        same(c.reshape(2, 3, 3, 5), a[:, None] @ b)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, 1e-42], ids=str)
def test_special_values_spread_as_in_the_reference(value):
    """Also to where an operand was padded with zeros: nothing outside of it may become NaN."""
    x, y = normal(5, 3), normal(3, 6)
    x[2, 1] = value
    compare("matmul", [x, y], {}, rtol=1e-4, atol=1e-5 * max(1.0, abs(value)) if abs(value) < 1e31 else 1e-5)
    compare("linear", [x, y.T.copy(), y[0]], {}, rtol=1e-4, atol=1e24 if value == 1e30 else 1e-5)


# -- the pairs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in CASES if c.op in OPS], ids=lambda c: c.id)
def test_pairs_are_the_reference_s(case):
    compare_case(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in BIG if c.op in OPS and flops(c) < 2e6], ids=lambda c: c.id)
def test_pairs_are_the_reference_s_on_large_inputs(case):
    compare_case(case, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("batches", [((2, 1), (3,)), ((3, 2), (2,)), ((2, 1, 2), (2, 3, 1)), ((1,), (3,))])
def test_batches_broadcast(batches):
    left, right = batches
    assert "buffered" in compare("matmul", [normal(*left, 2, 3), normal(*right, 3, 4)], {})


def test_only_what_is_needed_is_computed():
    x, y = normal(3, 4), normal(4, 5)
    for needs in ((True, False), (False, True)):
        with launched() as names:
            grads = matmul_cuda.matmul_backward(normal(3, 5), (x, y), needs)
        assert [g is not None for g in grads] == list(needs) and len(names) == 1


def test_product_chooses_the_rung():
    x, w, bias = normal(5, 4), normal(3, 4), normal(3)
    for name in matmul_cuda.NAMES:
        with matmul_cuda.product(name):
            wanted = set() if name == "blas" else {name}
            assert set(compare("matmul", [x, normal(4, 2)], {})) == wanted
            assert set(compare("matmul", [normal(2, 3, 4), normal(2, 4, 2)], {})) == wanted
            assert set(compare("linear", [x, w, bias], {})) == wanted
    with pytest.raises(ArgumentError, match="'fast'"), matmul_cuda.product("fast"):
        pass


@pytest.mark.parametrize("activation", [None, "relu", "tanh", "gelu"])
def test_linear_and_activation_in_one_kernel(activation):
    x, w, bias = normal(19, 7), normal(17, 7), normal(17)
    y = x @ w.T + bias
    plain = {
        None: y,
        "relu": np.maximum(y, 0),
        "tanh": np.tanh(y),
        "gelu": 0.5 * y * (1 + np.tanh((2 / np.pi) ** 0.5 * (y + 0.044715 * y**3))),
    }
    with launched() as names:
        same(matmul_cuda.linear_act(x, w, bias, activation), plain[activation].astype(np.float32))
    assert names == ["buffered"]


def test_linear_act_names_its_activations():
    with pytest.raises(ArgumentError, match="'swish'.*'relu'"):
        matmul_cuda.linear_act(normal(2, 3), normal(2, 3), normal(2), "swish")


def test_tiles_grow_with_the_product():
    assert [matmul_cuda.fitting(n, n) for n in (64, 512, 1024, 4096)] == ["small", "middle", "large", "large"]
    assert matmul_cuda.fitting(64, 64, z=64) == "large"
