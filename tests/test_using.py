"""A student's pair in place of the library's: it really runs, and its mistakes carry its name."""

from __future__ import annotations

import numpy as np
import pytest
from test_ops import BACKENDS

import tinynn
from tinynn import functional as F
from tinynn import ops, tensor
from tinynn.backends import resolve
from tinynn.errors import DtypeError, ShapeError, StateError
from tinynn.wrappers import Meter, shapes_only, wrapped

each_backend = pytest.mark.parametrize("backend", BACKENDS)


@pytest.fixture(autouse=True)
def nothing_stays_replaced():
    yield
    assert not any(op.replacement for op in ops.catalogue.values())


def relu_forward(x):
    return x * (x > 0), x > 0


def relu_backward(dy, positive):
    return dy * positive


def softmax_forward(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    p = e / e.sum(axis=axis, keepdims=True)
    return p, (p, axis)


def softmax_backward(dp, cache):
    p, axis = cache
    return p * (dp - (p * dp).sum(axis=axis, keepdims=True))


def log_softmax_forward(x, axis=-1):
    y = x - np.log(np.exp(x).sum(axis=axis, keepdims=True))
    return y, (y, axis)


def log_softmax_backward(dy, cache):
    y, axis = cache
    return dy - np.exp(y) * dy.sum(axis=axis, keepdims=True)


def x_and_w():
    rng = np.random.default_rng(0)
    x = tensor(rng.normal(size=(4, 3)), dtype=np.float32, requires_grad=True)
    return x, tensor(rng.normal(size=(2, 3)), dtype=np.float32, requires_grad=True)


# -- it really runs --------------------------------------------------------------------------------


@each_backend
def test_a_replacement_runs_forward_and_backward_in_every_backend(backend):
    with tinynn.backend(backend):
        x, w = x_and_w()
        F.linear(x, w).relu().sum().backward()
        wanted = x.grad.data, w.grad.data
        x, w = x_and_w()
        with ops.relu.using(relu_forward, relu_backward) as mine:
            assert mine.calls == {"forward": 0, "backward": 0}
            F.linear(x, w).relu().sum().backward()
        assert mine.calls == {"forward": 1, "backward": 1}
        np.testing.assert_allclose(x.grad.data, wanted[0], rtol=1e-6)
        np.testing.assert_allclose(w.grad.data, wanted[1], rtol=1e-6)
        x.relu()
        assert mine.calls["forward"] == 1


def test_calls_by_hand_run_it_too():
    with ops.softmax.using(softmax_forward, softmax_backward) as mine:
        p, cache = ops.softmax.forward(np.zeros((2, 4)), axis=0)
        (dx,) = ops.softmax.backward(np.ones((2, 4)), cache)
    assert mine.calls == {"forward": 1, "backward": 1}
    assert p.shape == dx.shape == (2, 4)


def test_a_wrong_pair_gives_wrong_numbers():
    """Nothing puts the library's answer in its place."""
    x = tensor([1.0, -1.0], requires_grad=True)
    with ops.relu.using(lambda x: (x * 0 + 7, None), lambda dy, _: dy * 3):
        y = x.relu()
        y.sum().backward()
    assert y.tolist() == [7, 7] and x.grad.tolist() == [3, 3]


def test_without_a_with_block_it_holds_until_stop():
    mine = ops.relu.using(relu_forward, relu_backward)
    try:
        tensor([1.0]).relu()
    finally:
        mine.stop()
    tensor([1.0]).relu()
    assert mine.calls["forward"] == 1
    mine.stop()  # a second stop changes nothing


def test_the_badge_counts_and_the_table_shows():
    with ops.relu.using(relu_forward, relu_backward):
        row = next(line for line in str(ops.table()).splitlines() if line.startswith("relu "))
        assert row.endswith("yours")
    row = next(line for line in str(ops.table()).splitlines() if line.startswith("relu "))
    assert not row.endswith("yours")


# -- fused ops fall apart while a part is replaced -------------------------------------------------


@each_backend
def test_cross_entropy_runs_as_its_parts_while_one_is_replaced(backend):
    targets = np.array([0, 2, 1, 1])
    with tinynn.backend(backend):
        x, _ = x_and_w()
        loss = F.cross_entropy(x, targets, label_smoothing=0.1)
        loss.backward()
        wanted = loss.item(), x.grad.data
        x, _ = x_and_w()
        with ops.log_softmax.using(log_softmax_forward, log_softmax_backward) as mine:
            composed = F.cross_entropy(x, targets, label_smoothing=0.1)
            composed.backward()
        assert mine.calls == {"forward": 1, "backward": 1}
        assert composed.op == "nll_loss" and loss.op == "cross_entropy"
        assert composed.item() == pytest.approx(wanted[0], rel=1e-5)
        np.testing.assert_allclose(x.grad.data, wanted[1], atol=1e-6)
        assert F.cross_entropy(x, targets).op == "cross_entropy"


@each_backend
@pytest.mark.parametrize("part", ["matmul", "add"])
def test_linear_runs_as_its_parts_while_one_is_replaced(backend, part):
    reference = ops.catalogue[part].pairs["numpy"]
    bias = tensor([1.0, 2.0], requires_grad=True)
    with tinynn.backend(backend):
        x, w = x_and_w()
        wanted = F.linear(x, w, bias)
        with ops.catalogue[part].using(reference.forward, reference.backward) as mine:
            y = F.linear(x, w, bias)
            y.sum().backward()
        assert mine.calls == {"forward": 1, "backward": 1}
        np.testing.assert_allclose(y.data, wanted.data, rtol=1e-5)
        np.testing.assert_allclose(bias.grad.data, [4, 4])
        np.testing.assert_allclose(w.grad.data, np.tile(x.data.sum(0), (2, 1)), rtol=1e-5)


def test_a_fused_op_replaced_itself_runs_the_replacement():
    reference = ops.cross_entropy.pairs["numpy"]
    with (
        ops.log_softmax.using(log_softmax_forward, log_softmax_backward) as part,
        ops.cross_entropy.using(reference.forward, reference.backward) as whole,
    ):
        F.cross_entropy(tensor(np.zeros((2, 3))), np.array([0, 1]))
    assert whole.calls["forward"] == 1 and part.calls["forward"] == 0


# -- the node keeps its pair -----------------------------------------------------------------------


def test_a_node_keeps_the_pair_it_ran_forward_with():
    x = tensor([1.0, -1.0], requires_grad=True)
    with ops.relu.using(lambda x: (x * (x > 0), x > 0), lambda dy, positive: dy * positive * 5) as mine:
        y = x.relu()
    y.sum().backward()  # `using` has ended
    assert mine.calls == {"forward": 1, "backward": 1} and x.grad.tolist() == [5, 0]
    y = x.relu()
    x.grad = None
    with ops.relu.using(relu_forward, lambda dy, cache: dy * 99) as late:
        y.sum().backward()  # made before `using` began
    assert late.calls["backward"] == 0 and x.grad.tolist() == [1, 0]


def test_a_node_keeps_its_pair_when_the_backend_changes():
    x = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    with tinynn.backend("numpy"):
        y = x.softmax()
    y.backward(np.eye(2))
    assert np.isfinite(x.grad.data).all()


# -- restoring, nesting ----------------------------------------------------------------------------


def test_an_exception_restores_what_ran_before():
    with pytest.raises(ZeroDivisionError), ops.relu.using(relu_forward, relu_backward):
        raise ZeroDivisionError
    assert resolve(ops.relu).name != "yours"


def test_nested_replacements_of_one_op_come_back_in_turn():
    with ops.relu.using(relu_forward, relu_backward) as outer:
        with ops.relu.using(relu_forward, relu_backward) as inner:
            tensor([1.0]).relu()
        tensor([1.0]).relu()
        tensor([1.0]).relu()
    assert (outer.calls["forward"], inner.calls["forward"]) == (2, 1)


def test_stopping_out_of_order_leaves_the_other_one():
    """As when a notebook's cell runs twice and the first handle is stopped later."""
    first = ops.relu.using(relu_forward, relu_backward)
    second = ops.relu.using(relu_forward, relu_backward)
    first.stop()
    tensor([1.0]).relu()
    second.stop()
    assert (first.calls["forward"], second.calls["forward"]) == (0, 1)
    assert ops.relu.replacement is None


def test_replacements_meet_wrappers():
    x = tensor([[1.0, 2.0]])
    with ops.softmax.using(softmax_forward, softmax_backward) as mine, wrapped(Meter()) as meter:
        x.softmax()
        with wrapped(shapes_only):
            assert x.softmax().data.tolist() == [[0, 0]]
    assert mine.calls["forward"] == 1 and meter.calls["softmax"] >= 1


# -- mistakes are named at the function that made them ---------------------------------------------

WRONG_FORWARD = [
    (lambda x: x, ShapeError, "two things"),
    (lambda x: None, ShapeError, "two things"),
    (lambda x: (x.T, x), ShapeError, r"\(2, 3\)"),
    (lambda x: (x.sum(), x), ShapeError, r"\(2, 3\)"),
    (lambda x: (x.tolist(), x), ShapeError, r"\(2, 3\)"),
    (lambda x: (None, x), ShapeError, r"\(2, 3\)"),
    (lambda x: (x.astype(np.float64), x), DtypeError, "float32"),
    (lambda x: (x > 0, x), DtypeError, "float32"),
]


@pytest.mark.parametrize("forward, error, says", WRONG_FORWARD)
def test_a_wrong_forward_is_named_as_the_students_own(forward, error, says):
    x = tensor(np.ones((2, 3), np.float32), requires_grad=True)
    with ops.relu.using(forward, relu_backward), pytest.raises(error, match=f"your relu forward.*{says}"):
        x.relu()


WRONG_BACKWARD = [
    (lambda dy, c: None, ShapeError, r"NoneType.*\(2, 3\)"),
    (lambda dy, c: dy.sum(), ShapeError, r"\(2, 3\)"),
    (lambda dy, c: dy.T, ShapeError, r"\(2, 3\)"),
    (lambda dy, c: (dy, dy), ShapeError, "2 gradients; expected 1"),
    (lambda dy, c: (), ShapeError, "0 gradients; expected 1"),
    (lambda dy, c: dy * np.ones((2, 3)), DtypeError, "float32"),
]


@pytest.mark.parametrize("backward, error, says", WRONG_BACKWARD)
def test_a_wrong_backward_is_named_as_the_students_own(backward, error, says):
    x = tensor(np.ones((2, 3), np.float32), requires_grad=True)
    with ops.relu.using(relu_forward, backward):
        y = x.relu().sum()
        with pytest.raises(error, match=f"your relu backward.*{says}"):
            y.backward()


def test_several_outputs_are_counted():
    x = tensor(np.ones((4, 3), np.float32))
    with ops.batch_norm.using(lambda x, eps: (x, None), lambda dout, c: dout[0]):
        with pytest.raises(ShapeError, match="your batch_norm forward.*1 outputs; expected 3"):
            F.batch_norm(x, None, None, training=True)


def test_a_loss_may_be_a_python_number():
    def forward(x, target, reduction):
        d = x - target
        return float((d * d).mean()), d

    x = tensor([1.0, 3.0], requires_grad=True)
    with ops.mse_loss.using(forward, lambda dout, d: (2 * d * dout / d.size, None)):
        loss = F.mse_loss(x, tensor([0.0, 0.0]), reduction="mean")
        loss.backward()
    assert loss.dtype == np.float32 and loss.item() == 5 and x.grad.tolist() == [1, 3]


def test_a_gradient_nobody_needs_may_be_none():
    x, w = x_and_w()
    with ops.matmul.using(lambda x, y: (x @ y, (x, y)), lambda dz, c: (None, c[0].T @ dz)):
        (tensor(x.data) @ w.T).sum().backward()
        with pytest.raises(ShapeError, match="your matmul backward.*gradient 0"):
            (x @ w.T).sum().backward()
    assert w.grad.shape == w.shape


def test_a_backward_that_asks_for_needs_gets_them():
    seen = []

    def backward(dz, cache, needs):
        seen.append(needs)
        return dz @ cache[1].T, cache[0].T @ dz

    x, w = x_and_w()
    with ops.matmul.using(lambda x, y: (x @ y, (x, y)), backward):
        (tensor(x.data) @ w.T).sum().backward()
    assert seen == [(False, True)]


def test_forward_and_backward_come_together():
    with pytest.raises(StateError, match="together"):
        ops.relu.using(relu_forward)
    with pytest.raises(StateError, match="without one"):
        ops.sgd_update.using(lambda p, g, lr: (p, None), lambda dout, c: None)


def test_an_optimisers_step_can_be_replaced():
    def step(p, g, m=None, *, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        p -= 2 * lr * g
        return p, None

    p = np.ones(3, np.float32)
    with ops.sgd_update.using(step) as mine:
        ops.sgd_update.forward(p, np.ones(3, np.float32), lr=0.25)
    assert p.tolist() == [0.5] * 3 and mine.calls == {"forward": 1, "backward": 0}


def test_an_error_inside_the_students_function_shows_their_own_line():
    def forward(x):
        return undefined_name, x  # noqa: F821

    with ops.relu.using(forward, relu_backward), pytest.raises(NameError) as caught:
        tensor([1.0]).relu()
    assert caught.traceback[-1].name == "forward" and caught.traceback[-1].path.name == "test_using.py"
