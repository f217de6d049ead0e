"""Tensor and the tape: what backward promises, and what it refuses."""

from __future__ import annotations

import copy
import gc
import threading
import weakref

import numpy as np
import pytest
import strict

import tinynn
from tinynn import Tensor, nn, no_grad, ops, tensor
from tinynn import functional as F
from tinynn.errors import DeviceError, DtypeError, RangeError, ShapeError, StateError, TinynnError
from tinynn.ops import Op, Out, Spec, same_shape
from tinynn.tensor import ELSEWHERE


def leaf(data, dtype=np.float32) -> Tensor:
    return tensor(data, dtype=dtype, requires_grad=True)


def equal(x, wanted) -> None:
    np.testing.assert_array_equal(np.asarray(x), np.asarray(wanted))


# -- what backward adds up -------------------------------------------------------------------------


def test_two_losses_that_share_an_intermediate_give_10_not_12():
    x = leaf(2.0)
    shared = x * 2
    (shared * 2 + shared * 3).backward()
    equal(x.grad, 10)


def test_leaves_accumulate_over_separate_tapes():
    x = leaf([1.0, 2.0])
    (x * 3).sum().backward()
    (x * 4).sum().backward()
    equal(x.grad, [7, 7])
    x.grad = None
    (x * 4).sum().backward()
    equal(x.grad, [4, 4])


def test_intermediates_keep_no_gradient():
    x = leaf(3.0)
    y = x * x
    (y * 2).backward()
    assert y.grad is None and not y.is_leaf and x.is_leaf


@pytest.mark.parametrize("depth", [1, 2, 12])
def test_diamonds_count_every_path_once(depth):
    """Each layer doubles the number of paths; the work stays one visit a node."""
    x = leaf(1.0)
    y = x
    for _ in range(depth):
        y = y + y
    y.backward()
    equal(x.grad, 2.0**depth)


def test_a_tensor_used_at_several_depths_gets_the_sum():
    x = leaf(2.0)
    y = x * x
    z = y * x + y + x
    z.backward()
    equal(x.grad, 3 * 4 + 2 * 2 + 1)


def test_the_same_tensor_twice_in_one_op():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    (x @ x).sum().backward()
    ones = np.ones((2, 2))
    equal(x.grad, ones @ x.data.T + x.data.T @ ones)


def test_only_what_requires_grad_gets_one():
    x, c = leaf([1.0, 2.0]), tensor([3.0, 4.0])
    (x * c).sum().backward()
    equal(x.grad, [3, 4])
    assert c.grad is None and not (c * 2).requires_grad


def test_backward_from_a_leaf_gives_the_upstream_gradient():
    x = leaf([1.0, 2.0])
    x.backward([5.0, 6.0])
    x.backward(np.array([1.0, 1.0]))
    equal(x.grad, [6, 7])


def test_backward_from_many_numbers_takes_a_gradient():
    x = leaf(np.ones((2, 3)))
    (x * 2).backward(np.arange(6).reshape(2, 3))
    equal(x.grad, 2 * np.arange(6).reshape(2, 3))
    assert x.grad.dtype == np.float32
    with pytest.raises(ShapeError, match="no upstream gradient"):
        (x * 2).backward()
    with pytest.raises(ShapeError, match="shape"):
        (x * 2).backward(np.ones(3))


def test_one_number_in_several_dimensions_needs_no_gradient():
    x = leaf([[3.0]])
    (x * x).backward()
    equal(x.grad, [[6]])


# -- what backward refuses -------------------------------------------------------------------------


def test_a_second_backward_over_the_same_tape_is_an_error():
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(StateError, match="used before"):
        y.backward()
    equal(x.grad, 4)


def test_a_second_loss_that_shares_a_used_part_is_an_error_and_changes_nothing():
    x, w = leaf(2.0), leaf(5.0)
    shared = x * x
    first, second = shared * 2, w * (shared * 3)
    first.backward()
    before = x.grad.data.copy()
    with pytest.raises(StateError, match="used before"):
        second.backward()
    equal(x.grad, before)
    assert w.grad is None


def test_used_parts_without_a_cache_are_noticed_too():
    x = leaf(2.0)
    shared = -x
    (shared * 2).backward()
    with pytest.raises(StateError, match="used before"):
        (shared + shared).backward()


def test_second_derivatives_are_refused():
    x = leaf(2.0)
    y = x * x
    with pytest.raises(StateError, match="first derivatives"):
        y.backward(create_graph=True)
    y.backward()
    with pytest.raises(StateError, match="without history"):
        x.grad.backward()


@pytest.mark.parametrize("make", [lambda: tensor(1.0), lambda: leaf(1.0).detach(), lambda: tensor(1.0) * 2])
def test_backward_without_history_is_an_error(make):
    with pytest.raises(StateError, match="without history"):
        make().backward()


# -- long tapes, memory ----------------------------------------------------------------------------


def test_a_chain_of_20000_ops_runs_back_and_is_forgotten():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1
    y.backward()
    equal(x.grad, 1)
    y = x
    for _ in range(20_000):
        y = y * 1
    del y  # never sent back: 20,000 nodes fall one after the other, without recursion
    gc.collect()


def test_intermediates_die_with_backward():
    x = leaf(np.ones((4, 4)))
    hidden = x.exp()
    arrays = weakref.ref(hidden.data)
    loss = (hidden * hidden).sum()
    del hidden
    assert arrays() is not None  # the tape holds it, for backward
    loss.backward()
    assert arrays() is None
    equal(loss, loss.data)


def test_a_tape_dropped_without_backward_frees_everything_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        x = leaf(np.ones((4, 4)))
        y = (x @ x).softmax().log().sum()
        kept = weakref.ref(y)
        del y
        assert kept() is None
    finally:
        gc.enable()


def test_nothing_is_kept_where_nothing_is_recorded():
    x = leaf(np.ones(3))
    with no_grad():
        y = x.exp()
        arrays = weakref.ref(y.data)
        z = y * 2
        del y
        assert arrays() is None and z.is_leaf


# -- no_grad, detach -------------------------------------------------------------------------------


def test_no_grad_as_block_and_decorator():
    x = leaf(2.0)

    @no_grad()
    def double(x):
        """Twice."""
        return x * 2

    with no_grad():
        assert not tinynn.is_recording() and not (x * 2).requires_grad
    assert not double(x).requires_grad and double.__doc__ == "Twice."
    assert tinynn.is_recording() and (x * 2).requires_grad


def test_no_grad_ends_with_an_exception():
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert tinynn.is_recording()


def test_no_grad_holds_for_its_own_thread_only():
    inside, leave, seen = threading.Event(), threading.Event(), []

    def other():
        with no_grad():
            inside.set()
            leave.wait(5)
            seen.append(tinynn.is_recording())

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(5) and tinynn.is_recording() and (leaf(1.0) * 2).requires_grad
    leave.set()
    thread.join()
    assert seen == [False]


def test_two_threads_have_tapes_of_their_own():
    results = [None, None]

    def work(k):
        x = leaf(np.full(50, k + 1.0))
        for _ in range(50):
            x.grad = None
            (x * x).sum().backward()
        results[k] = x.grad.data

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    equal(results[0], np.full(50, 2.0))
    equal(results[1], np.full(50, 4.0))


def test_detach_cuts_the_tape_and_shares_the_data():
    x = leaf(2.0)
    y = x * 3
    (y.detach() * x).backward()
    equal(x.grad, 6)
    assert y.detach().data is y.data


# -- numbers, dtypes, arrays beside tensors --------------------------------------------------------


def test_python_numbers_take_the_dtype_beside_them():
    for dtype in (np.float32, np.float64):
        x = leaf([1.0, 2.0], dtype)
        for y in (x + 1, 2.5 * x, x / 3, 1 - x, x**2, 2**x, x - np.float64(1), x * np.int64(3), -x, abs(x)):
            assert y.dtype == dtype
        (x * 2.5 + 1).sum().backward()
        assert x.grad.dtype == dtype


@pytest.mark.parametrize("make", [lambda: tensor(1.5), lambda: tensor([1.0]), lambda: tensor([[1.0, 2]])])
def test_python_floats_become_float32(make):
    assert make().dtype == np.float32


def test_arrays_keep_their_dtype_and_tensor_shares_memory_while_tensor_copies():
    array = np.arange(3.0)
    assert Tensor(array).data is array and Tensor(array).dtype == np.float64
    copied = tensor(array)
    array[0] = 9
    assert copied.data[0] == 0


def test_a_fraction_beside_integers_is_float32_and_says_what_to_do():
    with pytest.raises(DtypeError, match="int64.*float32.*float32"):
        tensor([1, 2]) * 0.5
    assert (tensor([1, 2]).to(np.float32) * 0.5).dtype == np.float32
    assert (tensor([1, 2]) + 1).dtype == np.int64


def test_mixing_precisions_is_a_clear_error():
    with pytest.raises(DtypeError, match="x float32, y float64"):
        tensor([1.0]) + np.ones(1)
    with pytest.raises(DtypeError, match="one dtype"):
        F.linear(tensor(np.ones((2, 3))), tensor([[1.0, 2, 3]]))


def test_where_gives_numbers_the_dtype_of_the_other_branch():
    x = leaf([1.0, -2.0])
    y = F.where(x > 0, x, 0.0)
    assert y.dtype == np.float32
    equal(F.where(tensor([True, False]), 1.0, 0.0), [1, 0])
    assert F.where(Tensor(np.array([True])), x, 0.0).dtype == np.float32
    assert F.add(np.ones(2), 1.0).dtype == np.float64


def test_arrays_beside_tensors_on_either_side():
    x, a = leaf([1.0, 2.0]), np.array([3.0, 4.0], np.float32)
    for y, wanted in [(a + x, [4, 6]), (x + a, [4, 6]), (a - x, [2, 2]), (a * x, [3, 8]), (a / x, [3, 2])]:
        assert isinstance(y, Tensor) and y.requires_grad
        equal(y, wanted)
    assert isinstance(np.float32(2) * x, Tensor) and isinstance(np.ones((2, 2), np.float32) @ x, Tensor)


def test_asarray_gives_the_data():
    x = leaf([1.0, 2.0])
    assert np.asarray(x) is x.data or np.shares_memory(np.asarray(x), x.data)
    assert np.asarray(x, np.float64).dtype == np.float64
    assert np.mean(x.data) == 1.5 and not np.shares_memory(np.array(x), x.data)
    with pytest.raises(StateError, match="requires grad"):
        x.numpy()
    assert x.detach().numpy() is x.data


def test_integers_have_no_gradient_but_flow_along():
    i = tensor([2, 0, 1])
    assert i.dtype == np.int64 and (i + 1).dtype == np.int64
    w = leaf(np.arange(6.0).reshape(3, 2))
    F.embedding(i, w).sum().backward()
    equal(w.grad, np.ones((3, 2)))
    with pytest.raises(DtypeError, match="requires_grad"):
        tensor([1, 2], requires_grad=True)


def test_converting_to_integers_leaves_the_tape():
    x = leaf([1.7, 2.2])
    y = x.to(np.int64)
    assert y.dtype == np.int64 and not y.requires_grad and y.is_leaf


def test_to_converts_and_the_gradient_comes_back_in_the_old_dtype():
    x = leaf([1.0, 2.0])
    y = x.to(np.float64)
    assert y.dtype == np.float64 and x.to(np.float32) is x and x.to("cpu") is x
    (y * 2).sum().backward()
    assert x.grad.dtype == np.float32
    with pytest.raises(DeviceError, match="mps"):
        x.to("mps")
    for wrong in ("float33", None, "complex64", object, "U3"):
        with pytest.raises(DtypeError):
            x.to(wrong)


# -- aliasing --------------------------------------------------------------------------------------


def test_gradients_that_share_memory_are_never_changed_in_place():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    upstream = np.array([1.0, 1.0], np.float32)
    (a + b).backward(upstream)
    first = a.grad.data.copy()
    (a * 10).sum().backward()  # a's gradient grows; b's, which may be the same memory, does not
    equal(b.grad, first)
    equal(a.grad, first + 10)
    equal(upstream, [1, 1])


def test_the_callers_gradient_is_copied():
    x, upstream = leaf([1.0, 2.0]), np.ones(2, np.float32)
    x.backward(upstream)
    upstream[:] = 99
    equal(x.grad, [1, 1])


def test_views_carry_gradients_to_their_own_place():
    x = leaf(np.arange(6.0).reshape(2, 3))
    (x[0] * 2 + x.reshape(3, 2).T[1] + x.T[:2, 0].sum()).sum().backward()
    assert x.grad.shape == (2, 3)
    equal(x.data, np.arange(6.0).reshape(2, 3))


# -- indexing --------------------------------------------------------------------------------------

INDICES = [
    0, -1, slice(None), slice(None, None, -1), slice(1, None), ..., None, (0, 1), (slice(None), 1), (..., -1),
    (None, 0), (0, None, slice(1, 3)), [0, 2], [2, 2, 2], np.array([1, 0]), (slice(None), [0, 0, 3]),
    ([0, 1], [2, 2]), (np.array([[0], [1]]), np.array([0, 3])), np.array([True, False, True]), [],
    np.ones((3, 4), bool), (slice(0, 2), np.array([True, False, True, False])), np.int64(1), True,
    (0, np.array([1, 1])), (np.uint8(2), slice(None)), slice(2, 2), (slice(None), slice(None, None, 2)),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_is_numpys_and_its_gradient_counts_the_picks(index):
    data = np.arange(12.0).reshape(3, 4)
    x = leaf(data, np.float64)
    y = x[index]
    plain = np.array(index, int) if isinstance(index, list) and not index else index
    equal(y, data[plain])
    wanted = np.zeros((3, 4))
    upstream = np.arange(1.0, y.size + 1).reshape(y.shape)
    np.add.at(wanted, plain, upstream)
    y.backward(upstream)
    equal(x.grad, wanted)


def test_tensors_index_tensors():
    x, i = leaf(np.arange(4.0)), tensor([3, 3])
    x[i].sum().backward()
    equal(x.grad, [0, 0, 0, 2])
    equal(x[x > 1.5], [2, 3])


@pytest.mark.parametrize("index", [4, (0, 0, 0), [7], "a", 1.5, [0.5], slice(None, None, 0), slice("a", "b"),
                                   np.array([True]), ([0, 1], [0, 1, 2]), (..., ...), 10**30])  # fmt: skip
def test_indices_outside_are_named(index):
    with pytest.raises((RangeError, DtypeError), match="index"):
        leaf(np.zeros((3, 3)))[index]


def test_assignment_is_refused_with_two_ways_out():
    x = leaf([1.0, 2.0])
    with pytest.raises(StateError, match="where"):
        x[0] = 5
    equal(F.where(np.array([True, False]), 5.0, x), [5, 2])
    x.data[0] = 5
    equal(x, [5, 2])


def test_iteration_and_length():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    a, b = x
    (a * b).sum().backward()
    equal(x.grad, [[3, 4], [1, 2]])
    assert len(x) == 2 and [r.shape for r in x] == [(2,), (2,)]
    for wrong in (lambda: len(tensor(1.0)), lambda: list(tensor(1.0))):
        with pytest.raises(TinynnError, match="dimension"):
            wrong()


def test_transpose():
    x = leaf(np.arange(24.0).reshape(2, 3, 4))
    assert (
        x.T.shape == (2, 4, 3)
        and x.transpose(0, 2).shape == (4, 3, 2)
        and x.permute(1, 0, 2).shape == (3, 2, 4)
    )
    with pytest.raises(ShapeError, match="matrix"):
        _ = tensor([1.0]).T
    assert tensor([1.0, 2.0]).reshape(1, -1).T.shape == (2, 1)


# -- what a tensor says of itself ------------------------------------------------------------------


def test_repr_tells_shape_dtype_and_op():
    x = leaf([[1.0, 2.0]])
    assert repr(x) == "tensor([[1., 2.]], shape=(1, 2), dtype=float32, requires_grad=True)"
    assert repr(x * 2).endswith("shape=(1, 2), dtype=float32, op=mul)")
    assert repr(tensor(1)) == "tensor(1, shape=(), dtype=int64)"
    assert "..." in repr(tensor(np.zeros(1000))) and len(repr(tensor(np.zeros((100, 100))))) < 1000


def test_numbers_come_out():
    x = tensor(1.25)
    assert x.item() == 1.25 and float(x) == 1.25 and int(x) == 1 and f"{x:.1f}" == "1.2" and bool(x)
    assert f"{x}" == repr(x) and tensor([1, 2]).tolist() == [1, 2]
    with pytest.raises(ShapeError, match="2 elements"):
        tensor([1.0, 2.0]).item()
    with pytest.raises(ShapeError, match="one element"):
        bool(tensor([1.0, 2.0]))


def test_comparisons_give_arrays():
    x = tensor([1.0, 2.0])
    pairs = [(x > 1, [0, 1]), (x >= 1, [1, 1]), (x < x, [0, 0]), (x <= 1, [1, 0]), (x == 2, [0, 1])]
    for got, wanted in pairs:
        assert isinstance(got, np.ndarray) and got.dtype == bool
        equal(got, np.array(wanted, bool))
    with pytest.raises(ShapeError, match="=="):
        x == [1, 2, 3]  # noqa: B015
    with pytest.raises(ShapeError, match="<"):
        x < "a"  # noqa: B015


def test_a_leaf_can_be_copied_and_used_as_a_key():
    x = leaf([1.0, 2.0])
    y = copy.deepcopy(x)
    y.data[0] = 9
    assert x.data[0] == 1 and y.requires_grad and {x: 1}[x] == 1 and x in {x}


def test_requires_grad_can_be_turned_on_for_leaves_only():
    x = tensor([1.0]).requires_grad_()
    assert x.requires_grad
    with pytest.raises(StateError, match="leaf"):
        (x * 2).requires_grad_(False)


# -- ops with several outputs, ops of one's own ----------------------------------------------------


def halves_op() -> Op:
    """Two outputs: the first and the second half of a vector."""

    def spec(x):
        half = Out((x.shape[0] // 2,), x.dtype)
        return Spec((half, half), 0)

    def forward(x):
        n = len(x) // 2
        return (x[:n], x[n:]), n

    def backward(dout, n):
        given = next(d for d in dout if d is not None)
        parts = [np.zeros(n, given.dtype) if d is None else d for d in dout]
        return np.concatenate(parts)

    return Op("halves", spec, forward, backward)


def test_outputs_that_nobody_uses_have_no_gradient():
    halves = halves_op()
    x = leaf([1.0, 2.0, 3.0, 4.0])
    first, second = tinynn.apply(halves, x)
    (second * 2).sum().backward()
    equal(x.grad, [0, 0, 2, 2])
    x.grad = None
    first, second = tinynn.apply(halves, x)
    (first * second + first).sum().backward()
    equal(x.grad, [4, 5, 1, 2])


def test_an_op_of_ones_own_needs_no_library_file():
    cube = Op("cube", same_shape("cube"), lambda x: (x**3, x), lambda dy, x: 3 * x**2 * dy)
    x = leaf([1.0, 2.0])
    y = tinynn.apply(cube, x)
    y.sum().backward()
    equal(x.grad, [3, 12])
    assert y.op == "cube" and "op=cube" in repr(y)


def test_an_op_without_backward_records_nothing():
    sign = Op("sign", same_shape("sign"), lambda x: (np.sign(x), None))
    y = tinynn.apply(sign, leaf([1.0, -2.0]))
    assert not y.requires_grad
    with pytest.raises(StateError, match="gradient"):
        sign.backward(np.ones(2), None)


def test_batch_norm_gives_no_gradient_to_its_statistics():
    x = leaf(np.arange(12.0).reshape(4, 3))
    y = F.batch_norm(x, np.zeros(3, np.float32), np.ones(3, np.float32), training=True)
    (y * np.arange(12, dtype=np.float32).reshape(4, 3)).sum().backward()
    assert np.isfinite(x.grad.data).all()


# -- exceptions on the way back --------------------------------------------------------------------


def test_an_exception_inside_a_backward_leaves_other_work_alone():
    def broken(dy, cache):
        raise ZeroDivisionError("in my backward")

    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    with ops.relu.using(lambda x: (np.maximum(x, 0), x), broken):
        y = (x.relu() * w).sum()
        with pytest.raises(ZeroDivisionError, match="in my backward"):
            y.backward()
    with pytest.raises(
        StateError, match="used before"
    ):  # its caches are half gone: a fresh forward is asked for
        y.backward()
    assert tinynn.is_recording()
    x.grad = w.grad = None
    (x.relu() * w).sum().backward()
    equal(x.grad, [3, 4])
    equal(w.grad, [1, 2])


@pytest.mark.parametrize("name", ELSEWHERE)
def test_methods_known_from_elsewhere_are_pointed_to_what_is_here(name):
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(AttributeError, match=f"got .{name}, which tensors do not have here") as error:
        getattr(x, name)
    with strict.standing_in():  # for .cuda
        assert eval(error.value.hint, {"tensor": x, "tinynn": tinynn, "np": np}) is not None
    assert not hasattr(x, name)


def test_the_package_leads_to_its_parts():
    assert tinynn.data.digits and tinynn.train.fit and nn.functional is F
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tinynn.nothing
