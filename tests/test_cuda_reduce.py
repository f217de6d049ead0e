"""The kernels of reductions and of the global norm, run in the interpreter."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cuda_pairs import compare, normal, poisoned
from interpreted import launched

import tinynn
from tinynn import Tensor, gpu, nn, ops
from tinynn.errors import NonFiniteError
from tinynn.gpu import launch
from tinynn.ops import kernel_reduce_cuda
from tinynn.ops.global_norm_cuda import clipped, global_norm, sum_of_squares
from tinynn.ops.kernel_reduce_cuda import MAX, SUM, naive_sum, parts_of, runs_of

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
OPS = ("sum", "mean", "max", "var")


@pytest.fixture(autouse=True)
def fresh_memory_is_poisoned(monkeypatch):
    monkeypatch.setattr(np, "empty", poisoned())


@pytest.fixture
def many_parts(monkeypatch):
    """Everything is cut into parts, as only large arrays are otherwise."""
    monkeypatch.setattr(kernel_reduce_cuda, "parts_of", lambda outer, n, inner: min(n, 3))
    monkeypatch.setattr(kernel_reduce_cuda, "SHORT", 0)


# -- axes ------------------------------------------------------------------------------------------

AXES = [
    ((33,), None), ((1000,), 0), ((1, 1), None), ((7, 33), 1), ((7, 33), 0), ((40, 5), 0), ((3, 600), 1),
    ((600, 3), 0), ((2, 3, 4), (0, 2)), ((2, 3, 4), 1), ((2, 3, 4, 5), (1, 3)), ((2, 3, 1, 5), (0, 2)),
    ((3, 1, 2), 1), ((5, 1), 1), ((31, 2, 33), (0, 1)), ((2, 9, 65), 1),
]  # fmt: skip


@pytest.mark.parametrize("shape, axis", AXES, ids=str)
def test_means_over_any_axes(shape, axis):
    compare("mean", normal(*shape), axis=axis)


@pytest.mark.slow
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("shape, axis", AXES, ids=str)
@pytest.mark.parametrize("op", OPS)
def test_every_reduction_over_any_axes(op, shape, axis, keepdims):
    correction = {"correction": 0} if op == "var" else {}
    compare(op, normal(*shape), axis=axis, keepdims=keepdims, **correction)


@pytest.mark.parametrize(
    "shape, axis", [((40, 5), 0), ((7, 33), 1), ((100,), None), ((2, 9, 33), 1)], ids=str
)
@pytest.mark.parametrize("op", OPS)
def test_parts_are_put_together(op, shape, axis, many_parts):
    compare(op, normal(*shape), axis=axis)


@pytest.mark.parametrize("shape, axis", [((5000,), None), ((300, 33), 0)], ids=str)
def test_large_arrays_go_in_two_launches_and_repeat_bit_for_bit(shape, axis):
    x = normal(*shape)
    with launched() as names:
        first = compare("sum", x, axis=axis)
    assert len(names) == 2
    assert first.tobytes() == ops.sum.pair("simt").forward(x, axis=axis)[0].tobytes()


@pytest.mark.parametrize("op", OPS)
def test_a_transposed_input(op):
    compare(op, normal(9, 40).T, axis=0)


def test_a_sum_of_many_small_numbers_is_precise():
    """A single float32 that grows by 0.1 loses digits; many small sums do not."""
    x = np.full(20_000, 0.1, np.float32)
    out, _ = ops.sum.pair("simt").forward(x)
    assert float(out) == pytest.approx(20_000 * float(x[0]), rel=1e-6)
    grown = np.cumsum(x)[-1]
    assert abs(grown - 20_000 * float(x[0])) > 100 * abs(float(out) - 20_000 * float(x[0]))


@pytest.mark.parametrize("shape", [(1, 70, 1), (3, 33, 1), (2, 5, 7)])
def test_one_thread_for_each_result_gives_the_same(shape):
    x = normal(*shape)
    out = np.empty((shape[0], 1, shape[2]), np.float32)
    launch(naive_sum, 1, 32, x, 1.0, out)
    np.testing.assert_allclose(out, SUM.middle(x, 1.0), rtol=1e-5, atol=1e-6)


def test_runs_join_neighbours():
    assert runs_of((2, 3, 4, 5), (1, 2)) == [(False, 2), (True, 12), (False, 5)]
    assert runs_of((2, 1, 3), (0, 2)) == [(True, 6)]
    assert runs_of((1, 3), (0,)) == [(False, 3), (True, 1)]
    assert runs_of((), ()) == [(True, 1)]


def test_parts_keep_a_gpu_busy_and_have_enough_to_do():
    assert parts_of(1, 10**8, 1) == 1024 and parts_of(4096, 4096, 1) == 1
    assert parts_of(1, 10**6, 1000) == 32 and parts_of(1, 100, 10) == 1


# -- values at the edges ---------------------------------------------------------------------------

ODD = [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40, 0.0, -0.0, 1.0]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("axis", [0, 1])
def test_odd_values(op, axis):
    x = normal(9, 40) if axis else normal(40, 9)
    for k, value in enumerate(ODD):
        x[(k, 17) if axis else (17, k)] = value
    compare(op, x, axis=axis)


def test_the_largest_of_rows_that_hold_nothing_but_minus_infinity():
    x = np.full((3, 40), -np.inf, np.float32)
    assert MAX.over(x, (1,)).ravel().tolist() == [-np.inf] * 3
    compare("max", x, axis=0)


def test_ties_share_the_gradient():
    x = np.array([[2, 1, 2], [0, 0, 0]], np.float32)
    out, cache = ops.max.pair("simt").forward(x, axis=1)
    (dx,) = ops.max.pair("simt").backward(np.array([6, 9], np.float32), cache)
    assert out.tolist() == [2, 0] and dx.tolist() == [[3, 0, 3], [3, 3, 3]]


# -- the global norm -------------------------------------------------------------------------------


def gradients() -> list[np.ndarray]:
    return [
        normal(50, 100),
        normal(3),
        np.zeros((0, 2), np.float32),
        normal(9, 5).T,
        np.float32(2) * normal(1),
    ]


def length(arrays: list[np.ndarray]) -> float:
    return math.sqrt(sum(float(np.sum(a.astype(np.float64) ** 2)) for a in arrays))


def test_the_length_of_many_arrays_is_one_launch_each_and_one_for_all():
    with launched() as names:
        total = sum_of_squares(gradients())
    assert names == ["rows"] * 4 + ["short_rows"] and total.shape == (1,)
    assert global_norm(gradients())[0] == pytest.approx(length(gradients()), rel=1e-6)


@pytest.mark.parametrize("most", [0.5, 1e3])
def test_arrays_are_scaled_together_to_a_length(most):
    arrays, norm = clipped(gradients(), most)
    assert norm[0] == pytest.approx(length(gradients()), rel=1e-6)
    scale = min(1.0, most / (length(gradients()) + 1e-6))
    for got, g in zip(arrays, gradients(), strict=True):
        np.testing.assert_allclose(got, g * scale, rtol=1e-5, atol=1e-7)


def parameters() -> list[Tensor]:
    params = [tinynn.tensor(np.zeros_like(g), requires_grad=True) for g in gradients() if g.size]
    for p, g in zip(params, [g for g in gradients() if g.size]):
        p.grad = Tensor(g)
    return params


def test_clip_grad_norm_on_a_gpu_gives_a_tensor_and_scales_as_on_the_cpu(monkeypatch):
    there, here = parameters(), parameters()
    wanted = nn.utils.clip_grad_norm_(here, 0.5)
    monkeypatch.setattr(gpu, "is_on_gpu", lambda x: True)
    norm = nn.utils.clip_grad_norm_(there, 0.5)
    assert isinstance(norm, Tensor) and norm.shape == () and float(norm) == pytest.approx(wanted, rel=1e-6)
    for p, q in zip(there, here):
        np.testing.assert_allclose(p.grad.data, q.grad.data, rtol=1e-5, atol=1e-7)


def test_clip_grad_norm_on_a_gpu_refuses_a_norm_that_is_not_finite_only_if_asked(monkeypatch):
    monkeypatch.setattr(gpu, "is_on_gpu", lambda x: True)
    p = tinynn.tensor(np.zeros(2), dtype=np.float32, requires_grad=True)
    p.grad = Tensor(np.array([np.inf, 1], np.float32))
    with pytest.raises(NonFiniteError, match="smaller learning rate"):
        nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    assert p.grad.data.tolist() == [np.inf, 1]
    assert float(nn.utils.clip_grad_norm_([p], 1.0)) == np.inf
    assert math.isnan(p.grad.data[0]) and p.grad.data[1] == 0
