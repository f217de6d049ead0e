"""gradcheck finds wrong gradients, says where, and is not fooled by ones, kinks or float32."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn
from tinynn import functional as F
from tinynn import gradcheck, gradcheck_pair, tensor
from tinynn.errors import ArgumentError, DtypeError, GradientError, ShapeError
from tinynn.ops import Op, same_shape

RNG = np.random.default_rng(0)


def op_with(backward) -> Op:
    """exp with a backward of one's own."""
    return Op("mine", same_shape("mine"), lambda x: (np.exp(x), np.exp(x)), backward)


def check_with(backward, x=None):
    return gradcheck(
        lambda x: tinynn.apply(op_with(backward), x), RNG.normal(size=(2, 3)) if x is None else x
    )


def test_right_gradients_pass_for_outputs_of_any_shape():
    x, w, b = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 3)), RNG.normal(size=2)
    assert gradcheck(F.linear, x, w, b)
    assert gradcheck(lambda x: x.sum(), x)
    assert gradcheck(lambda x: (x.exp(), x[0], x.sum()), x)
    assert gradcheck(lambda x: x * 1.0, np.float64(2.0))
    result = gradcheck(lambda x: F.layer_norm(x, 3).tanh(), x)
    assert result and result.compared == 12 and result.wrong == 0 and result.worst.error < 1e-6


WRONG = {
    "a factor": lambda dy, y: 2 * dy * y,
    "a sign": lambda dy, y: -dy * y,
    "right only for an upstream gradient of ones": lambda dy, y: y,
    "the mean of the upstream gradient": lambda dy, y: dy.mean() * y,
    "one element": lambda dy, y: dy * y + np.where(np.arange(y.size).reshape(y.shape) == 4, 1e-2, 0),
    "rows reversed": lambda dy, y: (dy * y)[::-1],
    "NaN": lambda dy, y: dy * y * np.nan,
    "zeros": lambda dy, y: dy * 0,
}


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_gradients_fail(mistake):
    result = check_with(WRONG[mistake])
    assert not result and "failed" in str(result)
    pair = gradcheck_pair(lambda x: (np.exp(x), np.exp(x)), WRONG[mistake], RNG.normal(size=(2, 3)))
    assert not pair


def test_what_ones_would_hide_is_seen():
    """The rows of a softmax sum to 1: with an upstream gradient of ones any backward of zeros passes."""
    forward = lambda x: (np.exp(x) / np.exp(x).sum(-1, keepdims=True), None)
    assert not gradcheck_pair(forward, lambda dp, cache: np.zeros_like(dp), RNG.normal(size=(2, 3)))


def test_the_worst_element_is_named():
    def backward(dz, cache):
        x, y = cache
        dy = dz * x
        dy[1, 2] += 0.5
        dy[0, 0] += 0.05
        return dz * y, dy

    result = gradcheck_pair(lambda x, y: (x * y, (x, y)), backward, np.ones((2, 3)), np.ones((2, 3)))
    assert not result and (result.wrong, result.compared) == (2, 12)
    assert (result.worst.input, result.worst.index) == (1, (1, 2))
    assert result.worst.backward - result.worst.numeric == pytest.approx(0.5)
    assert "2 of 12 elements differ" in str(result) and "input 1 at index (1, 2)" in repr(result)
    assert f"{result.worst.backward:.6g}" in str(result) and f"{result.worst.numeric:.6g}" in str(result)


def test_a_failed_check_can_raise():
    with pytest.raises(GradientError, match=r"failed: 6 of 6.*index") as caught:
        gradcheck_pair(lambda x: (x * x, x), lambda dy, x: x * dy, np.ones((2, 3)), raise_exception=True)
    assert isinstance(caught.value, AssertionError)
    assert gradcheck(lambda x: x * x, np.ones(2), raise_exception=True)


# -- kinks and float32 -----------------------------------------------------------------------------


def test_a_kink_is_told_apart_from_a_mistake():
    result = gradcheck(F.relu, np.array([-1.0, 0.0, 2.0]))
    assert result and result.kinks == 1
    assert "kink" in str(result) and "index (1,)" in str(result) and "any slope between" in str(result)


def test_a_slope_outside_the_kink_is_still_wrong():
    absolute = lambda slope: gradcheck_pair(
        lambda x: (np.abs(x), x), lambda dy, x: dy * np.where(x == 0, slope, np.sign(x)), np.array([0.0, 1.0])
    )
    assert absolute(0.0) and absolute(1.0) and absolute(-0.5)
    assert not absolute(2.0)


def test_only_kinks_decide_nothing():
    result = gradcheck(F.relu, np.zeros(3))
    assert not result and result.wrong == 0 and "undecided" in str(result)


def test_smooth_curves_are_no_kinks():
    assert gradcheck(lambda x: x * x, np.zeros(3)).kinks == 0
    assert gradcheck(lambda x: 1 / x, np.array([0.05, -0.1])).kinks == 0
    assert gradcheck(lambda x: (x * 30).tanh(), np.linspace(-1, 1, 7)).kinks == 0


def test_float32_is_checked_with_a_warning():
    x = RNG.normal(size=(2, 3)).astype(np.float32)
    with pytest.warns(UserWarning, match="float32.*float64"):
        result = gradcheck(lambda x: x.softmax(), x)
    assert result and "float32" in str(result)
    with pytest.warns(UserWarning):
        assert not check_with(lambda dy, y: 1.1 * dy * y, x)


# -- what is checked, what is left alone -----------------------------------------------------------


def test_tensors_that_require_grad_are_checked_and_others_handed_on():
    x = tensor(RNG.normal(size=3), dtype=np.float64, requires_grad=True)
    c = tensor(RNG.normal(size=3), dtype=np.float64)
    result = gradcheck(lambda x, c, k: (x * c).sum() ** k, x, c, 2)
    assert result and result.compared == 3
    assert x.grad is None  # the check works on copies
    i = np.array([0, 2, 2])
    assert gradcheck(lambda x, i: x[i], x, i)


def test_an_input_the_output_does_not_depend_on_has_gradient_zero():
    assert gradcheck(lambda x, y: x * 2, np.ones(2), np.ones(2)).compared == 4


def test_inputs_are_not_changed():
    x = np.linspace(-1.0, 1.0, 5)
    before = x.copy()
    gradcheck(lambda x: x.exp(), x)
    gradcheck_pair(lambda x: (np.exp(x), np.exp(x)), lambda dy, y: dy * y, x)
    np.testing.assert_array_equal(x, before)


def test_a_replaced_op_is_what_gets_checked():
    reference = tinynn.ops.tanh.pairs["numpy"]
    with tinynn.ops.tanh.using(reference.forward, lambda dy, y: dy * (1 - y)) as mine:
        assert not gradcheck(F.tanh, RNG.normal(size=3))
    assert mine.calls["backward"] == 1
    assert gradcheck(F.tanh, RNG.normal(size=3))


def test_parameters_of_a_pair_go_by_name():
    pair = tinynn.ops.layer_norm.pairs["numpy"]
    assert gradcheck_pair(pair.forward, pair.backward, RNG.normal(size=(2, 3)), params={"eps": 0.1})
    pair = tinynn.ops.embedding.pairs["numpy"]
    result = gradcheck_pair(pair.forward, pair.backward, np.array([1, 1]), RNG.normal(size=(3, 2)))
    assert result and result.compared == 6


REFUSED = [
    (lambda: gradcheck(lambda x: x, np.ones(2, int)), ArgumentError, "none to check"),
    (lambda: gradcheck(lambda x: x.data, np.ones(2)), DtypeError, "a Tensor"),
    (lambda: gradcheck(lambda x: tensor(x.data), np.ones(2)), ArgumentError, "without history"),
    (lambda: gradcheck(lambda x: F.dropout(x, 0.5), np.ones(20)), ArgumentError, "different results"),
    (lambda: gradcheck_pair(lambda x: x, lambda dy, c: dy, np.ones(2)), ShapeError, "two things"),
    (lambda: gradcheck_pair(lambda x: (x, x), lambda dy, c: dy.sum(), np.ones(2)), ShapeError, "gradient 0"),
    (lambda: gradcheck_pair(lambda x: (x, x), lambda dy, c: (dy, dy), np.ones(2)), ShapeError, "2 gradients"),
    (lambda: gradcheck_pair(lambda x: (x, x), lambda dy, c: dy, [1.0]), ArgumentError, "none to check"),
]


@pytest.mark.parametrize("call, error, says", REFUSED)
def test_calls_without_a_meaning_are_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_a_pair_that_changes_its_input_is_caught():
    def forward(x):
        x *= 2
        return x.copy(), None

    with pytest.raises(ArgumentError, match="changed in place"):
        gradcheck_pair(forward, lambda dy, c: 2 * dy, np.ones(3))


def test_dropout_with_a_seed_is_repeatable():
    assert gradcheck(lambda x: F.dropout(x, 0.5, generator=0), RNG.normal(size=(4, 5)))
