"""Wrappers around the backend: they count, imagine and check, and touch no op."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn
from tinynn import functional as F
from tinynn import ops, tensor
from tinynn.backends import resolved
from tinynn.errors import NonFiniteError, StateError
from tinynn.ops.op import Pair
from tinynn.wrappers import Meter, finite, shapes_only, wrapped


@pytest.fixture(autouse=True)
def no_wrapper_stays():
    yield
    pair = tinynn.backends.resolve(ops.relu)
    assert pair is ops.relu.pair(tinynn.current_backend())


def small_network():
    rng = np.random.default_rng(0)
    x, w = (tensor(rng.normal(size=s), dtype=np.float32, requires_grad=True) for s in ((4, 3), (2, 3)))
    return x, w


def test_meter_counts_calls_flops_and_bytes():
    x, w = small_network()
    with wrapped(Meter()) as meter:
        y = F.linear(x, w)
        (y * y).sum().backward()
    assert meter.calls == {"linear": 1, "mul": 1, "sum": 1}
    assert meter.flops["linear"] == 2 * 4 * 3 * 2  # a product and a sum for each of 4 x 2 x 3
    assert meter.bytes["linear"] == 4 * (4 * 3 + 2 * 3 + 4 * 2)
    assert x.grad is not None  # gradients flow through a metered tape
    F.linear(x, w)
    assert meter.calls["linear"] == 1


def test_meter_sees_the_parts_of_an_op_that_fell_apart():
    x, w = small_network()
    reference = ops.matmul.pairs["numpy"]
    with ops.matmul.using(reference.forward, reference.backward), wrapped(Meter()) as meter:
        F.linear(x, w)
    assert meter.calls["matmul"] == 1 and "linear" not in meter.calls


def test_shapes_only_makes_no_memory():
    huge = tensor(np.zeros((1, 1), np.float32))
    with wrapped(shapes_only):
        x = F.broadcast_to(huge, 10**6, 10**6)
        y = F.softmax(x @ x.T).sum(dim=0)
        with pytest.raises(StateError, match="without history"):
            y.sum().backward()
    assert y.shape == (10**6,) and y.data.strides == (0,)


def test_shapes_only_still_refuses_wrong_shapes():
    x, w = small_network()
    with wrapped(shapes_only), pytest.raises(ValueError, match="linear"):
        F.linear(w.T, w)


def test_shapes_only_leaves_running_statistics_alone():
    mean, var = np.ones(3, np.float32), np.full(3, 2, np.float32)
    with wrapped(shapes_only):
        F.batch_norm(tensor(np.ones((4, 3), np.float32)), mean, var, training=True)
    assert mean.tolist() == [1] * 3 and var.tolist() == [2] * 3


def test_shapes_only_keeps_the_optimisers_hands_off():
    p = np.ones(3, np.float32)
    with wrapped(shapes_only):
        ops.sgd_update.forward(p, p.copy(), lr=1.0)
    assert p.tolist() == [1] * 3


def test_finite_names_the_first_op_that_went_wrong():
    x = tensor([1.0, 0.0], requires_grad=True)
    with wrapped(finite):
        with pytest.raises(NonFiniteError, match=r"log forward: got 1 of 2 values.*\(2,\) from 0 to 1"):
            (x.log() * 2).sum()
        y = x.sqrt().sum()
        with pytest.raises(NonFiniteError, match="sqrt backward"):
            y.backward()
        assert F.where(np.array([True, False]), x, 0.0).tolist() == [1, 0]
        with pytest.raises(NonFiniteError, match="where forward"):
            F.where(np.array([True, False]), x, np.float32("nan"))
    assert np.isinf(x.log().data[1])


def test_wrappers_nest_the_innermost_block_outermost():
    seen = []

    def note(name):
        def wrapper(op, pair):
            def forward(*arrays, **params):
                seen.append(name)
                return pair.forward(*arrays, **params)

            return Pair(forward, pair.backward, pair.name)

        return wrapper

    with wrapped(note("outer")), wrapped(note("inner")):
        tensor([1.0]).relu()
    assert seen == ["inner", "outer"]


def test_a_wrapper_ends_with_an_exception_and_with_every_backend():
    with pytest.raises(ZeroDivisionError), wrapped(Meter()) as meter:
        raise ZeroDivisionError
    with wrapped(Meter()) as meter, tinynn.backend("numpy"):
        tensor([1.0]).relu()
    assert meter.calls == {"relu": 1}


def test_a_wrapper_may_round_after_every_op():
    """The door that stays open: half precision is a wrapper of ten lines."""

    def half(op, pair):
        def rounded(values):
            if isinstance(values, tuple):
                return tuple(map(rounded, values))
            return None if values is None else np.asarray(values).astype(np.float16).astype(values.dtype)

        def forward(*arrays, **params):
            out, cache = pair.forward(*arrays, **params)
            return rounded(out), cache

        def backward(dout, cache, needs):
            return rounded(tuple(pair.pull(dout, cache, needs)))

        return Pair(forward, backward if pair.backward else None, "half")

    x = tensor([1.0, 2.0], requires_grad=True)
    with wrapped(half):
        y = (x / 3).sum()
        y.backward()
    third = np.float16(1 / 3)
    assert y.item() == np.float16(third + np.float16(2 / 3)) and x.grad.tolist() == [third, third]


# -- the backend itself ----------------------------------------------------------------------------


def test_backend_as_statement_and_block():
    before = tinynn.current_backend()
    with tinynn.backend("numpy") as chosen:
        assert tinynn.current_backend() == "numpy" and repr(chosen) == "backend('numpy')"
    assert tinynn.current_backend() == before
    with pytest.raises(ZeroDivisionError), tinynn.backend("numpy"):
        raise ZeroDivisionError
    assert tinynn.current_backend() == before


def test_a_backend_object_can_be_entered_again():
    before = tinynn.current_backend()
    numpy = tinynn.backend("numpy")
    tinynn.backend(before)
    for _ in range(2):
        with numpy:
            assert tinynn.current_backend() == "numpy"
        assert tinynn.current_backend() == before


def test_changing_the_backend_forgets_what_was_resolved():
    tensor([1.0]).relu()
    with tinynn.backend("numpy"):
        assert not resolved
        tensor([1.0]).relu()
        assert resolved[ops.relu].name == "numpy"
